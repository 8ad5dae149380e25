#include "rules/transaction.hpp"

#include <gtest/gtest.h>

#include "schema/limits.hpp"
#include "tests/schema/dice.hpp"

namespace dohle::rules {
namespace {

using status = transaction_status;

constexpr producer_id fresh{900};
constexpr timestamp clock_now{1'000};
const topic_partition orders{"orders", partition_index{0}};
const topic_partition clicks{"clicks", partition_index{3}};

transaction_value value_of(status s, std::int16_t epoch = 5) {
  transaction_value v{producer_id{7}, epoch, milliseconds{60'000}, s, {}, {}, no_timestamp, timestamp{500}};
  if (s == status::ongoing || is_deciding(v)) v.partitions = {orders}, v.started = timestamp{400};
  return v;
}

init_producer_request init(producer_id id = no_producer, std::int16_t epoch = -1) {
  return {"copy", milliseconds{60'000}, id, epoch};
}

TEST(transaction, the_first_producer_of_a_name_gets_a_fresh_id) {
  auto made = begin_producer(std::nullopt, init(), fresh, clock_now);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->producer, fresh);
  EXPECT_EQ(made->epoch, 0);
  EXPECT_EQ(made->status, status::empty);
}

TEST(transaction, each_further_producer_of_a_name_fences_the_one_before) {
  for (auto s : {status::empty, status::complete_commit, status::complete_abort}) {
    auto made = begin_producer(value_of(s), init(), fresh, clock_now);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(made->producer, producer_id{7});
    EXPECT_EQ(made->epoch, 6);
    EXPECT_EQ(made->status, status::empty);
    EXPECT_EQ(add_parts(*made, producer_id{7}, 5, {{orders}, {}}, clock_now).code(), errc::producer_fenced);
  }
}

TEST(transaction, what_a_former_producer_left_open_is_aborted_first) {
  auto made = begin_producer(value_of(status::ongoing), init(), fresh, clock_now);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->status, status::prepare_abort);
  EXPECT_EQ(made->epoch, 6) << "the former producer is fenced with the decision";
  EXPECT_EQ(made->partitions, std::set{orders});
  EXPECT_EQ(begin_producer(*made, init(), fresh, clock_now).code(), errc::concurrent_transactions);
}

TEST(transaction, a_producer_that_goes_on_must_be_the_last_one) {
  const auto now = value_of(status::complete_commit);
  EXPECT_EQ(begin_producer(now, init(producer_id{7}, 5), fresh, clock_now)->epoch, 6);
  EXPECT_EQ(begin_producer(now, init(producer_id{7}, 4), fresh, clock_now)->epoch, 6) << "it did not hear of the bump";
  EXPECT_EQ(begin_producer(now, init(producer_id{7}, 3), fresh, clock_now).code(), errc::producer_fenced);
  EXPECT_EQ(begin_producer(now, init(producer_id{8}, 5), fresh, clock_now).code(), errc::producer_fenced);
}

TEST(transaction, a_used_up_epoch_means_a_new_id) {
  auto made = begin_producer(value_of(status::empty, last_epoch - 1), init(), fresh, clock_now);
  EXPECT_EQ(made->producer, fresh);
  EXPECT_EQ(made->epoch, 0);
  auto open = value_of(status::ongoing, last_epoch - 1);
  auto decision = end_transaction(open, {"copy", producer_id{7}, last_epoch - 1, true, true}, clock_now);
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->epoch, last_epoch) << "the parts hear of the last epoch";
  ASSERT_TRUE(needs_new_producer(*decision));
  auto over = complete(*decision, fresh, clock_now);
  EXPECT_EQ(over.producer, fresh);
  EXPECT_EQ(over.epoch, 0);
}

TEST(transaction, a_timeout_has_bounds) {
  for (auto t : {milliseconds{0}, milliseconds{-1}, milliseconds{limits::max_transaction_timeout} + milliseconds{1}}) {
    auto r = init();
    r.timeout = t;
    EXPECT_EQ(begin_producer(std::nullopt, r, fresh, clock_now).code(), errc::invalid_transaction_timeout) << t.count();
  }
}

TEST(transaction, parts_open_it_and_join_it) {
  auto open = add_parts(value_of(status::empty), producer_id{7}, 5, {{orders}, {}}, clock_now);
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->status, status::ongoing);
  EXPECT_EQ(open->started, clock_now);
  auto more = add_parts(*open, producer_id{7}, 5, {{clicks}, {"readers"}}, timestamp{2'000});
  ASSERT_TRUE(more.ok());
  EXPECT_EQ(more->started, clock_now) << "its time runs from the first part";
  EXPECT_EQ(more->partitions, (std::set{orders, clicks}));
  EXPECT_EQ(more->groups, std::set<std::string>{"readers"});
  EXPECT_EQ(*add_parts(*more, producer_id{7}, 5, {{orders}, {"readers"}}, timestamp{3'000}), *more)
      << "nothing to persist";
}

TEST(transaction, parts_are_refused) {
  const transaction_parts parts{{orders}, {}};
  EXPECT_EQ(add_parts(value_of(status::empty), producer_id{8}, 5, parts, clock_now).code(), errc::unknown_producer);
  EXPECT_EQ(add_parts(value_of(status::empty), producer_id{7}, 4, parts, clock_now).code(), errc::producer_fenced);
  EXPECT_EQ(add_parts(value_of(status::prepare_commit), producer_id{7}, 5, parts, clock_now).code(),
            errc::concurrent_transactions);
  transaction_parts many;
  for (std::size_t i = 0; i <= limits::max_transaction_parts; ++i)
    many.partitions.insert({"t", partition_index{static_cast<std::int32_t>(i)}});
  EXPECT_EQ(add_parts(value_of(status::empty), producer_id{7}, 5, many, clock_now).code(), errc::invalid_request);
}

TEST(transaction, only_parts_that_were_added_pass_the_check) {
  const auto open = value_of(status::ongoing);
  EXPECT_TRUE(check_parts(open, producer_id{7}, 5, {{orders}, {}}).ok());
  EXPECT_EQ(check_parts(open, producer_id{7}, 5, {{clicks}, {}}).code(), errc::invalid_transaction);
  EXPECT_EQ(check_parts(open, producer_id{7}, 4, {{orders}, {}}).code(), errc::producer_fenced);
  EXPECT_EQ(check_parts(value_of(status::complete_commit), producer_id{7}, 5, {{orders}, {}}).code(),
            errc::invalid_transaction);
}

struct end_case {
  status from;
  bool commit, bump;
  std::int16_t epoch;                 ///< said; the value's is 5
  std::variant<status, errc> expect;  ///< where it goes (or stays), or the error
};

TEST(transaction, ends_as_the_table_says) {
  const end_case table[] = {
      {status::ongoing, true, false, 5, status::prepare_commit},
      {status::ongoing, false, false, 5, status::prepare_abort},
      {status::ongoing, true, true, 5, status::prepare_commit},
      {status::ongoing, true, true, 4, errc::producer_fenced},
      {status::ongoing, true, false, 6, errc::producer_fenced},
      {status::empty, true, false, 5, errc::invalid_transaction},
      {status::empty, true, true, 5, status::empty},
      {status::empty, false, true, 5, status::empty},
      // Said again, the epoch as it was (without bump) or risen (with it).
      {status::prepare_commit, true, false, 5, errc::concurrent_transactions},
      {status::prepare_commit, true, true, 4, errc::concurrent_transactions},
      {status::prepare_commit, false, false, 5, errc::invalid_transaction},
      {status::prepare_commit, false, true, 4, errc::producer_fenced},
      {status::complete_commit, true, false, 5, status::complete_commit},
      {status::complete_commit, true, true, 4, status::complete_commit},
      {status::complete_commit, false, false, 5, errc::invalid_transaction},
      {status::complete_commit, false, true, 4, errc::producer_fenced},
      {status::complete_abort, true, true, 4, errc::producer_fenced},
      {status::complete_abort, false, true, 4, status::complete_abort},
      {status::complete_abort, true, false, 5, errc::invalid_transaction},
  };
  for (const auto& c : table) {
    const auto now = value_of(c.from);
    auto next = end_transaction(now, {"copy", producer_id{7}, c.epoch, c.commit, c.bump}, clock_now);
    const auto what = std::string(name_of(c.from)) + (c.commit ? " commit" : " abort") + (c.bump ? " bump " : " ") +
                      std::to_string(c.epoch);
    if (const auto* refused = std::get_if<errc>(&c.expect)) {
      EXPECT_EQ(next.code(), *refused) << what;
      continue;
    }
    ASSERT_TRUE(next.ok()) << what;
    EXPECT_EQ(next->status, std::get<status>(c.expect)) << what;
    EXPECT_EQ(next->epoch, next->status != c.from && c.bump ? 6 : 5) << what;
  }
}

TEST(transaction, what_is_complete_is_at_rest) {
  auto over = complete(value_of(status::prepare_commit), no_producer, clock_now);
  EXPECT_EQ(over.status, status::complete_commit);
  EXPECT_TRUE(over.partitions.empty());
  EXPECT_EQ(over.started, no_timestamp);
  EXPECT_EQ(over.producer, producer_id{7});
  EXPECT_EQ(abort_overdue(value_of(status::ongoing), clock_now).epoch, 6) << "who was too slow is fenced";
}

TEST(transaction, a_name_is_forgotten_when_nothing_is_open_and_nobody_came_for_long) {
  const timestamp late{500 + milliseconds{limits::transaction_name_expiry}.count()};
  EXPECT_TRUE(is_forgotten(value_of(status::complete_commit), late));
  EXPECT_FALSE(is_forgotten(value_of(status::complete_commit), timestamp{late.value - 1}));
  EXPECT_FALSE(is_forgotten(value_of(status::ongoing), late));
  EXPECT_FALSE(is_forgotten(value_of(status::prepare_abort), late));
}

/// Whatever is said in whatever order: epochs of one id never fall, and a decision is never changed.
TEST(transaction, a_random_walk_keeps_the_promises) {
  testing::dice dice(17);
  const auto roll = [&](int n) { return static_cast<int>(dice.below(static_cast<std::size_t>(n))); };
  for (int run = 0; run < 200; ++run) {
    std::optional<transaction_value> now;
    std::int64_t next_id = 1;
    for (int step = 0; step < 200; ++step) {
      const auto before = now;
      const producer_id id = now && roll(8) ? now->producer : producer_id{roll(5)};
      const auto epoch = static_cast<std::int16_t>(now ? now->epoch - (roll(4) == 0) : 0);
      result<transaction_value> next = error{};
      switch (roll(now ? 5 : 1)) {
        case 0: next = begin_producer(now, init(), producer_id{next_id++}, clock_now); break;
        case 1: next = add_parts(*now, id, epoch, {{roll(2) ? orders : clicks}, {}}, clock_now); break;
        case 2: next = end_transaction(*now, {"copy", id, epoch, roll(2) == 0, roll(2) == 0}, clock_now); break;
        case 3:
          if (is_deciding(*now)) next = complete(*now, producer_id{next_id++}, clock_now);
          break;
        default:
          if (now->status == status::ongoing) next = abort_overdue(*now, clock_now);
      }
      if (!next) continue;
      now = *next;
      if (!before) continue;
      if (now->producer == before->producer) {
        EXPECT_GE(now->epoch, before->epoch);
      }
      if (is_deciding(*before)) {
        const auto over = before->status == status::prepare_commit ? status::complete_commit : status::complete_abort;
        EXPECT_TRUE(now->status == before->status || now->status == over);
      }
      if (!is_deciding(*now)) {
        EXPECT_LT(now->epoch, last_epoch);
      }
    }
  }
}

}  // namespace
}  // namespace dohle::rules
