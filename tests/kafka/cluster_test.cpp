#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

dohle::metadata_response two_topics() { return {"", broker_id{1}, {}, {topic("clicks", 2), topic("views", 1, 20)}}; }

TEST(cluster_test, every_leader_is_the_preferred_one) {
  elect_leaders_request m;
  m.topic_partitions.emplace().push_back({"clicks", {0, 1, 2}});
  m.topic_partitions->push_back({"gone", {0}});
  for (int version : {0, 1, 2}) {
    auto r = conversation<elect_leaders_request>(m, version).answer({two_topics()}).result();
    ASSERT_EQ(r.replica_election_results.size(), 2U);
    const auto& clicks = r.replica_election_results[0].partition_result;
    EXPECT_EQ(clicks.at(0).error_code, number(error_code::election_not_needed));
    EXPECT_EQ(clicks.at(1).error_code, number(error_code::election_not_needed));
    EXPECT_EQ(clicks.at(2).error_code, number(error_code::unknown_topic_or_partition));
    EXPECT_EQ(r.replica_election_results[1].partition_result.at(0).error_code,
              number(error_code::unknown_topic_or_partition));
  }
  m.topic_partitions.reset();
  EXPECT_TRUE(conversation<elect_leaders_request>(m, 2).result().replica_election_results.empty());
}

TEST(cluster_test, a_partition_may_be_given_to_the_broker_that_has_it_and_to_no_other) {
  alter_partition_reassignments_request m;
  m.topics.push_back({"clicks", {{0, {{1}}}, {1, {{1, 2}}}, {7, {{1}}}}});
  m.topics.push_back({"views", {{0, std::nullopt}}});
  auto r = conversation<alter_partition_reassignments_request>(m, 1).answer({two_topics()}).result();
  EXPECT_EQ(r.error_code, 0);
  const auto& clicks = r.responses.at(0).partitions;
  EXPECT_EQ(clicks.at(0).error_code, 0);
  EXPECT_FALSE(clicks.at(0).error_message.has_value());
  EXPECT_EQ(clicks.at(1).error_code, number(error_code::invalid_replica_assignment));
  EXPECT_EQ(clicks.at(2).error_code, number(error_code::unknown_topic_or_partition));
  EXPECT_EQ(r.responses.at(1).partitions.at(0).error_code, number(error_code::no_reassignment_in_progress));
  EXPECT_TRUE(conversation<list_partition_reassignments_request>({}, 0).result().topics.empty());
}

TEST(cluster_test, the_log_of_the_clusters_state_is_the_quorums) {
  describe_quorum_request m;
  m.topics.push_back({"__cluster_metadata", {{0}}});
  m.topics.push_back({"clicks", {{0}}});
  topic_description log;
  log.partitions.emplace_back();
  log.partitions[0].info = topic("__cluster", 1).partitions[0];
  log.partitions[0].high_watermark = offset{42};
  for (int version : {0, 1, 2}) {
    conversation<describe_quorum_request> c(m, version);
    EXPECT_EQ(c.asked<describe_topic_request>().name, "__cluster");
    auto r = c.answer({log}).result();
    const auto& p = r.topics.at(0).partitions.at(0);
    EXPECT_EQ(p.leader_id, 1);
    EXPECT_EQ(p.leader_epoch, 3);
    EXPECT_EQ(p.high_watermark, 42);
    EXPECT_EQ(p.current_voters.at(0).log_end_offset, 42);
    EXPECT_EQ(r.topics.at(1).partitions.at(0).error_code, number(error_code::unknown_topic_or_partition));
  }
}

TEST(cluster_test, what_has_configs_is_listed_by_its_type) {
  list_config_resources_request m;
  EXPECT_TRUE(conversation<list_config_resources_request>(m, 0).result().config_resources.empty());
  auto all = conversation<list_config_resources_request>(m, 1).answer({two_topics()}).result().config_resources;
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].resource_name, "clicks");
  EXPECT_EQ(all[2].resource_type, 4);
  m.resource_types = {4};
  EXPECT_EQ(conversation<list_config_resources_request>(m, 1).answer({two_topics()}).result().config_resources.size(),
            1U);
  m.resource_types = {99};
  EXPECT_EQ(conversation<list_config_resources_request>(m, 1).result().error_code,
            number(error_code::unsupported_version));
}

}  // namespace
}  // namespace dohle::kafka
