// Integers in bytes at any alignment. Big-endian is Kafka's (record batches), little-endian ours (frames).
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace dohle {

template <std::integral T>
constexpr T swap_bytes(T value) {
  using wide = std::make_unsigned_t<T>;
  if constexpr (sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<T>(__builtin_bswap16(static_cast<wide>(value)));
  } else if constexpr (sizeof(T) == 4) {
    return static_cast<T>(__builtin_bswap32(static_cast<wide>(value)));
  } else {
    return static_cast<T>(__builtin_bswap64(static_cast<wide>(value)));
  }
}

template <std::integral T>
T load_big(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::big ? value : swap_bytes(value);
}

template <std::integral T>
void store_big(char* to, T value) {
  if (std::endian::native != std::endian::big) value = swap_bytes(value);
  std::memcpy(to, &value, sizeof value);
}

template <std::integral T>
T load_little(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::little ? value : swap_bytes(value);
}

template <std::integral T>
void store_little(char* to, T value) {
  if (std::endian::native != std::endian::little) value = swap_bytes(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace dohle
