// What the members of a group should read: the target of an epoch, made of subscriptions and topics.
#include <algorithm>

#include "rules/consumer_group.hpp"

namespace dohle::rules {

bool consumer_group::learn(known_topics topics) {
  topics_ = std::move(topics);
  auto now = read_counts();
  if (now == read_) return false;
  read_ = std::move(now);
  if (members_.empty()) return false;
  ++epoch_;
  return true;
}

void consumer_group::assign_anew() {
  std::vector<subscription> all;
  for (const auto& [id, m] : members_) {
    const auto topics = read_by(m);
    all.push_back({id, m.instance, {topics.begin(), topics.end()}, {m.target.begin(), m.target.end()}, {}});
  }
  auto made =
      chosen_assignor() == range_assignor ? assign_range(all, topics_.counts) : assign_sticky(all, topics_.counts);
  for (auto& [id, m] : members_) {
    const auto& list = made[id];
    m.target = {list.begin(), list.end()};
  }
  assignment_epoch_ = epoch_;
  read_ = read_counts();
  changed_ = true;
}

std::set<std::string> consumer_group::read_by(const member& m) const {
  auto topics = m.topics;
  if (const auto found = topics_.matches.find(m.pattern); found != topics_.matches.end()) {
    topics.insert(found->second.begin(), found->second.end());
  }
  return topics;
}

std::set<std::string> consumer_group::subscribed_topics() const {
  std::set<std::string> topics;
  for (const auto& [id, m] : members_) topics.merge(read_by(m));
  return topics;
}

partition_counts consumer_group::read_counts() const {
  partition_counts counts;
  for (const auto& topic : subscribed_topics()) {
    if (const auto found = topics_.counts.find(topic); found != topics_.counts.end()) counts.insert(*found);
  }
  return counts;
}

std::set<std::string> consumer_group::patterns() const {
  std::set<std::string> all;
  for (const auto& [id, m] : members_) {
    if (!m.pattern.empty()) all.insert(m.pattern);
  }
  return all;
}

/// What most members want; of equals the default.
std::string consumer_group::chosen_assignor() const {
  const auto range = std::ranges::count_if(members_, [](const auto& e) { return e.second.assignor == range_assignor; });
  const auto uniform =
      std::ranges::count_if(members_, [](const auto& e) { return e.second.assignor == uniform_assignor; });
  return std::string{range > uniform ? range_assignor : uniform_assignor};
}

}  // namespace dohle::rules
