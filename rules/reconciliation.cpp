#include "rules/reconciliation.hpp"

#include <algorithm>

namespace dohle::rules {

namespace {

bool meet(const partition_set& a, const partition_set& b) {
  return std::ranges::any_of(a, [&](const auto& p) { return b.contains(p); });
}

void enter(consumer_position& at, std::int32_t epoch) {
  if (at.epoch == epoch) return;
  at.previous_epoch = at.epoch;
  at.epoch = epoch;
}

}  // namespace

consumer_position reconcile(const consumer_position& from, const partition_set& target, std::int32_t target_epoch,
                            const std::optional<partition_set>& owned,
                            const std::function<bool(const topic_partition&)>& free) {
  if (from.phase == consumer_phase::stable && from.epoch == target_epoch) return from;
  if (from.phase == consumer_phase::revoking && (!owned || meet(*owned, from.revoking))) return from;
  consumer_position to = from;
  to.assigned.clear();
  to.revoking.clear();
  for (const auto& p : from.assigned) (target.contains(p) ? to.assigned : to.revoking).insert(p);
  if (!to.revoking.empty() && (!owned || meet(*owned, to.revoking))) {
    to.phase = consumer_phase::revoking;
    // What was to be given up before is given up: that was a step of its own.
    if (from.phase == consumer_phase::revoking) enter(to, from.epoch + 1);
    return to;
  }
  to.revoking.clear();
  to.phase = consumer_phase::stable;
  for (const auto& p : target) {
    if (to.assigned.contains(p)) continue;
    // What the member itself just gave up is as good as free.
    if (free(p) || from.revoking.contains(p)) {
      to.assigned.insert(p);
    } else {
      to.phase = consumer_phase::waiting;
    }
  }
  enter(to, target_epoch);
  return to;
}

}  // namespace dohle::rules
