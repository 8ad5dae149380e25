#include "schema/control_batch.hpp"

#include <array>
#include <vector>

#include "schema/byte_order.hpp"
#include "schema/record_parser.hpp"

namespace dohle {

namespace {

constexpr std::int16_t transactional_bit = 16, control_bit = 32;
constexpr std::size_t key_bytes = 4;

/// Length 16, attributes 0, no deltas | key of 4 bytes | value of 6 bytes | no headers; lengths are zigzag varints.
constexpr std::array<char, 17> marker_record{32, 0, 0, 0, 8, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0};
constexpr std::size_t kind_at = 7;

}  // namespace

bytes marker_batch(producer_id producer, std::int16_t producer_epoch, marker_kind kind, timestamp at) {
  batch_header h;
  h.attributes = transactional_bit | control_bit;
  h.base_timestamp = h.max_timestamp = at;
  h.producer = producer;
  h.producer_epoch = producer_epoch;
  h.record_count = 1;
  std::vector<char> made(batch_header_bytes + marker_record.size());
  char* const record = made.data() + batch_header_bytes;
  std::copy(marker_record.begin(), marker_record.end(), record);
  store_big(record + kind_at, static_cast<std::int16_t>(kind));
  detail::write_header(made.data(), h, made.size());
  return bytes::own(std::move(made));
}

std::optional<marker_kind> marker_of_key(std::string_view key) {
  if (key.size() < key_bytes) return std::nullopt;
  const auto kind = load_big<std::int16_t>(key.data() + 2);
  if (kind != static_cast<std::int16_t>(marker_kind::abort) && kind != static_cast<std::int16_t>(marker_kind::commit))
    return std::nullopt;
  return static_cast<marker_kind>(kind);
}

std::optional<marker_kind> marker_of(std::string_view batch) {
  const auto header = read_header(batch);
  if (!header || !header->control() || header->record_count < 1 || header->compression() != compression::none)
    return std::nullopt;
  const char* at = batch.data() + batch_header_bytes;
  detail::raw_record record;
  if (detail::parse_record(at, batch.data() + header->size_bytes(), record) != nullptr || record.key == nullptr)
    return std::nullopt;
  return marker_of_key({record.key, record.key_size});
}

}  // namespace dohle
