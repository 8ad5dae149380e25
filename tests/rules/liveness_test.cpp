// Rules R9 (a leader that no majority answers resigns), R10 (pre-vote; nobody helps against a leader that lives) and
// R16 (after a sleep nothing is acknowledged before a majority answered anew); leadership transfer.
#include "rules/liveness.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "rules/replication.hpp"

namespace dohle::rules {
namespace {

position at(std::int32_t e, std::int64_t end) { return {epoch{e}, offset{end}}; }
constexpr moment ms(std::int64_t n) { return moment{n}; }
const election_times times{ms(1'000), ms(100)};

/// Broker `me` of 1, 2 and 3 in epoch 4 with records up to 7; it started at 0 and stands after 1,250 ms of silence.
struct node {
  explicit node(std::int32_t me = 1, std::int32_t voters = 3) {
    epoch_history log;
    log.open(epoch{4});
    log.append(epoch{4}, 7);
    std::vector<broker_id> all;
    for (std::int32_t i = 1; i <= voters; ++i) all.push_back(broker_id{i});
    r = restored(broker_id{me}, all, {epoch{4}, -1, offset{0}}, log);
    l = started(times, ms(0), 250);
  }
  /// Ticks every 50 ms until `end`; the last outcome that asked for something.
  tick_outcome tick_until(moment end) {
    tick_outcome last;
    while (l.last_tick + ms(50) <= end) {
      auto done = on_tick(r, l, l.last_tick + ms(50), 250);
      if (done.pre_vote || done.campaign || done.resigned || done.stand_now || done.transfer_failed) last = done;
    }
    return last;
  }
  void lead() {
    start_election(r);
    become_leader(r);
    r.log.open(r.current);
    begin_reign(r, l, l.last_tick);
  }
  void hear(std::int32_t who, moment now, std::uint64_t round = 0) {
    on_response(r, l, broker_id{who}, r.current, round, now);
  }
  vote_request asks(bool pre, std::int32_t e = 5, bool transfer = false) const {
    return {epoch{e}, broker_id{2}, r.log.end(), pre, transfer};
  }
  replica r;
  liveness l;
};

TEST(liveness, patience_is_drawn_between_one_and_two_time_outs) {
  for (std::uint64_t chance : {0ULL, 250ULL, 999ULL, 1'000ULL, ~0ULL}) {
    const auto l = started(times, ms(0), chance);
    EXPECT_GE(l.patience, times.timeout);
    EXPECT_LT(l.patience, 2 * times.timeout);
  }
}

// --- R10 -----------------------------------------------------------------------------------------------------------

TEST(liveness, silence_asks_for_pre_votes_and_opens_no_epoch) {
  node n;
  EXPECT_FALSE(n.tick_until(ms(1'200)).pre_vote);
  const auto done = n.tick_until(ms(1'250));
  EXPECT_EQ(done.pre_vote, (vote_request{epoch{5}, broker_id{1}, at(4, 7), true, false}));
  EXPECT_EQ(n.r.current, epoch{4});
  EXPECT_EQ(n.r.vote, -1);
  EXPECT_FALSE(n.tick_until(ms(2'450)).pre_vote);
  EXPECT_TRUE(n.tick_until(ms(2'500)).pre_vote);  // and again, for ever, still in epoch 4
  EXPECT_EQ(n.r.current, epoch{4});
}

TEST(liveness, a_majority_of_pre_votes_stands) {
  node n{1, 5};
  n.tick_until(ms(1'250));
  const auto vote = [&](std::int32_t who, std::int32_t e, bool granted = true, bool pre = true) {
    return on_pre_vote(n.r, n.l, {epoch{e}, broker_id{who}, pre, granted}, ms(1'260), 250).campaign.has_value();
  };
  EXPECT_FALSE(vote(2, 5));
  EXPECT_FALSE(vote(2, 5));               // counted once
  EXPECT_FALSE(vote(3, 4));               // of another attempt
  EXPECT_FALSE(vote(3, 5, true, false));  // a vote is no pre-vote
  EXPECT_FALSE(vote(9, 5));               // no voter
  EXPECT_EQ(n.r.current, epoch{4});
  EXPECT_TRUE(vote(3, 5));
  EXPECT_EQ(n.r.current, epoch{5});
  EXPECT_EQ(n.r.role, replica_role::candidate);
  EXPECT_FALSE(vote(4, 5));  // once
}

TEST(liveness, a_sign_of_the_leader_ends_the_attempt) {
  node n;
  n.tick_until(ms(1'250));
  on_leader_alive(n.r, n.l, epoch{4}, broker_id{3}, ms(1'255), 250);
  EXPECT_FALSE(on_pre_vote(n.r, n.l, {epoch{5}, broker_id{2}, true, true}, ms(1'260), 250).campaign);
  EXPECT_FALSE(n.tick_until(ms(2'500)).pre_vote);
  EXPECT_TRUE(n.tick_until(ms(2'550)).pre_vote);
}

TEST(liveness, the_dead_of_an_earlier_epoch_are_no_leader) {
  node n;
  EXPECT_FALSE(on_leader_alive(n.r, n.l, epoch{3}, broker_id{3}, ms(1'000), 250));
  EXPECT_FALSE(n.r.leader);
  EXPECT_TRUE(n.tick_until(ms(1'250)).pre_vote);
  EXPECT_TRUE(on_leader_alive(n.r, n.l, epoch{7}, broker_id{3}, ms(1'300), 250));  // a later one is to be persisted
  EXPECT_EQ(n.r.current, epoch{7});
}

TEST(liveness, nobody_helps_against_a_leader_heard_within_the_shortest_time_out) {
  struct row {
    std::int64_t since;
    bool transfer, granted;
  };
  for (const auto& row :
       std::vector<row>{{0, false, false}, {999, false, false}, {1'000, false, true}, {0, true, true}}) {
    node n;
    on_leader_alive(n.r, n.l, epoch{4}, broker_id{3}, ms(500), 250);
    const auto now = ms(500 + row.since);
    EXPECT_EQ(on_pre_vote_request(n.r, n.l, n.asks(true, 5, row.transfer), now).granted, row.granted) << row.since;
    const auto done = on_vote_request(n.r, n.l, n.asks(false, 5, row.transfer), now);
    EXPECT_EQ(done.answer.granted, row.granted) << row.since;
    EXPECT_EQ(n.r.current, epoch{row.granted ? 5 : 4});  // refused: not even its epoch is taken
    EXPECT_EQ(done.persist.has_value(), row.granted);
  }
}

TEST(liveness, a_pre_vote_needs_a_log_that_holds_all_of_mine) {
  node n;
  auto ask = n.asks(true);
  ask.at = at(4, 6);
  EXPECT_FALSE(on_pre_vote_request(n.r, n.l, ask, ms(5'000)).granted);
  EXPECT_FALSE(on_pre_vote_request(n.r, n.l, n.asks(true, 4), ms(5'000)).granted);
  EXPECT_TRUE(on_pre_vote_request(n.r, n.l, n.asks(true), ms(5'000)).granted);
  EXPECT_EQ(n.r.vote, -1);
}

TEST(liveness, a_start_waits_as_if_a_leader_had_just_been_heard) {
  node n;
  EXPECT_FALSE(on_pre_vote_request(n.r, n.l, n.asks(true), ms(999)).granted);
  EXPECT_TRUE(on_pre_vote_request(n.r, n.l, n.asks(true), ms(1'000)).granted);
}

TEST(liveness, the_only_voter_leads_after_its_silence_and_learners_never_stand) {
  node alone{1, 1};
  const auto done = alone.tick_until(ms(1'250));
  ASSERT_TRUE(done.campaign);
  EXPECT_TRUE(done.campaign->won);
  EXPECT_TRUE(may_acknowledge(alone.r, alone.l, ms(1'260)));
  node learner{4, 3};
  EXPECT_FALSE(learner.tick_until(ms(10'000)).pre_vote);
}

// --- R9 ------------------------------------------------------------------------------------------------------------

TEST(liveness, a_leader_that_no_majority_answers_for_a_time_out_resigns) {
  node n{1, 5};
  n.lead();
  EXPECT_FALSE(n.tick_until(ms(900)).resigned);
  n.hear(2, ms(900));
  n.hear(3, ms(600));
  EXPECT_FALSE(n.tick_until(ms(1'600)).resigned);
  EXPECT_TRUE(may_acknowledge(n.r, n.l, ms(1'600)));
  EXPECT_TRUE(n.tick_until(ms(1'650)).resigned);  // of five, it and broker 2 are two
  EXPECT_EQ(n.r.role, replica_role::follower);
  EXPECT_EQ(n.r.current, epoch{5});  // nobody else can lead in it
  EXPECT_FALSE(may_acknowledge(n.r, n.l, ms(1'650)));
  EXPECT_TRUE(n.tick_until(ms(2'900)).pre_vote);
}

TEST(liveness, only_responses_in_the_leaders_own_epoch_count) {
  node n;
  n.lead();
  on_response(n.r, n.l, broker_id{2}, epoch{4}, 0, ms(500));  // what it said to the leader before
  on_response(n.r, n.l, broker_id{9}, epoch{5}, 0, ms(500));  // a stranger
  EXPECT_TRUE(n.tick_until(ms(1'050)).resigned);
}

TEST(liveness, a_leader_asks_every_heartbeat) {
  node n;
  n.lead();
  int rounds = 0;
  for (std::int64_t now = 50; now <= 1'000; now += 50) {
    n.hear(2, ms(now));
    rounds += on_tick(n.r, n.l, ms(now), 0).round.has_value();
  }
  EXPECT_EQ(rounds, 10);
}

// --- R16 -----------------------------------------------------------------------------------------------------------

TEST(liveness, a_leader_that_slept_acknowledges_nothing_until_a_majority_answers_anew) {
  node n;
  n.lead();
  n.tick_until(ms(200));
  n.hear(2, ms(200), n.l.round);
  EXPECT_TRUE(may_acknowledge(n.r, n.l, ms(300)));
  EXPECT_FALSE(may_acknowledge(n.r, n.l, ms(301)));  // the tick is overdue: it slept, and does not know it yet
  n.hear(2, ms(700), n.l.round);                     // was in the mailbox all the time
  EXPECT_FALSE(may_acknowledge(n.r, n.l, ms(700)));
  const auto woke = on_tick(n.r, n.l, ms(700), 0);
  ASSERT_TRUE(woke.round);
  EXPECT_FALSE(woke.resigned);
  EXPECT_FALSE(may_acknowledge(n.r, n.l, ms(701)));
  n.hear(3, ms(702), *woke.round - 1);
  n.hear(3, ms(702));  // a fetch may be as old
  EXPECT_FALSE(may_acknowledge(n.r, n.l, ms(702)));
  n.hear(3, ms(703), *woke.round + 1);  // no such round was sent
  EXPECT_FALSE(may_acknowledge(n.r, n.l, ms(703)));
  n.hear(3, ms(704), *woke.round);
  EXPECT_TRUE(may_acknowledge(n.r, n.l, ms(704)));
}

TEST(liveness, a_leader_that_slept_long_and_is_answered_no_more_resigns) {
  node n;
  n.lead();
  n.tick_until(ms(200));
  n.hear(2, ms(200), n.l.round);
  EXPECT_FALSE(on_tick(n.r, n.l, ms(60'000), 0).resigned);
  EXPECT_FALSE(n.tick_until(ms(61'000)).resigned);
  EXPECT_TRUE(n.tick_until(ms(61'050)).resigned);
}

TEST(liveness, who_always_sleeps_cannot_lead) {
  node n;
  n.lead();
  bool resigned = false;
  for (std::int64_t now = 300; now <= 2'500 && !resigned; now += 300) resigned = on_tick(n.r, n.l, ms(now), 0).resigned;
  EXPECT_TRUE(resigned);
}

TEST(liveness, the_only_voter_needs_no_answer) {
  node n{1, 1};
  n.lead();
  on_tick(n.r, n.l, ms(60'000), 0);
  EXPECT_TRUE(may_acknowledge(n.r, n.l, ms(60'001)));
  EXPECT_FALSE(n.tick_until(ms(70'000)).resigned);
}

// --- transfer ------------------------------------------------------------------------------------------------------

TEST(liveness, the_office_goes_to_one_that_has_caught_up) {
  node leader;
  leader.lead();
  append_records(leader.r, 2);
  EXPECT_TRUE(start_transfer(leader.r, leader.l, broker_id{2}, ms(0)));
  EXPECT_FALSE(may_append(leader.r, leader.l));
  on_flushed(leader.r, broker_id{2}, at(5, 8));
  EXPECT_FALSE(step_transfer(leader.r, leader.l));
  on_flushed(leader.r, broker_id{2}, at(5, 9));
  EXPECT_EQ(step_transfer(leader.r, leader.l), broker_id{2});
  EXPECT_FALSE(step_transfer(leader.r, leader.l));  // told once

  node target{2};
  observe(target.r, epoch{5});
  target.r.log.open(epoch{5});
  target.r.log.append(epoch{5}, 2);
  EXPECT_FALSE(on_stand_now(target.r, target.l, epoch{4}, ms(10), 0));  // from a leader deposed
  const auto stands = on_stand_now(target.r, target.l, epoch{5}, ms(10), 0);
  ASSERT_TRUE(stands);
  EXPECT_TRUE(stands->request.transfer);
  EXPECT_TRUE(on_vote_request(leader.r, leader.l, stands->request, ms(11)).answer.granted);
  EXPECT_EQ(leader.r.role, replica_role::follower);
  EXPECT_EQ(leader.r.current, epoch{6});
}

TEST(liveness, a_transfer_that_does_not_come_about_ends_after_a_time_out) {
  node n;
  n.lead();
  ASSERT_TRUE(start_transfer(n.r, n.l, broker_id{2}, ms(0)));
  for (std::int64_t now = 50; now < 1'000; now += 50) {
    n.hear(3, ms(now));
    EXPECT_FALSE(on_tick(n.r, n.l, ms(now), 0).transfer_failed);
  }
  EXPECT_TRUE(on_tick(n.r, n.l, ms(1'000), 0).transfer_failed);
  EXPECT_TRUE(may_append(n.r, n.l));
}

TEST(liveness, a_transfer_is_refused_when_it_cannot_be) {
  node n;
  EXPECT_EQ(start_transfer(n.r, n.l, broker_id{2}, ms(0)).code(), errc::not_leader);
  n.lead();
  EXPECT_EQ(start_transfer(n.r, n.l, broker_id{1}, ms(0)).code(), errc::invalid_request);
  EXPECT_EQ(start_transfer(n.r, n.l, broker_id{9}, ms(0)).code(), errc::invalid_request);
  EXPECT_TRUE(start_transfer(n.r, n.l, broker_id{2}, ms(0)));
  EXPECT_EQ(start_transfer(n.r, n.l, broker_id{3}, ms(0)).code(), errc::busy);
}

TEST(liveness, a_leader_deposed_forgets_its_reign) {
  node n;
  n.lead();
  ASSERT_TRUE(start_transfer(n.r, n.l, broker_id{2}, ms(0)));
  observe(n.r, epoch{8});
  EXPECT_FALSE(may_acknowledge(n.r, n.l, ms(10)));
  EXPECT_FALSE(n.tick_until(ms(1'250)).pre_vote);  // its silence begins with the first tick after
  EXPECT_TRUE(n.tick_until(ms(1'300)).pre_vote);
  EXPECT_FALSE(n.l.transfer);
}

}  // namespace
}  // namespace dohle::rules
