// Where a cluster's replicas live, and which of them should lead: for new partitions, when a broker comes or goes, and
// when leaders crowd on one. Pure and deterministic. A plan is a list of small steps in the order in which they are
// best done; whoever carries them out does a few at a time and plans again from what has become of it. Invariants: the
// replicas of a partition are on brokers of their own, and on as many racks as there are for them; a plan never makes
// either worse; carrying a plan out and planning again yields nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

struct host {
  broker_id id;
  std::string rack;       ///< empty: nobody said, and then it is a rack of its own
  bool alive = true;      ///< heard of; nothing is put on another
  bool draining = false;  ///< it is to hold nothing and to lead nothing
};

/// A partition's replicas; the first is the one that should lead when all are well.
struct placed {
  partition_id partition;
  std::vector<broker_id> replicas;
  broker_id leader{-1};  ///< now; -1 = nobody
  friend bool operator==(const placed&, const placed&) = default;
};

/// Replicas for `count` new partitions, `replicas` each, where there is least so far: the first of each where fewest
/// lead. `invalid_request` when there are fewer hosts that take some.
result<std::vector<std::vector<broker_id>>> place(std::span<const host> hosts, std::span<const placed> now,
                                                  std::int32_t count, std::int16_t replicas);

/// A replica goes from one broker to another, in the same place of the list: learner there, then voter, then gone here.
struct replica_move {
  partition_id partition;
  broker_id from, to;
  friend bool operator==(const replica_move&, const replica_move&) = default;
};

/// First what must leave brokers that are drained, then what evens the numbers of replicas out until no two hosts
/// differ by more than one, or by no less than racks allow; at most `most` steps. What has nowhere to go stays.
std::vector<replica_move> plan_moves(std::span<const host> hosts, std::span<const placed> now, std::size_t most);

/// Another replica of a partition leads.
struct leader_move {
  partition_id partition;
  broker_id from, to;
  friend bool operator==(const leader_move&, const leader_move&) = default;
};

/// First what brokers lead that are drained, then back to the first of each list; at most `most` steps, to live hosts.
std::vector<leader_move> plan_leaders(std::span<const host> hosts, std::span<const placed> now, std::size_t most);

}  // namespace dohle::rules
