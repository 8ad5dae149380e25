#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "schema/record_batch.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

produce_request two_partitions(std::int16_t acks) {
  produce_request m;
  m.acks = acks;
  m.topic_data.push_back({"clicks",
                          id_of(topic("clicks", 2)),
                          {{0, {{bytes::copy("batch zero")}, false}}, {1, {{bytes::copy("batch one")}, false}}}});
  return m;
}

TEST(produce_test, each_partition_is_asked_and_answered_for_itself) {
  for (int version = 3; version <= 13; ++version) {
    conversation<produce_request> c(two_partitions(-1), version);
    ASSERT_EQ(c.asks(), 2U);
    EXPECT_EQ(c.asked<dohle::produce_request>(1).topic, "clicks");
    EXPECT_EQ(c.asked<dohle::produce_request>(1).batch.view(), "batch one");
    EXPECT_EQ(c.asked<dohle::produce_request>(1).acks, ack_level::majority);
    c.answer({dohle::produce_response{.base = offset{12}}, error{errc::storage_full, "full", ""}});
    auto p = c.result().responses.at(0).partition_responses;
    EXPECT_EQ(p.at(0).base_offset, 12);
    EXPECT_EQ(p.at(0).error_code, 0);
    EXPECT_EQ(p.at(1).error_code, number(error_code::kafka_storage_error));
    if (version >= 8) {
      EXPECT_EQ(p.at(1).error_message, "full");
    }
  }
}

TEST(produce_test, without_acks_nothing_is_answered_and_a_failure_closes) {
  conversation<produce_request> good(two_partitions(0), 9);
  good.answer({dohle::produce_response{}, dohle::produce_response{}});
  EXPECT_TRUE(good.over());
  EXPECT_FALSE(good.now().failed);
  EXPECT_TRUE(good.now().answer.empty());
  conversation<produce_request> bad(two_partitions(0), 9);
  bad.answer({dohle::produce_response{}, error{errc::unknown_topic, "", ""}});
  EXPECT_TRUE(bad.now().failed);
}

TEST(produce_test, acks_that_do_not_exist_and_absent_records_are_refused) {
  EXPECT_EQ(
      (conversation<produce_request>(two_partitions(2), 9).result().responses[0].partition_responses[0].error_code),
      number(error_code::invalid_required_acks));
  produce_request m;
  m.acks = -1;
  m.topic_data.push_back({"clicks", {}, {{0, {}}}});
  EXPECT_EQ((conversation<produce_request>(m, 9).result().responses[0].partition_responses[0].error_code),
            number(error_code::invalid_record));
}

TEST(produce_test, an_id_that_no_topic_has_is_told_without_a_question) {
  auto m = two_partitions(-1);
  m.topic_data[0].topic_id = uuid{1, 2};
  auto topic = conversation<produce_request>(m, 13).result().responses.at(0);
  EXPECT_EQ(topic.topic_id, (uuid{1, 2}));
  EXPECT_EQ(topic.partition_responses.at(1).error_code, number(error_code::unknown_topic_id));
}

TEST(produce_test, records_without_a_key_are_named_where_keys_compact) {
  batch_builder builder;
  ASSERT_TRUE(builder.add(timestamp{1}, "key", "a"));
  ASSERT_TRUE(builder.add(timestamp{1}, std::nullopt, "b"));
  ASSERT_TRUE(builder.add(timestamp{1}, "key", "c"));
  produce_request m;
  m.acks = -1;
  m.topic_data.push_back({"clicks", {}, {{0, {{*builder.build()}, false}}}});
  conversation<produce_request> c(m, 8);
  auto p = c.answer({error{errc::invalid_record, "why", ""}}).result().responses.at(0).partition_responses.at(0);
  EXPECT_EQ(p.error_code, number(error_code::invalid_record));
  ASSERT_EQ(p.record_errors.size(), 1U);
  EXPECT_EQ(p.record_errors[0].batch_index, 1);
}

TEST(produce_test, since_version_12_partitions_join_the_transaction_by_themselves) {
  conversation<produce_request> older(two_partitions(-1), 11);
  EXPECT_FALSE(older.asked<dohle::produce_request>().enlist);
  conversation<produce_request> newer(two_partitions(-1), 12);
  EXPECT_TRUE(newer.asked<dohle::produce_request>().enlist);
}

}  // namespace
}  // namespace dohle::kafka
