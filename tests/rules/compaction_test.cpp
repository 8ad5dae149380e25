#include "rules/compaction.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dohle::rules {
namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::int64_t hour = 3'600'000;

topic_config compacting(double ratio = 0.5) {
  topic_config c;
  c.compacts = true;
  c.min_cleanable_dirty_ratio = ratio;
  return c;
}

/// Segments of 100 records; each was appended to last at the hour of its number.
std::vector<segment_facts> segments_of(const std::vector<std::uint64_t>& sizes) {
  std::vector<segment_facts> out;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    out.push_back(
        {offset{100 * n}, offset{100 * n + 100}, sizes[i], timestamp{1}, timestamp{hour * n}, i + 1 < sizes.size()});
  }
  return out;
}

TEST(compaction_end, is_due_when_enough_is_dirty) {
  const auto s = segments_of({6 * mib, 2 * mib, 3 * mib});
  const timestamp now{100 * hour};
  EXPECT_EQ(compaction_end(s, compacting(), offset{0}, now), offset{300});
  EXPECT_EQ(compaction_end(s, compacting(), offset{100}, now), std::nullopt) << "5 of 11 MiB are dirty";
  EXPECT_EQ(compaction_end(s, compacting(0.4), offset{100}, now), offset{300});
  EXPECT_EQ(compaction_end(s, compacting(0), offset{300}, now), std::nullopt) << "nothing is dirty";
  EXPECT_EQ(compaction_end({}, compacting(0), offset{0}, now), std::nullopt);
  EXPECT_EQ(compaction_end(segments_of({1000}), compacting(0), offset{0}, now), std::nullopt) << "not worth a file";
}

TEST(compaction_end, what_is_too_young_waits_and_holds_all_behind_it) {
  auto c = compacting();
  c.min_compaction_lag_ms = 2 * hour;
  const auto s = segments_of({4 * mib, 4 * mib, 4 * mib});
  EXPECT_EQ(compaction_end(s, c, offset{0}, timestamp{2 * hour}), offset{100});
  EXPECT_EQ(compaction_end(s, c, offset{0}, timestamp{3 * hour}), offset{200});
  EXPECT_EQ(compaction_end(s, c, offset{0}, timestamp{2 * hour - 1}), std::nullopt);
  c.min_compaction_lag_ms = 0;
  EXPECT_EQ(compaction_end(s, c, offset{0}, timestamp{-5}), offset{300}) << "without a lag no clock matters";
}

TEST(compaction_end, what_has_waited_too_long_is_due_however_little_it_is) {
  auto c = compacting();
  c.max_compaction_lag_ms = 5 * hour;
  const auto s = segments_of({50 * mib, 10, 0});
  EXPECT_EQ(compaction_end(s, c, offset{100}, timestamp{5 * hour - 1}), std::nullopt);
  EXPECT_EQ(compaction_end(s, c, offset{100}, timestamp{5 * hour}), offset{300})
      << "it may be as old as what is before";
  EXPECT_EQ(compaction_end(s, c, offset{200}, timestamp{500 * hour}), std::nullopt) << "nothing is there";
}

TEST(compaction_end, impossible_times_do_no_harm) {
  auto c = compacting();
  c.min_compaction_lag_ms = 1;
  c.max_compaction_lag_ms = 1;
  auto s = segments_of({4 * mib});
  s[0].appended = timestamp{std::numeric_limits<std::int64_t>::min()};
  EXPECT_EQ(compaction_end(s, c, offset{0}, timestamp{std::numeric_limits<std::int64_t>::max()}), offset{100});
  s[0].appended = timestamp{std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(compaction_end(s, c, offset{0}, timestamp{std::numeric_limits<std::int64_t>::min() + 1}), std::nullopt);
}

TEST(compaction_stays, row_by_row) {
  struct row {
    const char* what;
    compaction_facts facts;
    bool stays;
  };
  const offset far{1000}, at{10}, later{11};
  const std::vector<row> rows{
      {"the only value", {at, true, true, false, std::nullopt, far, false}, true},
      {"the newest value", {at, true, true, false, at, far, true}, true},
      {"an older value", {at, true, true, false, later, far, false}, false},
      {"a newer value than the dirty part knows", {later, true, true, false, at, far, false}, true},
      {"a tombstone", {at, true, false, false, at, far, false}, true},
      {"a tombstone whose time is over", {at, true, false, false, at, far, true}, false},
      {"a value in a batch whose time is over", {at, true, true, false, at, far, true}, true},
      {"an older tombstone", {at, true, false, false, later, far, false}, false},
      {"no key", {at, false, true, false, std::nullopt, far, true}, true},
      {"a marker", {at, true, true, true, later, far, false}, true},
      {"a marker whose time is over", {at, true, true, true, std::nullopt, far, true}, false},
      {"an older value behind the pass", {at, true, true, false, later, at, true}, true},
  };
  for (const auto& r : rows) EXPECT_EQ(stays(r.facts), r.stays) << r.what;
}

TEST(compaction_horizon, is_counted_by_the_logs_own_clock) {
  topic_config c;
  c.delete_retention_ms = 100;
  batch_header h;
  EXPECT_FALSE(horizon_is_over(h, timestamp{1'000'000})) << "it has none";
  h.attributes = 64;
  h.base_timestamp = horizon_from(timestamp{1000}, c);
  EXPECT_EQ(h.base_timestamp, timestamp{1100});
  EXPECT_FALSE(horizon_is_over(h, timestamp{1099}));
  EXPECT_TRUE(horizon_is_over(h, timestamp{1100}));
  EXPECT_FALSE(horizon_is_over(h, no_timestamp)) << "a log that does not know the time drops nothing";
  c.delete_retention_ms = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(horizon_from(timestamp{1000}, c).value, std::numeric_limits<std::int64_t>::max());
}

// --- transactions: hand-made batches, for no producer makes any yet --------------------------------------------------

constexpr std::string_view abort_key{"\0\0\0\0", 4};
constexpr std::string_view commit_key{"\0\0\0\1", 4};

batch_header batch(std::int64_t base, std::int64_t producer, bool transactional = true, bool control = false) {
  batch_header h;
  h.base = offset{base};
  h.producer = producer_id{producer};
  h.record_count = 1;
  h.attributes = static_cast<std::int16_t>((transactional ? 16 : 0) | (control ? 32 : 0));
  return h;
}

TEST(transaction_scan, data_of_aborted_transactions_goes_and_no_other) {
  transaction_scan scan;
  scan.see(batch(0, 1), "");
  scan.see(batch(1, 2), "");
  scan.see(batch(2, 1, false), "");
  scan.see(batch(3, 1), "");
  scan.see(batch(4, 1, true, true), abort_key);
  scan.see(batch(5, 2, true, true), commit_key);
  scan.see(batch(6, 1), "");
  scan.see(batch(7, 1, true, true), commit_key);
  scan.see(batch(8, 1), "");
  scan.see(batch(9, 1, true, true), abort_key);
  EXPECT_TRUE(scan.is_aborted(batch(0, 1)));
  EXPECT_FALSE(scan.is_aborted(batch(1, 2)));
  EXPECT_FALSE(scan.is_aborted(batch(2, 1, false))) << "not in the transaction";
  EXPECT_TRUE(scan.is_aborted(batch(3, 1)));
  EXPECT_FALSE(scan.is_aborted(batch(4, 1, true, true))) << "the marker itself";
  EXPECT_FALSE(scan.is_aborted(batch(6, 1)));
  EXPECT_TRUE(scan.is_aborted(batch(8, 1)));
  EXPECT_EQ(scan.bound(offset{10}), offset{10});
}

TEST(transaction_scan, never_beyond_an_open_transaction) {
  transaction_scan scan;
  scan.see(batch(0, 1), "");
  scan.see(batch(1, 2), "");
  scan.see(batch(2, 3), "");
  scan.see(batch(3, 1, true, true), commit_key);
  EXPECT_EQ(scan.bound(offset{4}), offset{1});
  scan.see(batch(4, 2, true, true), "");
  EXPECT_EQ(scan.bound(offset{5}), offset{1}) << "a marker that does not say which ends nothing";
  scan.see(batch(5, 2, true, true), abort_key);
  EXPECT_EQ(scan.bound(offset{6}), offset{2});
  scan.see(batch(6, 4, true, true), abort_key);
  EXPECT_EQ(scan.bound(offset{7}), offset{2}) << "a marker without a transaction";
}

}  // namespace
}  // namespace dohle::rules
