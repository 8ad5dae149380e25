// Random schedules of a whole partition: tests/rules/cluster.hpp has what happens and what is checked.
#include <gtest/gtest.h>

#include "tests/rules/cluster.hpp"

namespace dohle::rules {
namespace {

TEST(replication_schedule, promises_hold_whatever_happens_and_it_goes_on_afterwards) {
  std::size_t committed = 0, elections = 0;
  int transfers = 0, set_changes = 0, cuts = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    test::cluster c{seed, seed % 3 ? 3 : 5};
    for (int step = 0; step < 2'000; ++step) {
      c.step(true);
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << ", step " << step;
    }
    ASSERT_TRUE(c.heals(moment{20'000})) << "seed " << seed;
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    committed += c.committed();
    elections += c.elections();
    transfers += c.transfers();
    set_changes += c.set_changes();
    cuts += c.cuts();
  }
  // Else the schedules show little.
  EXPECT_GT(committed, 5'000U);
  EXPECT_GT(elections, 300U);
  EXPECT_GT(transfers, 30);
  EXPECT_GT(set_changes, 100);
  EXPECT_GT(cuts, 50);
  RecordProperty("committed", static_cast<int>(committed));
}

TEST(replication_schedule, without_faults_one_leader_stays) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    test::cluster c{seed, 3};
    ASSERT_TRUE(c.heals(moment{5'000})) << "seed " << seed;
    const auto elections = c.elections();
    for (int step = 0; step < 3'000; ++step) c.step(false);
    // Only the operator's transfers and removals change it.
    EXPECT_LE(c.elections() - elections, static_cast<std::size_t>(c.transfers() + c.set_changes())) << "seed " << seed;
  }
}

}  // namespace
}  // namespace dohle::rules
