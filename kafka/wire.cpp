#include "kafka/wire.hpp"

#include <bit>

namespace dohle::kafka {

// --- reader

std::uint32_t reader::unsigned_varint() {
  std::uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    auto byte = number<std::uint8_t>();
    value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail();
  return 0;
}

/// A string's or blob's length: compact in flexible versions, else 2 bytes or (`wide`) 4; nullopt = null.
std::optional<std::size_t> reader::length(bool wide) {
  std::int64_t n = 0;
  if (flexible_)
    n = static_cast<std::int64_t>(unsigned_varint()) - 1;
  else
    n = wide ? number<std::int32_t>() : number<std::int16_t>();
  if (n > static_cast<std::int64_t>(remaining())) {
    fail();
    return 0;
  }
  if (n < 0) return std::nullopt;
  return static_cast<std::size_t>(n);
}

/// Every element takes at least a byte, so a count beyond what is left is a lie.
std::optional<std::size_t> reader::list_length() { return length(true); }

std::optional<bytes> reader::view(bool wide) {
  auto n = length(wide);
  if (!n) return std::nullopt;
  auto part = body_.part(at_, *n);
  at_ += *n;
  return part;
}

void reader::get(double& to) { to = std::bit_cast<double>(number<std::uint64_t>()); }

void reader::get(std::string& to) {
  auto part = view(false);
  if (!part) return fail();
  to.assign(part->view());
}

void reader::get(std::optional<std::string>& to) {
  to.reset();
  if (auto part = view(false)) to.emplace(part->view());
}

void reader::get(bytes& to) {
  auto part = view(true);
  if (!part) return fail();
  to = std::move(*part);
}

void reader::get(std::optional<bytes>& to) { to = view(true); }

void reader::get(record_pieces& to) {
  to = {};
  auto part = view(true);
  to.null = !part;
  if (part) to.pieces.push_back(std::move(*part));
}

// --- writer

void writer::unsigned_varint(std::uint32_t v) {
  for (; v >= 0x80; v >>= 7) to_.push_back(static_cast<char>(v | 0x80));
  to_.push_back(static_cast<char>(v));
}

void writer::length(std::size_t n, bool wide) {
  if (flexible_) return unsigned_varint(static_cast<std::uint32_t>(n + 1));
  if (wide)
    put(static_cast<std::int32_t>(n));
  else
    put(static_cast<std::int16_t>(n));
}

void writer::null_length(bool wide) {
  if (flexible_) return unsigned_varint(0);
  if (wide)
    put(std::int32_t{-1});
  else
    put(std::int16_t{-1});
}

void writer::list_length(std::size_t n) { length(n, true); }
void writer::null_list() { null_length(true); }

void writer::put(double v) { number(std::bit_cast<std::uint64_t>(v)); }

void writer::put(const std::string& v) {
  // A plain string's length has 15 bits; only texts for people (error messages) could be longer.
  auto text = std::string_view{v}.substr(0, flexible_ ? v.size() : 32'767);
  length(text.size(), false);
  raw(text);
}

void writer::put(const std::optional<std::string>& v, bool nullable) {
  if (v) return put(*v);
  if (nullable)
    null_length(false);
  else
    length(0, false);
}

void writer::put(const bytes& v) {
  length(v.size(), true);
  raw(v.view());
}

void writer::put(const std::optional<bytes>& v, bool nullable) {
  if (v) return put(*v);
  if (nullable)
    null_length(true);
  else
    length(0, true);
}

void writer::put(const record_pieces& v) {
  if (v.null) return null_length(true);
  length(v.size(), true);
  for (const auto& piece : v.pieces) raw(piece.view());
}

void tag_section::end() {
  if (!to_.flexible()) return;
  to_.unsigned_varint(static_cast<std::uint32_t>(fields_.size()));
  for (const auto& [tag, value] : fields_) {
    to_.unsigned_varint(tag);
    to_.unsigned_varint(static_cast<std::uint32_t>(value.size()));
    to_.raw({value.data(), value.size()});
  }
}

}  // namespace dohle::kafka
