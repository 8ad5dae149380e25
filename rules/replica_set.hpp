// Who holds a partition: its voters, and the learners that are on the way to be. A set is a record of the partition's
// own log: it rules from the moment it is appended, and the one before it rules again if it is cut away. It changes by
// one replica at a time, so that any majority of the set before and any of the set after have a replica in common.
//
//   nobody --(add learner)--> learner --(promote, once caught up)--> voter --(remove)--> nobody
//
// Owner: the actor of the replica, which appends, cuts and moves the watermark. Pure.
// Invariants: at most one set is not committed; none is proposed before the leader's own epoch is; a broker is in a set
// once, with the disk it had when it was added: one that lost its disk is another replica.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "rules/replica.hpp"
#include "schema/error.hpp"

namespace dohle::rules {

/// Drawn at random when a data folder is made: a broker that comes back without its disk comes back with another one.
struct disk_incarnation {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const disk_incarnation&, const disk_incarnation&) = default;
};

/// Who a replica is. Messages say it: a fetch, a vote or a response from somebody who is no member, such as a broker
/// that comes back with another disk, is dropped, so that nothing it says counts towards a majority.
struct replica_id {
  broker_id broker;
  disk_incarnation disk;
  friend auto operator<=>(const replica_id&, const replica_id&) = default;
};

struct replica_set {
  std::vector<replica_id> voters;
  std::vector<replica_id> learners;
  friend bool operator==(const replica_set&, const replica_set&) = default;
};

bool is_member(const replica_set&, const replica_id&);

enum class set_change_kind : std::uint8_t { add_learner, promote, remove };

struct set_change {
  set_change_kind kind = set_change_kind::add_learner;
  replica_id who;
};

/// The sets that a log holds, back to the one that is committed.
class replica_sets {
 public:
  /// `first` is committed: the partition was made with it, or it is what the log told up to its watermark.
  explicit replica_sets(replica_set first) : first_(std::move(first)) {}

  /// The one that rules.
  const replica_set& current() const { return newer_.empty() ? first_ : newer_.back().set; }
  /// A set was appended as the record at `at`.
  void append(offset at, replica_set);
  /// The log was cut to `end`. True when another set rules now.
  bool truncate(offset end);
  /// All before `high_watermark` is committed and stays.
  void commit(offset high_watermark);
  /// Is the one that rules committed, as of the last `commit`?
  bool settled() const { return newer_.empty(); }
  /// Is it a voter of the set that rules, or of one that rules again if that is cut?
  bool may_vote(const replica_id&) const;

 private:
  struct appended {
    offset at;
    replica_set set;
  };
  replica_set first_;
  std::deque<appended> newer_;  ///< by rising offset; a leader makes one at most, a follower may be sent more at once
};

/// The set that the leader appends for this change. Errors that are `busy` may pass: another change is not committed,
/// the epoch's mark is not, the learner has not caught up.
result<replica_set> changed_set(const replica&, const replica_sets&, const set_change&);

/// The replica `me` goes by these sets from now on, after each `append`, `truncate` and `commit`; `before` ruled until
/// then. What was known of a broker that is now another replica is forgotten.
void adopt(replica&, const replica_id& me, const replica_set& before, const replica_sets& now);

/// A leader that is no voter any more leads on until that is committed, so that somebody does, and resigns then.
bool must_resign(const replica&, const replica_sets&);

}  // namespace dohle::rules
