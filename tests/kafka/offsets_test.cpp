#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "kafka/translate.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

TEST(offsets_test, special_times_are_questions_of_ours) {
  const std::vector<std::pair<std::int64_t, offset_query>> table{{-1, offset_query::latest},
                                                                 {-2, offset_query::earliest},
                                                                 {-3, offset_query::max_timestamp},
                                                                 {-4, offset_query::earliest},
                                                                 {1'700'000'000'000, offset_query::at_time}};
  for (auto [time, query] : table) {
    list_offsets_request m;
    m.topics.push_back({"clicks", {{0, -1, time}}});
    conversation<list_offsets_request> c(m, 7);
    EXPECT_EQ(c.asked<dohle::list_offsets_request>().query, query) << time;
    auto p = c.answer({dohle::list_offsets_response{offset{5}, timestamp{99}}}).result().topics[0].partitions[0];
    EXPECT_EQ(p.offset, 5);
    EXPECT_EQ(p.timestamp, 99);
  }
}

TEST(offsets_test, a_time_behind_the_end_and_a_tier_that_is_not_there_have_no_offset) {
  list_offsets_request m;
  m.topics.push_back({"clicks", {{0, -1, 1}, {1, -1, -5}, {2, -1, -6}}});
  conversation<list_offsets_request> c(m, 11);
  ASSERT_EQ(c.asks(), 1U);
  auto p = c.answer({dohle::list_offsets_response{}}).result().topics[0].partitions;
  for (const auto& line : p) {
    EXPECT_EQ(line.offset, -1);
    EXPECT_EQ(line.timestamp, -1);
    EXPECT_EQ(line.error_code, 0);
  }
}

TEST(offsets_test, a_commit_is_one_request_and_its_outcome_stands_with_each_partition) {
  for (int version = 2; version <= 9; ++version) {
    offset_commit_request m;
    m.group_id = "g";
    m.generation_id_or_member_epoch = 4;
    m.member_id = "me";
    m.topics.push_back({"clicks", {}, {{0, 10, 6, "note"}, {1, 20, -1, std::nullopt}}});
    m.topics.push_back({"gone", {}, {{0, 10, -1, std::nullopt}}});
    conversation<offset_commit_request> c(m, version);
    const auto& r = c.asked<commit_offsets_request>();
    EXPECT_EQ(r.generation.value, 4);
    ASSERT_EQ(r.offsets.size(), 2U);
    EXPECT_EQ(r.offsets[0].metadata, "note");
    EXPECT_EQ(r.offsets[0].leader_epoch, epoch{version >= 6 ? 6 : -1});
    auto topics = c.answer({error{errc::stale_generation, "", ""}}).result().topics;
    EXPECT_EQ(topics.at(0).partitions.at(1).error_code, number(error_code::illegal_generation));
    EXPECT_EQ(topics.at(1).partitions.at(0).error_code, number(error_code::unknown_topic_or_partition));
  }
}

TEST(offsets_test, committed_offsets_come_back_and_absent_ones_are_minus_one) {
  fetch_offsets_response found{{{"clicks", partition_index{1}, offset{20}, "note", epoch{6}}}};
  for (int version = 1; version <= 9; ++version) {
    offset_fetch_request m;
    m.group_id = "g";
    m.topics = std::vector<offset_fetch_request_topic>{{"clicks", {0, 1}}};
    m.groups.push_back({"g", std::nullopt, -1, std::vector<offset_fetch_request_topics>{{"clicks", {}, {0, 1}}}});
    auto answer = conversation<offset_fetch_request>(m, version).answer({found}).result();
    std::vector<std::int64_t> offsets;
    if (version < 8)
      for (const auto& p : answer.topics.at(0).partitions) offsets.push_back(p.committed_offset);
    else
      for (const auto& p : answer.groups.at(0).topics.at(0).partitions) offsets.push_back(p.committed_offset);
    EXPECT_EQ(offsets, (std::vector<std::int64_t>{-1, 20})) << version;
    if (version >= 8) {
      EXPECT_EQ(answer.groups.at(0).topics.at(0).partitions.at(1).committed_leader_epoch, 6);
    }
  }
}

TEST(offsets_test, no_names_mean_all_offsets_and_an_unknown_group_has_none) {
  offset_fetch_request m;
  m.group_id = "g";
  m.topics.reset();
  fetch_offsets_response found{{{"a", partition_index{0}, offset{1}, ""}, {"a", partition_index{1}, offset{2}, ""}}};
  auto all = conversation<offset_fetch_request>(m, 5).answer({found}).result();
  EXPECT_EQ(all.topics.at(0).partitions.size(), 2U);
  auto none = conversation<offset_fetch_request>(m, 5).answer({error{errc::unknown_group, "", ""}}).result();
  EXPECT_EQ(none.error_code, 0);
  EXPECT_TRUE(none.topics.empty());
}

TEST(offsets_test, from_version_10_topics_come_and_go_as_ids) {
  const auto clicks = topic("clicks", 2);
  offset_commit_request m;
  m.topics.push_back({"", id_of(clicks), {{0, 10, -1, std::nullopt}}});
  m.topics.push_back({"", uuid{1, 2}, {{0, 10, -1, std::nullopt}}});
  conversation<offset_commit_request> c(m, 10);
  EXPECT_EQ(c.asked<commit_offsets_request>().offsets.at(0).topic, "clicks");
  auto topics = c.answer({commit_offsets_response{}}).result().topics;
  EXPECT_EQ(topics.at(0).topic_id, id_of(clicks));
  EXPECT_EQ(topics.at(0).partitions.at(0).error_code, 0);
  EXPECT_EQ(topics.at(1).partitions.at(0).error_code, number(error_code::unknown_topic_id));

  offset_fetch_request f;
  f.groups.push_back({"g", std::nullopt, -1,
                      std::vector<offset_fetch_request_topics>{{"", id_of(clicks), {1}}, {"", uuid{1, 2}, {0}}}});
  fetch_offsets_response found{{{"clicks", partition_index{1}, offset{20}, "note"}}};
  auto read = conversation<offset_fetch_request>(f, 10).answer({found}).result().groups.at(0).topics;
  EXPECT_EQ(read.at(0).topic_id, id_of(clicks));
  EXPECT_EQ(read.at(0).partitions.at(0).committed_offset, 20);
  EXPECT_EQ(read.at(1).partitions.at(0).error_code, number(error_code::unknown_topic_id));
  f.groups[0].topics.reset();
  read = conversation<offset_fetch_request>(f, 10).answer({found}).result().groups.at(0).topics;
  EXPECT_EQ(read.at(0).topic_id, id_of(clicks));
}

TEST(offsets_test, what_a_transaction_is_to_decide_is_unstable) {
  fetch_offsets_response found{{{"clicks", partition_index{1}, offset{20}, "note"}}};
  offset_fetch_request m;
  m.require_stable = true;
  m.groups.push_back({"g", std::nullopt, -1, std::vector<offset_fetch_request_topics>{{"clicks", {}, {1}}}});
  conversation<offset_fetch_request> some(m, 9);
  EXPECT_TRUE(some.asked<fetch_offsets_request>().require_stable);
  EXPECT_EQ(some.asked<fetch_offsets_request>().partitions.size(), 1U);
  auto p = some.answer({error{errc::unstable_offset, "", ""}}).result().groups.at(0).topics.at(0).partitions.at(0);
  EXPECT_EQ(p.error_code, number(error_code::unstable_offset_commit));
  EXPECT_EQ(p.committed_offset, -1);
  m.groups[0].topics.reset();
  conversation<offset_fetch_request> all(m, 9);
  all.answer({error{errc::unstable_offset, "", ""}});
  EXPECT_FALSE(all.asked<fetch_offsets_request>().require_stable);
  p = all.answer({found}).result().groups.at(0).topics.at(0).partitions.at(0);
  EXPECT_EQ(p.error_code, number(error_code::unstable_offset_commit));
  EXPECT_EQ(p.committed_offset, -1);
}

TEST(offsets_test, offsets_are_committed_within_a_transaction) {
  for (int version = 0; version <= 6; ++version) {
    txn_offset_commit_request m;
    m.group_id = "g";
    m.producer_id = 7;
    m.producer_epoch = 2;
    m.topics.push_back({"clicks", id_of(topic("clicks", 2)), {{1, 20, 6, "note"}}});
    conversation<txn_offset_commit_request> c(m, version);
    const auto& r = c.asked<commit_offsets_request>();
    EXPECT_EQ(r.within, (in_transaction{producer_id{7}, 2, version >= 5}));
    EXPECT_EQ(r.generation.value, -1);
    EXPECT_EQ(r.offsets.at(0),
              (committed_offset{"clicks", partition_index{1}, offset{20}, "note", epoch{version >= 2 ? 6 : -1}}));
    auto line = c.answer({error{errc::producer_fenced, "", ""}}).result().topics.at(0).partitions.at(0);
    EXPECT_EQ(line.error_code, number(error_code::invalid_producer_epoch));
  }
}

TEST(offsets_test, offsets_are_deleted_unless_the_group_reads_the_topic) {
  offset_delete_request m;
  m.group_id = "g";
  m.topics = {{"clicks", {{0}, {1}}}, {"gone", {{0}}}};
  conversation<offset_delete_request> c(m, 0);
  EXPECT_EQ(c.asked<delete_offsets_request>(1).partitions.size(), 3U);
  const dohle::metadata_response known{"", broker_id{1}, {}, {topic("clicks", 2)}};
  auto answer = c.answer({known, delete_offsets_response{{{"clicks", partition_index{1}}}}}).result();
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, 0);
  EXPECT_EQ(answer.topics.at(0).partitions.at(1).error_code, number(error_code::group_subscribed_to_topic));
  EXPECT_EQ(answer.topics.at(1).partitions.at(0).error_code, number(error_code::unknown_topic_or_partition));
  c = conversation<offset_delete_request>(m, 0);
  EXPECT_EQ(c.answer({known, error{errc::unknown_group, "", ""}}).result().error_code,
            number(error_code::group_id_not_found));
}

TEST(offsets_test, isolation_reaches_the_leader) {
  for (int level : {0, 1}) {
    list_offsets_request m;
    m.isolation_level = static_cast<std::int8_t>(level);
    m.topics.push_back({"clicks", {{0, -1, -1}}});
    conversation<list_offsets_request> c(m, 7);
    EXPECT_EQ(c.asked<dohle::list_offsets_request>().isolation, static_cast<isolation>(level));
  }
}

TEST(offsets_test, tells_where_epochs_end) {
  for (int version : {2, 3, 4}) {
    offset_for_leader_epoch_request m;
    m.topics.push_back({"clicks", {{0, -1, 5}, {1, -1, 6}}});
    conversation<offset_for_leader_epoch_request> c(m, version);
    ASSERT_EQ(c.asks(), 2U);
    EXPECT_EQ(c.asked<epoch_end_request>(1).epoch, epoch{6});
    EXPECT_EQ(c.asked<epoch_end_request>(1).partition, partition_index{1});
    auto lines = c.answer({epoch_end_response{epoch{4}, offset{99}}, error{errc::unknown_partition, "", ""}})
                     .result()
                     .topics.at(0)
                     .partitions;
    EXPECT_EQ(lines.at(0).leader_epoch, 4);
    EXPECT_EQ(lines.at(0).end_offset, 99);
    EXPECT_EQ(lines.at(1).partition, 1);
    EXPECT_EQ(lines.at(1).error_code, number(error_code::unknown_topic_or_partition));
    EXPECT_EQ(lines.at(1).end_offset, -1);
  }
}

}  // namespace
}  // namespace dohle::kafka
