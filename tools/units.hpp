// Sizes, durations and times as people write them. Standard library and libc only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle::tools {

/// "4096", "64KiB", "1MB" (decimal), "1.5GiB". `invalid_config` otherwise.
result<std::uint64_t> parse_size(std::string_view text);
/// "250ms", "5s", "2m", "1h", "7d". A bare number is refused: it has no unit.
result<std::chrono::nanoseconds> parse_duration(std::string_view text);
/// A whole number, nothing around it.
std::optional<std::int64_t> parse_integer(std::string_view text);
/// A point in time: ISO 8601 ("2024-05-01", "2024-05-01T12:30", "2024-05-01T12:30:15.250+02:00"; UTC when no zone is
/// said), before `now` ("-90m", "-7d"), or milliseconds since 1970 ("@1714566615250").
result<timestamp> parse_time(std::string_view text, timestamp now);

timestamp now();
/// "512MiB", "1.5KiB", "17B".
std::string format_size(std::uint64_t bytes);
/// "2024-05-01T12:30:15.250Z", or "-" for no_timestamp.
std::string format_time(timestamp at);

}  // namespace dohle::tools
