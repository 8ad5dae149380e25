// Seeded chance for tests: the same numbers everywhere, so that a failing run is one seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace dohle::testing {

/// splitmix64.
class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t roll() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// 0 to n-1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(roll() % n); }
  std::string text(std::size_t size) {
    std::string s(size, '\0');
    for (char& c : s) c = static_cast<char>(roll());
    return s;
  }
  /// Changes one to four bytes at or behind `from`, each to another value.
  void damage(std::string& data, std::size_t from = 0) {
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      data[from + below(data.size() - from)] ^= static_cast<char>(1 + below(255));
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace dohle::testing
