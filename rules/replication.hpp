// How records get from a leader to its followers: the follower's fetch, which says how far its flushed log reaches and
// by that acknowledges it; the leader's answer, entries or the point where the two logs part; what the follower does
// with it. Agrees step for step with tests/model/replication_model.py.
//
//   follower: fetch ------(position)-----> leader: on_fetch     high watermark moves
//   follower: on_answer <---(entries)----- behind the position: what the log has
//   follower: on_answer <--(diverged)----- cut there, and ask again
//
// Pure functions on rules/replica.hpp. Whatever an outcome asks to persist goes to the journal in the order of the
// outcomes, and no message of the outcome leaves before it is flushed.
// Invariants: a log is cut on a proven difference only, and never below its high watermark; a leader never cuts its
// own; an answer counts once, for the fetch it answers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/replica.hpp"

namespace dohle::rules {

struct replica_fetch {
  dohle::epoch epoch;
  broker_id who;
  position at;  ///< all before it is on `who`'s disk
  std::uint64_t number = 0;
  friend bool operator==(const replica_fetch&, const replica_fetch&) = default;
};

enum class answer_kind : std::uint8_t {
  entries,   ///< the fetch's position is a prefix of the leader's log; what follows it is in the answer
  diverged,  ///< it is not: nothing beyond `point` can be in both logs
  forgotten  ///< the leader knows its epochs from `point` on only and cannot tell
};

struct replica_answer {
  dohle::epoch epoch;
  broker_id leader;
  position asked;  ///< the position and the number of the fetch
  std::uint64_t number = 0;
  answer_kind kind = answer_kind::entries;
  position point;                  ///< unless `kind` is entries
  std::vector<log_entry> entries;  ///< what of the log the caller chose to send, from `asked` on, maybe nothing
  offset high_watermark;
  friend bool operator==(const replica_answer&, const replica_answer&) = default;
};

// --- both ----------------------------------------------------------------------------------------------------------

/// Everything up to `at`, a prefix of the log, is on this disk now. Returns true when that moved the high watermark.
bool on_own_flush(replica&, position at);

// --- the leader ----------------------------------------------------------------------------------------------------

/// The leader took records, which have the next offsets now.
void append_records(replica&, std::int64_t count);

struct fetch_outcome {
  std::optional<hard_state> persist;
  bool advanced = false;  ///< the high watermark moved
  /// None: not leader. Its entries are still to be filled with what follows `asked`, as much as the caller likes.
  std::optional<replica_answer> answer;
};

fetch_outcome on_fetch(replica&, const replica_fetch&);

// --- the follower --------------------------------------------------------------------------------------------------

/// Only what is flushed may be said, and an answer fits only the end of the log: so all of it is flushed before it
/// asks.
bool may_fetch(const replica&);

/// The next fetch; answers to earlier ones count no more. `may_fetch` must hold.
replica_fetch next_fetch(replica&);

struct answer_outcome {
  std::optional<hard_state> persist;
  bool taken = false;                ///< false: stale or malformed, and nothing but the epoch was learned from it
  std::optional<position> truncate;  ///< the log is cut there; its producers and transactions are rolled back with it
  bool append = false;               ///< the answer's entries follow; `on_own_flush` when they are on disk
  bool advanced = false;             ///< the high watermark moved
  bool forgotten = false;            ///< this log ends where the leader's no longer tells: it must be replaced
};

answer_outcome on_answer(replica&, const replica_answer&);

}  // namespace dohle::rules
