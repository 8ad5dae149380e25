//   store_crash [--rounds N] [--seed N]      exit 0 = all rounds good; `./dev sim kill`
#include "tests/crash/kill_rounds.hpp"
#include "tests/crash/place.hpp"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  using namespace dohle::crash;
  int rounds = 40;
  std::uint64_t seed = 20261122;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc || (option != "--rounds" && option != "--seed"))
      fail("usage: store_crash [--rounds N] [--seed N]");
    if (option == "--rounds") rounds = std::atoi(argv[i + 1]);
    if (option == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  const fs::path place = make_place("crash"), path = place / "data";
  std::printf("store_crash: %d rounds, seed %llu, folder %s\n", rounds, static_cast<unsigned long long>(seed),
              path.c_str());
  const tally seen = kill_rounds(path, rounds, seed);
  std::printf(
      "store_crash: %d kills, %llu at a named point, %llu before the first acknowledgement; %llu acknowledged groups; "
      "ends",
      rounds, static_cast<unsigned long long>(seen.at_points), static_cast<unsigned long long>(seen.before_first),
      static_cast<unsigned long long>(seen.groups));
  for (auto end : seen.ends.ends) std::printf(" %lld", static_cast<long long>(end));
  std::printf(": nothing lost, nothing twice, nothing else\n");
  fs::remove_all(place);
  return seen.at_points > 0 ? 0 : 1;
}
