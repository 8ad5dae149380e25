#include "actors/broker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

class broker_test : public testing::Test {
 protected:
  broker_test() { w.start(); }
  world w;
};

TEST_F(broker_test, topics_are_made_described_altered_and_deleted) {
  auto made = w.ask(create_topic_request{.name = "orders", .partitions = 3, .configs = {{"retention.ms", "30d"}}});
  ASSERT_TRUE(made.ok()) << to_string(made.error());
  EXPECT_EQ(made->partitions.size(), 3u);
  EXPECT_EQ(w.ask(create_topic_request{.name = "orders"}).code(), errc::topic_exists);
  auto altered = w.ask(alter_topic_request{.name = "orders", .set = {{"retention.ms", "1d"}}, .partitions = 5});
  ASSERT_TRUE(altered.ok()) << to_string(altered.error());
  EXPECT_EQ(altered->partitions.size(), 5u);
  EXPECT_EQ(w.ask(alter_topic_request{.name = "orders", .partitions = 2}).code(), errc::invalid_request);
  ASSERT_TRUE(w.ask(delete_topic_request{"orders"}).ok());
  EXPECT_EQ(w.ask(describe_topic_request{"orders"}).code(), errc::unknown_topic);
  EXPECT_EQ(w.ask(delete_topic_request{"orders"}).code(), errc::unknown_topic);
}

TEST_F(broker_test, topics_and_their_configs_survive_a_restart_and_deleted_ones_stay_gone) {
  ASSERT_TRUE(w.ask(create_topic_request{.name = "stays", .partitions = 2, .configs = {{"retention.ms", "5"}}}).ok());
  ASSERT_TRUE(w.ask(create_topic_request{.name = "goes"}).ok());
  ASSERT_TRUE(w.ask(produce_request{"goes", partition_index{0}, ack_level::majority, batch_of("x", 1)}).ok());
  ASSERT_TRUE(w.ask(delete_topic_request{"goes"}).ok());
  w.stop();
  w.start();
  auto d = w.ask(describe_topic_request{"stays"});
  ASSERT_TRUE(d.ok());
  EXPECT_EQ(d->partitions.size(), 2u);
  EXPECT_THAT(d->configs, testing::Contains(config_entry{"retention.ms", "5", false}));
  EXPECT_EQ(w.ask(describe_topic_request{"goes"}).code(), errc::unknown_topic);
  ASSERT_TRUE(w.ask(create_topic_request{.name = "goes"}).ok());
  EXPECT_EQ(w.ask(describe_topic_request{"goes"})->partitions[0].high_watermark, offset{0});
}

TEST_F(broker_test, validate_only_makes_nothing) {
  EXPECT_TRUE(w.ask(create_topic_request{.name = "maybe", .validate_only = true}).ok());
  EXPECT_EQ(w.ask(describe_topic_request{"maybe"}).code(), errc::unknown_topic);
  EXPECT_EQ(w.ask(create_topic_request{.name = "bad name", .validate_only = true}).code(), errc::invalid_topic);
}

TEST_F(broker_test, metadata_lists_topics_and_hides_the_internal_ones) {
  ASSERT_TRUE(w.ask(create_topic_request{.name = "a"}).ok());
  EXPECT_EQ(w.ask(metadata_request{})->topics.size(), 1u);
  EXPECT_EQ(w.ask(metadata_request{{}, true})->topics.size(), 4u);
  EXPECT_TRUE(w.ask(metadata_request{{"none"}})->topics.empty());
}

TEST_F(broker_test, producer_ids_are_never_given_twice) {
  std::set<std::int64_t> given;
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 1'500; ++i) {
      auto id = w.ask(init_producer_request{});
      ASSERT_TRUE(id.ok());
      EXPECT_TRUE(given.insert(id->id.value).second) << id->id.value;
    }
    w.stop();
    w.start();
  }
}

TEST_F(broker_test, makes_topics_on_demand_only_when_told_to) {
  auto produce = [&] {
    return w.ask(produce_request{"new", partition_index{0}, ack_level::majority, batch_of("x", 1)});
  };
  EXPECT_EQ(produce().code(), errc::unknown_topic);
  w.stop();
  w.auto_create = true;
  w.start();
  EXPECT_TRUE(produce().ok());
  EXPECT_EQ(w.ask(metadata_request{{"other"}})->topics.size(), 1u);
}

}  // namespace
}  // namespace dohle::actors
