#include "rules/liveness.hpp"

#include <algorithm>
#include <string>

namespace dohle::rules {

namespace {

constexpr epoch none{-1};

/// Between one and two time-outs, so that one follower is mostly alone in standing.
std::chrono::milliseconds drawn(const election_times& times, std::uint64_t chance) {
  const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(times.timeout.count(), 1));
  return times.timeout + std::chrono::milliseconds{static_cast<std::int64_t>(chance % most)};
}

void be_patient(liveness& l, moment now, std::uint64_t chance) {
  l.silent_since = now;
  l.patience = drawn(l.times, chance);
  l.pre_voted = none;
  l.pre_votes.clear();
}

bool overslept(const liveness& l, moment now) { return now - l.last_tick > l.times.heartbeat; }

bool reigns(const replica& r, const liveness& l) { return r.role == replica_role::leader && l.reign == r.current; }

/// Whether those of whom `counts` holds, and this replica, are a majority.
template <class F>
bool majority_answered(const replica& r, const liveness& l, F counts) {
  std::vector<broker_id> heard{r.me};
  for (const auto& [who, response] : l.responses) {
    if (counts(response)) heard.push_back(who);
  }
  return wins(r, heard);
}

bool is_trusted(const replica& r, const liveness& l) {
  return l.needed_round == 0 ||
         majority_answered(r, l, [&](const auto& response) { return response.round >= l.needed_round; });
}

tick_outcome tick_leader(replica& r, liveness& l, moment now, std::uint64_t chance, bool slept) {
  tick_outcome done;
  if (slept) {
    if (is_trusted(r, l)) l.reign_checked = now;  // time to be heard of, once: who always sleeps cannot lead
    l.needed_round = l.round + 1;
  }
  const auto heard_lately = [&](const auto& response) { return now - response.at <= l.times.timeout; };
  const bool checked = now - l.reign_checked <= l.times.timeout;
  if (!checked && !(majority_answered(r, l, heard_lately) && is_trusted(r, l))) {
    resign(r);
    l.reign = none;
    l.transfer.reset();
    be_patient(l, now, chance);
    done.resigned = true;
    return done;
  }
  if (slept || now - l.round_sent >= l.times.heartbeat) {
    l.round_sent = now;
    done.round = ++l.round;
  }
  if (l.transfer && now >= l.transfer->deadline) {
    l.transfer.reset();
    done.transfer_failed = true;
  }
  done.stand_now = step_transfer(r, l);
  return done;
}

tick_outcome tick_follower(replica& r, liveness& l, moment now, std::uint64_t chance) {
  tick_outcome done;
  if (l.reign != none) {  // who led a moment ago knows of no silence
    l.reign = none;
    l.transfer.reset();
    be_patient(l, now, chance);
  }
  if (!may_stand(r) || now - l.silent_since < l.patience) return done;
  be_patient(l, now, chance);
  l.pre_voted = epoch{r.current.value + 1};
  l.pre_votes = {r.me};
  if (wins(r, l.pre_votes)) {
    l.pre_voted = none;
    done.campaign = campaign(r);
    if (done.campaign->won) begin_reign(r, l, now);
  } else {
    done.pre_vote = vote_request{l.pre_voted, r.me, r.log.end(), true, false};
  }
  return done;
}

}  // namespace

liveness started(const election_times& times, moment now, std::uint64_t chance) {
  liveness l;
  l.times = times;
  l.last_tick = l.leader_heard = now;
  be_patient(l, now, chance);
  return l;
}

// --- followers and candidates --------------------------------------------------------------------------------------

std::optional<hard_state> on_leader_alive(replica& r, liveness& l, epoch seen, broker_id leader, moment now,
                                          std::uint64_t chance) {
  auto persist = observe(r, seen);
  if (seen < r.current || r.role == replica_role::leader) return persist;
  r.role = replica_role::follower;
  r.leader = leader;
  l.leader_heard = now;
  be_patient(l, now, chance);
  return persist;
}

bool has_live_leader(const replica& r, const liveness& l, moment now) {
  return r.role == replica_role::leader || now - l.leader_heard < l.times.timeout;
}

vote_answer on_pre_vote_request(const replica& r, const liveness& l, const vote_request& ask, moment now) {
  DOHLE_ASSERT(ask.pre, "only a pre-vote binds nobody");
  const bool granted = would_grant(r, ask) && (ask.transfer || !has_live_leader(r, l, now));
  return {granted ? ask.epoch : r.current, r.me, true, granted};
}

pre_vote_outcome on_pre_vote(replica& r, liveness& l, const vote_answer& a, moment now, std::uint64_t chance) {
  pre_vote_outcome done;
  if (!a.granted) {
    done.persist = observe(r, a.epoch);
    return done;
  }
  const bool current = a.pre && l.pre_voted != none && a.epoch == l.pre_voted && a.epoch.value == r.current.value + 1;
  if (!current || r.role == replica_role::leader) return done;
  if (std::ranges::find(l.pre_votes, a.voter) == l.pre_votes.end()) l.pre_votes.push_back(a.voter);
  if (!wins(r, l.pre_votes)) return done;
  be_patient(l, now, chance);
  done.campaign = campaign(r);
  return done;
}

vote_outcome on_vote_request(replica& r, liveness& l, const vote_request& ask, moment now) {
  if (!ask.transfer && has_live_leader(r, l, now)) return {std::nullopt, {r.current, r.me, false, false}};
  auto done = on_vote_request(r, ask);
  if (done.answer.granted) l.silent_since = now;  // it gets the time to win
  return done;
}

std::optional<campaign_outcome> on_stand_now(replica& r, liveness& l, epoch from, moment now, std::uint64_t chance) {
  if (from != r.current || r.role != replica_role::follower || !may_stand(r)) return std::nullopt;
  be_patient(l, now, chance);
  return campaign(r, true);
}

// --- the leader ----------------------------------------------------------------------------------------------------

void begin_reign(const replica& r, liveness& l, moment now) {
  DOHLE_ASSERT(r.role == replica_role::leader, "only the winner of an election reigns");
  l.reign = r.current;
  l.reign_checked = l.last_tick = now;
  l.needed_round = 0;
  l.round_sent = now - l.times.heartbeat;
  l.responses.clear();
  l.transfer.reset();
  l.pre_voted = none;
}

void on_response(const replica& r, liveness& l, broker_id who, epoch in, std::uint64_t round, moment now) {
  if (!reigns(r, l) || in != r.current || round > l.round) return;
  auto& known = l.responses[who];
  known.at = now;
  known.round = std::max(known.round, round);
}

bool may_acknowledge(const replica& r, const liveness& l, moment now) {
  return reigns(r, l) && !overslept(l, now) && is_trusted(r, l);
}

bool may_append(const replica& r, const liveness& l) { return reigns(r, l) && !l.transfer; }

result<void> start_transfer(const replica& r, liveness& l, broker_id target, moment now) {
  if (!reigns(r, l)) return error{errc::not_leader, "only the leader can hand over", "the leader"};
  const auto name = "broker " + std::to_string(target.value);
  if (target == r.me || !is_voter(r, target))
    return error{errc::invalid_request, name + " cannot take over the partition", "another voter"};
  if (l.transfer) return error{errc::busy, "the office is being handed over", "the same again in a moment"};
  l.transfer = liveness::handover{target, now + l.times.timeout, false};
  return {};
}

std::optional<broker_id> step_transfer(const replica& r, liveness& l) {
  if (!reigns(r, l) || !l.transfer || l.transfer->told || flushed_of(r, l.transfer->target) != r.log.end())
    return std::nullopt;
  l.transfer->told = true;
  return l.transfer->target;
}

// --- all -----------------------------------------------------------------------------------------------------------

tick_outcome on_tick(replica& r, liveness& l, moment now, std::uint64_t chance) {
  DOHLE_ASSERT(now >= l.last_tick, "this clock never goes back");
  const bool slept = overslept(l, now);
  l.last_tick = now;
  if (r.role != replica_role::leader) return tick_follower(r, l, now, chance);
  if (!reigns(r, l)) begin_reign(r, l, now);
  return tick_leader(r, l, now, chance, slept);
}

}  // namespace dohle::rules
