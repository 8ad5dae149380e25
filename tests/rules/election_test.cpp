// Rules R1 (epochs only grow, persisted before spoken) and R2 (one vote an epoch, for a log that holds all of mine).
#include "rules/election.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace dohle::rules {
namespace {

position at(std::int32_t e, std::int64_t end) { return {epoch{e}, offset{end}}; }

/// Broker 1 of 1, 2 and 3, in epoch 4, with records of epoch 3 up to 7 of which 5 are flushed.
replica made() {
  epoch_history log;
  log.open(epoch{3});
  log.append(epoch{3}, 7);
  auto r = restored(broker_id{1}, {broker_id{1}, broker_id{2}, broker_id{3}}, {epoch{4}, -1, offset{2}}, log);
  r.on_disk = at(3, 5);
  return r;
}

vote_request asked(std::int32_t e, std::int32_t candidate, position p) { return {epoch{e}, broker_id{candidate}, p}; }

TEST(election, who_stands_opens_an_epoch_with_its_own_vote_and_persists_both) {
  auto r = made();
  const auto done = campaign(r);
  EXPECT_EQ(done.persist, (hard_state{epoch{5}, 1, offset{2}}));
  EXPECT_EQ(done.request, asked(5, 1, at(3, 7)));
  EXPECT_FALSE(done.won);
  EXPECT_EQ(r.role, replica_role::candidate);
}

TEST(election, the_only_voter_needs_nobody_else) {
  auto r = made();
  r.voters = {broker_id{1}};
  EXPECT_TRUE(campaign(r).won);
  EXPECT_EQ(r.role, replica_role::leader);
  EXPECT_EQ(r.log.end(), at(5, 7));
}

TEST(election, a_vote_goes_to_a_log_that_holds_all_of_mine) {
  struct row {
    std::int32_t epoch;
    position candidates;
    bool granted;
  };
  const std::vector<row> rows{
      {5, at(3, 7), true},   {5, at(3, 8), true}, {5, at(4, 0), true},  // the epoch comes first
      {5, at(3, 6), false},                                             // what is not flushed yet will be when I speak
      {5, at(2, 99), false}, {4, at(3, 7), true}, {3, at(3, 7), false},
  };
  for (const auto& row : rows) {
    auto r = made();
    const auto done = on_vote_request(r, asked(row.epoch, 2, row.candidates));
    EXPECT_EQ(done.answer.granted, row.granted) << row.epoch;
    EXPECT_EQ(r.vote, row.granted ? 2 : -1);
    EXPECT_EQ(r.current, epoch{std::max(row.epoch, 4)});
    EXPECT_EQ(done.answer.epoch, r.current);
    // Refused or not, nothing is said in an epoch that is not persisted; and no vote that is not.
    const bool changed = row.granted || row.epoch > 4;
    EXPECT_EQ(done.persist, changed ? std::optional{hard(r)} : std::nullopt) << row.epoch;
  }
}

TEST(election, there_is_one_vote_an_epoch) {
  auto r = made();
  EXPECT_TRUE(on_vote_request(r, asked(5, 2, at(3, 7))).answer.granted);
  EXPECT_FALSE(on_vote_request(r, asked(5, 3, at(9, 99))).answer.granted);
  const auto again = on_vote_request(r, asked(5, 2, at(3, 7)));  // its answer was lost
  EXPECT_TRUE(again.answer.granted);
  EXPECT_EQ(again.persist, (hard_state{epoch{5}, 2, offset{2}}));  // the first one may still be on its way to the disk
  // A crash between the vote and its answer changes nothing: what was persisted is what is known.
  auto back = restored(r.me, r.voters, *again.persist, r.log);
  EXPECT_FALSE(on_vote_request(back, asked(5, 3, at(9, 99))).answer.granted);
  EXPECT_TRUE(on_vote_request(back, asked(6, 3, at(9, 99))).answer.granted);
}

TEST(election, a_candidate_or_leader_of_the_epoch_votes_for_nobody_else) {
  auto r = made();
  campaign(r);
  EXPECT_FALSE(on_vote_request(r, asked(5, 2, at(9, 99))).answer.granted);
  EXPECT_EQ(r.role, replica_role::candidate);
  on_vote(r, {epoch{5}, broker_id{3}, false, true});
  ASSERT_EQ(r.role, replica_role::leader);
  EXPECT_FALSE(on_vote_request(r, asked(5, 1, at(9, 99))).answer.granted);
  EXPECT_TRUE(on_vote_request(r, asked(6, 2, at(9, 99))).answer.granted);
  EXPECT_EQ(r.role, replica_role::follower);
}

TEST(election, a_majority_of_votes_of_this_epoch_makes_a_leader_and_its_mark) {
  auto r = made();
  r.voters = {broker_id{1}, broker_id{2}, broker_id{3}, broker_id{4}, broker_id{5}};
  campaign(r);
  const auto vote = [&](std::int32_t e, std::int32_t who, bool granted, bool pre = false) {
    return on_vote(r, {epoch{e}, broker_id{who}, pre, granted});
  };
  EXPECT_FALSE(vote(5, 2, true).won);
  EXPECT_FALSE(vote(5, 2, true).won);        // counted once
  EXPECT_FALSE(vote(5, 3, false).won);       // refused
  EXPECT_FALSE(vote(5, 3, true, true).won);  // only a pre-vote
  EXPECT_FALSE(vote(4, 3, true).won);        // of an earlier candidacy
  EXPECT_FALSE(vote(5, 9, true).won);        // no voter
  EXPECT_TRUE(vote(5, 4, true).won);
  EXPECT_EQ(r.role, replica_role::leader);
  EXPECT_EQ(r.log.end(), at(5, 7));
  EXPECT_FALSE(vote(5, 3, true).won);  // once
  EXPECT_FALSE(may_serve(r));
}

TEST(election, an_answer_from_a_later_epoch_ends_the_candidacy) {
  auto r = made();
  campaign(r);
  const auto done = on_vote(r, {epoch{8}, broker_id{2}, false, false});
  EXPECT_EQ(done.persist, (hard_state{epoch{8}, -1, offset{2}}));
  EXPECT_EQ(r.role, replica_role::follower);
}

TEST(election, a_pre_vote_looks_at_epochs_and_logs) {
  const auto r = made();
  EXPECT_TRUE(would_grant(r, asked(5, 2, at(3, 7))));
  EXPECT_FALSE(would_grant(r, asked(4, 2, at(3, 7))));  // nothing new would be opened
  EXPECT_FALSE(would_grant(r, asked(5, 2, at(3, 6))));
}

TEST(election_death, a_learner_does_not_stand) {
  auto r = made();
  r.voters = {broker_id{2}, broker_id{3}};
  EXPECT_DEATH(campaign(r), "broken invariant");
}

}  // namespace
}  // namespace dohle::rules
