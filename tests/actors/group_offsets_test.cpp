// One group's actor between a partition that keeps its records and a coordinator of transactions, both played here.
#include <gtest/gtest.h>

#include "actors/group.hpp"
#include "tests/actors/fixture.hpp"

namespace dohle::actors {
namespace {

using namespace testing;

class group_offsets_test : public deterministic {
 protected:
  group_offsets_test() {
    leader_ = owned(sys.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const produce_request& r) -> result<produce_response> {
        if (full) return error{errc::storage_full, "", ""};
        take(r.batch);
        return produce_response{};
      }};
    }));
    transactions_ = owned(sys.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const enlist_part& e) -> result<part_enlisted> {
        enlisted.push_back(e);
        if (refuse) return *refuse;
        return part_enlisted{};
      }};
    }));
    start();
  }
  /// The group again, from what it persisted.
  void start() {
    group_setup setup{"g",
                      stored_,
                      leader_,
                      transactions_,
                      std::make_shared<const directory>(),
                      [] { return timestamp{1}; },
                      [](const std::string&) { return std::string{"m"}; }};
    group_ = owned(sys.spawn(group, std::move(setup)));
    settle();
  }
  void take(const bytes& batch) {
    ++batches;
    auto reader = batch_reader::open(batch);
    for (auto r = reader->next(); r->has_value(); r = reader->next()) {
      auto record = *decode_group_record(*(*r)->key, (*r)->value);
      if (auto* o = std::get_if<offset_record>(&record)) {
        topic_partition at{o->key.topic, o->key.partition};
        stored_.offsets.erase(at);
        if (o->value) stored_.offsets[at] = {o->value->offset, o->value->metadata};
      } else if (auto* p = std::get_if<pending_offsets_record>(&record)) {
        stored_.pending.erase(p->key.producer);
        if (p->value) stored_.pending[p->key.producer] = *p->value;
      }
    }
  }
  template <class Answer, class Message>
  result<Answer> ask(Message m) {
    auto got = std::make_shared<std::optional<result<Answer>>>();
    owned(sys.spawn([this, m, got](caf::event_based_actor* self) {
      self->request(group_, caf::infinite, m).then([got](const result<Answer>& a) { got->emplace(a); });
    }));
    settle();
    return *got ? **got : error{errc::timeout, "no answer", ""};
  }
  result<commit_offsets_response> commit(std::int64_t at, std::optional<in_transaction> within = {}) {
    return ask<commit_offsets_response>(
        commit_offsets_request{"g", generation{-1}, "", "", {{"t", partition_index{0}, offset{at}, ""}}, within});
  }
  result<part_decided> decide(std::int16_t epoch, bool commit, std::int64_t producer = 7) {
    return ask<part_decided>(decide_part{producer_id{producer}, epoch, commit, std::nullopt, "g"});
  }
  std::int64_t committed() {
    auto got = ask<fetch_offsets_response>(fetch_offsets_request{"g", {}});
    return got && !got->offsets.empty() ? got->offsets[0].offset.value : -1;
  }
  errc stable(std::int32_t partition = 0) {
    return ask<fetch_offsets_response>(fetch_offsets_request{"g", {{"t", partition_index{partition}}}, true}).code();
  }

  bool full = false;
  int batches = 0;
  std::optional<error> refuse;
  std::vector<enlist_part> enlisted;

 private:
  caf::actor leader_, transactions_, group_;
  stored_group stored_;
};

TEST_F(group_offsets_test, what_a_transaction_commits_counts_when_it_is_decided) {
  ASSERT_TRUE(commit(5).ok());
  ASSERT_TRUE(commit(9, in_transaction{producer_id{7}, 2, true}).ok());
  EXPECT_EQ(enlisted.at(0).group, "g");
  EXPECT_TRUE(enlisted.at(0).may_add);
  EXPECT_EQ(committed(), 5);
  EXPECT_EQ(stable(), errc::unstable_offset);
  EXPECT_EQ(stable(1), errc::ok);
  const int before = batches;
  EXPECT_TRUE(decide(3, true).ok());
  EXPECT_EQ(batches, before + 1);
  EXPECT_EQ(committed(), 9);
  EXPECT_EQ(stable(), errc::ok);
  EXPECT_TRUE(decide(3, true).ok());  // again: nothing is there to decide
  EXPECT_EQ(batches, before + 1);
}

TEST_F(group_offsets_test, an_aborted_one_leaves_nothing) {
  ASSERT_TRUE(commit(5).ok());
  ASSERT_TRUE(commit(9, in_transaction{producer_id{7}, 2, false}).ok());
  EXPECT_FALSE(enlisted.at(0).may_add);
  EXPECT_TRUE(decide(2, false).ok());
  EXPECT_EQ(committed(), 5);
  EXPECT_EQ(stable(), errc::ok);
}

TEST_F(group_offsets_test, offsets_count_in_the_order_of_decisions) {
  ASSERT_TRUE(commit(9, in_transaction{producer_id{7}, 2}).ok());
  ASSERT_TRUE(commit(50).ok());
  ASSERT_TRUE(decide(2, true).ok());
  EXPECT_EQ(committed(), 9);
}

TEST_F(group_offsets_test, what_is_pending_survives_a_restart) {
  ASSERT_TRUE(commit(9, in_transaction{producer_id{7}, 2}).ok());
  start();
  EXPECT_EQ(stable(), errc::unstable_offset);
  EXPECT_EQ(committed(), -1);
  ASSERT_TRUE(decide(2, true).ok());
  start();
  EXPECT_EQ(committed(), 9);
  EXPECT_EQ(stable(), errc::ok);
}

TEST_F(group_offsets_test, who_is_in_no_transaction_commits_nothing_in_one) {
  refuse = error{errc::producer_fenced, "", ""};
  EXPECT_EQ(commit(9, in_transaction{producer_id{7}, 2}).code(), errc::producer_fenced);
  EXPECT_EQ(stable(), errc::ok);
  refuse.reset();
  EXPECT_TRUE(commit(9, in_transaction{producer_id{7}, 3}).ok());
  EXPECT_EQ(commit(8, in_transaction{producer_id{7}, 2}).code(), errc::producer_fenced);
}

TEST_F(group_offsets_test, a_decision_that_could_not_be_persisted_is_asked_for_again) {
  ASSERT_TRUE(commit(9, in_transaction{producer_id{7}, 2}).ok());
  full = true;
  EXPECT_EQ(decide(2, true).code(), errc::storage_full);
  EXPECT_EQ(stable(), errc::unstable_offset);
  full = false;
  EXPECT_TRUE(decide(2, true).ok());
  EXPECT_EQ(committed(), 9);
}

TEST_F(group_offsets_test, a_topic_that_is_gone_leaves_what_is_pending_too) {
  ASSERT_TRUE(commit(9, in_transaction{producer_id{7}, 2}).ok());
  (void)ask<part_decided>(topic_deleted_record{"t"});
  EXPECT_EQ(stable(), errc::ok);
  start();
  ASSERT_TRUE(decide(2, true).ok());
  EXPECT_EQ(committed(), -1);
}

TEST_F(group_offsets_test, offsets_are_deleted_for_ever) {
  EXPECT_EQ(ask<delete_offsets_response>(delete_offsets_request{"g", {{"t", partition_index{0}}}}).code(),
            errc::unknown_group);
  ASSERT_TRUE(commit(5).ok());
  EXPECT_TRUE(ask<delete_offsets_response>(delete_offsets_request{"g", {{"t", partition_index{0}}}}).ok());
  EXPECT_EQ(committed(), -1);
  start();
  EXPECT_EQ(committed(), -1);
}

}  // namespace
}  // namespace dohle::actors
