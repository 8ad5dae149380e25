// What changes topics, and what describes them: each change is durable before it shows, and one follows the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

class topics_test : public testing::Test {
 protected:
  topics_test() { w.start(); }
  world w;
};

TEST_F(topics_test, new_partitions_are_led_at_once_and_the_old_ones_go_on) {
  ASSERT_TRUE(w.ask(create_topic_request{.name = "t", .partitions = 1}).ok());
  ASSERT_TRUE(w.ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of("a", 2)}).ok());
  auto altered = w.ask(alter_topic_request{.name = "t", .partitions = 3});
  ASSERT_TRUE(altered.ok()) << to_string(altered.error());
  ASSERT_EQ(altered->partitions.size(), 3u);
  EXPECT_EQ(altered->partitions[0].high_watermark, offset{2});
  EXPECT_TRUE(w.ask(produce_request{"t", partition_index{2}, ack_level::majority, batch_of("b", 1)}).ok());
  EXPECT_FALSE(w.ask(alter_topic_request{.name = "t", .partitions = 2}).ok()) << "never fewer";
  EXPECT_EQ(w.ask(describe_topic_request{"t"})->partitions.size(), 3u);
}

TEST_F(topics_test, leaders_hear_of_a_changed_setting) {
  ASSERT_TRUE(w.ask(create_topic_request{.name = "t", .configs = {{"max.message.bytes", "200"}}}).ok());
  auto produce = [&] {
    return w.ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of(std::string(500, 'x'), 1)});
  };
  EXPECT_EQ(produce().code(), errc::record_too_large);
  ASSERT_TRUE(w.ask(alter_topic_request{.name = "t", .reset = {"max.message.bytes"}}).ok());
  EXPECT_TRUE(produce().ok());
}

TEST_F(topics_test, a_change_that_cannot_be_stored_did_not_happen) {
  ASSERT_TRUE(w.ask(create_topic_request{.name = "t"}).ok());
  w.disk->full = true;
  EXPECT_EQ(w.ask(create_topic_request{.name = "u"}).code(), errc::storage_full);
  EXPECT_EQ(w.ask(alter_topic_request{.name = "t", .partitions = 5}).code(), errc::storage_full);
  EXPECT_EQ(w.ask(delete_topic_request{"t"}).code(), errc::storage_full);
  w.disk->full = false;
  EXPECT_EQ(w.ask(describe_topic_request{"u"}).code(), errc::unknown_topic);
  EXPECT_EQ(w.ask(describe_topic_request{"t"})->partitions.size(), 1u);
}

TEST_F(topics_test, a_topic_of_a_deleted_ones_name_begins_empty_with_other_ids) {
  auto first = w.ask(create_topic_request{.name = "t"});
  ASSERT_TRUE(w.ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of("a", 2)}).ok());
  ASSERT_TRUE(w.ask(delete_topic_request{"t"}).ok());
  EXPECT_EQ(w.ask(fetch_request{.topic = "t"}).code(), errc::unknown_topic);
  EXPECT_EQ(w.ask(delete_topic_request{"t"}).code(), errc::unknown_topic);
  auto second = w.ask(create_topic_request{.name = "t"});
  ASSERT_TRUE(second.ok()) << to_string(second.error());
  EXPECT_NE(second->partitions[0].info.id, first->partitions[0].info.id);
  EXPECT_EQ(second->partitions[0].high_watermark, offset{0});
}

TEST_F(topics_test, changes_that_come_together_are_made_one_after_the_other) {
  for (int i = 0; i < 50; ++i) w.post(create_topic_request{.name = "t" + std::to_string(i % 25)});
  w.run();
  EXPECT_EQ(w.ask(metadata_request{})->topics.size(), 25u);
}

}  // namespace
}  // namespace dohle::actors
