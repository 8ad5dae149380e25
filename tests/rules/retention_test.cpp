#include "rules/retention.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace dohle::rules {
namespace {

constexpr std::int64_t day = 86'400'000;

/// Ten segments of ten records and 100 bytes, one a day from day 0; the last is open.
std::vector<segment_facts> ten() {
  std::vector<segment_facts> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back({offset{10 * i}, offset{10 * i + 10}, 100, timestamp{i * day}, timestamp{i * day}, i < 9});
  }
  return all;
}
topic_config keeping(std::int64_t ms, std::int64_t size) {
  topic_config c;
  c.retention_ms = ms;
  c.retention_bytes = size;
  return c;
}
const offset all_committed{100};

TEST(retention, without_bounds_everything_stays) {
  EXPECT_EQ(first_to_keep(ten(), keeping(-1, -1), timestamp{999 * day}, all_committed), offset{0});
  EXPECT_EQ(first_to_keep({}, keeping(0, 0), timestamp{0}, all_committed), offset{0});
}

TEST(retention, by_size_at_least_the_bound_remains) {
  EXPECT_EQ(first_to_keep(ten(), keeping(-1, 1'000), timestamp{0}, all_committed), offset{0});
  EXPECT_EQ(first_to_keep(ten(), keeping(-1, 901), timestamp{0}, all_committed), offset{0});
  EXPECT_EQ(first_to_keep(ten(), keeping(-1, 900), timestamp{0}, all_committed), offset{10});
  EXPECT_EQ(first_to_keep(ten(), keeping(-1, 0), timestamp{0}, all_committed), offset{90});
}

TEST(retention, by_time_what_is_older_goes) {
  EXPECT_EQ(first_to_keep(ten(), keeping(7 * day, -1), timestamp{9 * day}, all_committed), offset{20});
  EXPECT_EQ(first_to_keep(ten(), keeping(9 * day, -1), timestamp{9 * day}, all_committed), offset{0});
  EXPECT_EQ(first_to_keep(ten(), keeping(7 * day, -1), no_timestamp, all_committed), offset{0});
}

TEST(retention, a_clock_that_jumped_takes_a_bounded_step) {
  auto many = ten();
  for (int i = 10; i < 40; ++i)
    many.push_back({offset{10 * i}, offset{10 * i + 10}, 100, timestamp{0}, timestamp{0}, true});
  for (auto& s : many) s.sealed = true;
  const auto kept = first_to_keep(many, keeping(day, -1), timestamp{9'999 * day}, offset{400});
  EXPECT_EQ(kept, offset{10 * static_cast<std::int64_t>(limits::retention_step_segments)});
}

TEST(retention, replayed_history_is_as_young_as_its_append) {
  auto replayed = ten();
  for (auto& s : replayed) s.appended = timestamp{5'000 * day};  // records of long ago, appended today
  EXPECT_EQ(first_to_keep(replayed, keeping(7 * day, -1), timestamp{5'000 * day}, all_committed), offset{0});
  EXPECT_EQ(first_to_keep(replayed, keeping(7 * day, -1), timestamp{5'008 * day}, all_committed), offset{80});
}

TEST(retention, a_younger_record_holds_all_behind_it) {
  auto mixed = ten();
  mixed[1].max_timestamp = timestamp{100 * day};
  EXPECT_EQ(first_to_keep(mixed, keeping(day, -1), timestamp{50 * day}, all_committed), offset{10});
  mixed[0].max_timestamp = timestamp{std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(first_to_keep(mixed, keeping(day, -1), timestamp{50 * day}, all_committed), offset{0});
  mixed[0].max_timestamp = mixed[0].appended = timestamp{std::numeric_limits<std::int64_t>::min()};
  EXPECT_EQ(first_to_keep(mixed, keeping(day, -1), timestamp{50 * day}, all_committed), offset{10});
}

TEST(retention, never_above_the_watermark_never_the_last) {
  EXPECT_EQ(first_to_keep(ten(), keeping(0, 0), timestamp{999 * day}, offset{35}), offset{30});
  EXPECT_EQ(first_to_keep(ten(), keeping(0, 0), timestamp{999 * day}, offset{0}), offset{0});
  auto sealed = ten();
  sealed[9].sealed = true;
  EXPECT_EQ(first_to_keep(sealed, keeping(-1, 0), timestamp{0}, all_committed), offset{90});
  sealed[3].sealed = false;
  EXPECT_EQ(first_to_keep(sealed, keeping(-1, 0), timestamp{0}, all_committed), offset{30});
}

}  // namespace
}  // namespace dohle::rules
