// Is a text UTF-8, as strictly as Arrow's readers and Python need it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace dohle::bindings {

/// Length of the valid sequence at the start of `text` (not empty), or 0: no overlong forms, no surrogates.
inline std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

inline bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = utf8_sequence(text.substr(at));
    if (size == 0) return false;
    at += size;
  }
  return true;
}

/// Each byte that is no part of a valid sequence becomes '?'.
inline std::string repair_utf8(std::string_view text) {
  std::string repaired;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = utf8_sequence(text.substr(at));
    if (size == 0) {
      repaired += '?';
      ++at;
    } else {
      repaired.append(text.substr(at, size));
      at += size;
    }
  }
  return repaired;
}

}  // namespace dohle::bindings
