#include "rules/cluster_state.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "schema/limits.hpp"

namespace dohle::rules {
namespace {

const std::vector<broker_id> one{broker_id{1}};
const std::vector<broker_id> three{broker_id{1}, broker_id{2}, broker_id{3}};
const timestamp now{1'000};

create_topic_request creating(const std::string& name, std::int32_t partitions = 1, std::int16_t replicas = 1) {
  return {name, partitions, replicas, {}, false};
}
void create(cluster_state& s, const create_topic_request& r) {
  const auto planned = plan_create(s, r, now, three);
  ASSERT_TRUE(planned.ok()) << to_string(planned.error());
  apply(s, *planned);
}

TEST(cluster_state, a_topic_gets_partitions_with_new_ids) {
  cluster_state s;
  create(s, creating("clicks", 3));
  const auto& t = s.topics.at("clicks");
  EXPECT_EQ(t.created, now);
  ASSERT_EQ(t.partitions.size(), 3U);
  for (std::int32_t i = 0; i < 3; ++i) {
    const auto& p = t.partitions[static_cast<std::size_t>(i)];
    EXPECT_EQ(p.index, partition_index{i});
    EXPECT_GE(p.id, first_topic_partition);
    EXPECT_EQ(p.replicas.size(), 1U);
  }
  EXPECT_EQ(s.partition_count(), 3U);
}

TEST(cluster_state, ids_are_never_used_again) {
  cluster_state s;
  std::set<partition_id> used;
  for (int round = 0; round < 5; ++round) {
    create(s, creating("t", 3));
    auto altered = plan_alter(s, {"t", {}, {}, 5}, three);
    ASSERT_TRUE(altered.ok());
    apply(s, *altered);
    for (const auto& p : s.topics.at("t").partitions) EXPECT_TRUE(used.insert(p.id).second);
    apply(s, *plan_delete(s, "t"));
  }
  EXPECT_EQ(used.size(), 25U);
}

TEST(cluster_state, replicas_are_different_brokers_and_leaders_take_turns) {
  cluster_state s;
  create(s, creating("t", 6, 3));
  std::map<std::int32_t, int> first;
  for (const auto& p : s.topics.at("t").partitions) {
    EXPECT_EQ(std::set(p.replicas.begin(), p.replicas.end()).size(), 3U);
    ++first[p.replicas.front().value];
  }
  for (const auto& [broker, count] : first) EXPECT_EQ(count, 2);
}

TEST(cluster_state, bad_creations_are_refused_by_name) {
  cluster_state s;
  create(s, creating("there"));
  EXPECT_EQ(plan_create(s, creating("there"), now, one).code(), errc::topic_exists);
  EXPECT_EQ(plan_create(s, creating("a b"), now, one).code(), errc::invalid_topic);
  EXPECT_EQ(plan_create(s, creating("__mine"), now, one).code(), errc::invalid_topic);
  EXPECT_EQ(plan_create(s, creating("t", 0), now, one).code(), errc::invalid_request);
  EXPECT_EQ(plan_create(s, creating("t", limits::max_partitions_per_topic + 1), now, one).code(),
            errc::invalid_request);
  EXPECT_EQ(plan_create(s, creating("t", 1, 0), now, one).code(), errc::invalid_request);
  EXPECT_EQ(plan_create(s, creating("t", 1, 2), now, one).code(), errc::invalid_request);
  auto r = creating("t");
  r.configs = {{"retention.ms", "never", false}};
  EXPECT_EQ(plan_create(s, r, now, one).code(), errc::invalid_config);
  r.configs = {{"min.insync.replicas", "2", false}};
  EXPECT_EQ(plan_create(s, r, now, one).code(), errc::invalid_config);
  EXPECT_EQ(s.topics.size(), 1U);
}

TEST(cluster_state, the_cluster_is_bounded) {
  cluster_state s;
  for (int i = 0; i < 10; ++i) create(s, creating("t" + std::to_string(i), limits::max_partitions_per_topic));
  EXPECT_EQ(plan_create(s, creating("more"), now, one).code(), errc::busy);
  EXPECT_EQ(plan_alter(s, {"t0", {}, {}, limits::max_partitions_per_topic + 1}, one).code(), errc::invalid_request);
  apply(s, topic_deleted_record{"t3"});
  EXPECT_TRUE(plan_create(s, creating("more"), now, one).ok());
}

TEST(cluster_state, configs_are_stored_as_plain_numbers_and_altered) {
  cluster_state s;
  auto r = creating("t");
  r.configs = {{"retention.ms", "1d", false}, {"segment.bytes", "1MiB", false}};
  create(s, r);
  using stored = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(s.topics.at("t").configs, (stored{{"retention.ms", "86400000"}, {"segment.bytes", "1048576"}}));
  const auto altered = plan_alter(s, {"t", {{"retention.bytes", "1kB", false}}, {"segment.bytes"}, 0}, one);
  ASSERT_TRUE(altered.ok());
  EXPECT_EQ(altered->configs, (stored{{"retention.bytes", "1000"}, {"retention.ms", "86400000"}}));
  EXPECT_EQ(altered->partitions, s.topics.at("t").partitions);
}

TEST(cluster_state, partitions_are_added_never_taken) {
  cluster_state s;
  create(s, creating("t", 3));
  EXPECT_EQ(plan_alter(s, {"t", {}, {}, 2}, one).code(), errc::invalid_request);
  EXPECT_EQ(plan_alter(s, {"t", {}, {}, 3}, one)->partitions.size(), 3U);
  const auto more = plan_alter(s, {"t", {}, {}, 5}, one);
  ASSERT_EQ(more->partitions.size(), 5U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(more->partitions[i], s.topics.at("t").partitions[i]);
  EXPECT_EQ(more->partitions[4].index, partition_index{4});
  EXPECT_EQ(plan_alter(s, {"nowhere", {}, {}, 5}, one).code(), errc::unknown_topic);
  EXPECT_EQ(plan_alter(s, {"__consumer_offsets", {}, {}, 5}, one).code(), errc::invalid_topic);
}

TEST(cluster_state, a_deleted_topic_is_gone) {
  cluster_state s;
  create(s, creating("t"));
  apply(s, *plan_delete(s, "t"));
  EXPECT_TRUE(s.topics.empty());
  EXPECT_EQ(plan_delete(s, "t").code(), errc::unknown_topic);
  EXPECT_EQ(plan_delete(s, "__consumer_offsets").code(), errc::invalid_topic);
}

TEST(cluster_state, producer_ids_are_given_out_in_blocks) {
  cluster_state s;
  const auto block = plan_producer_ids(s, 1'000);
  ASSERT_TRUE(block.ok());
  apply(s, *block);
  EXPECT_EQ(s.next_producer_id, 1'000);
  EXPECT_EQ(plan_producer_ids(s, 1'000)->next, 2'000);
  apply(s, producer_ids_record{500});  // an older record changes nothing
  EXPECT_EQ(s.next_producer_id, 1'000);
}

}  // namespace
}  // namespace dohle::rules
