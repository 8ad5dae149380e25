// Look-ups by time against a plain list of all records: whatever order producers stamp in, whoever stamps, wherever the
// batches lie, between any start and any limit.
#include <algorithm>

#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

/// A log over all three places, and the timestamp of each of its records.
struct timed_log {
  temporary_folder place;
  std::unique_ptr<folder> in;
  std::shared_ptr<dohle::store::log> log;
  std::vector<std::int64_t> times;
  generator chance{7};

  timed_log() {
    in = open_folder(place / "data", {.segment_bytes = 256 * 1024, .tail_cache_bytes = 30'000});
    log = open_log(*in);
  }
  /// `count` records; with `append_time` they all have the batch's, as a topic with LogAppendTime has it.
  void add(std::int64_t at, int count, bool append_time, compression codec) {
    bytes batch = make_batch(log->end(), count, 700, timestamp{at}, epoch{1}, codec);
    if (append_time) stamp_batch(batch, log->end(), epoch{1}, timestamp{at});
    flush(*in, *log, {log->append(batch, *read_header(batch.view()))});
    for (int k = 0; k < count; ++k) times.push_back(append_time ? at : at + k);
  }
  std::int64_t end() const { return static_cast<std::int64_t>(times.size()); }

  void expect_as_in_the_list(std::int64_t at, std::int64_t limit) {
    const auto start = log->start().value;
    auto found = log->find_time(timestamp{at}, offset{limit});
    ASSERT_TRUE(found.ok()) << to_string(found.error());
    std::optional<std::int64_t> first, best;
    for (std::int64_t o = start; o < limit; ++o) {
      const auto t = times[static_cast<std::size_t>(o)];
      if (!first && t >= at) first = o;
      if (!best || t > times[static_cast<std::size_t>(*best)]) best = o;
    }
    ASSERT_EQ(found->has_value(), first.has_value()) << at << " from " << start << " to " << limit;
    if (first) {
      ASSERT_EQ((*found)->offset, offset{*first}) << at << " from " << start << " to " << limit;
      ASSERT_EQ((*found)->at, timestamp{times[static_cast<std::size_t>(*first)]});
    }
    auto latest = log->find_max_time(offset{limit});
    ASSERT_TRUE(latest.ok()) << to_string(latest.error());
    ASSERT_EQ(latest->has_value(), best.has_value());
    if (best) {
      ASSERT_EQ((*latest)->offset, offset{*best}) << "from " << start << " to " << limit;
      ASSERT_EQ((*latest)->at, timestamp{times[static_cast<std::size_t>(*best)]});
    }
  }
};

TEST(log_lookup, by_time_between_any_start_and_any_limit) {
  timed_log t;
  for (int i = 0; i < 150; ++i) {
    const auto at = static_cast<std::int64_t>(100'000 + i * 50 + t.chance.below(400));
    t.add(at, static_cast<int>(1 + t.chance.below(20)), t.chance.below(3) == 0,
          i % 2 ? compression::lz4 : compression::none);
  }
  ASSERT_TRUE(t.log->settle(offset{t.end() * 3 / 4}, std::size_t{1} << 30).ok());
  ASSERT_GT(t.log->segments().size(), 1u);
  for (std::int64_t quarter = 0; quarter <= 4; ++quarter) {
    ASSERT_TRUE(t.log->delete_before(offset{t.end() * quarter / 4}, offset{t.end()}).ok());
    ASSERT_EQ(t.log->start().value, t.end() * quarter / 4);
    for (int i = 0; i < 150 && !::testing::Test::HasFatalFailure(); ++i) {
      const auto left = static_cast<std::uint64_t>(t.end() - t.log->start().value);
      const auto limit = i % 2 ? t.end() : t.log->start().value + static_cast<std::int64_t>(t.chance.below(left + 1));
      t.expect_as_in_the_list(static_cast<std::int64_t>(99'900 + t.chance.below(9'000)), limit);
    }
  }
}

TEST(log_lookup, of_equal_times_the_first_record_and_none_in_an_empty_log) {
  timed_log t;
  EXPECT_FALSE(t.log->find_time(timestamp{0}, offset{10})->has_value());
  EXPECT_FALSE(t.log->find_max_time(offset{10})->has_value());
  for (int i = 0; i < 4; ++i) t.add(500, 10, true, compression::none);
  for (std::int64_t settled : {0, 20, 40}) {
    ASSERT_TRUE(t.log->settle(offset{settled}, std::size_t{1} << 30).ok());
    for (std::int64_t limit : {0, 1, 15, 40}) t.expect_as_in_the_list(500, limit);
    EXPECT_FALSE(t.log->find_time(timestamp{501}, offset{40})->has_value());
  }
}

}  // namespace
}  // namespace dohle::store::testing
