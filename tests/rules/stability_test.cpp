#include "rules/stability.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

producer_id p(std::int64_t n) { return producer_id{n}; }
offset o(std::int64_t n) { return offset{n}; }

std::vector<std::int64_t> firsts(const std::optional<std::vector<ended_transaction>>& of) {
  std::vector<std::int64_t> out;
  if (!of) return {-1};
  for (const auto& e : *of) out.push_back(e.first.value);
  return out;
}

constexpr std::size_t many = 1'000;

TEST(stability, without_transactions_all_below_the_watermark_is_stable) {
  const stability s;
  EXPECT_EQ(s.last_stable(o(10), o(0)), o(10));
  EXPECT_THAT(firsts(s.aborted(o(0), o(10), many)), IsEmpty());
}

TEST(stability, ends_at_the_earliest_open_transaction) {
  stability s;
  s.on_data(p(1), 0, o(3));
  s.on_data(p(2), 0, o(5));
  s.on_data(p(1), 0, o(7));
  EXPECT_EQ(s.open(p(1)), (open_transaction{0, o(3)}));
  EXPECT_EQ(s.last_stable(o(8), o(0)), o(3));
  EXPECT_EQ(s.last_stable(o(2), o(0)), o(2)) << "never above the watermark";
  EXPECT_EQ(s.last_stable(o(8), o(6)), o(6)) << "never below the start";
  s.on_marker(p(1), o(8), true);
  EXPECT_EQ(s.last_stable(o(9), o(0)), o(5));
  EXPECT_EQ(s.open(p(1)), std::nullopt);
}

TEST(stability, a_marker_counts_when_it_is_committed) {
  stability s;
  s.on_data(p(1), 0, o(3));
  s.on_marker(p(1), o(4), true);
  EXPECT_EQ(s.last_stable(o(4), o(0)), o(3));
  s.advance(o(4), o(0), o(0));
  EXPECT_EQ(s.last_stable(o(4), o(0)), o(3));
  EXPECT_EQ(s.last_stable(o(5), o(0)), o(5));
}

TEST(stability, names_the_aborted_that_reach_into_a_range) {
  stability s;
  s.on_data(p(1), 0, o(0));
  s.on_data(p(2), 0, o(1));
  s.on_data(p(3), 0, o(2));
  s.on_marker(p(2), o(3), false);
  s.on_marker(p(1), o(4), false);
  s.on_marker(p(3), o(5), true);
  s.on_data(p(2), 0, o(6));
  s.on_marker(p(2), o(7), false);
  EXPECT_THAT(firsts(s.aborted(o(0), o(8), many)), ElementsAre(0, 1, 6)) << "by their first record";
  EXPECT_THAT(firsts(s.aborted(o(4), o(6), many)), ElementsAre(0));
  EXPECT_THAT(firsts(s.aborted(o(5), o(6), many)), IsEmpty());
  EXPECT_THAT(firsts(s.aborted(o(0), o(8), 2)), ElementsAre(-1)) << "more than asked for";
  EXPECT_THAT(firsts(s.aborted_behind(o(4), o(0), o(8))), ElementsAre(0, 6));
  EXPECT_FALSE(s.none_aborted(o(7)));
  EXPECT_TRUE(s.none_aborted(o(8)));
}

TEST(stability, a_marker_without_a_transaction_decides_nothing) {
  stability s;
  s.on_marker(p(1), o(0), false);
  EXPECT_THAT(firsts(s.aborted(o(0), o(1), many)), IsEmpty());
  EXPECT_EQ(s.last_stable(o(0), o(0)), o(0));
}

TEST(stability, what_is_rolled_back_never_was) {
  stability s;
  s.on_data(p(1), 2, o(0));
  s.on_marker(p(1), o(1), false);
  s.on_data(p(1), 3, o(2));
  s.on_data(p(2), 0, o(3));
  s.on_marker(p(1), o(4), true);
  s.rollback_from(o(1));
  EXPECT_EQ(s.open(p(1)), (open_transaction{2, o(0)}));
  EXPECT_EQ(s.open(p(2)), std::nullopt);
  EXPECT_THAT(firsts(s.aborted(o(0), o(9), many)), IsEmpty());
  EXPECT_EQ(s.last_stable(o(1), o(0)), o(0));
}

TEST(stability, memory_keeps_what_has_not_settled_and_knows_its_gaps) {
  stability s{2};
  for (int i = 0; i < 6; ++i) {
    s.on_data(p(i), 0, o(2 * i));
    s.on_marker(p(i), o(2 * i + 1), false);
  }
  s.advance(o(12), o(0), o(0));
  EXPECT_THAT(firsts(s.aborted(o(0), o(12), many)), ElementsAre(0, 2, 4, 6, 8, 10)) << "nothing has settled";
  s.advance(o(12), o(12), o(0));
  EXPECT_THAT(firsts(s.aborted(o(7), o(12), many)), ElementsAre(-1));
  EXPECT_THAT(firsts(s.aborted(o(8), o(12), many)), ElementsAre(8, 10));
  s.advance(o(12), o(12), o(10));
  EXPECT_THAT(firsts(s.aborted(o(10), o(12), many)), ElementsAre(10)) << "behind the start, the rest is gone";
}

TEST(stability, is_restored_from_the_log) {
  stability s;
  s.restore({{p(1), {4, o(6)}}}, {{p(2), -1, o(1), o(5), false}, {p(3), -1, o(2), o(7), true}}, o(5));
  EXPECT_EQ(s.last_stable(o(8), o(0)), o(6));
  EXPECT_EQ(s.last_stable(o(7), o(0)), o(2)) << "a marker that nobody knows to be committed";
  EXPECT_THAT(firsts(s.aborted(o(5), o(8), many)), ElementsAre(1));
  EXPECT_THAT(firsts(s.aborted(o(4), o(8), many)), ElementsAre(-1)) << "older ones are on disk";
}

/// The same, as simple as can be: every batch ever appended, looked at from the start.
struct model {
  struct batch {
    producer_id producer;
    bool marker;
    bool committed;
  };
  std::vector<batch> log;

  std::vector<ended_transaction> ended(bool open_too) const {
    std::map<producer_id, offset> open;
    std::vector<ended_transaction> out;
    for (std::size_t i = 0; i < log.size(); ++i) {
      const offset at{static_cast<std::int64_t>(i)};
      if (!log[i].marker) {
        open.try_emplace(log[i].producer, at);
      } else if (auto f = open.find(log[i].producer); f != open.end()) {
        out.push_back({log[i].producer, 0, f->second, at, log[i].committed});
        open.erase(f);
      }
    }
    if (open_too)
      for (const auto& [producer, first] : open)
        out.push_back({producer, 0, first, offset{std::numeric_limits<std::int64_t>::max()}, false});
    return out;
  }
  offset last_stable(offset mark) const {
    auto stable = mark;
    for (const auto& e : ended(true))
      if (e.marker >= mark) stable = std::min(stable, e.first);
    return stable;
  }
  std::vector<std::int64_t> aborted(offset from, offset end) const {
    std::vector<std::int64_t> out;
    for (const auto& e : ended(false))
      if (!e.committed && e.marker >= from && e.first < end) out.push_back(e.first.value);
    std::ranges::sort(out);
    return out;
  }
};

TEST(stability, agrees_with_the_whole_history) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    test::random dice{seed};
    stability s{3};
    model m;
    std::int64_t mark = 0, settled = 0;
    for (int i = 0; i < 120; ++i) {
      const auto end = static_cast<std::int64_t>(m.log.size());
      if (dice.one_in(12)) {
        const auto to = mark + dice.below(end - mark + 1);
        s.rollback_from(o(to));
        m.log.resize(static_cast<std::size_t>(to));
      } else if (dice.one_in(4)) {
        mark += dice.below(end - mark + 1);
        settled += dice.below(mark - settled + 1);
        s.advance(o(mark), o(settled), o(0));
      } else {
        const auto who = p(dice.below(4));
        const bool marker = dice.one_in(3), committed = dice.one_in(2);
        if (marker)
          s.on_marker(who, o(end), committed);
        else
          s.on_data(who, 0, o(end));
        m.log.push_back({who, marker, committed});
      }
      ASSERT_EQ(s.last_stable(o(mark), o(0)), m.last_stable(o(mark))) << seed << " " << i;
      const auto from = dice.below(mark + 1), to = from + dice.below(mark - from + 1);
      const auto known = s.aborted(o(from), o(to), many);
      if (known) {
        ASSERT_EQ(firsts(known), m.aborted(o(from), o(to))) << seed << " " << i;
      } else {
        ASSERT_LT(from, settled) << seed << " " << i;
      }
      if (s.none_aborted(o(from))) {
        ASSERT_THAT(m.aborted(o(from), o(static_cast<std::int64_t>(m.log.size()))), IsEmpty()) << seed << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace dohle::rules
