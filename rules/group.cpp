// The requests: who may ask what, and what each does in each state. How a rebalance goes on is in group_rebalance.cpp.
#include "rules/group.hpp"

#include <algorithm>
#include <set>

#include "rules/consumer_protocol.hpp"
#include "schema/limits.hpp"

namespace dohle::rules {

namespace {

error unknown_member(const std::string& group, const std::string& id) {
  return {errc::unknown_member, "group " + group + " has no member '" + id + "'", "join again without a member id"};
}

error not_led_here(const std::string& group) {
  return {errc::not_leader, "group " + group + " is not led here any more", "ask again"};
}

error fenced(const std::string& group, const std::string& instance) {
  return {errc::fenced_instance, "another process now is the static member '" + instance + "' of group " + group,
          "give each process its own instance name"};
}

error replaced() {
  return {errc::rebalancing, "a later request of the same member took the place of this one", "join again"};
}

std::size_t size_bytes(const std::vector<group_protocol>& protocols) {
  std::size_t sum = 0;
  for (const auto& p : protocols) sum += p.name.size() + p.metadata.size();
  return sum;
}

bool speaks(const member_state& m, const std::string& name) {
  return std::ranges::find(m.protocols, name, &group_protocol::name) != m.protocols.end();
}

bytes metadata_for(const std::vector<group_protocol>& protocols, const std::string& name) {
  const auto found = std::ranges::find(protocols, name, &group_protocol::name);
  return found == protocols.end() ? bytes{} : found->metadata;
}

/// Whether a static member that came back may have its former assignment: what it owned before is no part of the
/// question.
bool asks_for_the_same(const std::string& protocol_type, const bytes& before, const bytes& now) {
  if (before == now) return true;
  if (protocol_type != "consumer") return false;
  const auto a = decode_subscription(before);
  const auto b = decode_subscription(now);
  if (!a || !b) return false;
  const std::set<std::string> topics(a->topics.begin(), a->topics.end());
  return topics == std::set<std::string>(b->topics.begin(), b->topics.end());
}

}  // namespace

group::group(std::string id, group_options options) : id_(std::move(id)), options_(options) {}

group group::restore(std::string id, group_value from, timestamp now, group_options options) {
  group g{std::move(id), options};
  g.protocol_type_ = std::move(from.protocol_type);
  g.generation_ = from.generation;
  if (from.members.empty()) return g;
  g.state_ = group_state::stable;
  g.protocol_ = std::move(from.protocol);
  g.leader_ = std::move(from.leader);
  for (auto& stored : from.members) {
    auto& m = g.members_[stored.id];
    m.id = stored.id;
    m.instance = std::move(stored.instance);
    m.client = std::move(stored.client);
    m.client_host = std::move(stored.client_host);
    m.protocols = {{g.protocol_, std::move(stored.metadata)}};
    m.session_timeout = stored.session_timeout;
    m.rebalance_timeout = stored.rebalance_timeout;
    m.assignment = std::move(stored.assignment);
    m.synced = true;
    if (!m.instance.empty()) g.instances_[m.instance] = m.id;
    g.state_bytes_ += size_bytes(m.protocols);
    g.alive(m, now);
  }
  g.supported_[g.protocol_] = g.members_.size();
  return g;
}

// --- who may ask ---------------------------------------------------------------------------------------------------

std::optional<error> group::refuse_join(const join_group_request& r) const {
  const auto invalid = [&](std::string what) { return error{errc::invalid_request, "group " + id_ + ": " + what, ""}; };
  if (state_ == group_state::dead) return not_led_here(id_);
  if (id_.empty()) return error{errc::invalid_request, "a group's name may not be empty", "name the group"};
  if (r.session_timeout < limits::min_session_timeout || r.session_timeout > limits::max_session_timeout) {
    return error{errc::invalid_session_timeout,
                 "a session time-out of " + std::to_string(r.session_timeout.count()) + " ms is outside the bounds",
                 "from 1 s to 30 min"};
  }
  for (const auto* name : {&id_, &r.member, &r.instance, &r.client, &r.client_host, &r.protocol_type}) {
    if (name->size() > limits::max_client_name) return invalid("a name is longer than 1000 bytes");
  }
  if (r.protocol_type.empty() || r.protocols.empty()) return invalid("a member must bring a protocol");
  if (size_bytes(r.protocols) > limits::max_group_metadata) return invalid("a member's metadata is larger than 1 MiB");
  std::set<std::string> names;
  for (const auto& p : r.protocols) {
    if (p.name.empty() || !names.insert(p.name).second) return invalid("protocols have different names, none empty");
  }
  return refuse_change(r, known_member(r));
}

/// `from`: the member that this join changes or replaces; null for one more.
std::optional<error> group::refuse_change(const join_group_request& r, const member_state* from) const {
  if (from == nullptr && members_.size() >= limits::max_group_members) {
    return error{errc::busy, "group " + id_ + " has " + std::to_string(members_.size()) + " members, its bound",
                 "use several groups"};
  }
  const auto others = members_.size() - (from != nullptr ? 1 : 0);
  const auto other_bytes = state_bytes_ - (from != nullptr ? size_bytes(from->protocols) : 0);
  if (other_bytes + size_bytes(r.protocols) > limits::max_group_state_bytes) {
    return error{errc::busy, "the members of group " + id_ + " bring more than 8 MiB of metadata",
                 "use several groups"};
  }
  if (others == 0) return std::nullopt;
  const auto all_others_speak = [&](const group_protocol& p) {
    const auto found = supported_.find(p.name);
    const auto count = found == supported_.end() ? 0 : found->second;
    return count - (from != nullptr && speaks(*from, p.name) ? 1 : 0) == others;
  };
  if (r.protocol_type != protocol_type_ || std::ranges::none_of(r.protocols, all_others_speak)) {
    return error{errc::inconsistent_protocol,
                 "no assignment protocol of this member is spoken by all members of group " + id_,
                 "give all members the same assignors"};
  }
  return std::nullopt;
}

const member_state* group::known_member(const join_group_request& r) const {
  auto id = r.member;
  if (id.empty() && !r.instance.empty()) {
    const auto found = instances_.find(r.instance);
    if (found != instances_.end()) id = found->second;
  }
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

std::optional<error> group::check_member(const std::string& id, const std::string& instance) const {
  if (state_ == group_state::dead) return not_led_here(id_);
  if (!instance.empty()) {
    const auto found = instances_.find(instance);
    if (found != instances_.end() && found->second != id) return fenced(id_, instance);
    if (found == instances_.end()) return unknown_member(id_, instance);
  }
  if (!members_.contains(id)) return unknown_member(id_, id);
  return std::nullopt;
}

std::optional<error> group::check_generation(dohle::generation g) const {
  if (g == generation_) return std::nullopt;
  return error{
      errc::stale_generation,
      "group " + id_ + " is in generation " + std::to_string(generation_.value) + ", not " + std::to_string(g.value),
      "join again"};
}

// --- join ----------------------------------------------------------------------------------------------------------

group_effects group::join(token t, const join_group_request& r, const std::string& suggested_member, timestamp now) {
  if (auto refused = refuse_join(r)) {
    effects_.joins.emplace_back(t, std::move(*refused));
  } else if (!r.member.empty()) {
    join_known(t, r, now);
  } else {
    DOHLE_ASSERT(!suggested_member.empty() && !members_.contains(suggested_member), "member ids are never given twice");
    if (known_member(r) != nullptr) {
      join_static_again(t, r, suggested_member, now);
    } else {
      join_new(t, r, suggested_member, now);
    }
  }
  return take_effects();
}

void group::join_new(token t, const join_group_request& r, const std::string& id, timestamp now) {
  if (members_.empty()) protocol_type_ = r.protocol_type;
  if (leader_.empty()) leader_ = id;
  auto& m = members_[id];
  m.id = id;
  m.instance = r.instance;
  if (!m.instance.empty()) instances_[m.instance] = id;
  adopt(m, r);
  joined_since_ = true;
  await_join(m, t, now);
}

void group::join_known(token t, const join_group_request& r, timestamp now) {
  if (auto wrong = check_member(r.member, r.instance)) {
    effects_.joins.emplace_back(t, std::move(*wrong));
    return;
  }
  auto& m = members_.at(r.member);
  const bool same = m.protocols == r.protocols;
  adopt(m, r);
  // A member that only lost the answer gets it again. A Stable group's leader that joins wants a new assignment.
  const bool repeated = (state_ == group_state::completing_rebalance && same) ||
                        (state_ == group_state::stable && same && m.id != leader_);
  if (repeated) {
    alive(m, now);
    effects_.joins.emplace_back(t, join_answer(m));
  } else {
    await_join(m, t, now);
  }
}

void group::join_static_again(token t, const join_group_request& r, const std::string& new_id, timestamp now) {
  const auto old_id = instances_.at(r.instance);
  answer_join(members_.at(old_id), fenced(id_, r.instance));
  answer_sync(members_.at(old_id), fenced(id_, r.instance));
  auto node = members_.extract(old_id);
  node.key() = new_id;
  auto& m = members_.insert(std::move(node)).position->second;
  m.id = new_id;
  instances_[r.instance] = new_id;
  const auto leader_before = leader_;
  if (leader_ == old_id) leader_ = new_id;

  const auto before = metadata_for(m.protocols, protocol_);
  adopt(m, r);
  const bool as_before = state_ == group_state::stable && choose_protocol() == protocol_ &&
                         asks_for_the_same(protocol_type_, before, metadata_for(m.protocols, protocol_));
  if (!as_before) return await_join(m, t, now);
  // Its assignment waits for it at the next sync. The former leader is named, so that it does not assign anew.
  alive(m, now);
  effects_.persist = true;
  auto answer = join_answer(m);
  answer.leader = leader_before;
  answer.members.clear();
  effects_.joins.emplace_back(t, std::move(answer));
}

/// The member from now on is what its request says. Bytes are copied: a view would keep a whole frame alive.
void group::adopt(member_state& m, const join_group_request& r) {
  for (const auto& p : m.protocols) {
    if (--supported_[p.name] == 0) supported_.erase(p.name);
  }
  state_bytes_ -= size_bytes(m.protocols);
  m.protocols.clear();
  for (const auto& p : r.protocols) {
    m.protocols.push_back({p.name, bytes::copy(p.metadata.view())});
    ++supported_[p.name];
  }
  state_bytes_ += size_bytes(m.protocols);
  if (members_.size() == 1) protocol_type_ = r.protocol_type;
  m.client = r.client;
  m.client_host = r.client_host;
  m.session_timeout = r.session_timeout;
  m.rebalance_timeout = r.rebalance_timeout > milliseconds{0}
                            ? std::min<milliseconds>(r.rebalance_timeout, limits::max_rebalance_timeout)
                            : r.session_timeout;
}

void group::await_join(member_state& m, token t, timestamp now) {
  answer_join(m, replaced());
  m.waiting_join = t;
  ++awaiting_join_;
  if (state_ != group_state::preparing_rebalance) prepare_rebalance(now);
  if (!phase_deadline_) phase_deadline_ = timestamp{now.value + rebalance_timeout().count()};
  try_complete_join(now);
}

join_group_response group::join_answer(const member_state& m) const {
  join_group_response answer{generation_, protocol_, leader_, m.id, {}};
  if (m.id == leader_) {
    for (const auto& [id, each] : members_) {
      answer.members.push_back({id, each.instance, metadata_for(each.protocols, protocol_)});
    }
  }
  return answer;
}

// --- sync ----------------------------------------------------------------------------------------------------------

group_effects group::sync(token t, const sync_group_request& r, timestamp now) {
  auto wrong = check_member(r.member, r.instance);
  if (!wrong) wrong = check_generation(r.generation);
  if (!wrong && state_ == group_state::preparing_rebalance) {
    wrong = error{errc::rebalancing, "group " + id_ + " rebalances", "join again"};
  }
  if (wrong) {
    effects_.syncs.emplace_back(t, std::move(*wrong));
    return take_effects();
  }
  auto& m = members_.at(r.member);
  answer_sync(m, replaced());
  m.waiting_sync = t;
  m.synced = true;
  if (state_ == group_state::stable) {
    answer_sync(m, sync_group_response{m.assignment});
    alive(m, now);
  } else if (m.id == leader_) {
    accept_assignments(r, now);
  }
  return take_effects();
}

void group::accept_assignments(const sync_group_request& r, timestamp now) {
  std::size_t sum = state_bytes_;
  for (const auto& a : r.assignments) sum += a.assignment.size();
  if (sum > limits::max_group_state_bytes) {
    auto& leader = members_.at(leader_);
    leader.synced = false;
    return answer_sync(leader, error{errc::invalid_request,
                                     "the assignments of group " + id_ + " are larger than 8 MiB with its metadata",
                                     "use several groups"});
  }
  for (auto& [id, m] : members_) m.assignment = {};  // who is not named gets nothing
  for (const auto& a : r.assignments) {
    const auto found = members_.find(a.member);
    if (found != members_.end()) found->second.assignment = bytes::copy(a.assignment.view());
  }
  state_ = group_state::stable;
  effects_.persist = true;
  for (auto& [id, m] : members_) {
    if (!m.waiting_sync) continue;
    answer_sync(m, sync_group_response{m.assignment});
    alive(m, now);
  }
}

// --- the others ----------------------------------------------------------------------------------------------------

result<heartbeat_response> group::heartbeat(const heartbeat_request& r, timestamp now) {
  if (auto wrong = check_member(r.member, r.instance)) return *wrong;
  if (auto wrong = check_generation(r.generation)) return *wrong;
  alive(members_.at(r.member), now);
  if (state_ == group_state::preparing_rebalance) {
    return error{errc::rebalancing, "group " + id_ + " rebalances", "join again"};
  }
  return heartbeat_response{};
}

leave_effects group::leave(const leave_group_request& r, timestamp now) {
  auto id = r.member;
  if (id.empty() && instances_.contains(r.instance)) id = instances_.at(r.instance);  // sent away from outside
  if (auto wrong = check_member(id, r.instance)) return {*wrong, take_effects()};
  remove_member(id, unknown_member(id_, id));
  removed_some(now);
  return {leave_group_response{}, take_effects()};
}

result<void> group::check_commit(const commit_offsets_request& r, timestamp now) {
  if (auto wrong = check_offsets(r); !wrong) return wrong;
  if (r.generation.value < 0 && r.member.empty() && r.instance.empty() && state_ != group_state::dead) {
    if (members_.empty() || r.within) return {};  // a transaction may be fenced by its producer alone
    return error{errc::group_not_empty, "group " + id_ + " has members: only they commit its offsets",
                 "end its consumers first"};
  }
  if (auto wrong = check_member(r.member, r.instance)) return *wrong;
  if (auto wrong = check_generation(r.generation)) return *wrong;
  if (state_ == group_state::completing_rebalance && !r.within) {
    return error{errc::rebalancing, "group " + id_ + " hands out its new assignment", "sync, then commit"};
  }
  alive(members_.at(r.member), now);
  return {};
}

result<std::set<std::string>> group::subscribed_topics() const {
  const auto untold = error{errc::group_not_empty, "the members of group " + id_ + " do not tell what they read",
                            "end its consumers first"};
  std::set<std::string> topics;
  if (!members_.empty() && protocol_type_ != "consumer") return untold;
  for (const auto& [id, m] : members_) {
    const auto chosen = std::ranges::find(m.protocols, protocol_, &group_protocol::name);
    const auto subscription =
        decode_subscription(chosen != m.protocols.end() ? chosen->metadata : m.protocols.front().metadata);
    if (!subscription) return untold;
    topics.insert(subscription->topics.begin(), subscription->topics.end());
  }
  return topics;
}

result<void> group::check_delete() const {
  if (members_.empty()) return {};
  return error{errc::group_not_empty, "group " + id_ + " has " + std::to_string(members_.size()) + " members",
               "end its consumers first"};
}

group_value group::snapshot() const {
  DOHLE_ASSERT(state_ == group_state::empty || state_ == group_state::stable, "a group at rest is persisted, no other");
  group_value v{generation_, protocol_type_, protocol_, leader_, {}};
  for (const auto& [id, m] : members_) {
    v.members.push_back({id, m.instance, m.client, m.session_timeout, m.rebalance_timeout,
                         metadata_for(m.protocols, protocol_), m.assignment, m.client_host});
  }
  return v;
}

describe_group_response group::describe() const {
  const bool stable = state_ == group_state::stable;
  describe_group_response d{id_, std::string{to_string(state_)}, protocol_type_, protocol_, generation_, {}};
  for (const auto& [id, m] : members_) {
    d.members.push_back({id, m.instance, m.client, m.client_host,
                         stable ? metadata_for(m.protocols, protocol_) : bytes{}, stable ? m.assignment : bytes{}});
  }
  return d;
}

}  // namespace dohle::rules
