#include "tools/units.hpp"

#include <fmt/core.h>
#include <time.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace dohle::tools {

namespace {

struct unit {
  std::string_view name;
  double factor;
};

constexpr std::array<unit, 10> size_units{{{"", 1},
                                           {"B", 1},
                                           {"KiB", 1024.0},
                                           {"MiB", 1024.0 * 1024},
                                           {"GiB", 1024.0 * 1024 * 1024},
                                           {"TiB", 1024.0 * 1024 * 1024 * 1024},
                                           {"kB", 1e3},
                                           {"MB", 1e6},
                                           {"GB", 1e9},
                                           {"TB", 1e12}}};
constexpr std::array<unit, 7> duration_units{
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};

/// number * factor of its unit, if the whole text is that and it is finite and not negative.
template <std::size_t N>
std::optional<double> parse_with_unit(std::string_view text, const std::array<unit, N>& units) {
  double number = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (status != std::errc{} || number < 0) return std::nullopt;
  auto name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (!name.empty() && name.front() == ' ') name.remove_prefix(1);
  for (const auto& u : units) {
    if (name == u.name) return number * u.factor;
  }
  return std::nullopt;
}

error bad_time(std::string_view text) {
  return {errc::invalid_request, fmt::format("'{}' is not a time", text),
          "2024-05-01T12:30:00Z, -1h (an hour ago) or @1714566600000 (milliseconds since 1970)"};
}

/// Takes ".250" (one to nine digits) out of the text and returns its milliseconds.
std::int64_t take_fraction(std::string& text) {
  auto dot = text.find('.');
  if (dot == std::string::npos) return 0;
  auto end = dot + 1;
  std::int64_t millis = 0;
  int digits = 0;
  for (; end < text.size() && text[end] >= '0' && text[end] <= '9' && digits < 9; ++end, ++digits) {
    if (digits < 3) millis = millis * 10 + (text[end] - '0');
  }
  if (digits == 0) return 0;
  for (; digits < 3; ++digits) millis *= 10;
  text.erase(dot, end - dot);
  return millis;
}

std::optional<timestamp> parse_iso(std::string_view original) {
  std::string text{original};
  auto millis = take_fraction(text);
  // %z of strptime takes Z, +02, +0200 and +02:00.
  static constexpr std::array formats = {"%Y-%m-%d",          "%Y-%m-%dT%H:%M",      "%Y-%m-%dT%H:%M%z",
                                         "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M",
                                         "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%z"};
  for (const char* format : formats) {
    struct tm parsed {};
    const char* end = ::strptime(text.c_str(), format, &parsed);
    if (end == nullptr || *end != '\0') continue;
    auto day = parsed.tm_mday;
    auto zone = parsed.tm_gmtoff;
    parsed.tm_gmtoff = 0;
    auto seconds = ::timegm(&parsed);
    if (parsed.tm_mday != day) return std::nullopt;  // strptime lets 31 February pass, timegm moves it to March
    return timestamp{(static_cast<std::int64_t>(seconds) - zone) * 1000 + millis};
  }
  return std::nullopt;
}

}  // namespace

result<std::uint64_t> parse_size(std::string_view text) {
  auto value = parse_with_unit(text, size_units);
  if (!value || *value >= 9e18) {
    return error{errc::invalid_config, fmt::format("'{}' is not a size", text),
                 "a number and a unit: 512MiB, 64KiB, 1GB"};
  }
  return static_cast<std::uint64_t>(std::llround(*value));
}

result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  auto value = parse_with_unit(text, duration_units);
  if (!value || *value >= 9e18) {
    return error{errc::invalid_config, fmt::format("'{}' is not a duration", text),
                 "a number and a unit: 250ms, 5s, 2m, 1h, 7d"};
  }
  return std::chrono::nanoseconds{std::llround(*value)};
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

result<timestamp> parse_time(std::string_view text, timestamp now) {
  if (text.starts_with('@')) {
    auto millis = parse_integer(text.substr(1));
    if (!millis || *millis < 0) return bad_time(text);
    return timestamp{*millis};
  }
  if (text.starts_with('-')) {
    auto ago = parse_duration(text.substr(1));
    if (!ago) return bad_time(text);
    auto at = now.value - std::chrono::duration_cast<std::chrono::milliseconds>(*ago).count();
    return timestamp{at < 0 ? 0 : at};
  }
  auto at = parse_iso(text);
  if (!at || at->value < 0) return bad_time(text);
  return *at;
}

timestamp now() {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return timestamp{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array names = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < names.size()) {
    value /= 1024;
    ++unit;
  }
  bool whole = unit == 0 || value == std::floor(value);
  return whole ? fmt::format("{:.0f}{}", value, names[unit]) : fmt::format("{:.1f}{}", value, names[unit]);
}

std::string format_time(timestamp at) {
  if (at.value < 0) return "-";
  auto seconds = static_cast<time_t>(at.value / 1000);
  struct tm parts {};
  if (::gmtime_r(&seconds, &parts) == nullptr || parts.tm_year > 9999) return fmt::format("@{}", at.value);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, at.value % 1000);
}

}  // namespace dohle::tools
