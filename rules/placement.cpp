#include "rules/placement.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace dohle::rules {

namespace {

bool takes(const host& h) { return h.alive && !h.draining; }

/// What each host holds and leads, kept up to date while a plan grows.
class census {
 public:
  census(std::span<const host> hosts, std::span<const placed> now) {
    for (const auto& h : hosts) {
      hosts_[h.id] = h;
      racks_[h.id] = h.rack.empty() ? "broker " + std::to_string(h.id.value) : "rack " + h.rack;
      if (takes(h)) takers_.push_back(h.id);
    }
    std::ranges::sort(takers_);
    for (const auto& p : now) add(p.replicas);
  }
  void add(const std::vector<broker_id>& replicas) {
    for (auto b : replicas) ++held_[b];
    if (!replicas.empty()) ++first_[replicas.front()];
  }
  void move(const std::vector<broker_id>& replicas, broker_id from, broker_id to) {
    --held_[from], ++held_[to];
    if (replicas.front() == from) --first_[from], ++first_[to];
  }

  const std::vector<broker_id>& takers() const { return takers_; }
  const host* find(broker_id id) const {
    auto found = hosts_.find(id);
    return found == hosts_.end() ? nullptr : &found->second;
  }
  std::int64_t held(broker_id id) const { return of(held_, id); }
  std::int64_t first(broker_id id) const { return of(first_, id); }
  /// How many of these are on the rack of `id`.
  std::int64_t on_rack_of(broker_id id, const std::vector<broker_id>& replicas) const {
    return std::ranges::count_if(replicas, [&](auto b) { return rack(b) == rack(id); });
  }

 private:
  using counts = std::map<broker_id, std::int64_t>;
  static std::int64_t of(const counts& c, broker_id id) {
    auto found = c.find(id);
    return found == c.end() ? 0 : found->second;
  }
  std::string rack(broker_id id) const {
    auto found = racks_.find(id);
    return found == racks_.end() ? "gone " + std::to_string(id.value) : found->second;
  }

  std::map<broker_id, host> hosts_;
  std::map<broker_id, std::string> racks_;
  std::vector<broker_id> takers_;  ///< by id
  counts held_, first_;
};

bool contains(const std::vector<broker_id>& replicas, broker_id id) {
  return std::ranges::find(replicas, id) != replicas.end();
}

/// The best host for one more replica beside `others`: a rack without one, then the least held; of the first replica
/// the least first ones. -1: there is none.
broker_id best_host(const census& now, const std::vector<broker_id>& others, bool leads) {
  broker_id best{-1};
  const auto cost = [&](broker_id b) {
    return std::tuple{now.on_rack_of(b, others), leads ? now.first(b) : 0, now.held(b), b};
  };
  for (auto b : now.takers()) {
    if (contains(others, b)) continue;
    if (best.value < 0 || cost(b) < cost(best)) best = b;
  }
  return best;
}

std::vector<broker_id> without(std::vector<broker_id> replicas, broker_id gone) {
  std::erase(replicas, gone);
  return replicas;
}

/// Does a move from `from` to `to` even the numbers out, and leave the partition on as many racks?
bool evens_out(const census& now, const placed& p, broker_id from, broker_id to) {
  if (contains(p.replicas, to) || now.held(from) - now.held(to) < 2) return false;
  const auto others = without(p.replicas, from);
  return now.on_rack_of(to, others) <= now.on_rack_of(from, others);
}

}  // namespace

result<std::vector<std::vector<broker_id>>> place(std::span<const host> hosts, std::span<const placed> now,
                                                  std::int32_t count, std::int16_t replicas) {
  census all(hosts, now);
  if (replicas < 1 || static_cast<std::size_t>(replicas) > all.takers().size())
    return error{errc::invalid_request,
                 std::to_string(replicas) + " replicas need as many brokers, and " +
                     std::to_string(all.takers().size()) + " take some",
                 "a replication factor from 1 to that number"};
  std::vector<std::vector<broker_id>> out;
  for (std::int32_t i = 0; i < count; ++i) {
    auto& chosen = out.emplace_back();
    for (std::int16_t n = 0; n < replicas; ++n) chosen.push_back(best_host(all, chosen, n == 0));
    all.add(chosen);
  }
  return out;
}

std::vector<replica_move> plan_moves(std::span<const host> hosts, std::span<const placed> now, std::size_t most) {
  census all(hosts, now);
  std::vector<placed> then(now.begin(), now.end());
  std::vector<replica_move> plan;
  const auto carry_out = [&](placed& p, broker_id from, broker_id to) {
    all.move(p.replicas, from, to);
    std::ranges::replace(p.replicas, from, to);
    plan.push_back({p.partition, from, to});
  };
  for (auto& p : then) {
    const auto before = p.replicas;
    for (auto b : before) {
      const auto* h = all.find(b);
      if (plan.size() == most || !h || !h->draining) continue;
      const auto to = best_host(all, without(p.replicas, b), p.replicas.front() == b);
      if (to.value >= 0) carry_out(p, b, to);
    }
  }
  // One pass from the fullest to the emptiest host moves one replica; each makes their difference smaller.
  for (bool moved = true; moved && plan.size() < most;) {
    moved = false;
    auto order = all.takers();
    std::ranges::stable_sort(order, {}, [&](auto b) { return all.held(b); });
    for (auto from = order.rbegin(); from != order.rend() && !moved; ++from) {
      for (auto to = order.begin(); to != order.end() && all.held(*from) - all.held(*to) >= 2 && !moved; ++to) {
        auto p = std::ranges::find_if(
            then, [&](const placed& x) { return contains(x.replicas, *from) && evens_out(all, x, *from, *to); });
        if (p == then.end()) continue;
        carry_out(*p, *from, *to);
        moved = true;
      }
    }
  }
  return plan;
}

std::vector<leader_move> plan_leaders(std::span<const host> hosts, std::span<const placed> now, std::size_t most) {
  const census all(hosts, {});
  const auto may_lead = [&](broker_id b) {
    const auto* h = all.find(b);
    return h && takes(*h);
  };
  std::vector<leader_move> urgent, wanted;
  for (const auto& p : now) {
    if (p.leader.value < 0) continue;  // an election decides
    const auto to = std::ranges::find_if(p.replicas, may_lead);
    if (to == p.replicas.end() || *to == p.leader) continue;
    (may_lead(p.leader) ? wanted : urgent).push_back({p.partition, p.leader, *to});
  }
  urgent.insert(urgent.end(), wanted.begin(), wanted.end());
  if (urgent.size() > most) urgent.resize(most);
  return urgent;
}

}  // namespace dohle::rules
