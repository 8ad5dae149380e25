// A fetched batch becomes records, in the order of the read: as they stand in the batch, or the last one first. Pure:
// bytes and a range in, a chunk and a position out.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "actors/client.hpp"
#include "schema/record_batch.hpp"

namespace dohle {

/// The records of one batch in the order of a read.
class batch_walk {
 public:
  /// Checks the batch; `corrupt_batch` when it or, going backward, one of its records is damaged.
  static result<batch_walk> open(bytes batch, bool backward);
  const batch_header& header() const { return reader_.header(); }
  /// Keeps every view that `next` gives out alive.
  const bytes& memory() const { return reader_.memory(); }
  result<std::optional<record_view>> next();

 private:
  batch_reader reader_;
  bool backward_ = false;
  std::vector<record_view> left_;  ///< going backward: what was not given out, in the batch's order
};

/// Where a read of one partition stands. Forward it goes from `position` to before `end`; backward from before
/// `position` down to `end`.
struct read_cursor {
  offset position;
  std::optional<offset> end;
  bool backward = false;

  bool done() const { return end && (backward ? position <= *end : position >= *end); }
  /// The record was read already, or its place lies outside on the side where the read began.
  bool behind(offset at) const { return backward ? at >= position : at < position; }
  /// It lies beyond the end.
  bool beyond(offset at) const { return end && (backward ? at < *end : at >= *end); }
};

struct decoded {
  std::optional<chunk> records;    ///< none: nothing of the batch is in the range
  offset next;                     ///< the cursor's position after them
  std::optional<batch_walk> rest;  ///< the batch holds more than was asked for
};

/// Tells which batches of a fetch answer belong to aborted transactions: Kafka's algorithm, over batches in the order
/// of the log. A transaction is aborted from its first record to its producer's next marker.
class aborted_filter {
 public:
  /// `aborted`: as the answer names them, by `first`.
  explicit aborted_filter(const std::vector<aborted_transaction>& aborted) : aborted_(&aborted) {}
  /// Asked for every batch of the answer, in order.
  bool drops(const batch_header& header);

 private:
  const std::vector<aborted_transaction>* aborted_;
  std::size_t next_ = 0;
  std::set<producer_id> active_;
};

/// At most `budget` records of `walk`, or of `batch` when that is none. `corrupt_batch` names the partition.
result<decoded> decode(const std::shared_ptr<const topic_partition>& source, std::optional<batch_walk> walk,
                       bytes batch, const read_cursor& from, std::size_t budget);

}  // namespace dohle
