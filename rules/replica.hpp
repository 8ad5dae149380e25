// What one replica of a partition knows, as follower, candidate or leader, with one voter or with five; the names are
// those of the replication model (docs/replication.md). How it is elected: rules/election.hpp; how records get from
// leader to followers: rules/replication.hpp. Pure: positions come in, decisions go out; who persists and who sends is
// the caller's. Invariants: the epoch only grows, the high watermark never goes back, nothing but flushed positions
// counts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "rules/epoch_history.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

enum class replica_role : std::uint8_t { follower, candidate, leader };

/// What a replica must not forget between lives. Where an outcome asks for it, it goes to the journal behind everything
/// the log took before, and no message of that outcome leaves until it is flushed.
struct hard_state {
  dohle::epoch epoch;
  std::int32_t vote = -1;
  offset high_watermark;
  friend bool operator==(const hard_state&, const hard_state&) = default;
};

struct replica {
  broker_id me;
  std::vector<broker_id> voters;    ///< this replica included, unless it is a learner
  std::vector<broker_id> learners;  ///< they are sent everything and count for nothing (rules/replica_set.hpp)
  bool leaving = false;             ///< a voter until the set without it is committed: it may have to see to that
  bool replaced = false;            ///< the member in its place is this broker with a disk that it lost
  epoch current;                    ///< persisted before anybody hears of it
  std::int32_t vote = -1;           ///< broker voted for in `current`, -1 = none; persisted with it
  offset high_watermark;
  replica_role role = replica_role::follower;
  std::optional<broker_id> leader;  ///< of `current`, once it was heard of
  epoch_history log;                ///< flushed or not
  position on_disk;                 ///< the flushed part of `log`
  std::uint64_t fetch_number = 0;   ///< a follower's: an answer to a fetch with another number is stale
  std::vector<broker_id> votes;     ///< a candidate's: who granted one in `current`, each once
  std::map<broker_id, position>
      flushed;  ///< a leader's: the largest position each replica is known to have on its disk
};

/// A replica as it comes back from its disk: a follower, whatever it was.
replica restored(broker_id me, std::vector<broker_id> voters, const hard_state&, epoch_history log);

/// What to persist, as of now.
hard_state hard(const replica&);

/// A message of epoch `seen` arrived: in a later epoch than its own the replica follows and has no vote given. Returns
/// what must be persisted before anything is said in that epoch.
std::optional<hard_state> observe(replica&, epoch seen);

/// Opens a new epoch and votes for itself in it. A leader or follower that calls it is a candidate afterwards. Asserts
/// that it may stand.
hard_state start_election(replica&);

/// True when `votes` (brokers that granted one in the current epoch, this one included) are a majority of the voters.
bool wins(const replica&, std::span<const broker_id> votes);

/// The candidate that won is leader from now on; what was known of others' positions is forgotten. The caller then
/// opens the epoch in its log (the mark) and persists that; the mark is the first thing a majority must have.
void become_leader(replica&);

/// The leader gives up its office and stays in its epoch, in which nobody else can lead. What it took and has not
/// answered has an unknown outcome.
void resign(replica&);

/// `who` has everything up to `at` on its disk. Returns true when the high watermark advanced. A repeated or older
/// position, one of a broker that is no replica here, and any position while not leader change nothing.
bool on_flushed(replica&, broker_id who, position at);

/// The largest position that `who` is known to have flushed, by its leader.
position flushed_of(const replica&, broker_id who);

bool is_voter(const replica&, broker_id);

/// Voters do, and a voter that leaves: only its log may hold the set without it, and then nobody else gets a majority.
/// One that came back without its disk does not, whatever its broker was.
bool may_stand(const replica&);

/// A leader answers produce, fetch, offsets and groups only once a majority has the mark of its epoch on disk: before
/// that its high watermark may lie behind what an earlier leader already showed.
bool may_serve(const replica&);

}  // namespace dohle::rules
