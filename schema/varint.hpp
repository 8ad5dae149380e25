// The zigzag varints of Kafka's records: seven bits a byte, low bits first, the top bit says that more follow; signed
// numbers alternate (0, -1, 1, -2, ...) so that small ones of both signs are short. Inline: they are most of the work.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace dohle {

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// Bytes that `value` takes: 1 to 10.
constexpr std::size_t varint_size(std::int64_t value) {
  return (static_cast<std::size_t>(std::bit_width(zigzag(value) | 1)) + 6) / 7;
}

/// Writes `value` and returns the place behind it; the caller made room.
inline char* write_varint(char* to, std::int64_t value) {
  std::uint64_t rest = zigzag(value);
  while (rest >= 0x80) {
    *to++ = static_cast<char>(rest | 0x80);
    rest >>= 7;
  }
  *to++ = static_cast<char>(rest);
  return to;
}

/// Reads one number at `at` and moves past it; false when it does not end before `end` or has more than 64 bits.
inline bool read_varint(const char*& at, const char* end, std::int64_t& value) {
  if (at != end && static_cast<unsigned char>(*at) < 0x80) [[likely]] {
    value = unzigzag(static_cast<unsigned char>(*at++));
    return true;
  }
  std::uint64_t bits = 0;
  for (unsigned shift = 0; at != end && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    if (shift == 63 && byte > 1) return false;
    bits |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = unzigzag(bits);
      return true;
    }
  }
  return false;
}

}  // namespace dohle
