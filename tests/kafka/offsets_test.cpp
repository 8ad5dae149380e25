#include <gtest/gtest.h>

#include "kafka/errors.hpp"
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
  m.topics.push_back({"clicks", {{0, -1, 1}, {1, -1, -5}}});
  conversation<list_offsets_request> c(m, 9);
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
    m.topics.push_back({"clicks", {}, {{0, 10, -1, "note"}, {1, 20, -1, std::nullopt}}});
    conversation<offset_commit_request> c(m, version);
    const auto& r = c.asked<commit_offsets_request>();
    EXPECT_EQ(r.generation.value, 4);
    ASSERT_EQ(r.offsets.size(), 2U);
    EXPECT_EQ(r.offsets[0].metadata, "note");
    auto p = c.answer({error{errc::stale_generation, "", ""}}).result().topics[0].partitions;
    EXPECT_EQ(p.at(1).error_code, number(error_code::illegal_generation));
  }
}

TEST(offsets_test, committed_offsets_come_back_and_absent_ones_are_minus_one) {
  fetch_offsets_response found{{{"clicks", partition_index{1}, offset{20}, "note"}}};
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

}  // namespace
}  // namespace dohle::kafka
