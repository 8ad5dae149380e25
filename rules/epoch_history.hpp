// What a log knows of its epochs: where each began, and where the log ends. Enough to compare two logs without reading
// them, because one leader alone writes in an epoch and opens it with a zero-width mark.
//
//   begin            mark of 2       marks of 5 and 6        end
//   |  epoch 1 ...   |  epoch 2 ...  |  epoch 6 ...          |
//
// Owner: the replica's state (rules/replica.hpp). Pure and in memory; the caller keeps the log's bytes in step with it.
// Invariants: epochs rise, starts never fall, begin <= every mark <= end. Bounded: beyond `max_known_epochs` the oldest
// are forgotten, and what lies before `begin()` can only be looked up in the log itself.
#pragma once

#include <cstdint>
#include <vector>

#include "schema/types.hpp"

namespace dohle::rules {

/// Reigns of one partition held in memory: years of elections, and 16 KiB.
inline constexpr std::size_t max_known_epochs = 1'024;

/// What replication sees of a piece of a log: the mark that opens an epoch (no records), or records of one epoch.
struct log_entry {
  dohle::epoch epoch;
  std::int64_t records = 0;
  friend bool operator==(const log_entry&, const log_entry&) = default;
};

class epoch_history {
 public:
  /// Of a log that begins behind `begin`: nothing is known of what came before.
  explicit epoch_history(position begin = {}) : begin_(begin), end_(begin.end) {}

  position begin() const { return begin_; }
  /// The position of the log's end: (epoch of the last entry, where the next record goes).
  position end() const;
  /// Can this history say whether `at` is a prefix of the log?
  bool knows(position at) const { return at >= begin_; }

  /// An epoch opens at the end. It must be a later one than the last.
  void open(epoch);
  /// Records of the epoch that is open: positions name prefixes only as long as nobody writes in an epoch but its
  /// leader.
  void append(epoch, std::int64_t records);
  /// An entry as it stands in a leader's answer: one of the two above.
  void append(const log_entry& e) { e.records == 0 ? open(e.epoch) : append(e.epoch, e.records); }
  /// Can it follow, in a log that leaders wrote, an entry of epoch `last`?
  static bool fits(epoch last, const log_entry&);
  /// The log ends at `at` from now on, or where the last epoch up to it ended. `at` must be known.
  void truncate(position at);

  /// The largest position of this log that can also be in a log that ends at `at`; equal to `at` when that is a prefix
  /// of this log. For an `at` that is not known it is `begin()`, which proves nothing.
  position common_point(position at) const;
  /// The epoch of the record at `at`, begin <= at < end.
  epoch epoch_of(offset at) const;
  /// What lies beyond `from`, a prefix of this log: marks, and between them the records of each epoch in one piece.
  std::vector<log_entry> entries_after(position from) const;

  /// Retention removed what lies before `start`.
  void forget_before(offset start);

  friend bool operator==(const epoch_history&, const epoch_history&) = default;

 private:
  struct reign {
    dohle::epoch epoch;
    offset start;
    friend bool operator==(const reign&, const reign&) = default;
  };
  using reigns = std::vector<reign>;

  offset start_of(reigns::const_iterator) const;

  position begin_;  ///< records from here to the first mark are of its epoch
  reigns reigns_;   ///< by rising epoch
  offset end_;
};

}  // namespace dohle::rules
