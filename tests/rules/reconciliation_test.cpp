#include "rules/reconciliation.hpp"

#include <gtest/gtest.h>

namespace dohle::rules {
namespace {

partition_set p(std::vector<std::int32_t> partitions) {
  partition_set out;
  for (auto i : partitions) out.insert({"t", partition_index{i}});
  return out;
}

struct step {
  consumer_position from;
  partition_set target;
  std::optional<partition_set> owned;
  partition_set taken;  ///< by others
  consumer_position to;
};

TEST(reconciliation, each_step_is_kafkas) {
  using enum consumer_phase;
  const std::vector<step> table{
      // there already
      {{5, 4, stable, p({1}), {}}, p({1}), p({1}), {}, {5, 4, stable, p({1}), {}}},
      // a newer epoch that changes nothing for it
      {{4, 3, stable, p({1}), {}}, p({1}), std::nullopt, {}, {5, 4, stable, p({1}), {}}},
      // more, which is free
      {{4, 3, stable, p({1}), {}}, p({1, 2}), std::nullopt, {}, {5, 4, stable, p({1, 2}), {}}},
      // more, which others have
      {{4, 3, stable, p({1}), {}}, p({1, 2, 3}), std::nullopt, p({2}), {5, 4, waiting, p({1, 3}), {}}},
      {{5, 4, waiting, p({1, 3}), {}}, p({1, 2, 3}), std::nullopt, p({2}), {5, 4, waiting, p({1, 3}), {}}},
      {{5, 4, waiting, p({1, 3}), {}}, p({1, 2, 3}), std::nullopt, {}, {5, 4, stable, p({1, 2, 3}), {}}},
      // less: first it gives up, in its epoch
      {{4, 3, stable, p({1, 2}), {}}, p({1, 3}), p({1, 2}), {}, {4, 3, revoking, p({1}), p({2})}},
      {{4, 3, stable, p({1, 2}), {}}, p({1, 3}), std::nullopt, {}, {4, 3, revoking, p({1}), p({2})}},
      {{4, 3, revoking, p({1}), p({2})}, p({1, 3}), std::nullopt, {}, {4, 3, revoking, p({1}), p({2})}},
      {{4, 3, revoking, p({1}), p({2})}, p({1, 3}), p({1, 2}), {}, {4, 3, revoking, p({1}), p({2})}},
      {{4, 3, revoking, p({1}), p({2})}, p({1, 3}), p({1}), {}, {5, 4, stable, p({1, 3}), {}}},
      // given up, and now it should have it again
      {{3, 2, revoking, p({1}), p({2})}, p({1, 2}), p({1}), p({2}), {5, 3, stable, p({1, 2}), {}}},
      // given up, and now it should give up more
      {{3, 2, revoking, p({1, 4}), p({2})}, p({4}), p({1, 4}), {}, {4, 3, revoking, p({4}), p({1})}},
      // it came back with nothing
      {{0, -1, stable, p({1, 2}), {}}, p({1, 3}), p({}), {}, {5, 0, stable, p({1, 3}), {}}},
  };
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto& s = table[i];
    const auto to =
        reconcile(s.from, s.target, 5, s.owned, [&](const auto& place) { return !s.taken.contains(place); });
    EXPECT_EQ(to, s.to) << "line " << i;
  }
}

}  // namespace
}  // namespace dohle::rules
