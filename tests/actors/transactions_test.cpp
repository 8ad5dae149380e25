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

TEST_F(transactions_test, all_names_are_listed) {
  init();
  init("other");
  auto all = w.ask(list_transactions_request{});
  ASSERT_EQ(all->transactions.size(), 2U);
  EXPECT_EQ(all->transactions[0].transaction, "copy");
  EXPECT_EQ(all->transactions[0].state, "Empty");
}

}  // namespace
}  // namespace dohle::actors
