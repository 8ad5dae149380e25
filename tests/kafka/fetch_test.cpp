#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

fetch_request of_two(std::int32_t min_bytes, std::int32_t max_bytes = 1'000, std::int32_t wait = 500) {
  fetch_request m;
  m.min_bytes = min_bytes;
  m.max_bytes = max_bytes;
  m.max_wait_ms = wait;
  m.topics.resize(1);
  m.topics[0].topic = "clicks";
  m.topics[0].topic_id = id_of(topic("clicks", 2));
  for (int p : {0, 1}) {
    auto& line = m.topics[0].partitions.emplace_back();
    line.partition = p;
    line.fetch_offset = 10;
    line.partition_max_bytes = 500;
  }
  return m;
}

response data(std::vector<std::string> batches, std::int64_t end) {
  dohle::fetch_response r{offset{end}, offset{2}, {}, offset{end}, {}};
  for (const auto& b : batches) r.batches.push_back(bytes::copy(b));
  return r;
}

TEST(fetch_test, what_is_there_is_answered_at_once) {
  for (int version = 4; version <= 18; ++version) {
    conversation<fetch_request> c(of_two(1), version);
    ASSERT_EQ(c.asks(), 2U);
    EXPECT_EQ(c.asked<dohle::fetch_request>(1).topic, "clicks");
    EXPECT_EQ(c.asked<dohle::fetch_request>(1).from, offset{10});
    EXPECT_EQ(c.asked<dohle::fetch_request>(1).max_bytes, 500U);
    EXPECT_EQ(c.asked<dohle::fetch_request>(1).max_wait.count(), 0);
    auto p = c.answer({data({"one", "two"}, 40), data({}, 10)}).result().responses.at(0).partitions;
    EXPECT_EQ(p.at(0).records.pieces.at(0).view(), "onetwo");
    EXPECT_EQ(p.at(0).high_watermark, 40);
    EXPECT_EQ(p.at(0).last_stable_offset, 40);
    if (version >= 5) {
      EXPECT_EQ(p.at(0).log_start_offset, 2);
    }
    EXPECT_EQ(p.at(1).records.size(), 0U);
  }
}

TEST(fetch_test, too_little_waits_for_the_first_partition_that_has_more) {
  conversation<fetch_request> c(of_two(1), 11);
  c.answer({data({}, 10), data({}, 10)});
  ASSERT_FALSE(c.over());
  EXPECT_EQ(c.now().until, exchange::waiting::for_the_first);
  EXPECT_EQ(c.now().patience.count(), 500);
  EXPECT_EQ(c.asked<dohle::fetch_request>(0).from, offset{10});
  c.answer({data({"x"}, 11)});
  ASSERT_EQ(c.asks(), 2U) << "all partitions are looked at again";
  EXPECT_EQ(c.answer({data({"x"}, 11), data({}, 10)}).result().responses[0].partitions[0].high_watermark, 11);
}

TEST(fetch_test, when_patience_is_over_the_answer_is_what_there_is) {
  conversation<fetch_request> c(of_two(1'000), 11);
  c.answer({data({"few"}, 11), data({}, 10)});
  EXPECT_EQ(c.asked<dohle::fetch_request>(0).from, offset{11}) << "more than what was seen";
  c.answer({});
  EXPECT_EQ(c.answer({data({"few"}, 11), data({}, 10)}).result().responses[0].partitions[0].records.size(), 3U);
}

TEST(fetch_test, an_error_of_one_partition_is_told_at_once) {
  conversation<fetch_request> c(of_two(1), 11);
  auto p = c.answer({error{errc::offset_out_of_range, "", ""}, data({}, 10)}).result().responses[0].partitions;
  EXPECT_EQ(p.at(0).error_code, number(error_code::offset_out_of_range));
  EXPECT_EQ(p.at(0).high_watermark, -1);
  EXPECT_EQ(p.at(1).error_code, 0);
}

TEST(fetch_test, only_the_first_batch_may_be_larger_than_allowed) {
  const std::string large(400, 'x');
  conversation<fetch_request> c(of_two(1, 300), 11);
  auto p = c.answer({data({large, "y"}, 12), data({"z"}, 11)}).result().responses[0].partitions;
  EXPECT_EQ(p.at(0).records.size(), 400U);
  EXPECT_EQ(p.at(1).records.size(), 0U);
}

TEST(fetch_test, an_id_that_no_topic_has_is_told_at_once) {
  auto m = of_two(1);
  m.topics.push_back(m.topics[0]);
  m.topics[1].topic_id = uuid{1, 2};
  conversation<fetch_request> c(m, 13);
  const error unknown{errc::unknown_topic, "", ""};
  auto topics = c.answer({data({}, 10), data({}, 10), unknown, unknown}).result().responses;
  EXPECT_EQ(topics.at(0).partitions.at(0).error_code, 0);
  EXPECT_EQ(topics.at(1).topic_id, (uuid{1, 2}));
  EXPECT_EQ(topics.at(1).partitions.at(0).error_code, number(error_code::unknown_topic_id));
}

TEST(fetch_test, a_session_that_was_never_given_is_not_found) {
  auto m = of_two(1);
  m.session_id = 5;
  m.session_epoch = 3;
  EXPECT_EQ((conversation<fetch_request>(m, 11).result().error_code), number(error_code::fetch_session_id_not_found));
}

TEST(fetch_test, a_fetch_of_nothing_is_answered_at_once) {
  fetch_request m;
  m.max_wait_ms = 100;
  EXPECT_TRUE((conversation<fetch_request>(m, 11).result().responses.empty()));
}

TEST(fetch_test, isolated_readers_are_told_what_was_aborted) {
  for (int version : {4, 11, 12}) {
    auto m = of_two(1);
    m.isolation_level = 1;
    conversation<fetch_request> c(m, version);
    EXPECT_EQ(c.asked<dohle::fetch_request>(0).isolation, isolation::committed);
    dohle::fetch_response told{offset{40}, offset{2}, {bytes::copy("one")}, offset{30}, {{producer_id{7}, offset{11}}}};
    auto p = c.answer({told, data({}, 10)}).result().responses.at(0).partitions;
    EXPECT_EQ(p.at(0).high_watermark, 40);
    EXPECT_EQ(p.at(0).last_stable_offset, 30);
    ASSERT_TRUE(p.at(0).aborted_transactions);
    ASSERT_EQ(p.at(0).aborted_transactions->size(), 1U);
    EXPECT_EQ(p.at(0).aborted_transactions->at(0).producer_id, 7);
    EXPECT_EQ(p.at(0).aborted_transactions->at(0).first_offset, 11);
    EXPECT_TRUE(p.at(1).aborted_transactions) << "an empty list, but a list";
  }
  conversation<fetch_request> all(of_two(1), 11);
  EXPECT_EQ(all.asked<dohle::fetch_request>(0).isolation, isolation::uncommitted);
  auto p = all.answer({data({"x"}, 40), data({}, 10)}).result().responses.at(0).partitions;
  EXPECT_FALSE(p.at(0).aborted_transactions);
}

TEST(fetch_test, an_isolated_reader_waits_at_the_last_stable_offset) {
  auto m = of_two(1);
  m.isolation_level = 1;
  conversation<fetch_request> c(m, 11);
  dohle::fetch_response open{offset{40}, offset{2}, {}, offset{12}, {}};
  c.answer({open, data({}, 10)});
  ASSERT_FALSE(c.over());
  EXPECT_EQ(c.asked<dohle::fetch_request>(0).from, offset{12});
}

}  // namespace
}  // namespace dohle::kafka
