// Transactions as C++ programs use them, on a broker in this process and on one over TCP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/actors/client_fixture.hpp"

namespace dohle {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class transactional_test : public client_fixture {
 protected:
  void SetUp() override {
    client_fixture::SetUp();
    for (const char* name : {"in", "out"}) create(name, 1);
  }
  transactional_producer open(const std::string& name = "copy") {
    auto made = db->make_transactional(name);
    EXPECT_TRUE(made.ok()) << (made ? "" : to_string(made.error()));
    return *made;
  }
  void send(transactional_producer& t, const std::string& topic, const std::string& value) {
    auto p = t.to(topic);
    ASSERT_TRUE(p.ok()) << to_string(p.error());
    outgoing_record r;
    r.value = value;
    auto sent = p->send(r, 20s);
    ASSERT_TRUE(sent.ok()) << to_string(sent.error());
  }
  /// What somebody sees who reads up to the end as it is now.
  std::vector<std::string> seen(const std::string& topic, isolation how = isolation::committed) {
    list_offsets_request end{topic, partition_index{0}, offset_query::latest, no_timestamp, how};
    auto until = db->call(end, 20s);
    EXPECT_TRUE(until.ok());
    consumer_options o;
    o.isolation = how;
    auto c = db->make_consumer(o);
    EXPECT_TRUE(c.ok());
    EXPECT_TRUE(c->assign({{{topic, partition_index{0}}, offset{0}, until->offset}}).ok());
    std::vector<std::string> out;
    while (!c->finished()) {
      auto got = c->poll(1'000, 20s);
      EXPECT_TRUE(got.ok()) << (got ? "" : to_string(got.error()));
      if (!got) break;
      for (const auto& chunk : got->chunks)
        for (const auto& r : chunk) out.emplace_back(*r.value);
    }
    return out;
  }
  std::optional<std::int64_t> committed() {
    auto got = db->call(fetch_offsets_request{"g", {}}, 20s);
    if (!got || got->offsets.empty()) return std::nullopt;
    return got->offsets[0].offset.value;
  }
};

TEST_P(transactional_test, nothing_is_seen_before_the_commit_and_all_after_it) {
  auto t = open();
  ASSERT_TRUE(t.begin().ok());
  send(t, "in", "a");
  send(t, "out", "b");
  ASSERT_TRUE(t.to("out")->flush(20s).ok());
  EXPECT_THAT(seen("out"), IsEmpty());
  EXPECT_THAT(seen("out", isolation::uncommitted), ElementsAre("b"));
  auto done = t.commit(20s);
  ASSERT_TRUE(done.ok()) << to_string(done.error());
  EXPECT_THAT(seen("in"), ElementsAre("a"));
  EXPECT_THAT(seen("out"), ElementsAre("b"));
}

TEST_P(transactional_test, what_is_aborted_is_never_seen_and_the_next_transaction_is) {
  auto t = open();
  ASSERT_TRUE(t.begin().ok());
  send(t, "out", "wrong");
  ASSERT_TRUE(t.abort(20s).ok());
  ASSERT_TRUE(t.begin().ok());
  send(t, "out", "right");
  ASSERT_TRUE(t.commit(20s).ok());
  EXPECT_THAT(seen("out"), ElementsAre("right"));
  EXPECT_THAT(seen("out", isolation::uncommitted), ElementsAre("wrong", "right"));
}

TEST_P(transactional_test, offsets_count_with_the_transaction) {
  auto t = open();
  const std::map<topic_partition, offset> progress{{{"in", partition_index{0}}, offset{7}}};
  ASSERT_TRUE(t.begin().ok());
  ASSERT_TRUE(t.commit_offsets("g", progress, {}, 20s).ok());
  EXPECT_EQ(committed(), std::nullopt);
  ASSERT_TRUE(t.abort(20s).ok());
  EXPECT_EQ(committed(), std::nullopt);
  ASSERT_TRUE(t.begin().ok());
  ASSERT_TRUE(t.commit_offsets("g", progress, {}, 20s).ok());
  ASSERT_TRUE(t.commit(20s).ok());
  EXPECT_EQ(committed(), 7);
}

TEST_P(transactional_test, a_second_instance_fences_the_first_and_aborts_what_it_left_open) {
  auto first = open();
  ASSERT_TRUE(first.begin().ok());
  send(first, "out", "lost");
  ASSERT_TRUE(first.to("out")->flush(20s).ok());
  auto second = open();
  auto refused = first.commit(20s);
  EXPECT_EQ(refused.code(), errc::producer_fenced) << to_string(refused.error());
  EXPECT_EQ(first.begin().code(), errc::producer_fenced);
  ASSERT_TRUE(second.begin().ok());
  send(second, "out", "kept");
  ASSERT_TRUE(second.commit(20s).ok());
  EXPECT_THAT(seen("out"), ElementsAre("kept"));
}

TEST_P(transactional_test, many_transactions_one_after_the_other_keep_their_order) {
  auto t = open();
  std::vector<std::string> expected;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(t.begin().ok());
    for (int k = 0; k < 5; ++k) send(t, "out", std::to_string(i * 5 + k));
    const bool commits = i % 3 != 0;
    auto done = commits ? t.commit(20s) : t.abort(20s);
    ASSERT_TRUE(done.ok()) << to_string(done.error());
    for (int k = 0; k < 5 && commits; ++k) expected.push_back(std::to_string(i * 5 + k));
  }
  EXPECT_EQ(seen("out"), expected);
}

TEST_P(transactional_test, what_is_out_of_turn_is_refused) {
  auto t = open();
  auto p = t.to("out");
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p->send({}, 20s).code(), errc::invalid_transaction);
  EXPECT_EQ(t.commit(20s).code(), errc::invalid_transaction);
  EXPECT_TRUE(t.abort(20s).ok());
  ASSERT_TRUE(t.begin().ok());
  EXPECT_EQ(t.begin().code(), errc::invalid_transaction);
  ASSERT_TRUE(t.commit(20s).ok()) << "an empty one is nothing to decide";
  EXPECT_EQ(db->make_transactional("").code(), errc::invalid_request);
  EXPECT_EQ(t.to("nowhere").code(), errc::unknown_topic);
}

INSTANTIATE_TEST_SUITE_P(, transactional_test, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "tcp" : "embedded"; });

}  // namespace
}  // namespace dohle
