//   store_crash [rounds = 20] [seed] [folder]      exit 0 = all rounds good
#include "tests/crash/kill_rounds.hpp"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  using namespace dohle::crash;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 20;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20261122;
  std::string place = argc > 3 ? argv[3] : (fs::temp_directory_path() / "dohle-crash-XXXXXX").string();
  if (argc <= 3 && !::mkdtemp(place.data())) fail("cannot make a folder");
  const fs::path path = fs::path(place) / "data";
  std::printf("store_crash: %d rounds, seed %llu, folder %s\n", rounds, static_cast<unsigned long long>(seed),
              path.c_str());
  const tally seen = kill_rounds(path, rounds, seed);
  std::printf("store_crash: %d kills, %llu acknowledged groups, %llu kills before the first; ends", rounds,
              static_cast<unsigned long long>(seen.groups), static_cast<unsigned long long>(seen.before_first));
  for (auto end : seen.ends.ends) std::printf(" %lld", static_cast<long long>(end));
  std::printf(": nothing lost, nothing twice, nothing else\n");
  if (argc <= 3) fs::remove_all(place);
  return 0;
}
