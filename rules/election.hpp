// Who becomes leader: standing for it, granting a vote, counting votes. Without time; when a replica stands, and whom
// it refuses because its leader lives, is decided in rules/liveness.hpp. Agrees step for step with
// tests/model/replication_model.py.
//
// Pure functions on rules/replica.hpp. Whatever an outcome asks to persist is flushed before its message leaves: the
// journal keeps the order, so then everything the log held is flushed too and a position spoken is one on disk.
// Invariants: one vote an epoch; only to a log that holds all of the voter's; a leader's first entry is its mark.
#pragma once

#include <optional>

#include "rules/replica.hpp"

namespace dohle::rules {

struct vote_request {
  dohle::epoch epoch;  ///< the candidate's; of a pre-vote the one it would open
  broker_id candidate;
  position at;            ///< where its log ends
  bool pre = false;       ///< asks only whether it would be granted one: binds nobody
  bool transfer = false;  ///< the leader itself wants it: nobody refuses for that leader's sake
  friend bool operator==(const vote_request&, const vote_request&) = default;
};

struct vote_answer {
  dohle::epoch epoch;  ///< the request's when granted, else the voter's
  broker_id voter;
  bool pre = false;
  bool granted = false;
  friend bool operator==(const vote_answer&, const vote_answer&) = default;
};

struct campaign_outcome {
  hard_state persist;
  vote_request request;  ///< to all other voters
  bool won = false;      ///< the only voter needs nobody else: it leads, its mark is in `log`
};

/// Opens the next epoch and asks for votes in it. Asserts that this replica may stand.
campaign_outcome campaign(replica&, bool transfer = false);

struct vote_outcome {
  std::optional<hard_state> persist;  ///< before the answer is sent: also when the same vote was given before, because
                                      ///< that one may still be on its way to the disk
  vote_answer answer;
};

/// Asserts that the request is no pre-vote: those change nothing (`would_grant`).
vote_outcome on_vote_request(replica&, const vote_request&);

/// Whether a pre-vote would be granted, as far as epochs and logs decide it.
bool would_grant(const replica&, const vote_request&);

struct ballot_outcome {
  std::optional<hard_state> persist;
  bool won = false;  ///< leader now, and its mark is the log's last entry: write that, then serve when `may_serve`
};

ballot_outcome on_vote(replica&, const vote_answer&);

}  // namespace dohle::rules
