#include "rules/replica.hpp"

#include <algorithm>
#include <limits>

#include "rules/watermark.hpp"
#include "schema/error.hpp"

namespace dohle::rules {

namespace {

bool is_majority(const replica& r, std::size_t count) { return 2 * count > r.voters.size(); }

position flushed_of(const replica& r, broker_id who) {
  const auto found = r.flushed.find(who);
  return found == r.flushed.end() ? position{} : found->second;
}

}  // namespace

election start_election(replica& r) {
  DOHLE_ASSERT(std::ranges::find(r.voters, r.me) != r.voters.end(), "only a voter may campaign");
  DOHLE_ASSERT(r.current.value < std::numeric_limits<std::int32_t>::max(), "epochs never wrap");
  ++r.current;
  r.vote = r.me.value;
  r.role = replica_role::candidate;
  r.flushed.clear();
  return {r.current, r.vote, r.high_watermark};
}

bool wins(const replica& r, std::span<const broker_id> votes) {
  const auto granted =
      std::ranges::count_if(r.voters, [&](broker_id voter) { return std::ranges::find(votes, voter) != votes.end(); });
  return is_majority(r, static_cast<std::size_t>(granted));
}

void become_leader(replica& r) {
  DOHLE_ASSERT(r.role == replica_role::candidate && r.vote == r.me.value, "only the winner of an election leads");
  r.role = replica_role::leader;
  r.flushed.clear();
}

bool on_flushed(replica& r, broker_id who, position at) {
  if (r.role != replica_role::leader || std::ranges::find(r.voters, who) == r.voters.end()) return false;
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

bool may_serve(const replica& r) {
  if (r.role != replica_role::leader) return false;
  const auto marked = std::ranges::count_if(r.voters, [&](broker_id v) { return flushed_of(r, v).epoch == r.current; });
  return is_majority(r, static_cast<std::size_t>(marked));
}

}  // namespace dohle::rules
