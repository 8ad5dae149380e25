// The rules against the model, step for step: stored traces here, fresh ones in tests/python/test_replication_model.py.
#include "tests/rules/replay.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace dohle::rules {
namespace {

std::vector<std::filesystem::path> stored() {
  std::vector<std::filesystem::path> found;
  for (const auto& file : std::filesystem::directory_iterator(REPLICATION_TRACES)) found.push_back(file.path());
  return found;
}

TEST(replay, the_rules_do_what_the_model_does) {
  ASSERT_GE(stored().size(), 3U);
  for (const auto& path : stored()) {
    std::ifstream in(path);
    int steps = 0;
    const auto difference = test::replay_trace(in, steps);
    EXPECT_FALSE(difference) << path << ": " << *difference;
    EXPECT_GT(steps, 50) << path;
  }
}

/// The trace with its n-th line changed by `change`.
template <class F>
std::optional<std::string> replay_changed(const std::string& trace, F change) {
  std::istringstream in(trace);
  std::string line, all;
  while (std::getline(in, line)) all += change(line) + "\n";
  std::istringstream changed(all);
  int steps = 0;
  return test::replay_trace(changed, steps);
}

const char* const election =
    "replicas 3\n"
    "campaign 0 | 1 vote? 1 0 0.0; 2 vote? 1 0 0.0 | 1,0,candidate,0.0,0.0,0 0,-,follower,0.0,0.0,0 "
    "0,-,follower,0.0,0.0,0\n"
    "deliver 1 vote? 1 0 0.0 | 0 vote! 1 1 | 1,0,candidate,0.0,0.0,0 1,0,follower,0.0,0.0,0 0,-,follower,0.0,0.0,0\n"
    "deliver 0 vote! 1 1 |  | 1,0,leader,1.0,0.0,0 1,0,follower,0.0,0.0,0 0,-,follower,0.0,0.0,0\n";

TEST(replay, sees_a_difference) {
  const auto replaced = [](const std::string& from, const std::string& to) {
    return replay_changed(election, [&](std::string line) {
      if (const auto at = line.find(from); at != std::string::npos) line.replace(at, from.size(), to);
      return line;
    });
  };
  EXPECT_FALSE(replaced("nothing", ""));
  EXPECT_TRUE(replaced("1,0,leader,1.0", "1,0,leader,0.0"));            // no mark
  EXPECT_TRUE(replaced(" | 0 vote! 1 1 | ", " |  | "));                 // no vote
  EXPECT_TRUE(replaced("deliver 0 vote! 1 1", "deliver 0 vote! 1 2"));  // nobody sent it
  EXPECT_TRUE(replaced("1,0,follower", "1,1,follower"));                // another vote
  EXPECT_TRUE(replaced("deliver 1 vote?", "repeat 1 vote?"));           // no such step
  EXPECT_TRUE(replaced("replicas", "brokers"));
}

}  // namespace
}  // namespace dohle::rules
