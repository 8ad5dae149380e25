// Replays traces of replication_model.py through the rules: replay_trace FILE... Prints a line a trace; ends with 1
// when the rules did otherwise in one of them.
#include <fstream>
#include <iostream>

#include "tests/rules/replay.hpp"

int main(int argc, char** argv) {
  int refused = 0;
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i]);
    int steps = 0;
    const auto difference = dohle::rules::test::replay_trace(in, steps);
    std::cout << argv[i] << ": " << (difference ? *difference : std::to_string(steps) + " steps agree") << "\n";
    refused += difference.has_value();
  }
  if (argc < 2) std::cerr << "usage: replay_trace FILE...\n";
  return argc < 2 || refused > 0 ? 1 : 0;
}
