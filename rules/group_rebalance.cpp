// How a group gets from one generation to the next: waiting for joins, choosing, losing the silent.
#include <algorithm>
#include <limits>
#include <utility>

#include "rules/group.hpp"
#include "schema/limits.hpp"

namespace dohle::rules {

namespace {

timestamp after(timestamp now, milliseconds wait) { return timestamp{now.value + wait.count()}; }

error rebalancing(const std::string& group) {
  return {errc::rebalancing, "group " + group + " rebalances", "join again"};
}

}  // namespace

group_effects group::tick(timestamp now) {
  expire_sessions(now);
  if (!phase_deadline_ || now < *phase_deadline_) return take_effects();
  phase_deadline_.reset();
  if (state_ == group_state::preparing_rebalance) {
    if (initial_ && joined_since_ && now < *initial_end_) {
      joined_since_ = false;
      phase_deadline_ = std::min(after(now, options_.initial_delay), *initial_end_);
    } else {
      complete_join(now);
    }
  } else {
    remove_unsynced(now);
  }
  return take_effects();
}

group_effects group::close(const error& why) {
  for (auto& [id, m] : members_) {
    answer_join(m, why);
    answer_sync(m, why);
  }
  members_.clear();
  instances_.clear();
  supported_.clear();
  state_bytes_ = 0;
  protocol_.clear();
  leader_.clear();
  phase_deadline_.reset();
  session_floor_.reset();
  state_ = group_state::dead;
  return take_effects();
}

std::optional<timestamp> group::next_deadline() const {
  if (!phase_deadline_) return session_floor_;
  if (!session_floor_) return phase_deadline_;
  return std::min(*phase_deadline_, *session_floor_);
}

group_effects group::take_effects() {
  effects_.next_deadline = next_deadline();
  return std::exchange(effects_, {});
}

milliseconds group::rebalance_timeout() const {
  milliseconds longest{0};
  for (const auto& [id, m] : members_) longest = std::max(longest, m.rebalance_timeout);
  return longest;
}

void group::prepare_rebalance(timestamp now) {
  for (auto& [id, m] : members_) {
    if (!m.waiting_sync) continue;
    answer_sync(m, rebalancing(id_));
    alive(m, now);
  }
  initial_ = state_ == group_state::empty && options_.initial_delay > milliseconds{0};
  state_ = group_state::preparing_rebalance;
  phase_deadline_ = after(now, rebalance_timeout());
  if (initial_) {
    joined_since_ = false;
    initial_end_ = phase_deadline_;
    phase_deadline_ = std::min(after(now, options_.initial_delay), *initial_end_);
  }
}

void group::try_complete_join(timestamp now) {
  DOHLE_ASSERT(state_ == group_state::preparing_rebalance, "joins complete while they are awaited");
  DOHLE_ASSERT(awaiting_join_ <= members_.size(), "a member waits with one join at most");
  if (members_.empty() || (!initial_ && awaiting_join_ == members_.size())) complete_join(now);
}

void group::complete_join(timestamp now) {
  initial_ = false;
  phase_deadline_.reset();
  for (auto at = members_.begin(); at != members_.end();) {
    const auto& [id, m] = *at++;
    // A static member may be restarting: it keeps its place until its session ends.
    if (!m.waiting_join && m.instance.empty()) {
      remove_member(std::string{id}, {errc::unknown_member, "the member did not join the rebalance", "join again"});
    }
  }
  if (members_.empty()) return become_empty();
  if (!elect_joined_leader()) return;  // silent static members only: a join or the end of their sessions goes on
  DOHLE_ASSERT(generation_.value < std::numeric_limits<std::int32_t>::max(), "generations never wrap");
  ++generation_;
  protocol_ = choose_protocol();
  state_ = group_state::completing_rebalance;
  phase_deadline_ = after(now, rebalance_timeout());
  for (auto& [id, m] : members_) {
    m.assignment = {};
    m.synced = !m.waiting_join;  // nothing is expected of a silent static member
    if (!m.waiting_join) continue;
    answer_join(m, join_answer(m));
    alive(m, now);
  }
}

bool group::elect_joined_leader() {
  const auto current = members_.find(leader_);
  if (current != members_.end() && current->second.waiting_join) return true;
  const auto joined = std::ranges::find_if(members_, [](const auto& e) { return e.second.waiting_join.has_value(); });
  if (joined == members_.end()) return false;
  leader_ = joined->first;
  return true;
}

void group::become_empty() {
  DOHLE_ASSERT(generation_.value < std::numeric_limits<std::int32_t>::max(), "generations never wrap");
  ++generation_;
  state_ = group_state::empty;
  protocol_.clear();
  leader_.clear();
  session_floor_.reset();
  effects_.persist = true;
}

/// The protocol most members like best among those all speak; of equals the one the leader likes better.
std::string group::choose_protocol() const {
  const auto all_speak = [&](const group_protocol& p) { return supported_.at(p.name) == members_.size(); };
  std::map<std::string, std::size_t> votes;
  for (const auto& [id, m] : members_) {
    const auto favourite = std::ranges::find_if(m.protocols, all_speak);
    DOHLE_ASSERT(favourite != m.protocols.end(), "who speaks no common protocol was not let in");
    ++votes[favourite->name];
  }
  std::string chosen;
  std::size_t most = 0;
  for (const auto& p : members_.at(leader_).protocols) {
    const auto found = votes.find(p.name);
    if (found != votes.end() && found->second > most) {
      chosen = p.name;
      most = found->second;
    }
  }
  return chosen;
}

// --- members come to an end ----------------------------------------------------------------------------------------

void group::remove_member(const std::string& id, const error& why) {
  const auto found = members_.find(id);
  DOHLE_ASSERT(found != members_.end(), "only a member can be removed");
  auto& m = found->second;
  answer_join(m, why);
  answer_sync(m, why);
  for (const auto& p : m.protocols) {
    state_bytes_ -= p.name.size() + p.metadata.size();
    if (--supported_[p.name] == 0) supported_.erase(p.name);
  }
  if (!m.instance.empty()) instances_.erase(m.instance);
  const bool led = leader_ == id;
  members_.erase(found);
  if (led) leader_ = members_.empty() ? std::string{} : members_.begin()->first;
}

void group::removed_some(timestamp now) {
  if (state_ == group_state::stable || state_ == group_state::completing_rebalance) prepare_rebalance(now);
  if (state_ == group_state::preparing_rebalance) try_complete_join(now);
}

/// Members that joined this generation and never asked for their assignment hold up the others.
void group::remove_unsynced(timestamp now) {
  std::vector<std::string> silent;
  for (const auto& [id, m] : members_) {
    if (!m.synced) silent.push_back(id);
  }
  for (const auto& id : silent) {
    remove_member(id, {errc::unknown_member, "the member did not ask for its assignment in time", "join again"});
  }
  if (!silent.empty()) removed_some(now);
}

void group::expire_sessions(timestamp now) {
  if (!session_floor_ || now < *session_floor_) return;
  session_floor_.reset();
  std::vector<std::string> lost;
  for (const auto& [id, m] : members_) {
    if (m.waiting_join || m.waiting_sync) continue;  // it waits for us, not we for it
    if (m.session_end <= now) {
      lost.push_back(id);
    } else if (!session_floor_ || m.session_end < *session_floor_) {
      session_floor_ = m.session_end;
    }
  }
  for (const auto& id : lost) remove_member(id, {errc::unknown_member, "the member was silent too long", "join again"});
  if (!lost.empty()) removed_some(now);
}

void group::alive(member_state& m, timestamp now) {
  m.session_end = after(now, m.session_timeout);
  if (!session_floor_ || m.session_end < *session_floor_) session_floor_ = m.session_end;
}

// --- answers -------------------------------------------------------------------------------------------------------

void group::answer_join(member_state& m, result<join_group_response> answer) {
  if (!m.waiting_join) return;
  effects_.joins.emplace_back(*m.waiting_join, std::move(answer));
  m.waiting_join.reset();
  --awaiting_join_;
}

void group::answer_sync(member_state& m, result<sync_group_response> answer) {
  if (!m.waiting_sync) return;
  effects_.syncs.emplace_back(*m.waiting_sync, std::move(answer));
  m.waiting_sync.reset();
}

}  // namespace dohle::rules
