// The codecs of Kafka's record batches. Each foreign library is named in compression.cpp only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"

namespace dohle {

/// Numbers are those of the batch's attributes.
enum class compression : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

result<compression> parse_compression(std::string_view name);
std::string_view to_string(compression);

/// Compresses `input` and appends it to `out`, in the framing that Kafka clients use (gzip; Java's snappy-framed
/// blocks "SNAPPY"; lz4 frame; zstd frame).
result<void> compress(compression codec, std::string_view input, std::vector<char>& out);

/// Appends the decompressed bytes to `out`; fails with `corrupt_batch` rather than produce more than `max_bytes`.
/// Reads Java's framed snappy and the raw form of librdkafka.
result<void> decompress(compression codec, std::string_view input, std::size_t max_bytes, std::vector<char>& out);

}  // namespace dohle
