// The check that every batch passes on its way out of a file: the batch that was asked for, and its bytes whole.
#pragma once

#include <string>
#include <string_view>

#include "schema/record_batch.hpp"

namespace dohle::store {

/// The first byte of a batch that its checksum covers.
inline constexpr std::size_t batch_crc_from = 21;

/// One whole batch at the start of `data`, with `base` (where compaction may have left a hole: or later) and `epoch`:
/// `corrupt_data` when it is not. Its place is added by the caller.
inline result<batch_header> check_batch(std::string_view data, offset base, epoch of, bool holes = false) {
  auto header = read_header(data);
  if (!header) return error{errc::corrupt_data, "a stored batch is damaged: " + header.error().message, ""};
  if (header->base < base || (header->base != base && !holes) || header->epoch != of)
    return error{errc::corrupt_data,
                 "a stored batch says offset " + std::to_string(header->base.value) + " and epoch " +
                     std::to_string(header->epoch.value) + " where " + std::to_string(base.value) + " and " +
                     std::to_string(of.value) + " belong",
                 ""};
  if (crc32c(data.substr(batch_crc_from, header->size_bytes() - batch_crc_from)) != header->crc)
    return error{errc::corrupt_data, "the batch at offset " + std::to_string(base.value) + " fails its checksum", ""};
  return header;
}

}  // namespace dohle::store
