// The record batch: Kafka's format v2 (magic 2), the unit of append, disk, replication and fetch. Big-endian.
//
//    0 i64 base offset         | 23 i32 last offset delta   | 51 i16 producer epoch
//    8 i32 length (from 12 on) | 27 i64 base timestamp      | 53 i32 base sequence
//   12 i32 leader epoch        | 35 i64 max timestamp       | 57 i32 record count
//   16 i8  magic = 2           | 43 i64 producer id         | 61 records, compressed as the attributes say
//   17 u32 crc32c of all from 21 on
//   21 i16 attributes: 0-2 compression, 3 timestamp type (1 = append time), 4 transactional, 5 control, 6 the base
//            timestamp is the time from which compaction may drop tombstones and markers (Kafka's delete horizon)
//
// A record: varint length | i8 attributes | varint timestamp delta | varint offset delta | varint key length (-1 =
// null) | key | varint value length | value | varint header count | (varint key length | key | varint value length |
// value)*
//
// The first 17+4 bytes lie outside the checksum, so a leader gives a batch its place without touching the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/compression.hpp"
#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle {

inline constexpr std::size_t batch_header_bytes = 61;

/// The fixed part of a batch, decoded.
struct batch_header {
  offset base;
  std::int32_t length = 0;
  dohle::epoch epoch;
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  timestamp base_timestamp = no_timestamp;
  timestamp max_timestamp = no_timestamp;
  producer_id producer = no_producer;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;

  std::size_t size_bytes() const { return static_cast<std::size_t>(length) + 12; }
  offset end() const { return base + last_offset_delta + 1; }
  dohle::compression compression() const { return static_cast<dohle::compression>(attributes & 7); }
  bool append_time() const { return (attributes & 8) != 0; }
  bool transactional() const { return (attributes & 16) != 0; }
  bool control() const { return (attributes & 32) != 0; }
  bool has_horizon() const { return (attributes & 64) != 0; }
  friend bool operator==(const batch_header&, const batch_header&) = default;
};

/// Reads the header at the start of `data` and checks magic and sizes against it: for bytes already validated once.
/// `data` may hold more batches behind the first.
result<batch_header> read_header(std::string_view data);

/// All that a broker checks on arrival: exactly one batch, sizes, magic, known compression, CRC-32C, counts.
/// Uncompressed batches are walked record by record; compressed ones are not opened (readers bound and check them).
result<batch_header> validate_batch(std::string_view data);

/// What a reader checks: header, sizes and CRC-32C of the first batch in `data`. The records are not walked, and holes
/// in their offsets, as compaction leaves them, are allowed.
result<batch_header> check_batch(std::string_view data);

/// Gives a batch its place: offset and epoch, and with `append_time` the broker's timestamp (recomputes the CRC).
/// The one place that writes into shared bytes: call it once, before anybody else may read them.
void stamp_batch(const bytes& batch, offset base, epoch leader_epoch, std::optional<timestamp> append_time);

/// CRC-32C (Castagnoli), hardware-accelerated. `seed` continues an earlier checksum.
std::uint32_t crc32c(std::string_view data, std::uint32_t seed = 0);

struct header_view {
  std::string_view key;
  std::optional<std::string_view> value;
  friend bool operator==(const header_view&, const header_view&) = default;
};

/// A record as it is read: views into the batch.
struct record_view {
  dohle::offset offset;
  dohle::timestamp timestamp = no_timestamp;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::string_view raw_headers;  ///< still encoded: `headers()` decodes
  std::int32_t header_count = 0;

  result<std::vector<header_view>> headers() const;
};

/// Who wrote a batch, for idempotence and transactions.
struct producer_stamp {
  producer_id id = no_producer;
  std::int16_t epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false;  ///< the batch belongs to the producer's open transaction
};

/// Builds one batch. Records get consecutive offsets from 0; the leader stamps the real ones.
class batch_builder {
 public:
  /// The first buffer has room for `reserve_bytes`; it grows when needed.
  explicit batch_builder(std::size_t reserve_bytes = 0);
  /// Appends a record. `record_too_large` when the batch would pass limits::max_batch_bytes.
  result<void> add(timestamp at, std::optional<std::string_view> key, std::optional<std::string_view> value,
                   const std::vector<header_view>& headers = {});
  std::int32_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  /// Bytes so far, uncompressed, header included.
  std::size_t size_bytes() const { return size_; }

  /// The finished batch; the builder is empty afterwards and may be used again. A codec that would enlarge the batch is
  /// not applied.
  result<bytes> build(dohle::compression codec = compression::none, producer_stamp from = {});

 private:
  void grow(std::size_t need);
  bytes take(const batch_header& header);
  void clear();

  std::shared_ptr<char[]> buffer_;  ///< header space, then records; not shared before it is handed over
  std::size_t capacity_ = 0;
  std::size_t size_ = batch_header_bytes;
  std::size_t reserve_;
  std::int32_t count_ = 0;
  timestamp base_ = no_timestamp;
  timestamp max_ = no_timestamp;
};

/// Walks the records of one batch; decompresses if needed, within limits::max_decompressed_bytes.
class batch_reader {
 public:
  /// Opens the first batch in `data` and checks its CRC. The reader keeps `data` (or its decompressed copy) alive;
  /// views it gives out live as long as `memory()` does.
  static result<batch_reader> open(bytes data);
  const batch_header& header() const { return header_; }
  /// The records' bytes, uncompressed.
  const bytes& memory() const { return records_; }
  /// Where the next record begins in `memory()`.
  std::size_t position() const { return at_; }
  /// Next record, nullopt at the end, `corrupt_batch` when the bytes lie.
  result<std::optional<record_view>> next();

 private:
  batch_header header_;
  bytes records_;
  std::size_t at_ = 0;
  std::int32_t index_ = 0;
  std::int32_t last_delta_ = -1;
};

/// What compaction leaves of a batch: the records that `stays` names, in their places. Base offset, last offset, epoch,
/// producer and codec stay as they are. Nothing dropped: the same bytes. Nothing left: no bytes. When a tombstone or a
/// control record stays in a batch without a horizon, the batch gets `horizon`.
result<bytes> filter_batch(const bytes& batch, const std::function<bool(const record_view&)>& stays, timestamp horizon);
/// The header alone, with no records: it keeps the end of a compacted log in reach.
bytes empty_batch(const batch_header& header);

namespace detail {
/// Writes the 61 bytes of header of a batch of `size` bytes at `to`; its records are there already.
void write_header(char* to, const batch_header& header, std::size_t size);
}  // namespace detail

}  // namespace dohle
