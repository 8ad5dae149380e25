#include "schema/record_batch.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <limits>
#include <string>

#include "schema/byte_order.hpp"
#include "schema/limits.hpp"
#include "schema/record_parser.hpp"

namespace dohle {
namespace {

// Where the fields lie: record_batch.hpp draws them.
constexpr std::size_t length_at = 8, epoch_at = 12, magic_at = 16, crc_at = 17, attributes_at = 21, delta_at = 23,
                      base_time_at = 27, max_time_at = 35, producer_at = 43, producer_epoch_at = 51, sequence_at = 53,
                      count_at = 57;
constexpr std::size_t checksummed_from = attributes_at;
constexpr std::int16_t append_time_bit = 8;

error corrupt(std::string message) {
  return {errc::corrupt_batch, std::move(message), "send the batch again; if it fails again, the client is at fault"};
}

std::string number(std::int64_t n) { return std::to_string(n); }

batch_header decode(const char* at) {
  batch_header h;
  h.base = offset{load_big<std::int64_t>(at)};
  h.length = load_big<std::int32_t>(at + length_at);
  h.epoch = epoch{load_big<std::int32_t>(at + epoch_at)};
  h.crc = load_big<std::uint32_t>(at + crc_at);
  h.attributes = load_big<std::int16_t>(at + attributes_at);
  h.last_offset_delta = load_big<std::int32_t>(at + delta_at);
  h.base_timestamp = timestamp{load_big<std::int64_t>(at + base_time_at)};
  h.max_timestamp = timestamp{load_big<std::int64_t>(at + max_time_at)};
  h.producer = producer_id{load_big<std::int64_t>(at + producer_at)};
  h.producer_epoch = load_big<std::int16_t>(at + producer_epoch_at);
  h.base_sequence = load_big<std::int32_t>(at + sequence_at);
  h.record_count = load_big<std::int32_t>(at + count_at);
  return h;
}

/// Sizes first: nothing behind a length that lies is believed.
result<void> check_sizes(std::string_view data, const batch_header& h) {
  if (h.length < static_cast<std::int32_t>(batch_header_bytes - 12)) {
    return corrupt("batch says " + number(h.length) + " bytes after its length, a header alone takes 49");
  }
  if (h.size_bytes() > limits::max_batch_bytes) {
    return corrupt("batch says " + number(static_cast<std::int64_t>(h.size_bytes())) + " bytes, at most " +
                   number(limits::max_batch_bytes) + " are taken");
  }
  if (h.size_bytes() > data.size()) {
    return corrupt("batch says " + number(static_cast<std::int64_t>(h.size_bytes())) + " bytes, " +
                   number(static_cast<std::int64_t>(data.size())) + " are there");
  }
  return {};
}

result<void> check_counts(const batch_header& h) {
  if (h.record_count < 0 || h.record_count > limits::max_batch_records) {
    return corrupt("batch says " + number(h.record_count) + " records, 0 to " + number(limits::max_batch_records) +
                   " are possible");
  }
  if (h.last_offset_delta < 0 || h.record_count > h.last_offset_delta + 1LL) {
    return corrupt("batch says " + number(h.record_count) + " records and a last offset delta of " +
                   number(h.last_offset_delta));
  }
  if (h.base.value < 0 || h.base.value > std::numeric_limits<std::int64_t>::max() - h.last_offset_delta - 1LL) {
    return corrupt("batch has base offset " + number(h.base.value) + ", which no log reaches");
  }
  return {};
}

result<void> check_crc(std::string_view data, const batch_header& h) {
  const std::uint32_t found = crc32c(data.substr(checksummed_from, h.size_bytes() - checksummed_from));
  if (found == h.crc) return {};
  return corrupt("batch says CRC-32C " + number(h.crc) + ", its " +
                 number(static_cast<std::int64_t>(h.size_bytes() - checksummed_from)) + " bytes have " + number(found));
}

/// Every record of an uncompressed batch, without building anything from it.
result<void> check_records(std::string_view records, const batch_header& h) {
  const char* at = records.data();
  const char* const end = at + records.size();
  detail::raw_record record;
  for (std::int32_t i = 0; i < h.record_count; ++i) {
    if (const char* wrong = detail::parse_record(at, end, record)) {
      return corrupt("record " + number(i) + " of " + number(h.record_count) + " " + wrong);
    }
    if (record.offset_delta != i) {
      return corrupt("record " + number(i) + " has offset delta " + number(record.offset_delta));
    }
  }
  if (at != end) {
    return corrupt("batch has " + number(end - at) + " bytes behind its last record, number " +
                   number(h.record_count - 1));
  }
  return {};
}

}  // namespace

std::uint32_t crc32c(std::string_view data, std::uint32_t seed) {
  // ISA-L leaves the usual inversion before and after to its caller, and counts in int.
  constexpr std::size_t step = std::size_t{1} << 30;
  auto crc = ~seed;
  while (!data.empty()) {
    const std::size_t n = std::min(data.size(), step);
    auto* from = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));  // it only reads
    crc = crc32_iscsi(from, static_cast<int>(n), crc);
    data.remove_prefix(n);
  }
  return ~crc;
}

result<batch_header> read_header(std::string_view data) {
  if (data.size() < batch_header_bytes) {
    return corrupt("a batch starts with 61 bytes of header, " + number(static_cast<std::int64_t>(data.size())) +
                   " are there");
  }
  if (data[magic_at] != 2) {
    return corrupt("batch has format (magic) " + number(data[magic_at]) + ", only 2 is known");
  }
  const batch_header h = decode(data.data());
  if (auto sizes = check_sizes(data, h); !sizes) return sizes.error();
  if (auto counts = check_counts(h); !counts) return counts.error();
  if ((h.attributes & 7) > static_cast<int>(compression::zstd)) {
    return corrupt("batch has unknown compression " + number(h.attributes & 7));
  }
  return h;
}

result<batch_header> validate_batch(std::string_view data) {
  auto header = read_header(data);
  if (!header) return header;
  const batch_header& h = *header;
  if (h.size_bytes() != data.size()) {
    return corrupt("batch says " + number(static_cast<std::int64_t>(h.size_bytes())) + " bytes, " +
                   number(static_cast<std::int64_t>(data.size())) + " are there");
  }
  if (h.record_count == 0) return corrupt("batch has no records");
  if (h.last_offset_delta != h.record_count - 1) {
    return corrupt("batch says " + number(h.record_count) + " records and a last offset delta of " +
                   number(h.last_offset_delta));
  }
  if (auto crc = check_crc(data, h); !crc) return crc.error();
  if (h.compression() == compression::none) {
    if (auto records = check_records(data.substr(batch_header_bytes), h); !records) return records.error();
  }
  return header;
}

result<batch_header> check_batch(std::string_view data) {
  auto header = read_header(data);
  if (!header) return header;
  if (auto crc = check_crc(data, *header); !crc) return crc.error();
  return header;
}

void stamp_batch(const bytes& batch, offset base, epoch leader_epoch, std::optional<timestamp> append_time) {
  DOHLE_ASSERT(batch.size() >= batch_header_bytes, "only validated batches get a place");
  char* to = const_cast<char*>(batch.data());
  store_big(to, base.value);
  store_big(to + epoch_at, leader_epoch.value);
  if (!append_time) return;
  const auto attributes = load_big<std::int16_t>(to + attributes_at);
  store_big(to + attributes_at, static_cast<std::int16_t>(attributes | append_time_bit));
  store_big(to + max_time_at, append_time->value);
  store_big(to + crc_at, crc32c(batch.view().substr(checksummed_from)));
}

void detail::write_header(char* to, const batch_header& h, std::size_t size) {
  store_big(to, h.base.value);
  store_big(to + length_at, static_cast<std::int32_t>(size - 12));
  store_big(to + epoch_at, h.epoch.value);
  to[magic_at] = 2;
  store_big(to + attributes_at, h.attributes);
  store_big(to + delta_at, h.last_offset_delta);
  store_big(to + base_time_at, h.base_timestamp.value);
  store_big(to + max_time_at, h.max_timestamp.value);
  store_big(to + producer_at, h.producer.value);
  store_big(to + producer_epoch_at, h.producer_epoch);
  store_big(to + sequence_at, h.base_sequence);
  store_big(to + count_at, h.record_count);
  store_big(to + crc_at, crc32c({to + checksummed_from, size - checksummed_from}));
}

}  // namespace dohle
