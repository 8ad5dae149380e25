#include "rules/sequence.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

constexpr auto int_max = std::numeric_limits<std::int32_t>::max();
const producer_id p{7};

errc code(const verdict& v) {
  const auto* e = std::get_if<error>(&v);
  return e == nullptr ? errc::ok : e->code;
}
bool fresh(const verdict& v) { return std::holds_alternative<fresh_batch>(v); }

/// A table that appended `batches` batches of ten records, everything flushed.
producer_table after(int batches) {
  producer_table t;
  for (int i = 0; i < batches; ++i) t.record(p, 0, 10 * i, 10, offset{100 + 10 * i}, offset{100 + 10 * i});
  return t;
}

TEST(sequence, wraps_to_zero) {
  EXPECT_EQ(sequence_after(5, 3), 8);
  EXPECT_EQ(sequence_after(int_max, 1), 0);
  EXPECT_EQ(sequence_after(int_max - 1, 4), 2);
  EXPECT_EQ(sequence_after(1, -3), int_max - 1);
}

TEST(sequence, a_producer_begins_with_zero) {
  const producer_table t;
  EXPECT_TRUE(fresh(t.check(p, 0, 0, 1)));
  EXPECT_EQ(code(t.check(p, 0, 1, 1)), errc::unknown_producer);
  EXPECT_TRUE(fresh(t.check(no_producer, -1, -1, 5)));
}

TEST(sequence, nonsense_is_refused) {
  const auto t = after(1);
  EXPECT_EQ(code(t.check(producer_id{-2}, 0, 0, 1)), errc::invalid_request);
  EXPECT_EQ(code(t.check(p, -1, 0, 1)), errc::invalid_request);
  EXPECT_EQ(code(t.check(p, 0, -1, 1)), errc::invalid_request);
  EXPECT_EQ(code(t.check(p, 0, 10, 0)), errc::invalid_request);
}

TEST(sequence, only_the_next_number_is_appended) {
  const auto t = after(3);
  EXPECT_TRUE(fresh(t.check(p, 0, 30, 4)));
  EXPECT_EQ(code(t.check(p, 0, 31, 4)), errc::out_of_order_sequence);
  EXPECT_EQ(code(t.check(p, 0, 29, 4)), errc::out_of_order_sequence);  // overlaps the end
  EXPECT_EQ(code(t.check(p, 0, 20, 9)), errc::out_of_order_sequence);  // another batch under a used number
}

TEST(sequence, a_repeat_gets_the_first_attempts_offset) {
  const auto t = after(7);
  for (int i = 2; i < 7; ++i) {
    const auto v = t.check(p, 0, 10 * i, 10);
    EXPECT_EQ(v, (verdict{duplicate_batch{offset{100 + 10 * i}, offset{110 + 10 * i}, true}})) << i;
  }
  // Older than the window: it was appended, but nobody remembers where, only that it was before the oldest remembered.
  EXPECT_EQ(t.check(p, 0, 10, 10), (verdict{duplicate_batch{offset{-1}, offset{120}, false}}));
}

TEST(sequence, the_numbers_go_on_over_the_wrap) {
  producer_table t;
  t.restore({{p, 3, int_max - 2, offset{50}, 4}});
  EXPECT_EQ(t.check(p, 3, int_max - 6, 5), (verdict{duplicate_batch{offset{46}, offset{51}, true}}));
  ASSERT_TRUE(fresh(t.check(p, 3, int_max - 1, 5)));
  t.record(p, 3, int_max - 1, 5, offset{51}, offset{51});
  EXPECT_TRUE(fresh(t.check(p, 3, 3, 1)));
  EXPECT_EQ(t.check(p, 3, int_max - 1, 5), (verdict{duplicate_batch{offset{51}, offset{56}, true}}));
  EXPECT_EQ(t.check(p, 3, int_max - 20, 5), (verdict{duplicate_batch{offset{-1}, offset{46}, false}}));
}

TEST(sequence, a_newer_instance_fences_the_older) {
  auto t = after(2);
  EXPECT_EQ(code(t.check(p, 1, 20, 1)), errc::out_of_order_sequence);  // a new epoch begins anew
  ASSERT_TRUE(fresh(t.check(p, 1, 0, 1)));
  t.record(p, 1, 0, 1, offset{120}, offset{120});
  EXPECT_EQ(code(t.check(p, 0, 20, 1)), errc::producer_fenced);
  EXPECT_EQ(code(t.check(p, 0, 10, 10)), errc::producer_fenced);
  EXPECT_TRUE(fresh(t.check(p, 1, 1, 1)));
}

TEST(sequence, what_was_dropped_is_fresh_again) {
  producer_table t;
  for (int i = 0; i < 20; ++i) t.record(p, 0, i, 1, offset{i}, offset{3});  // only the first three are flushed
  t.rollback_from(offset{3});
  EXPECT_TRUE(fresh(t.check(p, 0, 3, 1)));
  EXPECT_EQ(t.check(p, 0, 2, 1), (verdict{duplicate_batch{offset{2}, offset{3}, true}}));
  t.record(p, 1, 0, 1, offset{3}, offset{3});
  t.rollback_from(offset{3});  // the newer instance never was
  EXPECT_TRUE(fresh(t.check(p, 0, 3, 1)));
  t.rollback_from(offset{0});
  EXPECT_EQ(t.size(), 0U);
  EXPECT_TRUE(fresh(t.check(p, 0, 0, 1)));
}

TEST(sequence, recovery_knows_the_last_batch) {
  producer_table t;
  t.restore({{p, 2, 29, offset{129}, 9}});
  EXPECT_EQ(t.check(p, 2, 20, 10), (verdict{duplicate_batch{offset{120}, offset{130}, true}}));
  EXPECT_EQ(t.check(p, 2, 10, 10), (verdict{duplicate_batch{offset{-1}, offset{120}, false}}));
  EXPECT_TRUE(fresh(t.check(p, 2, 30, 1)));
  EXPECT_EQ(code(t.check(p, 1, 0, 1)), errc::producer_fenced);
}

TEST(sequence, the_longest_silent_is_forgotten) {
  producer_table t{3};
  for (int i = 0; i < 3; ++i) t.record(producer_id{i}, 0, 0, 1, offset{i}, offset{i});
  t.record(producer_id{0}, 0, 1, 1, offset{3}, offset{3});
  t.record(producer_id{9}, 0, 0, 1, offset{4}, offset{4});
  EXPECT_EQ(t.size(), 3U);
  EXPECT_EQ(code(t.check(producer_id{1}, 0, 1, 1)), errc::unknown_producer);
  EXPECT_TRUE(fresh(t.check(producer_id{0}, 0, 2, 1)));
  t.restore({{producer_id{1}, 0, 0, offset{8}, 0},
             {producer_id{2}, 0, 0, offset{5}, 0},
             {producer_id{3}, 0, 0, offset{7}, 0},
             {producer_id{4}, 0, 0, offset{6}, 0}});
  EXPECT_EQ(t.size(), 3U);
  EXPECT_EQ(code(t.check(producer_id{2}, 0, 1, 1)), errc::unknown_producer);
}

/// A network that repeats and reorders, a log that drops its unflushed end, a broker that restarts: the log holds each
/// record once and in order, and a known repeat gets the offset it really has.
TEST(sequence, a_log_holds_each_record_once_and_in_order) {
  struct sent {
    std::int32_t base;
    std::int32_t count;
  };
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    test::random random{seed};
    producer_table t;
    std::vector<std::int32_t> log;  // sequence number at each offset
    offset flushed{0};
    std::vector<sent> batches{{0, 1 + static_cast<std::int32_t>(random.below(4))}};
    for (int i = 0; i < 60; ++i) {
      batches.push_back({batches.back().base + batches.back().count, 1 + static_cast<std::int32_t>(random.below(4))});
    }
    std::size_t last_count = 0;
    for (int step = 0; step < 600; ++step) {
      const auto end = offset{std::ssize(log)};
      if (random.one_in(4)) flushed = end;
      if (random.one_in(12)) {
        t.rollback_from(flushed);
        log.resize(static_cast<std::size_t>(flushed.value));
      } else if (random.one_in(25) && !log.empty() && flushed == end && last_count > 0) {
        t.restore({{p, 0, log.back(), end - 1, static_cast<std::int32_t>(last_count) - 1}});
      }
      const auto done = log.empty() ? 0 : log.back() + 1;
      std::size_t next = 0;
      while (next + 1 < batches.size() && batches[next].base < done) ++next;
      const auto reach = std::min<std::int64_t>(std::ssize(batches) - 1, static_cast<std::int64_t>(next) + 2);
      const auto& b = batches[static_cast<std::size_t>(random.below(reach + 1))];
      const auto v = t.check(p, 0, b.base, b.count);
      if (fresh(v)) {
        ASSERT_EQ(b.base, done) << "seed " << seed << " step " << step;
        t.record(p, 0, b.base, b.count, offset{std::ssize(log)}, flushed);
        for (std::int32_t k = 0; k < b.count; ++k) log.push_back(b.base + k);
        last_count = static_cast<std::size_t>(b.count);
      } else if (const auto* d = std::get_if<duplicate_batch>(&v)) {
        ASSERT_LE(b.base + b.count, done) << "seed " << seed << " step " << step;
        ASSERT_LE(d->end.value, std::ssize(log));
        if (d->known) {
          ASSERT_EQ(log[static_cast<std::size_t>(d->base.value)], b.base);
        }
      } else {
        ASSERT_GT(b.base, done) << "seed " << seed << " step " << step;
      }
      last_count = 0;
      for (const auto& x : batches) {
        if (!log.empty() && x.base + x.count == log.back() + 1) last_count = static_cast<std::size_t>(x.count);
      }
    }
    ASSERT_GT(log.size(), 20U) << "seed " << seed;
  }
}

TEST(sequence, a_marker_with_a_newer_epoch_opens_that_epoch) {
  auto t = after(3);
  t.record_marker(p, 1, offset{130}, offset{130});
  EXPECT_EQ(t.epoch_of(p), 1);
  EXPECT_EQ(code(t.check(p, 0, 30, 1)), errc::producer_fenced);
  EXPECT_TRUE(fresh(t.check(p, 1, 0, 5)));
  EXPECT_EQ(code(t.check(p, 1, 30, 1)), errc::out_of_order_sequence);
  EXPECT_EQ(code(t.check(p, 1, int_max - 4, 3)), errc::out_of_order_sequence) << "nothing came before the first";
  t.record(p, 1, 0, 5, offset{131}, offset{131});
  EXPECT_TRUE(fresh(t.check(p, 1, 5, 1)));
  EXPECT_EQ(std::get<duplicate_batch>(t.check(p, 1, 0, 5)).base, offset{131});
}

TEST(sequence, a_marker_of_the_same_epoch_leaves_the_numbers) {
  auto t = after(3);
  t.record_marker(p, 0, offset{130}, offset{130});
  EXPECT_TRUE(fresh(t.check(p, 0, 30, 4)));
  EXPECT_TRUE(std::holds_alternative<duplicate_batch>(t.check(p, 0, 20, 10)));
}

TEST(sequence, a_new_epoch_begins_with_zero) {
  const auto t = after(3);
  EXPECT_TRUE(fresh(t.check(p, 1, 0, 4)));
  EXPECT_EQ(code(t.check(p, 1, 30, 4)), errc::out_of_order_sequence);
}

TEST(sequence, a_marker_of_a_stranger_fences_it) {
  producer_table t;
  t.record_marker(p, 3, offset{0}, offset{0});
  EXPECT_EQ(code(t.check(p, 2, 0, 1)), errc::producer_fenced);
  EXPECT_TRUE(fresh(t.check(p, 3, 0, 1)));
  EXPECT_EQ(t.epoch_of(producer_id{8}), std::nullopt);
}

TEST(sequence, a_marker_is_rolled_back) {
  auto t = after(3);
  t.record_marker(p, 1, offset{130}, offset{130});
  t.rollback_from(offset{130});
  EXPECT_EQ(t.epoch_of(p), 0);
  EXPECT_TRUE(fresh(t.check(p, 0, 30, 1)));
}

TEST(sequence, an_epoch_without_a_batch_is_restored) {
  producer_table t;
  t.restore({{p, 2, -1, offset{40}, 3}});
  EXPECT_EQ(code(t.check(p, 1, 0, 1)), errc::producer_fenced);
  EXPECT_TRUE(fresh(t.check(p, 2, 0, 1)));
  EXPECT_EQ(code(t.check(p, 2, 4, 1)), errc::out_of_order_sequence);
}

}  // namespace
}  // namespace dohle::rules
