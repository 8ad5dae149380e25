#include <algorithm>
#include <cstring>

#include "schema/limits.hpp"
#include "schema/record_batch.hpp"
#include "schema/varint.hpp"

namespace dohle {
namespace {

constexpr std::size_t smallest_buffer = 4 * limits::kib;

std::size_t sized(std::optional<std::string_view> text) {
  return text ? varint_size(static_cast<std::int64_t>(text->size())) + text->size() : 1;
}

char* put(char* to, std::optional<std::string_view> text) {
  if (!text) return write_varint(to, -1);
  to = write_varint(to, static_cast<std::int64_t>(text->size()));
  if (!text->empty()) std::memcpy(to, text->data(), text->size());
  return to + text->size();
}

/// Timestamps may lie anywhere, so their difference may wrap; the reader's sum wraps back.
std::int64_t difference(timestamp a, timestamp b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a.value) - static_cast<std::uint64_t>(b.value));
}

error too_large(std::size_t bytes, std::size_t record) {
  return {errc::record_too_large,
          "batch would have " + std::to_string(bytes) + " bytes with this record of " + std::to_string(record) +
              ", at most " + std::to_string(limits::max_batch_bytes) + " are taken",
          "split the record, or store it elsewhere and send its address"};
}

}  // namespace

batch_builder::batch_builder(std::size_t reserve_bytes) : reserve_(std::min(reserve_bytes, limits::max_batch_bytes)) {}

void batch_builder::grow(std::size_t need) {
  const std::size_t wanted = std::max({need, capacity_ * 2, reserve_, smallest_buffer});
  const std::size_t capacity = std::max(need, std::min(wanted, limits::max_batch_bytes));
  std::shared_ptr<char[]> larger(new char[capacity]);  // not zeroed: every byte is written before it is read
  if (size_ > batch_header_bytes) std::memcpy(larger.get(), buffer_.get(), size_);
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

result<void> batch_builder::add(timestamp at, std::optional<std::string_view> key,
                                std::optional<std::string_view> value, const std::vector<header_view>& headers) {
  const std::int64_t time_delta = count_ == 0 ? 0 : difference(at, base_);
  const auto header_count = static_cast<std::int64_t>(headers.size());
  std::size_t body =
      1 + varint_size(time_delta) + varint_size(count_) + sized(key) + sized(value) + varint_size(header_count);
  for (const auto& h : headers) body += sized(h.key) + sized(h.value);
  const std::size_t whole = varint_size(static_cast<std::int64_t>(body)) + body;
  if (size_ + whole > limits::max_batch_bytes) [[unlikely]] {
    return too_large(size_ + whole, whole);
  }
  if (headers.size() > limits::max_record_headers) [[unlikely]] {
    return error{errc::record_too_large,
                 "record has " + std::to_string(headers.size()) + " headers, at most " +
                     std::to_string(limits::max_record_headers) + " are taken",
                 "put the data into the value"};
  }
  if (count_ == limits::max_batch_records) [[unlikely]] {
    return error{errc::record_too_large, "batch is full with " + std::to_string(count_) + " records",
                 "start a new one"};
  }
  if (size_ + whole > capacity_) grow(size_ + whole);

  char* to = write_varint(buffer_.get() + size_, static_cast<std::int64_t>(body));
  *to++ = 0;  // attributes: unused
  to = write_varint(to, time_delta);
  to = write_varint(to, count_);
  to = put(to, key);
  to = put(to, value);
  to = write_varint(to, header_count);
  for (const auto& h : headers) to = put(put(to, h.key), h.value);

  size_ += whole;
  if (count_ == 0) base_ = max_ = at;
  max_ = std::max(max_, at);
  ++count_;
  return {};
}

result<bytes> batch_builder::build(dohle::compression codec, producer_stamp from) {
  if (empty()) return error{errc::invalid_request, "a batch without records cannot be built", "add a record first"};
  batch_header h;
  constexpr int transactional_bit = 16;
  const int flags = from.transactional ? transactional_bit : 0;
  h.attributes = static_cast<std::int16_t>(static_cast<int>(codec) | flags);
  h.last_offset_delta = count_ - 1;
  h.base_timestamp = base_;
  h.max_timestamp = max_;
  h.producer = from.id;
  h.producer_epoch = from.epoch;
  h.base_sequence = from.base_sequence;
  h.record_count = count_;

  bytes built;
  if (codec != compression::none) {
    std::vector<char> packed(batch_header_bytes);
    const std::string_view records{buffer_.get() + batch_header_bytes, size_ - batch_header_bytes};
    if (auto done = compress(codec, records, packed); !done) return done.error();
    if (packed.size() < size_) {
      detail::write_header(packed.data(), h, packed.size());
      built = bytes::own(std::move(packed));
    } else {
      h.attributes = static_cast<std::int16_t>(flags);
    }
  }
  if (built.empty()) built = take(h);
  clear();
  return built;
}

/// Hands the buffer over when it is well used; otherwise copies, so that small batches do not hold large buffers.
bytes batch_builder::take(const batch_header& h) {
  detail::write_header(buffer_.get(), h, size_);
  const std::string_view whole{buffer_.get(), size_};
  if (capacity_ - size_ > capacity_ / 4) return bytes::copy(whole);
  capacity_ = 0;
  return {std::move(buffer_), whole};
}

void batch_builder::clear() {
  size_ = batch_header_bytes;
  count_ = 0;
  base_ = max_ = no_timestamp;
}

}  // namespace dohle
