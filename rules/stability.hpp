// The transactions of one partition: which are open, hence up to where everything is decided (the last stable offset),
// and which were aborted, so that readers leave them out. The state derives from the log: `on_data` and `on_marker`
// with each append, `rollback_from` when unflushed appends are dropped, `restore` when the log is opened. Owner: the
// partition's leader; compaction uses the smaller class. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "schema/limits.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

struct open_transaction {
  std::int16_t epoch = 0;  ///< the producer's
  offset first;            ///< of its first record here
  friend bool operator==(const open_transaction&, const open_transaction&) = default;
};

/// The transactions without a marker, one a producer.
class open_transactions {
 public:
  /// A batch of the producer's transaction lies at `base`: opens it unless it is open.
  void begin(producer_id producer, std::int16_t epoch, offset base);
  /// Its marker came; what was open.
  std::optional<open_transaction> end(producer_id producer);
  std::optional<open_transaction> find(producer_id producer) const;
  /// Where the earliest one begins.
  std::optional<offset> first() const;
  /// Those that begin at or after `from` never were.
  void rollback_from(offset from);
  std::size_t size() const { return by_producer_.size(); }

 private:
  std::map<producer_id, open_transaction> by_producer_;
  std::map<offset, producer_id> by_first_;  ///< the same: no two begin in one batch
};

struct ended_transaction {
  producer_id producer;
  std::int16_t epoch = 0;
  offset first;
  offset marker;
  bool committed = false;
  friend bool operator==(const ended_transaction&, const ended_transaction&) = default;
};

class stability {
 public:
  explicit stability(std::size_t max_settled = limits::max_aborted_in_memory) : max_settled_(max_settled) {}

  /// A batch of a transaction was appended at `base`.
  void on_data(producer_id producer, std::int16_t epoch, offset base);
  /// A marker was appended at `marker`. Without an open transaction it decides nothing.
  void on_marker(producer_id producer, offset marker, bool committed);
  /// Everything at or after `from` was dropped from the log, as if it had never been appended.
  void rollback_from(offset from);
  /// How far the log is: markers below the high watermark are final, aborted transactions with a marker below
  /// `settled` are kept on disk too, those before `start` concern nobody any more.
  void advance(offset high_watermark, offset settled, offset start);
  /// Replaces all by what the log holds: those without a marker, and those whose marker is at `settled` or behind, in
  /// the order of their markers.
  void restore(const std::map<producer_id, open_transaction>& open, const std::vector<ended_transaction>& ended,
               offset settled);

  std::optional<open_transaction> open(producer_id producer) const { return open_.find(producer); }
  /// Before it every transaction is decided by a marker below the high watermark. Within [start, high_watermark].
  offset last_stable(offset high_watermark, offset start) const;
  /// The aborted transactions that reach into [from, end), by `first`; nullopt when memory does not know them all, or
  /// knows more than `most`.
  std::optional<std::vector<ended_transaction>> aborted(offset from, offset end, std::size_t most) const;
  /// Memory knows that there is none at or behind `from`.
  bool none_aborted(offset from) const;
  /// Those of them whose marker lies at `settled` or behind, which memory always knows.
  std::vector<ended_transaction> aborted_behind(offset settled, offset from, offset end) const;

 private:
  std::size_t max_settled_;
  open_transactions open_;
  std::deque<ended_transaction> recent_;   ///< with a marker that may still be rolled back, by marker
  std::deque<ended_transaction> aborted_;  ///< by marker
  offset complete_from_;                   ///< of markers from here on `aborted_` knows all
};

}  // namespace dohle::rules
