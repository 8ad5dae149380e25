// One record of a batch, cut into its fields: shared by what checks records on arrival and what reads them. Inside
// schema/ only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "schema/limits.hpp"
#include "schema/varint.hpp"

namespace dohle::detail {

/// length, attributes, timestamp delta, offset delta, key length, value length, header count: a byte each at least.
inline constexpr std::size_t min_record_bytes = 7;

/// Data pointers are null where the record says null (length -1).
struct raw_record {
  std::int64_t timestamp_delta = 0;
  std::int64_t offset_delta = 0;
  const char* key = nullptr;
  std::size_t key_size = 0;
  const char* value = nullptr;
  std::size_t value_size = 0;
  const char* headers = nullptr;
  std::size_t headers_size = 0;
  std::int32_t header_count = 0;
};

/// A length and that many bytes; -1 = null where `may_be_null`.
inline bool read_sized(const char*& at, const char* end, bool may_be_null, const char*& data, std::size_t& size) {
  std::int64_t length = 0;
  if (!read_varint(at, end, length)) return false;
  if (length < 0) {
    data = nullptr;
    size = 0;
    return may_be_null && length == -1;
  }
  if (length > end - at) return false;
  data = at;
  size = static_cast<std::size_t>(length);
  at += length;
  return true;
}

/// Whether `count` headers fill [at, end) exactly.
inline bool headers_fill(const char* at, const char* end, std::int32_t count) {
  const char* data = nullptr;
  std::size_t size = 0;
  for (; count > 0; --count) {
    if (!read_sized(at, end, false, data, size) || !read_sized(at, end, true, data, size)) return false;
  }
  return at == end;
}

/// Reads the record at `at` and moves past it. Returns what is wrong with it, or nullptr.
inline const char* parse_record(const char*& at, const char* end, raw_record& record) {
  std::int64_t length = 0;
  if (!read_varint(at, end, length)) return "has a malformed length";
  if (length < 0 || length > end - at) return "is longer than the bytes left";
  const char* p = at;
  const char* const stop = at + length;
  if (p == stop) return "is empty";
  ++p;  // attributes: unused in this format
  if (!read_varint(p, stop, record.timestamp_delta)) return "has a malformed timestamp";
  if (!read_varint(p, stop, record.offset_delta)) return "has a malformed offset";
  if (!read_sized(p, stop, true, record.key, record.key_size)) return "has a key that does not fit into it";
  if (!read_sized(p, stop, true, record.value, record.value_size)) return "has a value that does not fit into it";
  std::int64_t count = 0;
  if (!read_varint(p, stop, count) || count < 0) return "has a malformed header count";
  if (count > static_cast<std::int64_t>(limits::max_record_headers)) return "has too many headers";
  record.headers = p;
  record.headers_size = static_cast<std::size_t>(stop - p);
  record.header_count = static_cast<std::int32_t>(count);
  if (!headers_fill(p, stop, record.header_count)) return "has headers that do not fill it";
  at = stop;
  return nullptr;
}

}  // namespace dohle::detail
