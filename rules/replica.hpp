// What one replica of a partition knows and decides, as leader with one voter or with five; the names are those of the
// replication model (docs/replication.md). Pure: positions come in, decisions go out; who persists and who sends is the
// caller's. Invariants: the epoch only grows, the high watermark never goes back, nothing but flushed positions counts.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "schema/types.hpp"

namespace dohle::rules {

enum class replica_role : std::uint8_t { follower, candidate, leader };

struct replica {
  broker_id me;
  std::vector<broker_id> voters;  ///< this replica included
  epoch current;                  ///< persisted before anybody hears of it
  std::int32_t vote = -1;         ///< broker voted for in `current`, -1 = none; persisted with it
  offset high_watermark;
  replica_role role = replica_role::follower;
  std::map<broker_id, position> flushed;  ///< a leader's: the largest position each voter is known to have on its disk
};

/// What must be on this disk before the candidate counts its own vote or asks for others.
struct election {
  dohle::epoch epoch;
  std::int32_t vote = -1;
  offset high_watermark;
  friend bool operator==(const election&, const election&) = default;
};

/// Opens a new epoch and votes for itself in it. A leader or follower that calls it is a candidate afterwards.
election start_election(replica&);

/// True when `votes` (brokers that granted one in the current epoch, this one included) are a majority of the voters.
bool wins(const replica&, std::span<const broker_id> votes);

/// The candidate that won is leader from now on; what was known of others' positions is forgotten. The caller then
/// opens the epoch in its log (the mark) and persists that; the mark is the first thing a majority must have.
void become_leader(replica&);

/// `who` has everything up to `at` on its disk. Returns true when the high watermark advanced. A repeated or older
/// position, one of a broker that is no voter, and any position while not leader change nothing.
bool on_flushed(replica&, broker_id who, position at);

/// A leader answers produce, fetch, offsets and groups only once a majority has the mark of its epoch on disk: before
/// that its high watermark may lie behind what an earlier leader already showed.
bool may_serve(const replica&);

}  // namespace dohle::rules
