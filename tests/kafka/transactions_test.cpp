#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

dohle::metadata_response with_topic(const std::string& name, int partitions) {
  dohle::metadata_response m;
  m.topics.push_back({name, false, std::vector<partition_info>(static_cast<std::size_t>(partitions))});
  return m;
}

TEST(transactions_test, a_producer_without_transactions_gets_an_identity) {
  init_producer_id_request plain;
  plain.transactional_id.reset();
  conversation<init_producer_id_request> c(plain, 4);
  EXPECT_EQ(c.asked<init_producer_request>().transaction, "");
  auto m = c.answer({init_producer_response{producer_id{77}, 0}}).result();
  EXPECT_EQ(m.producer_id, 77);
  EXPECT_EQ(m.producer_epoch, 0);
}

TEST(transactions_test, a_name_gets_its_producer_and_an_older_instance_is_told_that_it_is_fenced) {
  init_producer_id_request named;
  named.transactional_id = "copy";
  named.transaction_timeout_ms = 5'000;
  named.producer_id = 77;
  named.producer_epoch = 3;
  conversation<init_producer_id_request> c(named, 4);
  EXPECT_EQ(c.asked<init_producer_request>(), (init_producer_request{"copy", milliseconds{5'000}, producer_id{77}, 3}));
  EXPECT_EQ(c.answer({error{errc::producer_fenced, "", ""}}).result().error_code, number(error_code::producer_fenced));
  conversation<init_producer_id_request> older(named, 3);
  EXPECT_EQ(older.answer({error{errc::producer_fenced, "", ""}}).result().error_code,
            number(error_code::invalid_producer_epoch));
  named.transactional_id = "";
  EXPECT_EQ((conversation<init_producer_id_request>(named, 4).result().error_code),
            number(error_code::invalid_request));
}

add_partitions_to_txn_request two_topics() {
  add_partitions_to_txn_request m;
  m.v3_and_below_transactional_id = "copy";
  m.v3_and_below_producer_id = 77;
  m.v3_and_below_producer_epoch = 3;
  m.v3_and_below_topics = {{"clicks", {0, 1}}, {"orders", {0}}};
  return m;
}

TEST(transactions_test, partitions_are_added_all_together) {
  for (int version = 0; version <= 3; ++version) {
    conversation<add_partitions_to_txn_request> c(two_topics(), version);
    EXPECT_EQ(c.asked<dohle::metadata_request>().topics, (std::vector<std::string>{"clicks", "orders"}));
    auto there = with_topic("clicks", 2);
    there.topics.push_back(with_topic("orders", 1).topics[0]);
    c.answer({there});
    ASSERT_EQ(c.asks(), 1U);
    EXPECT_EQ(c.asked<add_to_transaction_request>().partitions.size(), 3U);
    auto m = c.answer({add_to_transaction_response{}}).result();
    ASSERT_EQ(m.results_by_topic_v3_and_below.size(), 2U);
    EXPECT_EQ(m.results_by_topic_v3_and_below[0].results_by_partition.at(1).partition_error_code, 0);
  }
}

TEST(transactions_test, several_transactions_are_added_to_or_only_looked_at) {
  for (int version : {4, 5}) {
    add_partitions_to_txn_request m;
    m.transactions.push_back({"copy", 77, 3, false, {{"clicks", {0}}}});
    m.transactions.push_back({"look", 78, 1, true, {{"clicks", {0, 1}}}});
    m.transactions.push_back({"gone", 79, 0, false, {{"clicks", {0, 9}}}});
    conversation<add_partitions_to_txn_request> c(m, version);
    c.answer({with_topic("clicks", 2)});
    ASSERT_EQ(c.asks(), 2U);
    EXPECT_EQ(c.asked<add_to_transaction_request>(0).producer, producer_id{77});
    EXPECT_EQ(c.asked<describe_transaction_request>(1).transaction, "look");
    describe_transaction_response open{"look", producer_id{78}, 1, "Ongoing", {}, {}, {{"clicks", partition_index{1}}}};
    auto all = c.answer({add_to_transaction_response{}, open}).result().results_by_transaction;
    auto code = [&](std::size_t i, std::size_t p) {
      return all.at(i).topic_results.at(0).results_by_partition.at(p).partition_error_code;
    };
    EXPECT_EQ(code(0, 0), 0);
    EXPECT_EQ(code(1, 0), number(error_code::transaction_abortable));
    EXPECT_EQ(code(1, 1), 0);
    EXPECT_EQ(code(2, 0), number(error_code::operation_not_attempted));
    EXPECT_EQ(code(2, 1), number(error_code::unknown_topic_or_partition));
  }
}

TEST(transactions_test, one_partition_that_is_not_there_spoils_the_others) {
  conversation<add_partitions_to_txn_request> c(two_topics(), 3);
  auto m = c.answer({with_topic("clicks", 1)}).result();
  auto code = [&](std::size_t topic, std::size_t i) {
    return m.results_by_topic_v3_and_below.at(topic).results_by_partition.at(i).partition_error_code;
  };
  EXPECT_EQ(code(0, 0), number(error_code::operation_not_attempted));
  EXPECT_EQ(code(0, 1), number(error_code::unknown_topic_or_partition));
  EXPECT_EQ(code(1, 0), number(error_code::unknown_topic_or_partition));
}

TEST(transactions_test, errors_of_the_coordinator_reach_every_partition) {
  const std::pair<errc, error_code> table[] = {
      {errc::producer_fenced, error_code::producer_fenced},
      {errc::unknown_producer, error_code::invalid_producer_id_mapping},
      {errc::concurrent_transactions, error_code::concurrent_transactions},
      {errc::invalid_transaction, error_code::invalid_txn_state},
  };
  for (const auto& [ours, theirs] : table) {
    conversation<add_partitions_to_txn_request> c(two_topics(), 3);
    auto there = with_topic("clicks", 2);
    there.topics.push_back(with_topic("orders", 1).topics[0]);
    auto m = c.answer({there}).answer({error{ours, "", ""}}).result();
    for (const auto& t : m.results_by_topic_v3_and_below)
      for (const auto& p : t.results_by_partition) EXPECT_EQ(p.partition_error_code, number(theirs));
  }
}

TEST(transactions_test, a_group_is_added) {
  conversation<add_offsets_to_txn_request> c(add_offsets_to_txn_request{"copy", 77, 3, "readers"}, 3);
  EXPECT_EQ(c.asked<add_to_transaction_request>().groups, std::vector<std::string>{"readers"});
  EXPECT_EQ(c.answer({add_to_transaction_response{}}).result().error_code, 0);
}

TEST(transactions_test, the_newer_end_raises_the_epoch_and_tells_it) {
  conversation<end_txn_request> older(end_txn_request{"copy", 77, 3, true}, 4);
  EXPECT_FALSE(older.asked<end_transaction_request>().bump);
  conversation<end_txn_request> newer(end_txn_request{"copy", 77, 3, true}, 5);
  EXPECT_TRUE(newer.asked<end_transaction_request>().bump);
  EXPECT_TRUE(newer.asked<end_transaction_request>().commit);
  auto m = newer.answer({end_transaction_response{producer_id{77}, 4}}).result();
  EXPECT_EQ(m.producer_id, 77);
  EXPECT_EQ(m.producer_epoch, 4);
}

TEST(transactions_test, transactions_are_described_and_listed) {
  describe_transactions_request ask;
  ask.transactional_ids = {"copy", "none"};
  conversation<describe_transactions_request> c(ask, 0);
  describe_transaction_response open{"copy", producer_id{77}, 3, "Ongoing", milliseconds{5'000}, timestamp{12}};
  open.partitions = {{"clicks", partition_index{0}}, {"clicks", partition_index{1}}, {"orders", partition_index{0}}};
  auto m = c.answer({open, error{errc::unknown_transaction, "", ""}}).result();
  ASSERT_EQ(m.transaction_states.size(), 2U);
  ASSERT_EQ(m.transaction_states[0].topics.size(), 2U);
  EXPECT_EQ(m.transaction_states[0].topics[0].partitions, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(m.transaction_states[0].transaction_start_time_ms, 12);
  EXPECT_EQ(m.transaction_states[1].error_code, number(error_code::transactional_id_not_found));
}

TEST(transactions_test, markers_are_written_by_hand) {
  write_txn_markers_request m;
  m.markers.push_back({7, 2, false, {{"clicks", {0, 1}}}, 0, 2});
  conversation<write_txn_markers_request> c(m, 2);
  EXPECT_EQ(c.asked<write_marker_request>(1),
            (write_marker_request{"clicks", partition_index{1}, producer_id{7}, 2, false}));
  auto p = c.answer({write_marker_response{}, error{errc::producer_fenced, "", ""}}).result().markers.at(0).topics;
  EXPECT_EQ(p.at(0).partitions.at(0).error_code, 0);
  EXPECT_EQ(p.at(0).partitions.at(1).error_code, number(error_code::invalid_producer_epoch));
}

TEST(transactions_test, lists_are_filtered_by_state_producer_and_age) {
  const dohle::list_transactions_response all{{{"a", producer_id{1}, "Ongoing", timestamp{1'000}},
                                               {"b", producer_id{2}, "Ongoing", timestamp{1'900}},
                                               {"c", producer_id{3}, "Empty", no_timestamp}}};
  auto with = broker_one();
  with.now = timestamp{2'000};
  auto names = [&](const list_transactions_request& m) {
    std::string out;
    auto answer = conversation<list_transactions_request>(m, 1, with).answer({all}).result();
    for (const auto& t : answer.transaction_states) out += t.transactional_id;
    return out;
  };
  list_transactions_request m;
  EXPECT_EQ(names(m), "abc");
  m.transactional_id_pattern = "pay.*";
  EXPECT_EQ((conversation<list_transactions_request>(m, 2).asked<dohle::list_transactions_request>().pattern), "pay.*");
  m.state_filters = {"Ongoing"};
  EXPECT_EQ(names(m), "ab");
  m.duration_filter = 500;
  EXPECT_EQ(names(m), "a");
  m = {};
  m.producer_id_filters = {3};
  EXPECT_EQ(names(m), "c");
  m.state_filters = {"Nonsense"};
  auto answer = conversation<list_transactions_request>(m, 1, with).answer({all}).result();
  EXPECT_EQ(answer.unknown_state_filters, std::vector<std::string>{"Nonsense"});
}

TEST(transactions_test, tells_who_produces_into_a_partition) {
  describe_producers_request m;
  m.topics.push_back({"clicks", {0, 3}});
  conversation<describe_producers_request> c(m, 0);
  ASSERT_EQ(c.asks(), 2U);
  dohle::describe_producers_response told;
  told.producers.push_back({producer_id{7}, 2, 11, timestamp{99}, offset{40}});
  told.producers.push_back({producer_id{8}, 0, 3, timestamp{98}, std::nullopt});
  auto lines = c.answer({told, error{errc::unknown_partition, "none", ""}}).result().topics.at(0).partitions;
  ASSERT_EQ(lines.at(0).active_producers.size(), 2U);
  EXPECT_EQ(lines.at(0).active_producers[0].producer_id, 7);
  EXPECT_EQ(lines.at(0).active_producers[0].producer_epoch, 2);
  EXPECT_EQ(lines.at(0).active_producers[0].last_sequence, 11);
  EXPECT_EQ(lines.at(0).active_producers[0].last_timestamp, 99);
  EXPECT_EQ(lines.at(0).active_producers[0].current_txn_start_offset, 40);
  EXPECT_EQ(lines.at(0).active_producers[1].current_txn_start_offset, -1);
  EXPECT_EQ(lines.at(1).partition_index, 3);
  EXPECT_EQ(lines.at(1).error_code, number(error_code::unknown_topic_or_partition));
}

}  // namespace
}  // namespace dohle::kafka
