#include "rules/replica_set.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "schema/limits.hpp"

namespace dohle::rules {

namespace {

using members = std::vector<replica_id>;

bool holds(const members& all, const replica_id& who) { return std::ranges::find(all, who) != all.end(); }

const replica_id* on_broker(const replica_set& s, broker_id b) {
  for (const auto* all : {&s.voters, &s.learners}) {
    const auto found = std::ranges::find(*all, b, &replica_id::broker);
    if (found != all->end()) return &*found;
  }
  return nullptr;
}

std::vector<broker_id> brokers(const members& all) {
  std::vector<broker_id> ids;
  for (const auto& m : all) ids.push_back(m.broker);
  return ids;
}

error invalid(std::string what, std::string hint) { return {errc::invalid_request, std::move(what), std::move(hint)}; }

error wait_for(std::string what) { return {errc::busy, std::move(what), "the same again in a moment"}; }

std::string name(const replica_id& who) { return "broker " + std::to_string(who.broker.value); }

bool has_caught_up(const replica& r, broker_id learner) {
  const auto at = flushed_of(r, learner);
  return at.epoch == r.current && at.end >= r.high_watermark;
}

result<replica_set> added(replica_set s, const replica_id& who) {
  if (on_broker(s, who.broker)) return invalid(name(who) + " has a replica here", "remove that one first");
  if (s.voters.size() + s.learners.size() >= limits::max_replicas)
    return invalid("the partition has all the replicas it may have", "remove one first");
  s.learners.push_back(who);
  return s;
}

result<replica_set> promoted(const replica& r, replica_set s, const replica_id& who) {
  if (std::erase(s.learners, who) == 0) return invalid(name(who) + " is no learner here", "add it first");
  if (!has_caught_up(r, who.broker)) return wait_for(name(who) + " has not caught up");
  s.voters.push_back(who);
  return s;
}

result<replica_set> removed(replica_set s, const replica_id& who) {
  if (std::erase(s.learners, who) + std::erase(s.voters, who) == 0)
    return invalid(name(who) + " has no such replica here", "a member of the set");
  if (s.voters.empty()) return invalid(name(who) + " is the last voter", "promote another one first");
  return s;
}

}  // namespace

bool is_member(const replica_set& s, const replica_id& who) { return holds(s.voters, who) || holds(s.learners, who); }

void replica_sets::append(offset at, replica_set set) {
  DOHLE_ASSERT(newer_.empty() || at > newer_.back().at, "sets are in the order of their log");
  DOHLE_ASSERT(!set.voters.empty(), "a partition has a voter");
  newer_.push_back({at, std::move(set)});
}

bool replica_sets::truncate(offset end) {
  const auto before = newer_.size();
  while (!newer_.empty() && newer_.back().at >= end) newer_.pop_back();
  return newer_.size() != before;
}

void replica_sets::commit(offset high_watermark) {
  for (; !newer_.empty() && newer_.front().at < high_watermark; newer_.pop_front()) {
    first_ = std::move(newer_.front().set);
  }
}

bool replica_sets::may_vote(const replica_id& who) const {
  return holds(first_.voters, who) ||
         std::ranges::any_of(newer_, [&](const appended& a) { return holds(a.set.voters, who); });
}

result<replica_set> changed_set(const replica& r, const replica_sets& sets, const set_change& change) {
  if (r.role != replica_role::leader) return error{errc::not_leader, "only the leader changes the set", "the leader"};
  // A set of an earlier epoch that a majority may or may not have would overlap with neither (Ongaro, 2015).
  if (!may_serve(r)) return wait_for("the leader's epoch is not committed");
  if (!sets.settled()) return wait_for("the change before is not committed");
  switch (change.kind) {
    case set_change_kind::add_learner: return added(sets.current(), change.who);
    case set_change_kind::promote: return promoted(r, sets.current(), change.who);
    case set_change_kind::remove: return removed(sets.current(), change.who);
  }
  return invalid("no such change", "add, promote or remove");
}

void adopt(replica& r, const replica_id& me, const replica_set& before, const replica_sets& sets) {
  const auto& now = sets.current();
  DOHLE_ASSERT(me.broker == r.me, "a replica stays on its broker");
  DOHLE_ASSERT(!now.voters.empty(), "a partition has a voter");
  r.voters = brokers(now.voters);
  r.learners = brokers(now.learners);
  r.leaving = !holds(now.voters, me) && sets.may_vote(me);
  const auto* place = on_broker(now, me.broker);
  r.replaced = place && *place != me;
  const auto is_other = [&](broker_id b) {
    const auto* was = on_broker(before, b);
    const auto* is = on_broker(now, b);
    return !is || (was && was->disk != is->disk);
  };
  std::erase_if(r.flushed, [&](const auto& known) { return known.first != r.me && is_other(known.first); });
  std::erase_if(r.votes, is_other);
}

bool must_resign(const replica& r, const replica_sets& sets) {
  return r.role == replica_role::leader && sets.settled() && !is_voter(r, r.me);
}

}  // namespace dohle::rules
