// What lies in a journal file, byte for byte (docs/storage-format.md draws it). Little-endian, values in and out only.
//
// A journal file is an LMDB environment whose unnamed table has native u64 keys:
//   key 0        the file's own record, 64 bytes: `file_head`
//   key 1, 2...  frames: the sequence numbers of the whole folder, never reset, without a gap over files
//
// A frame is n * 4096 - 16 bytes and so has pages of its own, at most 262,128 bytes unless one batch needs more:
//   frame_header 64 | records, each 8-byte aligned: record_header 56 | payload, padded to 8 | ... | zeroes
#pragma once

#include <cstdint>
#include <string_view>

#include "schema/error.hpp"
#include "schema/limits.hpp"
#include "schema/types.hpp"
#include "store/journal.hpp"

namespace dohle::store {

inline constexpr std::uint16_t journal_format = 1;
inline constexpr std::uint32_t file_magic = 0x304C4844;   // "DHL0"
inline constexpr std::uint32_t frame_magic = 0x52464844;  // "DHFR"

/// A packed frame is not made larger than this.
inline constexpr std::size_t max_packed_frame = limits::max_chunk_bytes;
/// A frame of one large batch.
inline constexpr std::size_t max_frame = 16 * limits::mib - 16;

struct folder_uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const folder_uuid&, const folder_uuid&) = default;
};

struct file_head {
  std::uint32_t magic = file_magic;
  std::uint16_t format = journal_format;
  std::uint16_t flags = 0;
  std::uint64_t epoch = 0;           ///< of this file: random, never 0; tells its frames from those of an earlier life
  std::uint64_t first_sequence = 0;  ///< of its first frame; the file before ends just below
  std::uint64_t last_group = 0;      ///< before its first frame
  folder_uuid folder;
  std::uint64_t reserved = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of the 60 bytes before
  std::uint32_t pad = 0;
};
static_assert(sizeof(file_head) == 64);

struct frame_header {
  std::uint32_t magic = frame_magic;
  std::uint16_t format = journal_format;
  std::uint16_t header_bytes = 64;
  std::uint64_t sequence = 0;
  std::uint64_t group = 0;  ///< rises with every attempt to persist, never used again
  std::int64_t wall_ms = 0;
  std::uint32_t records = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of this header with 0 here, then of the body
  std::uint32_t flags = 0;
  std::uint64_t epoch = 0;   ///< of the file it was written into
  std::uint32_t index = 0;   ///< within its group
  std::uint32_t frames = 0;  ///< of its group
};
static_assert(sizeof(frame_header) == 64);

/// Numbers of a record's kind on disk: entry_kind's, and one that only begins files.
inline constexpr std::uint8_t record_batch_kind = static_cast<std::uint8_t>(entry_kind::batch);
inline constexpr std::uint8_t record_truncation_kind = static_cast<std::uint8_t>(entry_kind::truncation);
inline constexpr std::uint8_t record_hard_kind = static_cast<std::uint8_t>(entry_kind::hard);
inline constexpr std::uint8_t record_mark_kind = static_cast<std::uint8_t>(entry_kind::mark);
/// Where a partition stood when the file began: base = end, epoch = of its last entry, aux = where that epoch opened.
inline constexpr std::uint8_t record_head_kind = 7;

struct record_header {
  std::uint32_t total_bytes = 0;  ///< with payload and padding: a multiple of 8
  std::uint8_t kind = 0;
  std::uint8_t flags = 0;
  std::uint16_t header_bytes = 56;
  std::uint32_t partition = 0;
  std::uint32_t payload_bytes = 0;
  std::int64_t base = 0;
  std::int32_t last_delta = 0;
  /// CRC-32C of this header with 0 here. The payload has its own: a batch carries one, and what of a batch lies outside
  /// it (base, length, epoch) is said by this header too.
  std::uint32_t crc = 0;
  std::int64_t epoch = 0;
  std::int64_t max_timestamp = -1;
  std::int64_t aux = 0;  ///< hard: vote; truncation and head: where the epoch opened
};
static_assert(sizeof(record_header) == 56);

inline constexpr std::size_t align8(std::size_t n) { return (n + 7) & ~std::size_t{7}; }
inline std::size_t record_bytes(std::size_t payload) { return sizeof(record_header) + align8(payload); }

record_header to_record(const entry& e);
/// With its checksum.
void seal(record_header& header);
void seal(file_head& head);

/// Checks the checksum, the kind and the sizes against `room` bytes that may follow. Errors carry no place: the caller
/// adds it.
result<record_header> read_record(std::string_view at);
result<file_head> read_file_head(std::string_view value);

/// The header of a frame whose bytes are `value`, and with `whole` its checksum over all of it.
result<frame_header> read_frame(std::string_view value, bool whole);
/// CRC-32C of a whole frame as it should be.
std::uint32_t frame_crc(std::string_view header_and_body);

/// Walks a frame's records: `each(record_header, payload, at)` returns result<void>.
template <class Each>
result<void> walk_records(std::string_view frame, const frame_header& header, Each&& each) {
  std::string_view body = frame.substr(header.header_bytes, header.body_bytes);
  std::uint32_t at = 0;
  for (std::uint32_t i = 0; i < header.records; ++i) {
    auto record = read_record(body.substr(at));
    if (!record) return record.error();
    if (auto r = each(*record, body.substr(at + record->header_bytes, record->payload_bytes), at); !r) return r;
    at += record->total_bytes;
  }
  if (at != header.body_bytes) return error{errc::corrupt_data, "records do not fill their frame", ""};
  return {};
}

/// An error of the functions above, with its place.
error in_place(const error& e, std::string_view path, std::uint64_t sequence, std::uint64_t byte);

}  // namespace dohle::store
