#include "rules/epoch_history.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

position at(std::int32_t e, std::int64_t end) { return {epoch{e}, offset{end}}; }

/// Epochs 1, 2, 5, 6: records 0-3 of epoch 1, 4-6 of epoch 2, none of epoch 5, 7-9 of epoch 6.
epoch_history some() {
  epoch_history h;
  h.open(epoch{1});
  h.append(epoch{1}, 4);
  h.open(epoch{2});
  h.append(epoch{2}, 3);
  h.open(epoch{5});
  h.open(epoch{6});
  h.append(epoch{6}, 3);
  return h;
}

TEST(epoch_history, an_empty_log_ends_where_all_logs_begin) {
  const epoch_history h;
  EXPECT_EQ(h.end(), at(0, 0));
  EXPECT_EQ(h.common_point(at(3, 7)), at(0, 0));
  EXPECT_EQ(h.common_point(at(0, 0)), at(0, 0));
  EXPECT_TRUE(h.entries_after(at(0, 0)).empty());
}

TEST(epoch_history, a_mark_takes_no_offset) {
  epoch_history h;
  h.open(epoch{3});
  EXPECT_EQ(h.end(), at(3, 0));
  h.append(epoch{3}, 10);
  h.open(epoch{4});
  EXPECT_EQ(h.end(), at(4, 10));
}

TEST(epoch_history, tells_where_two_logs_part) {
  struct row {
    position asked, answer;
  };
  const std::vector<row> rows{
      {at(0, 0), at(0, 0)},  {at(1, 0), at(1, 0)},   {at(1, 2), at(1, 2)},
      {at(1, 4), at(1, 4)},  {at(1, 9), at(1, 4)},  // the other one got more from the leader of epoch 1 than we did
      {at(2, 4), at(2, 4)},  {at(2, 7), at(2, 7)},  //
      {at(2, 20), at(2, 7)}, {at(3, 5), at(2, 7)},  // an epoch we never saw: all before it may agree
      {at(4, 30), at(2, 7)}, {at(5, 7), at(5, 7)},   {at(5, 8), at(5, 7)},
      {at(6, 7), at(6, 7)},  {at(6, 10), at(6, 10)}, {at(6, 11), at(6, 10)},
      {at(9, 3), at(6, 10)}, {at(6, 5), at(2, 7)},  // no log ends in epoch 6 before its mark, so that epoch proves
                                                    // nothing
  };
  for (const auto& r : rows) {
    EXPECT_EQ(some().common_point(r.asked), r.answer) << r.asked.epoch.value << "." << r.asked.end.value;
  }
}

TEST(epoch_history, is_cut_at_a_position) {
  struct row {
    position cut, end;
  };
  const std::vector<row> rows{
      {at(6, 10), at(6, 10)}, {at(9, 99), at(6, 10)}, {at(6, 8), at(6, 8)}, {at(6, 7), at(6, 7)},
      {at(5, 7), at(5, 7)},   {at(5, 9), at(5, 7)},   {at(3, 9), at(2, 7)}, {at(6, 5), at(2, 5)},
      {at(1, 2), at(1, 2)},   {at(1, 9), at(1, 4)},   {at(1, 0), at(1, 0)}, {at(0, 0), at(0, 0)},
  };
  for (const auto& r : rows) {
    auto h = some();
    h.truncate(r.cut);
    EXPECT_EQ(h.end(), r.end);
    h.open(epoch{7});  // goes on from there
    h.append(epoch{7}, 1);
    EXPECT_EQ(h.end(), (position{epoch{7}, r.end.end + 1}));
  }
}

TEST(epoch_history, knows_the_epoch_of_a_record) {
  const auto h = some();
  EXPECT_EQ(h.epoch_of(offset{0}), epoch{1});
  EXPECT_EQ(h.epoch_of(offset{3}), epoch{1});
  EXPECT_EQ(h.epoch_of(offset{4}), epoch{2});
  EXPECT_EQ(h.epoch_of(offset{7}), epoch{6});
  EXPECT_EQ(h.epoch_of(offset{9}), epoch{6});
}

TEST(epoch_history, tells_what_follows_a_prefix) {
  const std::vector<log_entry> all{{epoch{1}, 0}, {epoch{1}, 4}, {epoch{2}, 0}, {epoch{2}, 3},
                                   {epoch{5}, 0}, {epoch{6}, 0}, {epoch{6}, 3}};
  EXPECT_EQ(some().entries_after(at(0, 0)), all);
  EXPECT_EQ(some().entries_after(at(2, 6)),
            (std::vector<log_entry>{{epoch{2}, 1}, {epoch{5}, 0}, {epoch{6}, 0}, {epoch{6}, 3}}));
  EXPECT_EQ(some().entries_after(at(5, 7)), (std::vector<log_entry>{{epoch{6}, 0}, {epoch{6}, 3}}));
  EXPECT_TRUE(some().entries_after(at(6, 10)).empty());
}

TEST(epoch_history, takes_only_what_a_leader_can_have_written) {
  const auto fits = &epoch_history::fits;
  EXPECT_TRUE(fits(epoch{6}, {epoch{6}, 1}));
  EXPECT_TRUE(fits(epoch{6}, {epoch{7}, 0}));
  EXPECT_FALSE(fits(epoch{6}, {epoch{7}, 1}));   // no mark
  EXPECT_FALSE(fits(epoch{6}, {epoch{6}, 0}));   // a second mark
  EXPECT_FALSE(fits(epoch{6}, {epoch{5}, 1}));   // epochs do not fall
  EXPECT_FALSE(fits(epoch{6}, {epoch{6}, -1}));  // nor do ends
  EXPECT_FALSE(fits(epoch{0}, {epoch{0}, 1}));   // before the first leader nobody writes
}

TEST(epoch_history, forgets_what_retention_removed) {
  auto h = some();
  h.forget_before(offset{5});
  EXPECT_EQ(h.begin(), at(2, 5));
  EXPECT_EQ(h.end(), at(6, 10));
  EXPECT_FALSE(h.knows(at(2, 4)));
  EXPECT_EQ(h.common_point(at(2, 4)), h.begin());
  EXPECT_EQ(h.common_point(at(2, 6)), at(2, 6));
  EXPECT_EQ(h.common_point(at(4, 1)), at(2, 7));
  EXPECT_EQ(h.epoch_of(offset{5}), epoch{2});
  h.forget_before(offset{7});  // epoch 2 is gone, its name stays as what came before
  EXPECT_EQ(h.begin(), at(2, 7));
  EXPECT_EQ(h.common_point(at(5, 7)), at(5, 7));
  h.forget_before(offset{10});
  EXPECT_EQ(h.begin(), at(6, 10));
  EXPECT_EQ(h.end(), at(6, 10));
  h.forget_before(offset{3});
  EXPECT_EQ(h.begin(), at(6, 10));
}

TEST(epoch_history, stays_small) {
  epoch_history h;
  for (std::int32_t e = 1; e <= 3'000; ++e) h.open(epoch{e});
  EXPECT_EQ(h.begin(), at(3'000 - max_known_epochs, 0));
  EXPECT_EQ(h.end(), at(3'000, 0));
  EXPECT_FALSE(h.knows(at(100, 0)));
}

TEST(epoch_history_death, a_leader_that_writes_in_another_epoch_ends_the_process) {
  auto h = some();
  EXPECT_DEATH(h.append(epoch{5}, 1), "broken invariant");
  EXPECT_DEATH(h.open(epoch{6}), "broken invariant");
}

// --- against the entries themselves, as the model has them ---------------------------------------------------------

using entries = std::vector<log_entry>;  // one record an entry

position end_of(const entries& log) {
  position p;
  for (const auto& e : log) p = {e.epoch, p.end + e.records};
  return p;
}

epoch_history history_of(const entries& log) {
  epoch_history h;
  for (const auto& e : log) h.append(e);
  return h;
}

entries prefix(const entries& log, std::int64_t count) { return {log.begin(), log.begin() + count}; }

/// The end of the longest common prefix, by comparing entry for entry.
position shared(const entries& a, const entries& b) {
  std::int64_t n = 0;
  while (n < std::min(std::ssize(a), std::ssize(b)) && a[static_cast<std::size_t>(n)] == b[static_cast<std::size_t>(n)])
    ++n;
  return end_of(prefix(a, n));
}

/// Logs as leaders write them: each epoch continues some prefix of an older log, mark first.
std::vector<entries> grown(test::random& random) {
  std::vector<entries> logs{{}};
  for (std::int32_t e = 1; e <= 8; ++e) {
    const auto& from = random.pick(logs);
    auto log = prefix(from, random.below(std::ssize(from) + 1));
    log.push_back({epoch{e}, 0});
    for (auto n = random.below(4); n > 0; --n) log.push_back({epoch{e}, 1});
    logs.push_back(std::move(log));
  }
  return logs;
}

TEST(epoch_history, agrees_with_the_entries) {
  test::random random{7};
  for (int run = 0; run < 400; ++run) {
    const auto logs = grown(random);
    for (const auto& a : logs) {
      const auto h = history_of(a);
      ASSERT_EQ(h.end(), end_of(a));
      for (const auto& whole : logs) {
        const auto b = prefix(whole, random.below(std::ssize(whole) + 1));
        const auto point = h.common_point(end_of(b));
        ASSERT_GE(point, shared(a, b)) << "run " << run;  // nothing that both have is ever cut
        ASSERT_EQ(point == end_of(b), shared(a, b) == end_of(b)) << "run " << run;
        // The other one cuts there and asks again: it gets to what both have, and never goes round in circles.
        auto mine = history_of(b);
        for (int asked = 0; h.common_point(mine.end()) != mine.end(); ++asked) {
          ASSERT_LT(asked, 10) << "run " << run;
          mine.truncate(h.common_point(mine.end()));
        }
        ASSERT_EQ(mine.end(), shared(a, b)) << "run " << run;
        for (const auto& e : h.entries_after(mine.end())) mine.append(e);
        ASSERT_EQ(mine, h) << "run " << run;
      }
    }
  }
}

}  // namespace
}  // namespace dohle::rules
