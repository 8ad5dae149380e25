#include "rules/watermark.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

position at(std::int32_t e, std::int64_t end) { return {epoch{e}, offset{end}}; }

struct row {
  std::int32_t current;
  std::int64_t known;
  std::vector<position> voters;
  std::int64_t expected;
};

TEST(watermark, is_what_a_majority_has_in_this_epoch) {
  const std::vector<row> rows{
      {1, 0, {at(1, 7)}, 7},                      // one voter is its own majority
      {1, 0, {at(0, 7)}, 0},                      // ... once its epoch's mark is on disk
      {2, 0, {at(2, 9), at(2, 5), at(2, 3)}, 5},  // the middle of three
      {2, 0, {at(2, 9), at(1, 9), at(1, 9)}, 0},  // Raft's figure 8: older epochs count for nothing
      {2, 0, {at(2, 9), at(2, 4), at(1, 9)}, 4},
      {2, 6, {at(2, 9), at(2, 4), at(1, 9)}, 6},          // never below what is known
      {2, 0, {at(2, 9), at(2, 4)}, 4},                    // a majority of two is both
      {3, 0, {at(3, 9), at(3, 8), at(3, 7), {}, {}}, 7},  // unheard voters count as nothing
      {3, 0, {at(3, 9), at(3, 8), {}, {}, {}}, 0},
  };
  for (const auto& r : rows) {
    EXPECT_EQ(high_watermark(epoch{r.current}, offset{r.known}, r.voters), offset{r.expected});
  }
}

/// By the definition: the largest end for which more than half of the voters have flushed that far in this epoch.
offset by_definition(epoch current, offset known, const std::vector<position>& voters) {
  auto best = known;
  for (std::int64_t end = known.value; end < 30; ++end) {
    const auto count =
        std::ranges::count_if(voters, [&](const position& p) { return p.epoch == current && p.end >= offset{end}; });
    if (2 * count > std::ssize(voters)) best = offset{end};
  }
  return best;
}

TEST(watermark, equals_its_definition_and_never_goes_back) {
  test::random random{1};
  for (int run = 0; run < 2'000; ++run) {
    std::vector<position> voters(static_cast<std::size_t>(1 + random.below(7)));
    const epoch current{3};
    offset mark{random.below(5)};
    for (int step = 0; step < 40; ++step) {
      auto& p = voters[static_cast<std::size_t>(random.below(std::ssize(voters)))];
      p = at(static_cast<std::int32_t>(random.below(4)), random.below(30));
      const auto reached = high_watermark(current, mark, voters);
      ASSERT_EQ(reached, by_definition(current, mark, voters)) << "run " << run << " step " << step;
      ASSERT_GE(reached, mark);
      mark = reached;
    }
  }
}

}  // namespace
}  // namespace dohle::rules
