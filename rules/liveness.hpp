// Time in an election: when a follower stands, whom it refuses because its leader lives, when a leader that nobody
// answers resigns, and how a leader hands over. rules/election.hpp and rules/replication.hpp need none of it to be
// safe; this keeps a partition led, and led by one that can do it.
//
//   silence ---> pre-vote ---(a majority would)---> campaign ---(a majority did)---> reign ---(no majority answers)--+
//      ^            no epoch is opened                  one is                                                       |
//      +------------------------------------------- resigned <-------------------------------------------------------+
//
// Owner: the actor of the replica, beside it. Pure: `now` comes from a clock that never goes back (never the wall
// clock), `chance` from anywhere. `on_tick` comes at least twice a heartbeat.
// Invariants: no epoch is opened before a majority would vote for it, but for a transfer; a leader that slept
// acknowledges nothing before a majority has answered something it sent since.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "rules/election.hpp"
#include "schema/error.hpp"

namespace dohle::rules {

/// Since whatever moment the clock counts from.
using moment = std::chrono::milliseconds;

struct election_times {
  std::chrono::milliseconds timeout{1'000};  ///< the shortest silence after which a follower stands
  std::chrono::milliseconds heartbeat{100};  ///< how often a leader asks whether it still leads
};

/// What one replica remembers of when it heard whom.
struct liveness {
  election_times times;
  moment last_tick{0};

  // as follower or candidate
  moment leader_heard{0};  ///< a leader of the current epoch lived
  moment silent_since{0};  ///< that, or this replica's last attempt to lead
  std::chrono::milliseconds patience{0};
  std::vector<broker_id> pre_votes;  ///< of the attempt that is under way
  epoch pre_voted{-1};               ///< the epoch it would open; -1 = none is under way

  // as leader
  struct response {
    moment at{0};
    std::uint64_t round = 0;  ///< it answers this one, or nothing in particular
  };
  struct handover {
    broker_id target;
    moment deadline{0};
    bool told = false;
  };
  epoch reign{-1};  ///< the epoch that it leads
  std::map<broker_id, response> responses;
  std::uint64_t round = 0;         ///< last one sent
  std::uint64_t needed_round = 0;  ///< responses to earlier ones prove nothing about now
  moment round_sent{0};
  moment reign_checked{0};  ///< the reign began, or its leader woke up
  std::optional<handover> transfer;
};

/// After a start nobody stands, and nobody is helped to, for as long as a leader heard before it may rely on.
liveness started(const election_times&, moment now, std::uint64_t chance);

// --- followers and candidates --------------------------------------------------------------------------------------

/// A leader of epoch `seen` said something, an answer or a heartbeat. Returns what to persist, as in `observe`.
std::optional<hard_state> on_leader_alive(replica&, liveness&, epoch seen, broker_id leader, moment now,
                                          std::uint64_t chance);

/// Has this replica, or a leader that it heard a moment ago, the say? Then it helps nobody else to it.
bool has_live_leader(const replica&, const liveness&, moment now);

/// Persists nothing and changes nothing.
vote_answer on_pre_vote_request(const replica&, const liveness&, const vote_request&, moment now);

struct pre_vote_outcome {
  std::optional<hard_state> persist;
  std::optional<campaign_outcome> campaign;  ///< a majority would vote: it stands
};

pre_vote_outcome on_pre_vote(replica&, liveness&, const vote_answer&, moment now, std::uint64_t chance);

/// `on_vote_request` of rules/election.hpp, unless a leader lives: then not even the epoch is taken.
vote_outcome on_vote_request(replica&, liveness&, const vote_request&, moment now);

/// The leader of epoch `from` hands over to this replica: it stands at once.
std::optional<campaign_outcome> on_stand_now(replica&, liveness&, epoch from, moment now, std::uint64_t chance);

// --- the leader ----------------------------------------------------------------------------------------------------

/// The election is won.
void begin_reign(const replica&, liveness&, moment now);

/// `who` said something in epoch `in`: a fetch (round 0), or the answer to round `round`.
void on_response(const replica&, liveness&, broker_id who, epoch in, std::uint64_t round, moment now);

/// May producers be answered, may reads that must see the newest be served? Not when a tick is overdue, which means
/// that this process slept, and not until a majority has answered a round sent since.
bool may_acknowledge(const replica&, const liveness&, moment now);

/// May records be taken? Not while the office is being handed over: the successor would never catch up.
bool may_append(const replica&, const liveness&);

/// Begins to hand over to `target`. It is tried for one election time-out.
result<void> start_transfer(const replica&, liveness&, broker_id target, moment now);

/// Whom to tell to stand now: the target of a transfer, once, as soon as it has all. Ask after each of its fetches.
std::optional<broker_id> step_transfer(const replica&, liveness&);

// --- all -----------------------------------------------------------------------------------------------------------

struct tick_outcome {
  std::optional<vote_request> pre_vote;      ///< to all other voters
  std::optional<campaign_outcome> campaign;  ///< the only voter stands at once
  std::optional<std::uint64_t> round;        ///< to all other replicas, whose answers come back as `on_response`
  std::optional<broker_id> stand_now;        ///< as from `step_transfer`
  bool transfer_failed = false;              ///< the target did not catch up or did not win: records are taken again
  bool resigned = false;                     ///< what waits has an unknown outcome
};

tick_outcome on_tick(replica&, liveness&, moment now, std::uint64_t chance);

}  // namespace dohle::rules
