#include "rules/replica.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace dohle::rules {
namespace {

replica made(std::int32_t voters) {
  replica r;
  r.me = broker_id{1};
  for (std::int32_t i = 1; i <= voters; ++i) r.voters.push_back(broker_id{i});
  r.current = epoch{4};
  r.high_watermark = offset{10};
  return r;
}

replica leading(std::int32_t voters) {
  auto r = made(voters);
  start_election(r);
  become_leader(r);
  return r;
}

position at(std::int32_t e, std::int64_t end) { return {epoch{e}, offset{end}}; }

TEST(replica, an_election_opens_the_next_epoch_with_its_own_vote) {
  auto r = made(1);
  EXPECT_EQ(start_election(r), (hard_state{epoch{5}, 1, offset{10}}));
  EXPECT_EQ(r.role, replica_role::candidate);
  EXPECT_EQ(start_election(r).epoch, epoch{6});
}

TEST(replica, only_a_majority_of_the_voters_elects) {
  const auto votes = [](std::vector<std::int32_t> ids) {
    std::vector<broker_id> all;
    for (auto id : ids) all.push_back(broker_id{id});
    return all;
  };
  EXPECT_TRUE(wins(made(1), votes({1})));
  EXPECT_FALSE(wins(made(3), votes({1})));
  EXPECT_FALSE(wins(made(3), votes({1, 1, 1})));  // a vote counts once
  EXPECT_FALSE(wins(made(3), votes({1, 7, 8})));  // strangers do not count
  EXPECT_TRUE(wins(made(3), votes({1, 3})));
  EXPECT_FALSE(wins(made(4), votes({1, 3})));
}

TEST(replica, a_lone_leader_serves_once_its_mark_is_on_disk) {
  auto r = leading(1);
  EXPECT_FALSE(may_serve(r));
  EXPECT_FALSE(on_flushed(r, r.me, at(4, 12)));  // what an earlier epoch wrote
  EXPECT_FALSE(may_serve(r));
  EXPECT_TRUE(on_flushed(r, r.me, at(5, 12)));  // the mark, and with it all before it
  EXPECT_TRUE(may_serve(r));
  EXPECT_EQ(r.high_watermark, offset{12});
  EXPECT_FALSE(on_flushed(r, r.me, at(5, 12)));
  EXPECT_TRUE(on_flushed(r, r.me, at(5, 15)));
  EXPECT_EQ(r.high_watermark, offset{15});
}

TEST(replica, a_mark_without_a_record_behind_it_lets_the_leader_serve) {
  auto r = leading(1);
  EXPECT_FALSE(on_flushed(r, r.me, at(5, 10)));  // nothing new is committed, but the epoch is
  EXPECT_TRUE(may_serve(r));
}

TEST(replica, of_three_the_second_position_counts) {
  auto r = leading(3);
  EXPECT_FALSE(on_flushed(r, broker_id{1}, at(5, 20)));
  EXPECT_FALSE(on_flushed(r, broker_id{2}, at(4, 20)));
  EXPECT_FALSE(may_serve(r));
  EXPECT_FALSE(on_flushed(r, broker_id{9}, at(5, 20)));  // no voter
  EXPECT_TRUE(on_flushed(r, broker_id{3}, at(5, 13)));
  EXPECT_EQ(r.high_watermark, offset{13});
  EXPECT_TRUE(may_serve(r));
  EXPECT_FALSE(on_flushed(r, broker_id{3}, at(5, 11)));  // an old message cannot take it back
  EXPECT_TRUE(on_flushed(r, broker_id{2}, at(5, 18)));
  EXPECT_EQ(r.high_watermark, offset{18});
}

TEST(replica, only_a_leader_advances) {
  auto r = made(1);
  EXPECT_FALSE(on_flushed(r, r.me, at(4, 50)));
  EXPECT_EQ(r.high_watermark, offset{10});
  EXPECT_FALSE(may_serve(r));
}

TEST(replica, a_new_epoch_forgets_what_the_former_one_saw) {
  auto r = leading(3);
  on_flushed(r, broker_id{1}, at(5, 20));
  on_flushed(r, broker_id{2}, at(5, 20));
  ASSERT_TRUE(may_serve(r));
  start_election(r);
  EXPECT_FALSE(may_serve(r));
  become_leader(r);
  EXPECT_FALSE(may_serve(r));
  EXPECT_EQ(r.high_watermark, offset{20});
}

TEST(replica_death, who_was_not_elected_does_not_lead) {
  auto r = made(1);
  EXPECT_DEATH(become_leader(r), "broken invariant");
}

}  // namespace
}  // namespace dohle::rules
