#include "bindings/arrow_column.hpp"

#include <pybind11/pybind11.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "bindings/utf8.hpp"

namespace dohle::bindings {
namespace {

using kind = arrow_column::kind;

kind kind_of(std::string_view format) {
  static constexpr std::array<std::pair<std::string_view, kind>, 25> known = {{
      {"n", kind::null},         {"b", kind::boolean},      {"c", kind::int8},        {"C", kind::uint8},
      {"s", kind::int16},        {"S", kind::uint16},       {"i", kind::int32},       {"I", kind::uint32},
      {"l", kind::int64},        {"L", kind::uint64},       {"f", kind::float32},     {"g", kind::float64},
      {"u", kind::text},         {"U", kind::large_text},   {"vu", kind::text_view},  {"z", kind::binary},
      {"Z", kind::large_binary}, {"vz", kind::binary_view}, {"tdD", kind::date_days}, {"tdm", kind::date_ms},
      {"+l", kind::list},        {"+L", kind::large_list},  {"+s", kind::structure},  {"+m", kind::list},
      {"", kind::unreadable},
  }};
  for (const auto& [name, k] : known) {
    if (name == format) return k;
  }
  if (format.starts_with("tss:")) return kind::time_s;
  if (format.starts_with("tsm:")) return kind::time_ms;
  if (format.starts_with("tsu:")) return kind::time_us;
  if (format.starts_with("tsn:")) return kind::time_ns;
  return kind::unreadable;
}

std::int64_t units_per_second(kind k) {
  switch (k) {
    case kind::time_s: return 1;
    case kind::time_us: return 1'000'000;
    case kind::time_ns: return 1'000'000'000;
    default: return 1'000;
  }
}

constexpr std::int64_t seconds_per_day = 86'400;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

void append_padded(std::int64_t value, int width, std::string& out) {
  const std::string digits = std::to_string(value);
  for (int i = static_cast<int>(digits.size()); i < width; ++i) out += '0';
  out += digits;
}

void append_date(std::int64_t days, std::string& out) {
  const std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::days{days}}};
  append_padded(static_cast<int>(day.year()), 4, out);
  out += '-';
  append_padded(static_cast<unsigned>(day.month()), 2, out);
  out += '-';
  append_padded(static_cast<unsigned>(day.day()), 2, out);
}

template <class T>
void append_chars(T value, std::string& out) {
  std::array<char, 40> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), written.ptr);
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  static constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t size = c < 0x80 ? 1 : utf8_sequence(text.substr(i));
    if (size > 1 || (c >= 0x20 && c < 0x80 && c != '"' && c != '\\')) {
      i += size;
      continue;
    }
    out.append(text, plain, i - plain);
    plain = ++i;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (c >= 0x80) {
          out += '?';
        } else {
          out += "\\u00";
          out += hex[c >> 4U];
          out += hex[c & 15U];
        }
    }
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

arrow_column::arrow_column(const ArrowSchema& schema, std::string where)
    : name_(std::move(where)), format_(schema.format), kind_(kind_of(schema.format)) {
  if (kind_ >= kind::time_s && kind_ <= kind::time_ns) zoned_ = format_.size() > 4;
  if (schema.dictionary != nullptr) dictionary_ = std::make_unique<arrow_column>(*schema.dictionary, name_);
  children_.reserve(static_cast<std::size_t>(schema.n_children));
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema& child = *schema.children[i];
    children_.emplace_back(child, child.name == nullptr ? "" : child.name);
  }
}

void arrow_column::bind(const ArrowArray& array, std::int64_t shift) {
  array_ = &array;
  shift_ = shift + array.offset;
  if (dictionary_ && array.dictionary != nullptr) dictionary_->bind(*array.dictionary, 0);
  // A struct's offset moves its children; a list's offsets point into its child by themselves.
  for (std::size_t i = 0; i < children_.size(); ++i) {
    children_[i].bind(*array.children[i], kind_ == kind::structure ? shift_ : 0);
  }
}

void arrow_column::check_text(const char* role, bool binary_too) const {
  const arrow_column& m = meaning();
  if (m.is_text() || (binary_too && m.is_binary())) return;
  throw pybind11::type_error(std::string(role) + " column '" + name_ + "' has Arrow type '" + format_ +
                             "', not text or binary (try: cast it to string first)");
}

void arrow_column::check_time(const char* role) const {
  if (is_time()) return;
  throw pybind11::type_error(std::string(role) + " column '" + name_ + "' has Arrow type '" + format_ +
                             "', not a timestamp or date (try: cast it to timestamp[ms, UTC] first)");
}

void arrow_column::check_json() const {
  const arrow_column& m = meaning();
  if (m.kind_ == kind::unreadable || m.is_binary()) {
    throw pybind11::type_error("column '" + name_ + "' has Arrow type '" + m.format_ +
                               "', which has no JSON form (try: cast it to string or float64, or leave it out)");
  }
  for (const arrow_column& c : children_) c.check_json();
}

void arrow_column::check_headers() const {
  const bool pairs = (kind_ == kind::list || kind_ == kind::large_list) && children_[0].kind_ == kind::structure &&
                     children_[0].children_.size() == 2;
  if (!pairs) {
    throw pybind11::type_error("headers column '" + name_ + "' has Arrow type '" + format_ +
                               "', not list<struct<key: string, value: binary>> (try: leave headers= out)");
  }
  children_[0].children_[0].check_text("headers", false);
  children_[0].children_[1].check_text("headers", true);
}

bool arrow_column::is_null(std::int64_t row) const {
  if (kind_ == kind::null) return true;
  // Without a bitmap (null pointer) there are no nulls.
  const auto* bits = array_->n_buffers > 0 ? static_cast<const std::uint8_t*>(array_->buffers[0]) : nullptr;
  const std::int64_t index = physical(row);
  if (bits != nullptr && ((bits[index / 8] >> (index % 8)) & 1) == 0) return true;
  return dictionary_ && dictionary_->is_null(integer(index));
}

std::int64_t arrow_column::integer(std::int64_t index) const {
  switch (kind_) {
    case kind::int8: return at<std::int8_t>(1, index);
    case kind::uint8: return at<std::uint8_t>(1, index);
    case kind::int16: return at<std::int16_t>(1, index);
    case kind::uint16: return at<std::uint16_t>(1, index);
    case kind::int32:
    case kind::date_days: return at<std::int32_t>(1, index);
    case kind::uint32: return at<std::uint32_t>(1, index);
    default: return at<std::int64_t>(1, index);
  }
}

std::string_view arrow_column::plain_text(std::int64_t index) const {
  const auto cut = [&](auto from, auto to) {
    return std::string_view(static_cast<const char*>(array_->buffers[2]) + from, static_cast<std::size_t>(to - from));
  };
  switch (kind_) {
    case kind::text:
    case kind::binary: return cut(at<std::int32_t>(1, index), at<std::int32_t>(1, index + 1));
    case kind::large_text:
    case kind::large_binary: return cut(at<std::int64_t>(1, index), at<std::int64_t>(1, index + 1));
    default: break;
  }
  // A view: i32 length, then up to 12 bytes in place, or a prefix of 4, i32 buffer, i32 offset.
  const char* view = static_cast<const char*>(array_->buffers[1]) + index * 16;
  std::array<std::int32_t, 4> words{};
  std::memcpy(words.data(), view, sizeof(words));
  const auto size = static_cast<std::size_t>(words[0]);
  if (size <= 12) return {view + 4, size};
  return {static_cast<const char*>(array_->buffers[2 + words[2]]) + words[3], size};
}

std::optional<std::string_view> arrow_column::text(std::int64_t row) const {
  if (is_null(row)) return std::nullopt;
  const std::int64_t index = physical(row);
  return dictionary_ ? dictionary_->plain_text(dictionary_->physical(integer(index))) : plain_text(index);
}

std::optional<std::int64_t> arrow_column::time_ms(std::int64_t row) const {
  if (is_null(row)) return std::nullopt;
  const std::int64_t value = integer(physical(row));
  if (kind_ == kind::date_days) return value * seconds_per_day * 1000;
  const std::int64_t unit = units_per_second(kind_);
  return unit >= 1000 ? floor_div(value, unit / 1000) : value * 1000;
}

std::pair<std::int64_t, std::int64_t> arrow_column::list_range(std::int64_t row) const {
  const std::int64_t index = physical(row);
  if (kind_ == kind::large_list) return {at<std::int64_t>(1, index), at<std::int64_t>(1, index + 1)};
  return {at<std::int32_t>(1, index), at<std::int32_t>(1, index + 1)};
}

void arrow_column::append_number(std::int64_t index, std::string& out) const {
  switch (kind_) {
    case kind::boolean: out += ((at<std::uint8_t>(1, index / 8) >> (index % 8)) & 1) != 0 ? "true" : "false"; return;
    case kind::uint64: return append_chars(at<std::uint64_t>(1, index), out);
    case kind::float32:
    case kind::float64: {
      const double wide = kind_ == kind::float64 ? at<double>(1, index) : at<float>(1, index);
      if (!std::isfinite(wide)) {
        out += "null";
      } else if (kind_ == kind::float64) {
        append_chars(wide, out);
      } else {
        append_chars(at<float>(1, index), out);
      }
      return;
    }
    default: return append_chars(integer(index), out);
  }
}

void arrow_column::append_time(std::int64_t index, std::string& out) const {
  const std::int64_t value = integer(index);
  out += '"';
  if (kind_ == kind::date_days) {
    append_date(value, out);
  } else {
    const std::int64_t unit = units_per_second(kind_);
    const std::int64_t seconds = floor_div(value, unit);
    const std::int64_t days = floor_div(seconds, seconds_per_day);
    const std::int64_t in_day = seconds - days * seconds_per_day;
    append_date(days, out);
    for (const auto& [mark, part] : {std::pair{'T', in_day / 3600}, {':', in_day / 60 % 60}, {':', in_day % 60}}) {
      out += mark;
      append_padded(part, 2, out);
    }
    if (const std::int64_t rest = value - seconds * unit; rest != 0) {
      out += '.';
      append_padded(rest, unit == 1'000 ? 3 : unit == 1'000'000 ? 6 : 9, out);
    }
    if (zoned_) out += 'Z';
  }
  out += '"';
}

void arrow_column::append_json(std::int64_t row, std::string& out) const {
  if (is_null(row)) {
    out += "null";
  } else if (dictionary_) {
    dictionary_->append_json(integer(physical(row)), out);
  } else if (is_text()) {
    append_json_string(plain_text(physical(row)), out);
  } else if (is_time()) {
    append_time(physical(row), out);
  } else if (kind_ == kind::list || kind_ == kind::large_list) {
    const auto [first, last] = list_range(row);
    out += '[';
    for (std::int64_t i = first; i < last; ++i) {
      if (i > first) out += ',';
      children_[0].append_json(i, out);
    }
    out += ']';
  } else if (kind_ == kind::structure) {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      out += i == 0 ? '{' : ',';
      append_json_string(children_[i].name(), out);
      out += ':';
      children_[i].append_json(row, out);
    }
    out += children_.empty() ? "{}" : "}";
  } else {
    append_number(physical(row), out);
  }
}

}  // namespace dohle::bindings
