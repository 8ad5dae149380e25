#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/group.hpp"
#include "rules/consumer_protocol.hpp"
#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

class group_consumers_test : public testing::Test {
 protected:
  group_consumers_test() {
    w.start();
    EXPECT_TRUE(w.ask(create_topic_request{.name = "clicks", .partitions = 2}).ok());
  }
  static consumer_heartbeat_request join(std::string member, std::vector<std::string> topics = {"clicks"}) {
    consumer_heartbeat_request r;
    r.group = "g";
    r.member = std::move(member);
    r.rebalance_timeout = 60s;
    r.topics = std::move(topics);
    r.owned.emplace();
    return r;
  }
  result<consumer_heartbeat_response> beat(std::string member, std::int32_t epoch) {
    consumer_heartbeat_request r;
    r.group = "g";
    r.member = std::move(member);
    r.member_epoch = epoch;
    return w.ask(r);
  }
  result<commit_offsets_response> commit(const std::string& member, std::int32_t epoch) {
    return w.ask(
        commit_offsets_request{"g", generation{epoch}, member, "", {{"clicks", partition_index{0}, offset{5}, ""}}});
  }
  world w;
};

TEST_F(group_consumers_test, a_member_gets_what_there_is_and_commits_with_its_epoch) {
  auto joined = w.ask(join("a"));
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ(joined->assignment->size(), 2U);
  EXPECT_TRUE(commit("a", joined->member_epoch).ok());
  EXPECT_EQ(commit("a", 9).code(), errc::stale_member_epoch);
  auto listed = w.ask(list_groups_request{})->groups;
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].type, "consumer");
  EXPECT_EQ(listed[0].state, "Stable");
  auto described = w.ask(describe_group_request{"g"});
  ASSERT_TRUE(described.ok());
  EXPECT_EQ(described->type, "consumer");
  EXPECT_EQ(described->state, "Stable");
  EXPECT_EQ(rules::decode_assignment(described->members.at(0).assignment)->size(), 2U);
  EXPECT_EQ(w.ask(describe_consumer_group_request{"g"})->members.at(0).assignment.size(), 2U);
  EXPECT_EQ(w.ask(delete_offsets_request{"g", {{"clicks", partition_index{0}}}})->subscribed.size(), 1U);
}

TEST_F(group_consumers_test, it_survives_a_restart_and_a_silent_member_does_not) {
  const auto epoch = w.ask(join("a"))->member_epoch;
  w.stop();
  w.start();
  EXPECT_EQ(beat("a", epoch)->member_epoch, epoch);
  w.advance(46s);
  EXPECT_EQ(beat("a", epoch).code(), errc::unknown_member);
  EXPECT_EQ(w.ask(describe_consumer_group_request{"g"})->state, "Empty");
  EXPECT_TRUE(w.ask(delete_group_request{"g"}).ok());
  w.stop();
  w.start();
  EXPECT_EQ(w.ask(describe_consumer_group_request{"g"}).code(), errc::unknown_group);
}

TEST_F(group_consumers_test, topics_that_come_and_grow_are_handed_out) {
  auto r = join("a", {});
  r.pattern = "cl.*";
  auto epoch = w.ask(r)->member_epoch;
  ASSERT_TRUE(w.ask(create_topic_request{.name = "clocks", .partitions = 1}).ok());
  ASSERT_TRUE(w.ask(create_topic_request{.name = "other", .partitions = 1}).ok());
  auto more = beat("a", epoch);
  ASSERT_TRUE(more.ok() && more->assignment);
  EXPECT_EQ(more->assignment->size(), 3U);
  ASSERT_TRUE(w.ask(alter_topic_request{.name = "clicks", .set = {}, .reset = {}, .partitions = 4}).ok());
  EXPECT_EQ(beat("a", more->member_epoch)->assignment->size(), 5U);
  r = join("b", {});
  r.group = "of internal topics";
  r.pattern = "__c.*";
  EXPECT_THAT(*w.ask(r)->assignment,
              testing::ElementsAre(topic_partition{std::string(groups_topic), partition_index{0}}))
      << "as Kafka does, but the broker's own metadata";
  r = join("b");
  r.pattern = "(";
  EXPECT_EQ(w.ask(r).code(), errc::invalid_pattern);
}

TEST_F(group_consumers_test, a_group_speaks_one_protocol_and_the_other_when_it_is_empty) {
  join_group_request classic;
  classic.group = "g";
  classic.protocols = {{"range", bytes::copy("subscription")}};
  auto first = w.ask(classic);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(w.ask(join("a")).code(), errc::unknown_group);
  EXPECT_TRUE(w.ask(leave_group_request{"g", first->member, ""}).ok());
  const auto epoch = w.ask(join("a"))->member_epoch;
  EXPECT_EQ(w.ask(classic).code(), errc::inconsistent_protocol);
  EXPECT_TRUE(commit("a", epoch).ok());
  EXPECT_TRUE(beat("a", -1).ok());
  EXPECT_TRUE(w.ask(classic).ok());
  EXPECT_EQ(w.ask(list_groups_request{})->groups.at(0).type, "classic");
  w.stop();
  w.start();
  EXPECT_EQ(w.ask(describe_consumer_group_request{"g"}).code(), errc::unknown_group);
  EXPECT_EQ(w.ask(fetch_offsets_request{"g", {}})->offsets.size(), 1U);
}

}  // namespace
}  // namespace dohle::actors
