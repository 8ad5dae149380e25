// What a follower does whose leader knows nothing of its newest batches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

using ::testing::ElementsAre;

position at(std::int32_t of, std::int64_t end) { return {epoch{of}, offset{end}}; }
epoch_start opens(std::int32_t of, std::int64_t first) { return {epoch{of}, offset{first}}; }

class truncate_test : public log_fixture {
 protected:
  void add(std::int32_t of, int batches = 1, std::size_t value_bytes = 20) {
    for (int i = 0; i < batches; ++i)
      append_flushed(*folder_, *log_, 1, value_bytes, timestamp{log_->end().value}, epoch{of});
  }
  void cut(position to) { flush(*folder_, *log_, {log_->truncate(to)}); }
};

TEST_F(truncate_test, what_was_cut_off_never_was_also_after_a_restart) {
  open();
  add(1, 10);
  add(2, 10);
  const auto bytes_of_ten = log_->size_bytes() / 2;
  cut(at(1, 10));
  for (bool again : {false, true}) {
    if (again) reopen();
    EXPECT_EQ(log_->flushed_position(), at(1, 10));
    EXPECT_EQ(log_->end(), offset{10});
    EXPECT_EQ(log_->size_bytes(), bytes_of_ten);
    EXPECT_EQ(log_->max_timestamp(), timestamp{9});
    EXPECT_THAT(log_->epochs(), ElementsAre(opens(1, 0)));
    EXPECT_EQ(log_->read(offset{11}, 1'000, offset{20}).code(), errc::offset_out_of_range);
    expect_records(*log_, offset{0}, offset{10});
  }
  add(3, 5);
  for (bool again : {false, true}) {
    if (again) reopen();
    EXPECT_EQ(log_->flushed_position(), at(3, 15));
    EXPECT_THAT(log_->epochs(), ElementsAre(opens(1, 0), opens(3, 10)));
    EXPECT_EQ(log_->epoch_end(epoch{2}, offset{15})->value(), (epoch_range{epoch{1}, offset{10}}));
    expect_records(*log_, offset{0}, offset{15});
  }
}

TEST_F(truncate_test, an_epoch_without_a_batch_is_cut_off_at_its_offset) {
  open();
  add(1, 3);
  flush(*folder_, *log_, {log_->open_epoch(epoch{2}), log_->open_epoch(epoch{4})});
  EXPECT_THAT(log_->epochs(), ElementsAre(opens(1, 0), opens(2, 3), opens(4, 3)));
  cut(at(2, 3));
  reopen();
  EXPECT_EQ(log_->flushed_position(), at(2, 3));
  EXPECT_THAT(log_->epochs(), ElementsAre(opens(1, 0), opens(2, 3)));
}

TEST_F(truncate_test, nothing_has_happened_until_it_is_flushed_and_nothing_at_all_when_it_is_refused) {
  open();
  add(1, 2);
  add(2, 2);
  const auto refused = log_->truncate(at(1, 2));
  EXPECT_EQ(refused.base, offset{2});
  EXPECT_EQ(log_->flushed_position(), at(2, 4));
  log_->drop_unflushed();
  add(2);
  EXPECT_EQ(log_->flushed_position(), at(2, 5));
  reopen();
  EXPECT_EQ(log_->flushed_position(), at(2, 5));
  expect_records(*log_, offset{0}, offset{5});
}

TEST_F(truncate_test, settled_batches_stay_and_files_go_although_what_they_held_was_cut_off) {
  open({.journal_file_bytes = 200'000, .segment_bytes = 2 << 20});
  add(1, 5, 10'000);
  ASSERT_TRUE(log_->settle(offset{5}, 1 << 30).ok());
  EXPECT_THAT(log_->epochs(), ElementsAre(opens(1, 0)));
  add(2, 60, 10'000);
  ASSERT_GT(folder_->journal().file_count(), 2U);
  cut(at(1, 5));
  ASSERT_TRUE(folder_->retire_journals().ok());
  EXPECT_EQ(folder_->journal().file_count(), 1U);
  reopen();
  EXPECT_EQ(log_->flushed_position(), at(1, 5));
  add(3, 2, 10'000);
  ASSERT_TRUE(log_->settle(offset{7}, 1 << 30).ok());
  reopen();
  EXPECT_EQ(log_->settled(), offset{7});
  expect_records(*log_, offset{0}, offset{7});
}

TEST_F(truncate_test, producers_and_transactions_are_what_the_rest_says) {
  open();
  const producer_stamp first{producer_id{7}, 0, 0};
  flush(*folder_, *log_, {append(*log_, 2, 20, timestamp{1}, epoch{1}, compression::none, first)});
  const producer_stamp second{producer_id{7}, 0, 2};
  flush(*folder_, *log_, {append(*log_, 2, 20, timestamp{2}, epoch{2}, compression::none, second)});
  EXPECT_EQ(log_->history()->producers.at(0).last_sequence, 3);
  cut(at(1, 2));
  for (bool again : {false, true}) {
    if (again) reopen();
    EXPECT_EQ(log_->history()->producers.at(0).last_sequence, 1);
  }
}

using truncate_death_test = truncate_test;

TEST_F(truncate_death_test, what_a_majority_has_and_what_is_settled_are_never_cut_off) {
  open();
  add(1, 6);
  flush(*folder_, *log_, {log_->set_hard({epoch{1}, 1, offset{4}})});
  EXPECT_DEATH(log_->truncate(at(1, 3)), "majority");
  ASSERT_TRUE(log_->settle(offset{5}, 1 << 30).ok());
  EXPECT_DEATH(log_->truncate(at(1, 4)), "settled");
  EXPECT_DEATH(log_->truncate(at(9, 5)), "position");
}

}  // namespace
}  // namespace dohle::store::testing
