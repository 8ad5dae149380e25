// Random updates, deletions, passes cut at random and reopenings: a fresh reader always finds what a dictionary holds.
#include "store/compaction.hpp"
#include "store/inspect.hpp"
#include "tests/store/compaction_fixture.hpp"

namespace dohle::store::testing {
namespace {

constexpr options tiny{.journal_file_bytes = 300'000, .segment_bytes = 1 << 20, .tail_cache_bytes = 60'000};

void run(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  temporary_folder place;
  generator chance(seed);
  key_values state;
  auto folder = open_folder(place / "data", tiny);
  auto log = open_log(*folder);
  std::int64_t clock = 0;
  int written = 0;
  const auto keys = 1 + chance.below(400);
  for (int step = 0; step < 120; ++step) {
    clock += static_cast<std::int64_t>(chance.below(100));
    const auto what = chance.below(10);
    if (what < 5) {
      std::vector<std::pair<std::string, std::optional<std::string>>> updates;
      for (auto n = 1 + chance.below(60); n > 0; --n) {
        auto value = std::to_string(++written) + std::string(chance.below(400), 'v');
        updates.emplace_back("k" + std::to_string(chance.below(keys)),
                             chance.below(6) == 0 ? std::nullopt : std::optional{std::move(value)});
      }
      append_updates(*folder, *log, updates, state, static_cast<compression>(chance.below(5)), {}, timestamp{clock});
    } else if (what < 7) {
      ASSERT_TRUE(log->settle(log->flushed(), 1 + chance.below(300'000)).ok());
      ASSERT_TRUE(folder->retire_journals().ok());
    } else if (what < 9) {
      const offset end{static_cast<std::int64_t>(chance.below(static_cast<std::uint64_t>(log->settled().value) + 1))};
      const int steps = chance.below(2) == 0 ? static_cast<int>(chance.below(12)) : -1;
      auto done = compact(*log, chance.below(2) == 0 ? end : log->settled(), timestamp{clock + 200},
                          std::make_unique<plain_judge>(timestamp{clock}), 24 * (1 + chance.below(500)),
                          20'000 + chance.below(600'000), steps);
      ASSERT_TRUE(done.ok()) << to_string(done.error());
    } else {
      log.reset();
      folder.reset();
      folder = open_folder(place / "data", tiny);
      log = open_log(*folder);
    }
    if (step % 5 == 0) {
      ASSERT_EQ(read_log(*log, 1 + chance.below(100'000)).state, state) << "step " << step;
    }
  }
  ASSERT_EQ(read_log(*log).state, state);
  log.reset();
  folder.reset();
  auto report = inspect(place / "data");
  ASSERT_TRUE(report.ok());
  for (const auto& f : report->faults) ADD_FAILURE() << f.path << ": " << f.text;
}

TEST(compaction_property, a_fresh_reader_finds_what_a_dictionary_holds) {
  for (std::uint64_t seed = 1; seed <= 40 && !::testing::Test::HasFailure(); ++seed) run(seed);
}

}  // namespace
}  // namespace dohle::store::testing
