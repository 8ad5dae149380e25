// Where a log begins, after records were deleted from its front.
#include "store/inspect.hpp"
#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

class log_start_test : public log_fixture {
 protected:
  void SetUp() override {
    open({.segment_bytes = 1200 * 1024, .tail_cache_bytes = 100'000});
    for (int i = 0; i < 60; ++i) append_flushed(*folder_, *log_, 5, 15'000, timestamp{1000 * i});
  }
  /// The log begins exactly at `first`, and nobody sees anything before it.
  void expect_start(std::int64_t first) {
    EXPECT_EQ(log_->start(), offset{first});
    if (first > 0) {
      EXPECT_EQ(log_->read(offset{first - 1}, 1000, log_->end()).code(), errc::offset_out_of_range);
      EXPECT_EQ(log_->read(offset{0}, 1000, log_->end()).code(), errc::offset_out_of_range);
      EXPECT_FALSE(log_->read_tail(offset{first - 1}, 1000, log_->end()));
    }
    expect_records(*log_, offset{first}, log_->end());
    auto oldest = log_->find_time(timestamp{0}, log_->end());
    ASSERT_TRUE(oldest.ok()) << to_string(oldest.error());
    ASSERT_EQ(oldest->has_value(), first < log_->end().value);
    if (*oldest) {
      EXPECT_EQ((*oldest)->offset, offset{first});
    }
  }
  void delete_before(std::int64_t first) {
    auto start = log_->delete_before(offset{first}, log_->flushed());
    ASSERT_TRUE(start.ok()) << to_string(start.error());
    EXPECT_EQ(*start, offset{first});
    expect_start(first);
    reopen();
    expect_start(first);
  }
};

TEST_F(log_start_test, moves_to_any_offset_and_stays_there_when_reopened) {
  settle(offset{240});
  const auto segments = log_->segments();
  ASSERT_GT(segments.size(), 3u);
  delete_before(1);                          // within a batch of the first segment
  delete_before(segments[0].end.value);      // between two
  delete_before(segments[1].end.value + 1);  // within a later one
  EXPECT_EQ(log_->segments().front().base, segments[2].base) << "what lies wholly before is gone";
  delete_before(segments.back().base.value + 2);  // within the newest
  EXPECT_EQ(files_in(place_ / "data/00000001", ".seg").size(), 1u);
  delete_before(263);  // not settled yet
  EXPECT_GE(log_->settled(), offset{265}) << "the batch it lies in has settled";
  delete_before(300);  // everything
  append_flushed(*folder_, *log_, 5, 100);
  expect_start(300);
}

TEST_F(log_start_test, never_goes_back_nor_beyond_the_limit) {
  EXPECT_EQ(*log_->delete_before(offset{0}, offset{100}), offset{0});
  EXPECT_TRUE(log_->segments().empty()) << "nothing was asked for";
  EXPECT_EQ(*log_->delete_before(offset{200}, offset{100}), offset{100});
  expect_start(100);
  EXPECT_EQ(*log_->delete_before(offset{50}, offset{100}), offset{100});
  EXPECT_EQ(*log_->delete_before(offset{1000}, offset{2000}), offset{300});
  expect_start(300);
}

TEST_F(log_start_test, the_latest_time_is_one_that_is_still_there) {
  flush(*folder_, *log_, {append(*log_, 1, 10'000, timestamp{900'000})});
  for (int i = 0; i < 10; ++i) append_flushed(*folder_, *log_, 5, 10'000, timestamp{100'000 + i});
  settle(offset{351});
  EXPECT_EQ((*log_->find_max_time(offset{351}))->at, timestamp{900'000});
  ASSERT_TRUE(log_->delete_before(offset{301}, offset{351}).ok());
  const auto latest = log_->find_max_time(offset{351});
  ASSERT_TRUE(latest.ok() && *latest);
  EXPECT_EQ((*latest)->at, timestamp{100'013});
  EXPECT_EQ((*latest)->offset, offset{350});
  EXPECT_FALSE(*log_->find_time(timestamp{200'000}, offset{351}));
}

TEST_F(log_start_test, producers_survive_their_records) {
  flush(*folder_, *log_, {append(*log_, 2, 100, timestamp{1}, epoch{1}, compression::none, {producer_id{7}, 3, 40})});
  const auto before = log_->history()->producers;
  ASSERT_EQ(before.size(), 1u);
  delete_before(302);
  EXPECT_EQ(log_->history()->producers, before);
}

TEST_F(log_start_test, an_interrupted_deletion_is_finished_by_the_next_opening) {
  settle(offset{300});
  const auto files = files_in(place_ / "data/00000001", ".seg");
  std::vector<std::string> content;
  for (const auto& f : files) content.push_back(slurp(f));
  ASSERT_TRUE(log_->delete_before(offset{250}, offset{300}).ok());
  const auto left = files_in(place_ / "data/00000001", ".seg").size();
  log_.reset();
  folder_.reset();
  for (std::size_t i = 0; i + left < files.size(); ++i) spill(files[i], content[i]);  // as if not unlinked yet
  reopen();
  expect_start(250);
  EXPECT_EQ(files_in(place_ / "data/00000001", ".seg").size(), left);
}

TEST_F(log_start_test, inspection_shows_the_start_and_misses_what_it_needs) {
  settle(offset{300});
  ASSERT_TRUE(log_->delete_before(offset{100}, offset{300}).ok());
  log_.reset();
  folder_.reset();
  std::string said;
  auto report = inspect(place_ / "data", [&](const inspected& i) {
    if (i.kind == item_kind::segment) said = i.text;
  });
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->good());
  EXPECT_EQ(said, "log from offset 100");
  fs::remove(files_in(place_ / "data/00000001", ".seg").front());
  EXPECT_FALSE(inspect(place_ / "data")->good());
  EXPECT_EQ(folder::open(place_ / "data").code(), errc::corrupt_data);
}

}  // namespace
}  // namespace dohle::store::testing
