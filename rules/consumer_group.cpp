// Who may ask what, who enters and who goes. How the target of an epoch is made is in consumer_target.cpp.
#include "rules/consumer_group.hpp"

#include <algorithm>
#include <limits>

#include "rules/consumer_protocol.hpp"
#include "rules/group_state.hpp"
#include "schema/limits.hpp"

namespace dohle::rules {

namespace {

constexpr std::int32_t joins = 0, leaves = -1, leaves_for_a_while = -2;

error unknown_member(const std::string& group, const std::string& id) {
  return {errc::unknown_member, "group " + group + " has no member '" + id + "'", "join again"};
}

error fenced_instance(const std::string& group, const std::string& instance) {
  return {errc::fenced_instance, "another process now is the static member '" + instance + "' of group " + group,
          "give each process its own instance name"};
}

timestamp after(timestamp now, milliseconds wait) { return timestamp{now.value + wait.count()}; }

partition_set set_of(const std::vector<topic_partition>& list) { return {list.begin(), list.end()}; }
std::vector<topic_partition> list_of(const partition_set& set) { return {set.begin(), set.end()}; }

std::size_t size_bytes(const std::set<std::string>& topics) {
  std::size_t sum = 0;
  for (const auto& t : topics) sum += t.size();
  return sum;
}

}  // namespace

consumer_group::consumer_group(std::string id, consumer_group_options options)
    : id_(std::move(id)), options_(options) {}

consumer_group consumer_group::restore(std::string id, consumer_group_value from, timestamp now,
                                       consumer_group_options options) {
  consumer_group g{std::move(id), options};
  g.epoch_ = from.epoch;
  g.assignment_epoch_ = from.assignment_epoch;
  for (auto& [topic, partitions] : from.topics) g.read_[topic] = partitions;
  for (auto& stored : from.members) {
    auto& m = g.members_[stored.id];
    m.id = stored.id;
    m.instance = stored.instance;
    m.rack = stored.rack;
    m.client = stored.client;
    m.client_host = stored.client_host;
    m.rebalance_timeout = stored.rebalance_timeout;
    m.topics = {stored.topics.begin(), stored.topics.end()};
    m.pattern = stored.pattern;
    m.assignor = stored.assignor;
    m.target = set_of(stored.target);
    consumer_position at{stored.epoch, stored.previous_epoch, static_cast<consumer_phase>(stored.phase),
                         set_of(stored.assigned), set_of(stored.revoking)};
    g.move(m, std::move(at), now);
    if (!m.instance.empty()) g.instances_[m.instance] = m.id;
    g.subscribed_bytes_ += size_bytes(m.topics);
    g.alive(m, now);
  }
  g.changed_ = false;
  return g;
}

// --- who may ask ---------------------------------------------------------------------------------------------------

std::optional<error> consumer_group::refuse(const consumer_heartbeat_request& r) const {
  const auto invalid = [&](std::string what) { return error{errc::invalid_request, "group " + id_ + ": " + what, ""}; };
  if (id_.empty()) return invalid("a group's name may not be empty");
  if (r.member_epoch < leaves_for_a_while) return invalid("there is no such member epoch");
  if (r.member.empty() && r.member_epoch != joins) return invalid("a member says its id");
  if (r.member_epoch == leaves_for_a_while && r.instance.empty()) return invalid("only a static member comes back");
  if (r.member.size() > limits::max_member_name) return invalid("a member's id is too long");
  for (const auto* name : {&r.instance, &r.client, &r.client_host}) {
    if (name->size() > limits::max_client_name) return invalid("a name is longer than 1000 bytes");
  }
  for (const auto* text : {&r.rack, &r.pattern, &r.assignor}) {
    if (*text && (*text)->size() > limits::max_group_name) return invalid("a text is longer than 1000 bytes");
  }
  if (r.assignor && *r.assignor != uniform_assignor && *r.assignor != range_assignor) {
    return error{errc::unknown_assignor, "there is no assignor '" + *r.assignor + "'", "uniform or range"};
  }
  if (r.topics && r.topics->size() > limits::max_topics) return invalid("too many topics are named");
  if (r.member_epoch != joins) return std::nullopt;
  if (!r.rebalance_timeout) return invalid("who joins says its rebalance time-out");
  if (!r.owned || !r.owned->empty()) return invalid("who joins owns nothing, and says so");
  if (!r.topics && r.pattern.value_or("").empty()) return invalid("who joins says what it reads");
  return std::nullopt;
}

std::optional<error> consumer_group::refuse_join(const consumer_heartbeat_request& r, const std::string& id) const {
  const auto found = members_.find(id);
  if (found != members_.end()) {
    if (found->second.instance == r.instance) return std::nullopt;
    return error{errc::invalid_request, "member '" + id + "' of group " + id_ + " has another instance name", ""};
  }
  if (members_.size() >= limits::max_group_members) {
    return error{errc::busy, "group " + id_ + " has " + std::to_string(members_.size()) + " members, its bound",
                 "use several groups"};
  }
  // What is persisted names a topic in the subscription and in each of three lists of partitions.
  if (subscribed_bytes_ > limits::max_group_state_bytes / 4) {
    return error{errc::busy, "the members of group " + id_ + " subscribe to too many topics", "use several groups"};
  }
  return std::nullopt;
}

auto consumer_group::find(const consumer_heartbeat_request& r) -> result<member*> {
  if (!r.instance.empty()) {
    const auto known = instances_.find(r.instance);
    if (known == instances_.end()) return unknown_member(id_, r.instance);
    if (known->second != r.member) return fenced_instance(id_, r.instance);
  }
  const auto found = members_.find(r.member);
  if (found == members_.end()) return unknown_member(id_, r.member);
  return &found->second;
}

std::optional<error> consumer_group::check_epoch(const member& m, const consumer_heartbeat_request& r) const {
  if (r.member_epoch == m.at.epoch) return std::nullopt;
  // The answer that raised the epoch may be lost: then it owns no more than it had before.
  const bool lost = r.member_epoch == m.at.previous_epoch && r.owned &&
                    std::ranges::all_of(*r.owned, [&](const auto& p) { return m.at.assigned.contains(p); });
  if (lost) return std::nullopt;
  return error{errc::fenced_member_epoch,
               "member '" + m.id + "' of group " + id_ + " is in epoch " + std::to_string(m.at.epoch) + ", not " +
                   std::to_string(r.member_epoch),
               "give up all partitions and join again"};
}

// --- heartbeats ----------------------------------------------------------------------------------------------------

consumer_effects consumer_group::heartbeat(const consumer_heartbeat_request& r, const std::string& suggested_member,
                                           timestamp now) {
  if (auto wrong = refuse(r)) return effects(*wrong);
  if (r.member_epoch < joins) return effects(leave(r, now));
  const auto count = members_.size();
  auto found = r.member_epoch == joins ? enter(r, r.member.empty() ? suggested_member : r.member) : find(r);
  if (!found) return effects(found.error());
  auto& m = **found;
  if (r.member_epoch != joins) {
    if (auto wrong = check_epoch(m, r)) return effects(*wrong);
  }
  const bool fresh = members_.size() > count;
  if (subscribe(m, r) || fresh) ++epoch_;
  alive(m, now);
  if (epoch_ > assignment_epoch_) assign_anew();
  const auto before = m.at.assigned;
  std::optional<partition_set> owned;
  if (r.owned) owned = set_of(*r.owned);
  move(m,
       reconcile(m.at, m.target, assignment_epoch_, owned,
                 [&](const topic_partition& p) { return !owners_.contains(p); }),
       now);
  consumer_heartbeat_response answer{m.id, m.at.epoch, options_.heartbeat_interval, {}};
  const bool full = r.rebalance_timeout && (r.topics || r.pattern) && r.owned;
  if (full || r.member_epoch != m.at.epoch || m.at.assigned != before) answer.assignment = list_of(m.at.assigned);
  return effects(std::move(answer));
}

/// A member that is here already comes back with nothing: it has lost what it had, and is given it anew.
auto consumer_group::enter(const consumer_heartbeat_request& r, const std::string& id) -> result<member*> {
  if (auto wrong = refuse_join(r, id)) return *wrong;
  if (!r.instance.empty()) {
    const auto known = instances_.find(r.instance);
    if (known != instances_.end() && known->second != id) {
      auto node = members_.extract(known->second);
      if (node.mapped().at.epoch != leaves_for_a_while) {
        members_.insert(std::move(node));
        return error{errc::unreleased_instance,
                     "the static member '" + r.instance + "' of group " + id_ + " has not left",
                     "end the other process, or give this one its own instance name"};
      }
      release(node.mapped());
      node.key() = id;
      node.mapped().id = id;
      auto& moved = members_.insert(std::move(node)).position->second;
      for (const auto& p : moved.at.assigned) owners_[p] = id;
      moved.at.revoking.clear();
    }
    instances_[r.instance] = id;
  }
  auto& m = members_[id];
  m.id = id;
  m.instance = r.instance;
  for (const auto& p : m.at.revoking) owners_.erase(p);
  m.at = {0, -1, consumer_phase::stable, std::move(m.at.assigned), {}};
  m.revoke_end.reset();
  changed_ = true;
  return &m;
}

/// True when the member now reads other topics. What is not given is as it was.
bool consumer_group::subscribe(member& m, const consumer_heartbeat_request& r) {
  const auto before = std::pair{m.topics, m.pattern};
  const auto described = std::tuple{m.rack, m.client, m.client_host, m.rebalance_timeout, m.assignor};
  m.client = r.client;
  m.client_host = r.client_host;
  if (r.rack) m.rack = *r.rack;
  if (r.rebalance_timeout)
    m.rebalance_timeout = std::min<milliseconds>(*r.rebalance_timeout, limits::max_rebalance_timeout);
  if (r.assignor) m.assignor = *r.assignor;
  if (r.topics) {
    subscribed_bytes_ -= size_bytes(m.topics);
    m.topics = {r.topics->begin(), r.topics->end()};
    subscribed_bytes_ += size_bytes(m.topics);
  }
  if (r.pattern) m.pattern = *r.pattern;
  const bool other = before != std::pair{m.topics, m.pattern};
  changed_ |= other || described != std::tuple{m.rack, m.client, m.client_host, m.rebalance_timeout, m.assignor};
  return other;
}

result<consumer_heartbeat_response> consumer_group::leave(const consumer_heartbeat_request& r, timestamp now) {
  auto found = find(r);
  if (!found) return found.error();
  auto& m = **found;
  if (r.member_epoch == leaves) {
    remove(m.id);
  } else {
    move(m, {leaves_for_a_while, m.at.epoch, consumer_phase::stable, m.at.assigned, {}}, now);
    alive(m, now);
  }
  return consumer_heartbeat_response{r.member, r.member_epoch, options_.heartbeat_interval, {}};
}

consumer_effects consumer_group::remove_instance(const std::string& instance, timestamp) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return effects(unknown_member(id_, instance));
  remove(std::string{found->second});
  return effects(consumer_heartbeat_response{});
}

consumer_effects consumer_group::tick(timestamp now) {
  if (floor_ && *floor_ <= now) {
    floor_.reset();
    std::vector<std::string> lost;
    for (const auto& [id, m] : members_) {
      if (m.session_end <= now || (m.revoke_end && *m.revoke_end <= now)) {
        lost.push_back(id);
      } else {
        due(m.session_end);
        if (m.revoke_end) due(*m.revoke_end);
      }
    }
    for (const auto& id : lost) remove(id);
  }
  return effects(consumer_heartbeat_response{});
}

// --- the others ----------------------------------------------------------------------------------------------------

result<void> consumer_group::check_commit(const commit_offsets_request& r) const {
  if (auto wrong = check_offsets(r); !wrong) return wrong;
  const bool nobody = r.member.empty() && r.instance.empty() && r.generation.value < 0;
  if (nobody) {
    if (members_.empty() || r.within) return {};  // a transaction may be fenced by its producer alone
    return error{errc::group_not_empty, "group " + id_ + " has members: only they commit its offsets",
                 "end its consumers first"};
  }
  const auto found = members_.find(r.member);
  if (found == members_.end()) return unknown_member(id_, r.member);
  if (r.generation.value == found->second.at.epoch) return {};
  return error{r.within ? errc::stale_generation : errc::stale_member_epoch,
               "member '" + r.member + "' of group " + id_ + " is in epoch " + std::to_string(found->second.at.epoch) +
                   ", not " + std::to_string(r.generation.value),
               "commit with the epoch of the last heartbeat"};
}

result<void> consumer_group::check_delete() const {
  if (members_.empty()) return {};
  return error{errc::group_not_empty, "group " + id_ + " has " + std::to_string(members_.size()) + " members",
               "end its consumers first"};
}

consumer_group_value consumer_group::snapshot() const {
  consumer_group_value v{epoch_, assignment_epoch_, {read_.begin(), read_.end()}, {}};
  for (const auto& [id, m] : members_) {
    v.members.push_back({id,
                         m.instance,
                         m.rack,
                         m.client,
                         m.client_host,
                         m.at.epoch,
                         m.at.previous_epoch,
                         static_cast<std::uint8_t>(m.at.phase),
                         m.rebalance_timeout,
                         {m.topics.begin(), m.topics.end()},
                         m.pattern,
                         m.assignor,
                         list_of(m.at.assigned),
                         list_of(m.at.revoking),
                         list_of(m.target)});
  }
  return v;
}

describe_consumer_group_response consumer_group::describe() const {
  describe_consumer_group_response d{id_, std::string{state()}, epoch_, assignment_epoch_, chosen_assignor(), {}};
  for (const auto& [id, m] : members_) {
    d.members.push_back({id,
                         m.instance,
                         m.rack,
                         m.client,
                         m.client_host,
                         m.at.epoch,
                         {m.topics.begin(), m.topics.end()},
                         m.pattern,
                         list_of(m.at.assigned),
                         list_of(m.target),
                         false});
  }
  return d;
}

describe_group_response consumer_group::outline() const {
  describe_group_response d{id_,       std::string{state()}, "consumer", chosen_assignor(), generation{epoch_}, {},
                            "consumer"};
  for (const auto& [id, m] : members_)
    d.members.push_back({id, m.instance, m.client, m.client_host, {}, encode_assignment(list_of(m.at.assigned), {})});
  return d;
}

std::string_view consumer_group::state() const {
  if (members_.empty()) return "Empty";
  if (epoch_ > assignment_epoch_) return "Assigning";
  const bool settled = std::ranges::all_of(members_, [&](const auto& entry) {
    return entry.second.at.phase == consumer_phase::stable && entry.second.at.epoch == assignment_epoch_;
  });
  return settled ? "Stable" : "Reconciling";
}

// --- changes of one member -----------------------------------------------------------------------------------------

void consumer_group::move(member& m, consumer_position to, timestamp now) {
  if (to == m.at) return;
  release(m);
  const bool busy = to.phase == consumer_phase::revoking;
  if (!busy) m.revoke_end.reset();
  if (busy && (!m.revoke_end || m.at.epoch != to.epoch)) {
    m.revoke_end = after(now, m.rebalance_timeout);
    due(*m.revoke_end);
  }
  m.at = std::move(to);
  for (const auto* list : {&m.at.assigned, &m.at.revoking}) {
    for (const auto& p : *list) {
      [[maybe_unused]] const bool free = owners_.emplace(p, m.id).second;
      DOHLE_ASSERT(free, "a partition has one owner");
    }
  }
  changed_ = true;
}

void consumer_group::release(const member& m) {
  for (const auto* list : {&m.at.assigned, &m.at.revoking}) {
    for (const auto& p : *list) owners_.erase(p);
  }
}

void consumer_group::remove(const std::string& id) {
  const auto found = members_.find(id);
  DOHLE_ASSERT(found != members_.end(), "only a member can be removed");
  release(found->second);
  if (!found->second.instance.empty()) instances_.erase(found->second.instance);
  subscribed_bytes_ -= size_bytes(found->second.topics);
  members_.erase(found);
  DOHLE_ASSERT(epoch_ < std::numeric_limits<std::int32_t>::max(), "epochs never wrap");
  ++epoch_;
  changed_ = true;
}

void consumer_group::alive(member& m, timestamp now) {
  m.session_end = after(now, options_.session_timeout);
  due(m.session_end);
}

void consumer_group::due(timestamp at) {
  if (!floor_ || at < *floor_) floor_ = at;
}

consumer_effects consumer_group::effects(result<consumer_heartbeat_response> answer) {
  return {std::move(answer), std::exchange(changed_, false), members_.empty() ? std::nullopt : floor_};
}

}  // namespace dohle::rules
