#include "rules/pending_offsets.hpp"

#include <gtest/gtest.h>

namespace dohle::rules {
namespace {

committed_offset at(const std::string& topic, std::int32_t partition, std::int64_t value) {
  return {topic, partition_index{partition}, offset{value}, ""};
}
const producer_id one{1}, two{2};

TEST(pending_offsets, what_the_same_epoch_says_later_joins_what_it_said) {
  pending_offsets p;
  p.put(one, *p.joined({one, 4}, {at("a", 0, 1), at("a", 1, 1)}));
  p.put(one, *p.joined({one, 4}, {at("a", 1, 2), at("b", 0, 2)}));
  EXPECT_EQ(p.all().at(one), (pending_value{4, {at("a", 0, 1), at("a", 1, 2), at("b", 0, 2)}}));
  EXPECT_TRUE(p.holds({"a", partition_index{1}}));
  EXPECT_FALSE(p.holds({"a", partition_index{2}}));
}

TEST(pending_offsets, a_newer_epoch_replaces_and_an_older_is_fenced) {
  pending_offsets p;
  p.put(one, *p.joined({one, 4}, {at("a", 0, 1)}));
  EXPECT_EQ(p.joined({one, 3}, {at("a", 0, 9)}).code(), errc::producer_fenced);
  p.put(one, *p.joined({one, 5}, {at("b", 0, 2)}));
  EXPECT_EQ(p.all().at(one), (pending_value{5, {at("b", 0, 2)}}));
}

TEST(pending_offsets, a_decision_is_about_its_epoch_and_older_ones) {
  pending_offsets p;
  p.put(one, *p.joined({one, 4}, {at("a", 0, 1)}));
  p.put(two, *p.joined({two, 0}, {at("a", 0, 2)}));
  EXPECT_EQ(p.decided_by(one, 3), nullptr);
  p.forget(one, 3);
  ASSERT_NE(p.decided_by(one, 5), nullptr);  // the decision raised the epoch
  p.forget(one, 5);
  EXPECT_EQ(p.decided_by(one, 5), nullptr);
  EXPECT_TRUE(p.holds({"a", partition_index{0}}));
  p.forget(two, 0);
  EXPECT_TRUE(p.empty());
}

TEST(pending_offsets, a_topic_that_is_gone_leaves) {
  pending_offsets p;
  p.put(one, *p.joined({one, 4}, {at("a", 0, 1), at("b", 0, 1)}));
  p.put(two, *p.joined({two, 4}, {at("b", 0, 1)}));
  EXPECT_EQ(p.drop_topic("a"), std::set{one});
  EXPECT_FALSE(p.holds({"a", partition_index{0}}));
  EXPECT_TRUE(p.holds({"b", partition_index{0}}));
}

}  // namespace
}  // namespace dohle::rules
