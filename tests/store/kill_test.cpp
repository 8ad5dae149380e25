#include "tests/crash/kill_rounds.hpp"
#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

TEST(kill, twenty_killed_writers_lose_nothing) {
  temporary_folder place;
  constexpr std::uint64_t seed = 20261122;
  RecordProperty("seed", std::to_string(seed));
  const auto seen = crash::kill_rounds(place / "data", 20, seed);  // ends the process when something is wrong
  EXPECT_GE(seen.groups, 100u) << "the writers were killed before they wrote: the rounds show nothing";
}

}  // namespace
}  // namespace dohle::store::testing
