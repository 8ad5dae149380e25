#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "kafka/translate.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

dohle::metadata_response cluster_with(std::vector<topic_info> topics) {
  return {"the-cluster", broker_id{1}, {{broker_id{1}, "inside", 7420}}, std::move(topics)};
}

metadata_request asking(std::vector<std::string> names) {
  metadata_request m;
  m.topics.emplace();
  for (auto& n : names) m.topics->push_back({{}, n});
  return m;
}

TEST(brokers_test, metadata_names_the_address_the_client_came_to) {
  for (int version = 0; version <= 12; ++version) {
    conversation<metadata_request> c(asking({"clicks", "nothing"}), version);
    auto m = c.answer({cluster_with({topic("clicks", 2)})}).result();
    ASSERT_EQ(m.brokers.size(), 1U) << version;
    EXPECT_EQ(m.brokers[0].host, "127.0.0.1");
    EXPECT_EQ(m.brokers[0].port, 9092);
    ASSERT_EQ(m.topics.size(), 2U);
    EXPECT_EQ(m.topics[0].name, "clicks");
    ASSERT_EQ(m.topics[0].partitions.size(), 2U);
    EXPECT_EQ(m.topics[0].partitions[1].leader_id, 1);
    EXPECT_EQ(m.topics[0].partitions[1].leader_epoch, version >= 7 ? 3 : -1);
    EXPECT_EQ(m.topics[1].error_code, number(error_code::unknown_topic_or_partition));
    if (version >= 10) {
      EXPECT_NE(m.topics[0].topic_id, uuid{});
    }
  }
}

TEST(brokers_test, metadata_comes_for_ids_too) {
  for (const std::optional<std::string>& name : {std::optional<std::string>{}, std::optional<std::string>{""}}) {
    metadata_request m;
    m.topics.emplace();
    m.topics->push_back({id_of(topic("clicks", 2)), name});
    m.topics->push_back({uuid{1, 2}, name});
    auto topics = conversation<metadata_request>(m, 13).answer({cluster_with({topic("clicks", 2)})}).result().topics;
    EXPECT_EQ(topics.at(0).name, "clicks");
    EXPECT_EQ(topics.at(1).error_code, number(error_code::unknown_topic_id));
  }
}

TEST(brokers_test, no_names_mean_all_topics_or_none_as_the_version_says) {
  metadata_request none;
  none.topics.emplace();
  EXPECT_EQ((conversation<metadata_request>(none, 0).answer({cluster_with({topic("a", 1)})}).result().topics.size()),
            1U);
  EXPECT_EQ((conversation<metadata_request>(none, 1).answer({cluster_with({topic("a", 1)})}).result().topics.size()),
            0U);
  metadata_request all;
  all.topics.reset();
  EXPECT_EQ((conversation<metadata_request>(all, 1).answer({cluster_with({topic("a", 1)})}).result().topics.size()),
            1U);
}

TEST(brokers_test, a_missing_topic_is_made_when_broker_and_client_agree) {
  auto with = broker_one();
  with.auto_create = true;
  conversation<metadata_request> c(asking({"fresh", "bad name"}), 9, with);
  c.answer({cluster_with({})});
  ASSERT_EQ(c.asks(), 2U);
  EXPECT_EQ(c.asked<create_topic_request>(0).name, "fresh");
  EXPECT_EQ(c.asked<create_topic_request>(0).partitions, 2) << "the broker's default";
  c.answer({topic_description{}, error{errc::invalid_topic, "no", ""}});
  auto m = c.answer({cluster_with({topic("fresh", 2)})}).result();
  EXPECT_EQ(m.topics[0].error_code, 0);
  EXPECT_EQ(m.topics[1].error_code, number(error_code::invalid_topic_exception));

  auto unwilling = asking({"fresh"});
  unwilling.allow_auto_topic_creation = false;
  EXPECT_TRUE((conversation<metadata_request>(unwilling, 9, with).answer({cluster_with({})}).over()));
}

TEST(brokers_test, every_group_is_coordinated_here) {
  find_coordinator_request one;
  one.key = "g";
  EXPECT_EQ((conversation<find_coordinator_request>(one, 2).result().port), 9092);
  find_coordinator_request many;
  many.coordinator_keys = {"g", "h"};
  auto found = conversation<find_coordinator_request>(many, 4).result();
  ASSERT_EQ(found.coordinators.size(), 2U);
  EXPECT_EQ(found.coordinators[1].key, "h");
  EXPECT_EQ(found.coordinators[1].node_id, 1);
  many.key_type = 2;  // of share groups
  found = conversation<find_coordinator_request>(many, 6).result();
  EXPECT_EQ(found.coordinators.at(1).error_code, number(error_code::invalid_request));
  EXPECT_EQ(found.coordinators.at(1).node_id, -1);
}

TEST(brokers_test, the_cluster_is_described) {
  auto d = conversation<describe_cluster_request>(describe_cluster_request{}, 1).result();
  EXPECT_EQ(d.cluster_id, broker_one().cluster);
  ASSERT_EQ(d.brokers.size(), 1U);
  EXPECT_EQ(d.brokers[0].port, 9092);
  describe_topic_partitions_request m;
  m.topics.push_back({"clicks"});
  m.topics.push_back({"nothing"});
  auto t = conversation<describe_topic_partitions_request>(m, 0).answer({cluster_with({topic("clicks", 2)})}).result();
  EXPECT_TRUE(t.topics.at(0).partitions.at(0).eligible_leader_replicas.has_value()) << "the Java client takes no null";
  EXPECT_TRUE(t.topics.at(0).partitions.at(0).last_known_elr.has_value());
  EXPECT_EQ(t.topics.at(0).partitions.size(), 2U);
  EXPECT_EQ(t.topics.at(1).error_code, number(error_code::unknown_topic_or_partition));
}

TEST(brokers_test, a_client_that_means_another_broker_is_told_to_begin_anew) {
  api_versions_request m;
  EXPECT_EQ((conversation<api_versions_request>(m, 5).result().error_code), 0);
  m.cluster_id = broker_one().cluster;
  m.node_id = 1;
  EXPECT_EQ((conversation<api_versions_request>(m, 5).result().error_code), 0);
  m.node_id = 2;
  EXPECT_EQ((conversation<api_versions_request>(m, 5).result().error_code), number(error_code::rebootstrap_required));
  m.node_id = -1;
  m.cluster_id = "another";
  auto other = conversation<api_versions_request>(m, 5).result();
  EXPECT_EQ(other.error_code, number(error_code::rebootstrap_required));
}

}  // namespace
}  // namespace dohle::kafka
