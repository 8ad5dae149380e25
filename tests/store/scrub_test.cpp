#include "store/compaction.hpp"
#include "tests/store/compaction_fixture.hpp"

namespace dohle::store::testing {
namespace {

std::vector<std::string> scrub_all(log& of) {
  std::vector<std::string> found;
  for (offset at; at < of.settled();) {
    auto step = of.scrub(at, 50'000);
    EXPECT_TRUE(step.ok());
    if (!step) break;
    EXPECT_GT(step->next, at);
    at = step->next;
    if (step->damage) found.push_back(step->damage->message);
  }
  return found;
}

TEST(scrub, names_each_damaged_chunk_and_goes_on) {
  temporary_folder place;
  key_values state;
  auto folder = open_folder(place / "data");
  auto log = open_log(*folder);
  const auto update = [&](int batches) {
    for (int b = 0; b < batches; ++b) {
      const auto n = std::to_string(b % 50);
      append_updates(*folder, *log, {{"key " + n, n + std::string(5000, 'v')}}, state);
    }
    ASSERT_TRUE(log->settle(log->flushed(), std::size_t{1} << 30).ok());
  };
  update(300);
  EXPECT_TRUE(scrub_all(*log).empty());
  ASSERT_TRUE(compact(*log, offset{150}).ok());
  EXPECT_TRUE(scrub_all(*log).empty()) << "holes are no damage";
  update(100);
  const auto file = files_in(place / "data/00000001", ".seg").back();
  log.reset();
  folder.reset();
  std::string content = slurp(file);
  const auto first = content.find("key 1"), second = content.rfind("key 1");
  content[first + 60] ^= 1;
  content[second + 60] ^= 1;
  spill(file, content);
  folder = open_folder(place / "data");
  log = open_log(*folder);
  const auto found = scrub_all(*log);
  ASSERT_EQ(found.size(), 2u);
  for (const auto& f : found) EXPECT_NE(f.find(file.filename().string()), std::string::npos) << f;
  EXPECT_NE(found[0].find("at byte"), std::string::npos);
}

}  // namespace
}  // namespace dohle::store::testing
