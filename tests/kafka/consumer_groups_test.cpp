#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "kafka/translate.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

TEST(consumer_groups_test, a_member_joins_by_name_and_hears_of_ids) {
  const auto clicks = topic("clicks", 2);
  for (int version = 0; version <= 1; ++version) {
    consumer_group_heartbeat_request m;
    m.group_id = "g";
    m.member_id = "a";
    m.rebalance_timeout_ms = 60'000;
    m.subscribed_topic_names = std::vector<std::string>{"clicks"};
    m.topic_partitions.emplace();
    conversation<consumer_group_heartbeat_request> c(m, version);
    const auto& r = c.asked<consumer_heartbeat_request>();
    EXPECT_EQ(r.member, "a");
    EXPECT_EQ(r.client, "tester");
    EXPECT_TRUE(r.owned && r.owned->empty());
    c.answer({consumer_heartbeat_response{"a", 3, milliseconds{5'000}, {{{"clicks", partition_index{1}}}}}});
    auto answer = c.result();
    EXPECT_EQ(answer.member_epoch, 3);
    EXPECT_EQ(answer.heartbeat_interval_ms, 5'000);
    EXPECT_EQ(answer.assignment->topic_partitions.at(0).topic_id, id_of(clicks));
    EXPECT_EQ(answer.assignment->topic_partitions.at(0).partitions, std::vector<std::int32_t>{1});
  }
}

TEST(consumer_groups_test, what_it_owns_comes_as_ids) {
  const auto clicks = topic("clicks", 2);
  consumer_group_heartbeat_request m;
  m.member_id = "a";
  m.member_epoch = 3;
  m.topic_partitions.emplace();
  m.topic_partitions->push_back({id_of(clicks), {0, 1}});
  m.topic_partitions->push_back({uuid{1, 2}, {0}});  // of a topic that is gone
  conversation<consumer_group_heartbeat_request> c(m, 1);
  EXPECT_EQ(c.asked<consumer_heartbeat_request>().owned->size(), 2U);
  EXPECT_FALSE(c.asked<consumer_heartbeat_request>().rebalance_timeout);
  auto answer = c.answer({error{errc::fenced_member_epoch, "why", ""}}).result();
  EXPECT_EQ(answer.error_code, number(error_code::fenced_member_epoch));
  EXPECT_EQ(answer.error_message, "why");
  m.member_id.clear();
  EXPECT_EQ((conversation<consumer_group_heartbeat_request>(m, 1).result().error_code),
            number(error_code::invalid_request));
}

TEST(consumer_groups_test, a_group_is_described_with_names_and_ids) {
  consumer_group_describe_request m;
  m.group_ids = {"g", "none"};
  describe_consumer_group_response g{"g", "Stable", 4, 4, "uniform", {}};
  const std::vector<topic_partition> all{{"clicks", partition_index{0}}, {"clicks", partition_index{1}}};
  g.members.push_back({"a", "", "", "c", "10.0.0.7", 4, {"clicks"}, "", all, all, false});
  auto answer =
      conversation<consumer_group_describe_request>(m, 1).answer({g, error{errc::unknown_group, "", ""}}).result();
  const auto& member = answer.groups.at(0).members.at(0);
  EXPECT_EQ(member.client_host, "/10.0.0.7");
  EXPECT_EQ(member.member_type, 1);
  EXPECT_EQ(member.assignment.topic_partitions.at(0).topic_name, "clicks");
  EXPECT_EQ(member.target_assignment.topic_partitions.at(0).partitions.size(), 2U);
  EXPECT_EQ(answer.groups.at(1).error_code, number(error_code::group_id_not_found));
}

}  // namespace
}  // namespace dohle::kafka
