// A consumer group: who is in it, which generation, which protocol, who was given what. Kafka's classic coordinator
// as a state machine, pure: requests and time come in, answers come out. Owner: the group's actor, at the group's
// coordinator.
//
//            join            all joined, or time is up         the leader's sync
//   Empty ----------> PreparingRebalance ------> CompletingRebalance ------> Stable
//     ^                    |      ^                       |                     |
//     +--- nobody left ----+      +-- join, leave, lost --+---------------------+         close: Dead, from anywhere
//
// Requests that must wait carry a `token` of the caller's choice, unique among those waiting; each is answered
// exactly once in the effects of this or a later input. `now` may come from any clock that never goes back.
// Invariants: the generation only grows; only members of the current generation get an assignment or may commit.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/group_state.hpp"
#include "schema/error.hpp"
#include "schema/messages.hpp"
#include "schema/stored.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

using token = std::uint64_t;

/// What an input asks the caller to do.
struct group_effects {
  std::vector<std::pair<token, result<join_group_response>>> joins;
  std::vector<std::pair<token, result<sync_group_response>>> syncs;
  /// Take `snapshot()` now and persist it; send the answers above only when that is durable.
  bool persist = false;
  /// Call `tick` at this time or soon after, unless a later effect says another one. None: nothing is due.
  std::optional<timestamp> next_deadline;
};

struct leave_effects {
  result<leave_group_response> answer;
  group_effects effects;
};

class group {
 public:
  explicit group(std::string id, group_options options = {});
  /// The group as it was persisted: Stable when it had members (each has one session time-out to be heard of), else
  /// Empty.
  static group restore(std::string id, group_value from, timestamp now, group_options options = {});

  /// Enters or stays. A dynamic member begins with an empty id and gets `suggested_member`; a static one (with an
  /// instance) that is here already gets `suggested_member` too and its former id is fenced.
  group_effects join(token t, const join_group_request& r, const std::string& suggested_member, timestamp now);
  /// Asks for the assignment of the generation joined; the leader brings everybody's.
  group_effects sync(token t, const sync_group_request& r, timestamp now);
  /// `rebalancing` tells the member to join again. Changes no deadline to an earlier one.
  result<heartbeat_response> heartbeat(const heartbeat_request& r, timestamp now);
  leave_effects leave(const leave_group_request& r, timestamp now);
  /// May these offsets be committed? Also a sign of life of the member. Within a transaction nobody needs to be a
  /// member, but who says it is must be.
  result<void> check_commit(const commit_offsets_request& r, timestamp now);
  /// Time passed: members that were silent too long go, rebalances that took too long go on without the missing.
  group_effects tick(timestamp now);
  /// The end of the group here (deleted, or this broker no longer leads it): all that wait get `why`.
  group_effects close(const error& why);

  /// What the members read; `group_not_empty` when there are some whose protocol does not tell.
  result<std::set<std::string>> subscribed_topics() const;
  /// `group_not_empty` while it has members.
  result<void> check_delete() const;
  /// To persist when effects ask for it: only then, and at once (asserts Empty or Stable).
  group_value snapshot() const;
  describe_group_response describe() const;
  group_state state() const { return state_; }
  /// When `tick` is due, as in the effects of the last input.
  std::optional<timestamp> next_deadline() const;
  dohle::generation generation() const { return generation_; }
  const std::string& id() const { return id_; }
  const std::string& protocol_type() const { return protocol_type_; }
  std::size_t member_count() const { return members_.size(); }

 private:
  std::optional<error> refuse_join(const join_group_request& r) const;
  std::optional<error> refuse_change(const join_group_request& r, const member_state* from) const;
  std::optional<error> check_member(const std::string& id, const std::string& instance) const;
  std::optional<error> check_generation(dohle::generation g) const;
  const member_state* known_member(const join_group_request& r) const;
  std::string choose_protocol() const;
  join_group_response join_answer(const member_state& m) const;
  milliseconds rebalance_timeout() const;

  void join_new(token t, const join_group_request& r, const std::string& id, timestamp now);
  void join_static_again(token t, const join_group_request& r, const std::string& new_id, timestamp now);
  void join_known(token t, const join_group_request& r, timestamp now);
  void adopt(member_state& m, const join_group_request& r);
  void await_join(member_state& m, token t, timestamp now);
  void accept_assignments(const sync_group_request& r, timestamp now);

  void prepare_rebalance(timestamp now);
  void try_complete_join(timestamp now);
  void complete_join(timestamp now);
  bool elect_joined_leader();
  void become_empty();
  void remove_member(const std::string& id, const error& why);
  void removed_some(timestamp now);
  void remove_unsynced(timestamp now);
  void expire_sessions(timestamp now);
  void alive(member_state& m, timestamp now);
  void answer_join(member_state& m, result<join_group_response> answer);
  void answer_sync(member_state& m, result<sync_group_response> answer);
  group_effects take_effects();

  std::string id_;
  group_options options_;
  group_state state_ = group_state::empty;
  std::string protocol_type_;
  std::string protocol_;  ///< chosen for this generation
  std::string leader_;
  dohle::generation generation_{0};
  std::map<std::string, member_state> members_;
  std::map<std::string, std::string> instances_;  ///< static member's name -> id
  std::map<std::string, std::size_t> supported_;  ///< protocol -> how many members speak it
  std::size_t awaiting_join_ = 0;                 ///< members with a join that waits
  std::size_t state_bytes_ = 0;                   ///< protocols of all members, with their metadata
  std::optional<timestamp> phase_deadline_;       ///< of the rebalance, or of the syncs that are missing
  bool initial_ = false;                          ///< preparing the first generation after Empty: wait for more to come
  bool joined_since_ = false;                     ///< somebody joined in this initial delay
  std::optional<timestamp> initial_end_;          ///< the initial delay is never extended beyond it
  std::optional<timestamp> session_floor_;        ///< no session ends before it
  group_effects effects_;                         ///< of the input at work
};

}  // namespace dohle::rules
