// What lies in a segment, byte for byte (docs/storage-format.md draws it). Little-endian, values in and out only.
//
// A segment is an LMDB environment with two named tables:
//   "d"  native u64 offset -> chunk: chunk_header 64 | batches as clients get them, one behind the other | zeroes;
//        n * 4096 - 16 bytes, at most 262,128 unless one batch needs more; never of two epochs
//   "x"  "m" -> segment_meta | "t" be64(largest timestamp so far, sign flipped) -> u64 chunk, the first that reached it
//        | "e" be32(epoch) -> u64 first offset of it here | "p" be64(producer id) -> stored_producer
//        | "c" -> compaction_mark, in what compaction wrote | "a" be64(offset of an abort marker here) ->
//        stored_aborted
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "schema/byte_order.hpp"
#include "schema/record_batch.hpp"
#include "store/journal_format.hpp"
#include "store/log.hpp"

namespace dohle::store {

inline constexpr std::uint16_t segment_format = 1;
/// What compaction wrote: there may be holes between and in its batches, which a reader of format 1 takes for damage.
inline constexpr std::uint16_t compacted_format = 2;
inline constexpr std::uint32_t chunk_magic = 0x48434844;    // "DHCH"
inline constexpr std::uint32_t segment_magic = 0x47534844;  // "DHSG"

struct chunk_header {
  std::uint32_t magic = chunk_magic;
  std::uint16_t format = segment_format;
  std::uint16_t header_bytes = 64;
  std::int64_t base = 0;
  std::int64_t last = 0;
  std::uint32_t batches = 0;
  std::uint32_t body_bytes = 0;
  std::int64_t min_timestamp = -1;  ///< smallest base timestamp of a batch
  std::int64_t max_timestamp = -1;
  std::int64_t epoch = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of this header with 0 here; each batch carries its own
  std::uint32_t flags = 0;
};
static_assert(sizeof(chunk_header) == 64);

struct segment_meta {
  std::uint32_t magic = segment_magic;
  std::uint16_t format = segment_format;
  std::uint16_t flags = 0;
  std::uint32_t partition = 0;
  std::uint32_t generation = 0;
  folder_uuid folder;
  std::int64_t base = 0;
  std::int64_t end = 0;
  /// The log's first offset, as of this segment's last change: a segment from there on that is absent is missing.
  std::int64_t log_start = 0;
  std::uint64_t applied_sequence = 0;  ///< journal frame of the last batch moved here
  std::uint64_t bytes = 0;             ///< of batches
  std::int64_t max_timestamp = -1;
  std::int64_t appended = -1;  ///< this broker's clock when the last batch moved here was persisted
  std::uint32_t pad = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of this record with 0 here
};
static_assert(sizeof(segment_meta) == 96);

struct stored_producer {
  std::int16_t epoch = 0;
  std::int16_t reserved = 0;
  std::int32_t last_sequence = -1;
  std::int64_t last_offset = 0;
  std::int32_t last_delta = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of this with 0 here, then the id
  std::int64_t at = -1;
  std::int64_t transaction = -1;  ///< where its open transaction begins; without one the record ends before this
};
static_assert(sizeof(stored_producer) == 40);
inline constexpr std::size_t plain_producer_bytes = 32;  ///< of a producer without an open transaction

struct stored_aborted {
  std::int64_t producer = -1;
  std::int64_t first = 0;        ///< of the transaction's records
  std::int64_t last_stable = 0;  ///< behind this marker: a later marker ends nothing that began before it
  std::uint32_t reserved = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of this with 0 here, then the marker's offset
};
static_assert(sizeof(stored_aborted) == 32);

struct compaction_mark {
  std::int64_t cleaned_until = 0;  ///< compaction left one record a key before it
  std::uint32_t reserved = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of this with 0 here
};
static_assert(sizeof(compaction_mark) == 16);

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

void seal(chunk_header& header);
void seal(segment_meta& meta);
void seal(compaction_mark& mark);
/// The header of a chunk whose bytes are `value` and whose key is `key`.
result<chunk_header> read_chunk(std::string_view value, std::uint64_t key);
result<segment_meta> read_meta(std::string_view value);
result<compaction_mark> read_mark(std::string_view value);

inline constexpr std::string_view meta_key = "m";
inline constexpr std::string_view mark_key = "c";

std::string time_key(timestamp at);
timestamp time_of_key(std::string_view key);
std::string epoch_key(epoch of);
/// Its first offset in this segment.
result<epoch_start> read_epoch(std::string_view key, std::string_view value);
std::string producer_key(producer_id id);
std::string to_stored(const producer_state& state);
result<producer_state> read_producer(std::string_view key, std::string_view value);

/// An aborted transaction as its segment knows it.
struct aborted_entry {
  ended_transaction what;
  offset last_stable;
};
std::string aborted_key(offset marker);
stored_aborted to_stored(const aborted_entry& entry);
result<aborted_entry> read_aborted(std::string_view key, std::string_view value);

/// Lets a batch that follows speak: a newer producer epoch or a later offset wins. One that spoke before changes
/// nothing. Returns the transaction that it decides, if it is a marker.
std::optional<ended_transaction> apply_batch(producer_state& state, const batch_header& header, std::string_view batch);

/// "<base offset, 16 hex>-<generation, 4 hex or more>.seg"
std::string segment_name(offset base, std::uint32_t generation);
bool parse_segment_name(std::string_view name, offset& base, std::uint32_t& generation);

/// `other` was written in the place of `meta` (and perhaps of its neighbours): an interrupted compaction left both. The
/// newest segment, which may be empty and begin where `other` ends, never takes part.
inline bool supersedes(const segment_meta& other, const segment_meta& meta) {
  return other.generation > meta.generation && other.base <= meta.base && meta.base < other.end &&
         meta.end <= other.end;
}

}  // namespace dohle::store
