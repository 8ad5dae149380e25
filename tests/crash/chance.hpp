// splitmix64: the same numbers everywhere.
#pragma once

#include <cstdint>

namespace dohle::crash {

struct generator {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  bool once_in(std::uint64_t n) { return below(n) == 0; }
};

}  // namespace dohle::crash
