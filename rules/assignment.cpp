#include "rules/assignment.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace dohle::rules {

namespace {

/// Everybody in Kafka's order (static members first), and per topic who subscribed, as places in that order.
struct view {
  std::vector<const subscription*> members;
  std::map<std::string, std::vector<std::size_t>> subscribers;
};

view view_of(std::span<const subscription> members, const partition_counts& topics) {
  view v;
  for (const auto& m : members) v.members.push_back(&m);
  std::ranges::sort(v.members, {}, [](const subscription* m) {
    return std::tuple{m->instance.empty(), m->instance, m->member};
  });
  for (std::size_t i = 0; i < v.members.size(); ++i) {
    for (const auto& topic : v.members[i]->topics) {
      if (!topics.contains(topic)) continue;
      auto& list = v.subscribers[topic];
      if (list.empty() || list.back() != i) list.push_back(i);  // a topic named twice counts once
    }
  }
  return v;
}

assignment nobody_has_any(const view& v) {
  assignment all;
  for (const auto* m : v.members) all[m->member];
  DOHLE_ASSERT(all.size() == v.members.size(), "members of a group have different ids");
  return all;
}

/// The sticky assignment while it is made. Members are places in the view's order; ties go to the first.
class sticky_maker {
 public:
  sticky_maker(const view& v, const partition_counts& topics) : view_(v), load_(v.members.size(), 0) {
    for (std::size_t i = 0; i < load_.size(); ++i) by_load_.insert({0, i});
    for (const auto& [name, subscribers] : v.subscribers) {
      topic t{name, std::vector<bool>(load_.size(), false), subscribers.size(), {}, {}, {}};
      for (auto i : subscribers) t.may_read[i] = true;
      const auto partitions = static_cast<std::size_t>(std::max(topics.at(name), 0));
      t.holder.assign(partitions, nobody);
      t.former.assign(partitions, nobody);
      t.held.resize(load_.size());
      topics_.push_back(std::move(t));
    }
  }

  void keep_owned() {
    for (std::size_t i = 0; i < load_.size(); ++i) {
      for (const auto& [name, index] : view_.members[i]->owned) {
        const auto t = std::ranges::lower_bound(topics_, name, {}, &topic::name);
        if (t == topics_.end() || t->name != name || !t->may_read[i]) continue;
        if (index.value < 0 || static_cast<std::size_t>(index.value) >= t->holder.size()) continue;
        const auto p = static_cast<std::size_t>(index.value);
        if (t->holder[p] != nobody) continue;  // two claim it: the first keeps it
        t->former[p] = i;
        give(*t, p, i);
      }
    }
  }

  void give_rest() {
    std::vector<topic*> order;  // who can go to few goes first, while there is a choice
    for (auto& t : topics_) order.push_back(&t);
    std::ranges::stable_sort(order, {}, [](const topic* t) { return t->subscriber_count; });
    for (auto* t : order) {
      for (std::size_t p = 0; p < t->holder.size(); ++p) {
        if (t->holder[p] == nobody) give(*t, p, least_loaded(*t));
      }
    }
  }

  /// Each move takes from the fullest member that has a partition somebody with two fewer may read; it lowers the sum
  /// of the squared loads, so it ends.
  void balance() {
    while (move_one()) {
    }
  }

  assignment take() const {
    auto all = nobody_has_any(view_);
    for (const auto& t : topics_) {
      for (std::size_t p = 0; p < t.holder.size(); ++p) {
        const partition_index index{static_cast<std::int32_t>(p)};
        all[view_.members[t.holder[p]]->member].push_back({t.name, index});
      }
    }
    return all;
  }

 private:
  static constexpr auto nobody = static_cast<std::size_t>(-1);
  struct topic {
    std::string name;
    std::vector<bool> may_read;  ///< by member
    std::size_t subscriber_count;
    std::vector<std::size_t> holder;          ///< by partition
    std::vector<std::size_t> former;          ///< by partition: who kept it from the last generation
    std::vector<std::set<std::size_t>> held;  ///< by member
  };

  void set_load(std::size_t i, std::int64_t change) {
    by_load_.erase({load_[i], i});
    load_[i] += change;
    by_load_.insert({load_[i], i});
  }
  void give(topic& t, std::size_t p, std::size_t to) {
    t.holder[p] = to;
    t.held[to].insert(p);
    set_load(to, 1);
  }
  std::size_t least_loaded(const topic& t) const {
    const auto found = std::ranges::find_if(by_load_, [&](const auto& entry) { return t.may_read[entry.second]; });
    DOHLE_ASSERT(found != by_load_.end(), "a topic is only here because somebody subscribed to it");
    return found->second;
  }
  bool move_one() {
    for (auto from = by_load_.rbegin(); from != by_load_.rend(); ++from) {
      const auto [load, i] = *from;
      if (by_load_.begin()->first + 1 >= load) return false;
      topic* best = nullptr;
      std::size_t to = nobody;
      for (auto& t : topics_) {
        if (t.held[i].empty()) continue;
        const auto candidate = least_loaded(t);
        if (load_[candidate] + 1 < load && (best == nullptr || load_[candidate] < load_[to])) {
          best = &t;
          to = candidate;
        }
      }
      if (best == nullptr) continue;
      const auto& own = best->held[i];
      const auto stranger = std::ranges::find_if(own, [&](std::size_t p) { return best->former[p] != i; });
      const auto p = stranger != own.end() ? *stranger : *own.rbegin();
      best->held[i].erase(p);
      set_load(i, -1);
      give(*best, p, to);
      return true;
    }
    return false;
  }

  const view& view_;
  std::vector<std::int64_t> load_;                          ///< partitions by member
  std::set<std::pair<std::int64_t, std::size_t>> by_load_;  ///< (load, member)
  std::vector<topic> topics_;                               ///< in the order of their names
};

}  // namespace

assignment assign_range(std::span<const subscription> members, const partition_counts& topics) {
  const auto v = view_of(members, topics);
  auto all = nobody_has_any(v);
  for (const auto& [topic, subscribers] : v.subscribers) {
    const auto partitions = topics.at(topic);
    const auto count = static_cast<std::int32_t>(subscribers.size());
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < count; ++i) {
      const auto end = next + partitions / count + (i < partitions % count ? 1 : 0);
      auto& own = all[v.members[subscribers[static_cast<std::size_t>(i)]]->member];
      for (; next < end; ++next) own.push_back({topic, partition_index{next}});
    }
  }
  return all;
}

assignment assign_round_robin(std::span<const subscription> members, const partition_counts& topics) {
  const auto v = view_of(members, topics);
  auto all = nobody_has_any(v);
  std::size_t turn = 0;  // of all members; who did not subscribe is passed over
  for (const auto& [topic, subscribers] : v.subscribers) {
    for (std::int32_t p = 0; p < topics.at(topic); ++p) {
      auto next = std::ranges::lower_bound(subscribers, turn);
      if (next == subscribers.end()) next = subscribers.begin();
      all[v.members[*next]->member].push_back({topic, partition_index{p}});
      turn = (*next + 1) % v.members.size();
    }
  }
  return all;
}

assignment assign_sticky(std::span<const subscription> members, const partition_counts& topics) {
  const auto v = view_of(members, topics);
  sticky_maker maker{v, topics};
  maker.keep_owned();
  maker.give_rest();
  maker.balance();
  return maker.take();
}

result<assignment> assign(std::string_view protocol, std::span<const subscription> members,
                          const partition_counts& topics) {
  if (protocol == range_protocol) return assign_range(members, topics);
  if (protocol == round_robin_protocol) return assign_round_robin(members, topics);
  if (protocol == sticky_protocol) return assign_sticky(members, topics);
  return error{errc::inconsistent_protocol, "there is no way '" + std::string{protocol} + "' to assign partitions",
               "range, roundrobin or sticky"};
}

}  // namespace dohle::rules
