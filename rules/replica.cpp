#include "rules/replica.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "rules/watermark.hpp"
#include "schema/error.hpp"

namespace dohle::rules {

namespace {

bool is_majority(const replica& r, std::size_t count) { return 2 * count > r.voters.size(); }

bool holds(const std::vector<broker_id>& all, broker_id one) { return std::ranges::find(all, one) != all.end(); }

}  // namespace

replica restored(broker_id me, std::vector<broker_id> voters, const hard_state& from, epoch_history log) {
  DOHLE_ASSERT(log.end().epoch <= from.epoch, "an epoch is persisted before anything of it");
  DOHLE_ASSERT(from.high_watermark <= log.end().end, "what is committed here is on this disk");
  replica r;
  r.me = me;
  r.voters = std::move(voters);
  r.current = from.epoch;
  r.vote = from.vote;
  r.high_watermark = from.high_watermark;
  r.log = std::move(log);
  r.on_disk = r.log.end();
  return r;
}

hard_state hard(const replica& r) { return {r.current, r.vote, r.high_watermark}; }

std::optional<hard_state> observe(replica& r, epoch seen) {
  if (seen <= r.current) return std::nullopt;
  r.current = seen;
  r.vote = -1;
  r.leader.reset();
  r.role = replica_role::follower;
  return hard(r);
}

hard_state start_election(replica& r) {
  DOHLE_ASSERT(may_stand(r), "only a voter may campaign");
  DOHLE_ASSERT(r.current.value < std::numeric_limits<std::int32_t>::max(), "epochs never wrap");
  observe(r, epoch{r.current.value + 1});
  r.vote = r.me.value;
  r.role = replica_role::candidate;
  r.votes = {r.me};
  r.flushed.clear();
  return hard(r);
}

bool wins(const replica& r, std::span<const broker_id> votes) {
  const auto granted =
      std::ranges::count_if(r.voters, [&](broker_id voter) { return std::ranges::find(votes, voter) != votes.end(); });
  return is_majority(r, static_cast<std::size_t>(granted));
}

void become_leader(replica& r) {
  DOHLE_ASSERT(r.role == replica_role::candidate && r.vote == r.me.value, "only the winner of an election leads");
  r.role = replica_role::leader;
  r.leader = r.me;
  r.flushed.clear();
}

void resign(replica& r) {
  DOHLE_ASSERT(r.role == replica_role::leader, "only a leader has an office to give up");
  r.role = replica_role::follower;
  r.leader.reset();
  r.flushed.clear();
}

bool on_flushed(replica& r, broker_id who, position at) {
  if (r.role != replica_role::leader || !(is_voter(r, who) || holds(r.learners, who))) return false;
  auto& known = r.flushed[who];
  known = std::max(known, at);
  std::vector<position> positions;
  positions.reserve(r.voters.size());
  for (auto voter : r.voters) positions.push_back(flushed_of(r, voter));
  const auto reached = high_watermark(r.current, r.high_watermark, positions);
  const bool advanced = reached > r.high_watermark;
  r.high_watermark = reached;
  return advanced;
}

position flushed_of(const replica& r, broker_id who) {
  const auto found = r.flushed.find(who);
  return found == r.flushed.end() ? position{} : found->second;
}

bool is_voter(const replica& r, broker_id who) { return holds(r.voters, who); }

bool may_stand(const replica& r) { return !r.replaced && (r.leaving || is_voter(r, r.me)); }

bool may_serve(const replica& r) {
  if (r.role != replica_role::leader) return false;
  const auto marked = std::ranges::count_if(r.voters, [&](broker_id v) { return flushed_of(r, v).epoch == r.current; });
  return is_majority(r, static_cast<std::size_t>(marked));
}

}  // namespace dohle::rules
