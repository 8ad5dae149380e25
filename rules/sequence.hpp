// Idempotent producers of one partition: each batch of a producer is appended once and in the order of its sequence
// numbers, whatever is sent again. The state derives from the log: `record` with each append, `rollback_from` when
// unflushed appends are dropped, `restore` when the log is opened. Owner: the partition's leader. Pure.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "schema/error.hpp"
#include "schema/limits.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

/// Append it, then `record` it.
struct fresh_batch {
  friend bool operator==(const fresh_batch&, const fresh_batch&) = default;
};
/// Its records are in the log already: answer with the first attempt's offset, but only once `end` is below the high
/// watermark.
struct duplicate_batch {
  offset base;  ///< of the first attempt; -1 when it is too old to be remembered (`known` is false)
  offset end;   ///< everything of the first attempt lies before it
  bool known = true;
  friend bool operator==(const duplicate_batch&, const duplicate_batch&) = default;
};
/// The errors, all definite (nothing was appended): `producer_fenced`, `unknown_producer` (does not begin with
/// sequence 0 and no batch of it is known here), `out_of_order_sequence`, `invalid_request`. A producer with an
/// earlier batch still unanswered sends the refused one again after it; only without one is the refusal final.
using verdict = std::variant<fresh_batch, duplicate_batch, error>;

/// A producer as the log tells it when it is opened: its last batch.
struct known_producer {
  producer_id id;
  std::int16_t epoch = 0;
  std::int32_t last_sequence = -1;  ///< -1: a marker opened the epoch, and nothing of it has come yet
  offset last_offset;               ///< of the record with `last_sequence`
  std::int32_t last_delta = 0;      ///< the last batch's record count - 1
};

/// The sequence number `n` after `sequence`; 0 follows 2^31-1.
std::int32_t sequence_after(std::int32_t sequence, std::int32_t n);

class producer_table {
 public:
  explicit producer_table(std::size_t max_producers = limits::max_producers_per_partition);

  /// What to do with a batch of `count` records. A batch without a producer (id -1) is always fresh. Changes nothing.
  verdict check(producer_id id, std::int16_t producer_epoch, std::int32_t base_sequence, std::int32_t count) const;

  /// A batch that `check` called fresh was appended at `base`. `flushed` is the log's flushed end: what lies before it
  /// will never be rolled back, so older batches than the window need not be kept for that.
  void record(producer_id id, std::int16_t producer_epoch, std::int32_t base_sequence, std::int32_t count, offset base,
              offset flushed);

  /// The marker of a transaction was appended at `at`. One with a newer epoch opens that epoch: older ones are fenced,
  /// and its batches begin with sequence 0. One of the same epoch leaves the sequences as they are.
  void record_marker(producer_id id, std::int16_t producer_epoch, offset at, offset flushed);

  /// Everything at or after `from` was dropped from the log, as if it had never been appended.
  void rollback_from(offset from);

  /// Replaces all by what the log holds; the longest silent are left out when there are too many.
  void restore(std::vector<known_producer> producers);

  std::size_t size() const { return producers_.size(); }
  /// The newest epoch of a producer that is known here.
  std::optional<std::int16_t> epoch_of(producer_id id) const;

 private:
  struct batch {
    std::int16_t epoch;
    std::int32_t base_sequence;
    std::int32_t count;  ///< 0: the marker that opened the epoch
    offset base;
  };
  struct producer {
    std::vector<batch> batches;              ///< oldest first, never empty; the last one's epoch is the producer's
    std::list<producer_id>::iterator place;  ///< in by_silence_
  };

  void push(producer_id id, const batch& last, offset flushed);

  std::size_t max_producers_;
  std::unordered_map<producer_id, producer> producers_;
  std::list<producer_id> by_silence_;  ///< longest silent first
};

}  // namespace dohle::rules
