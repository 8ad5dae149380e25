#include "actors/transactions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

class transactions_test : public testing::Test {
 protected:
  transactions_test() {
    w.start();
    EXPECT_TRUE(w.ask(create_topic_request{.name = "t", .partitions = 2}).ok());
  }
  init_producer_response init(const std::string& name = "copy") {
    auto made = w.ask(init_producer_request{name, 10s});
    EXPECT_TRUE(made.ok()) << (made ? "" : to_string(made.error()));
    return made ? *made : init_producer_response{};
  }
  result<add_to_transaction_response> add(const init_producer_response& p, std::int32_t partition = 0) {
    return w.ask(add_to_transaction_request{"copy", p.id, p.epoch, {{"t", partition_index{partition}}}, {}});
  }
  result<end_transaction_response> end(const init_producer_response& p, bool commit, bool bump = true) {
    return w.ask(end_transaction_request{"copy", p.id, p.epoch, commit, bump});
  }
  result<produce_response> produce(const init_producer_response& p, const std::string& text, bool enlist = true) {
    auto batch = batch_of(text, 1, 0, {p.id, p.epoch, 0, true});
    return w.ask(produce_request{"t", partition_index{0}, ack_level::majority, batch, enlist});
  }
  std::int64_t stable_end() {
    list_offsets_request r{"t", partition_index{0}, offset_query::latest, no_timestamp, isolation::committed};
    return w.ask(r)->offset->value;
  }
  std::string state() { return w.ask(describe_transaction_request{"copy"})->state; }
  void restart() {
    w.stop();
    w.start();
  }
  world w;
};

TEST_F(transactions_test, names_have_producers_that_fence_each_other_also_over_a_restart) {
  auto first = init();
  EXPECT_NE(init("other").id, first.id);
  auto second = init();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.epoch, first.epoch + 1);
  restart();
  EXPECT_EQ(add(first).code(), errc::producer_fenced);
  auto third = init();
  EXPECT_EQ(third.id, first.id);
  EXPECT_EQ(third.epoch, second.epoch + 1);
}

TEST_F(transactions_test, an_open_transaction_survives_a_restart) {
  auto p = init();
  ASSERT_TRUE(add(p).ok());
  restart();
  EXPECT_EQ(state(), "Ongoing");
  auto d = w.ask(describe_transaction_request{"copy"});
  EXPECT_THAT(d->partitions, testing::ElementsAre(topic_partition{"t", partition_index{0}}));
  ASSERT_TRUE(add(p, 1).ok()) << "its producer goes on";
}

TEST_F(transactions_test, nothing_is_known_of_names_and_producers_that_never_began) {
  EXPECT_EQ(w.ask(describe_transaction_request{"copy"}).code(), errc::unknown_transaction);
  EXPECT_EQ(add({producer_id{5}, 0}).code(), errc::unknown_producer);
  EXPECT_EQ(end({producer_id{5}, 0}, true).code(), errc::unknown_transaction);
  EXPECT_EQ(w.ask(init_producer_request{"copy", 0s}).code(), errc::invalid_transaction_timeout);
}

TEST_F(transactions_test, ending_what_was_not_begun_changes_nothing) {
  auto p = init();
  auto ended = end(p, true);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->epoch, p.epoch);
  EXPECT_EQ(end(p, true, false).code(), errc::invalid_transaction);
}

TEST_F(transactions_test, a_refused_change_is_as_good_as_not_asked) {
  auto p = init();
  w.disk->full = true;
  EXPECT_EQ(add(p).code(), errc::storage_full);
  EXPECT_EQ(state(), "Empty");
  w.disk->full = false;
  ASSERT_TRUE(add(p, 1).ok());
  auto d = w.ask(describe_transaction_request{"copy"});
  EXPECT_THAT(d->partitions, testing::ElementsAre(topic_partition{"t", partition_index{1}}));
}

TEST_F(transactions_test, a_decision_reaches_the_partitions_and_the_next_epoch_begins) {
  auto p = init();
  ASSERT_TRUE(produce(p, "a").ok()) << "the partition joins by itself";
  EXPECT_EQ(state(), "Ongoing");
  EXPECT_EQ(stable_end(), 0);
  auto ended = end(p, true);
  ASSERT_TRUE(ended.ok()) << to_string(ended.error());
  EXPECT_EQ(ended->epoch, p.epoch + 1);
  EXPECT_EQ(state(), "CompleteCommit");
  EXPECT_EQ(stable_end(), 2) << "the record and the marker";
  auto again = end(p, true);
  ASSERT_TRUE(again.ok()) << "said again it is answered the same";
  EXPECT_EQ(again->epoch, ended->epoch);
  EXPECT_EQ(produce(p, "late").code(), errc::producer_fenced);
}

TEST_F(transactions_test, a_decision_goes_on_after_a_restart) {
  auto p = init();
  ASSERT_TRUE(produce(p, "a").ok());
  restart();
  EXPECT_EQ(stable_end(), 0) << "still open";
  auto second = init();
  EXPECT_EQ(state(), "Empty") << "what was left open is aborted by the next instance";
  EXPECT_GT(second.epoch, p.epoch);
  EXPECT_EQ(stable_end(), 2);
}

TEST_F(transactions_test, who_is_too_slow_is_aborted) {
  auto p = init();
  ASSERT_TRUE(produce(p, "a").ok());
  w.advance(9s);
  EXPECT_EQ(state(), "Ongoing");
  w.advance(2s);
  w.advance(1s);
  EXPECT_EQ(state(), "CompleteAbort");
  EXPECT_EQ(stable_end(), 2);
  EXPECT_EQ(end(p, true).code(), errc::producer_fenced);
}

TEST_F(transactions_test, a_partition_that_was_not_added_is_refused_where_it_must_be) {
  auto p = init();
  EXPECT_EQ(produce(p, "a", false).code(), errc::invalid_transaction);
  ASSERT_TRUE(add(p).ok());
  EXPECT_TRUE(produce(p, "a", false).ok());
}

TEST_F(transactions_test, a_full_disk_delays_a_decision_and_loses_nothing) {
  auto p = init();
  ASSERT_TRUE(produce(p, "a").ok());
  w.disk->full = true;
  EXPECT_EQ(end(p, true).code(), errc::storage_full);
  w.disk->full = false;
  auto ended = end(p, true);
  ASSERT_TRUE(ended.ok()) << to_string(ended.error());
  EXPECT_EQ(stable_end(), 2);
}

TEST_F(transactions_test, all_names_are_listed) {
  init();
  init("other");
  auto all = w.ask(list_transactions_request{});
  ASSERT_EQ(all->transactions.size(), 2U);
  EXPECT_EQ(all->transactions[0].transaction, "copy");
  EXPECT_EQ(all->transactions[0].state, "Empty");
  EXPECT_EQ(w.ask(list_transactions_request{"oth.*"})->transactions.size(), 1U);
  EXPECT_EQ(w.ask(list_transactions_request{"oth"})->transactions.size(), 0U) << "as a whole";
  EXPECT_EQ(w.ask(list_transactions_request{"("}).code(), errc::invalid_pattern);
}

}  // namespace
}  // namespace dohle::actors
