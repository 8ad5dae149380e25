#include "tools/record_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "tools/nearest.hpp"
#include "tools/output.hpp"
#include "tools/units.hpp"

namespace dohle::tools {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const std::vector<std::string> fields = {"topic", "partition",  "offset",       "timestamp", "key",
                                         "value", "key_base64", "value_base64", "headers"};

error bad_line(std::string message) {
  return {errc::invalid_request, std::move(message),
          R"(one JSON object a line, e.g. {"key":"k","value":"v","timestamp":1714566615250,"headers":{"h":"x"}})"};
}

/// The text of `name` or the bytes of `name`_base64; null and absent are none.
result<std::optional<std::string>> bytes_field(const json& object, const std::string& name) {
  auto encoded = object.find(name + "_base64");
  auto plain = object.find(name);
  if (encoded != object.end() && !encoded->is_null()) {
    if (plain != object.end()) return bad_line(fmt::format("both '{}' and '{}_base64' are given", name, name));
    auto decoded = encoded->is_string() ? from_base64(encoded->get_ref<const std::string&>()) : std::nullopt;
    if (!decoded) return bad_line(fmt::format("'{}_base64' is not base64 text", name));
    return std::optional<std::string>{std::move(*decoded)};
  }
  if (plain == object.end() || plain->is_null()) return std::optional<std::string>{};
  if (plain->is_string()) return std::optional<std::string>{plain->get<std::string>()};
  return std::optional<std::string>{plain->dump()};
}

result<timestamp> time_field(const json& value) {
  if (value.is_null()) return no_timestamp;
  if (value.is_number_integer()) {
    if (value.get<std::int64_t>() < 0) return bad_line("'timestamp' is negative");
    return timestamp{value.get<std::int64_t>()};
  }
  if (value.is_string()) return parse_time(value.get_ref<const std::string&>(), now());
  return bad_line("'timestamp' is neither a number of milliseconds nor a time as text");
}

result<void> headers_field(const json& value, typed_record& record) {
  if (value.is_null()) return {};
  if (value.is_object()) {
    for (const auto& [name, content] : value.items()) {
      auto bytes = bytes_field(json{{"value", content}}, "value");
      if (!bytes) return bytes.error();
      record.headers.emplace_back(name, std::move(*bytes));
    }
    return {};
  }
  if (!value.is_array()) return bad_line("'headers' is neither a list nor an object");
  for (const auto& header : value) {
    if (!header.is_object()) return bad_line(R"(a header is not an object with "key" and "value")");
    auto name = bytes_field(header, "key");
    if (!name) return name.error();
    if (!*name) return bad_line("a header has no key");
    auto bytes = bytes_field(header, "value");
    if (!bytes) return bytes.error();
    record.headers.emplace_back(std::move(**name), std::move(*bytes));
  }
  return {};
}

/// Letters that stand for themselves in JSON: most keys and values hold no others.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto code = static_cast<unsigned char>(c);
    return code >= 0x20 && code < 0x7F && c != '"' && c != '\\';
  });
}

void append_string(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += json(text).dump();
  }
}

/// "name":"text", "name":null or "name_base64":"..."
void append_bytes(std::string& out, std::string_view name, std::optional<std::string_view> bytes, bool always_base64) {
  out += '"';
  out += name;
  if (!bytes) {
    out += "\":null";
  } else if (always_base64 || !is_utf8(*bytes)) {
    out += "_base64\":\"";
    out += to_base64(*bytes);
    out += '"';
  } else {
    out += "\":";
    append_string(out, *bytes);
  }
}

}  // namespace

result<typed_record> parse_json_record(std::string_view line) {
  auto object = json::parse(line, nullptr, false);
  if (object.is_discarded()) return bad_line("this is not JSON");
  if (!object.is_object()) return bad_line("this is JSON but not an object");
  for (const auto& [name, value] : object.items()) {
    if (std::find(fields.begin(), fields.end(), name) == fields.end()) {
      return bad_line(fmt::format("there is no field '{}'{}", name, did_you_mean(name, fields)));
    }
  }
  typed_record record;
  auto key = bytes_field(object, "key");
  if (!key) return key.error();
  record.key = std::move(*key);
  auto value = bytes_field(object, "value");
  if (!value) return value.error();
  record.value = std::move(*value);
  if (auto at = object.find("timestamp"); at != object.end()) {
    auto parsed = time_field(*at);
    if (!parsed) return parsed.error();
    record.at = *parsed;
  }
  if (auto p = object.find("partition"); p != object.end() && !p->is_null()) {
    if (!p->is_number_integer() || p->get<std::int64_t>() < 0 || p->get<std::int64_t>() > INT32_MAX) {
      return bad_line("'partition' is not a partition's number");
    }
    record.partition = partition_index{p->get<std::int32_t>()};
  }
  if (auto headers = object.find("headers"); headers != object.end()) {
    auto done = headers_field(*headers, record);
    if (!done) return done.error();
  }
  return record;
}

result<void> append_json(std::string& out, const topic_partition& source, const record_view& record,
                         bool always_base64) {
  out += "{\"topic\":";
  append_string(out, source.topic);
  fmt::format_to(std::back_inserter(out), ",\"partition\":{},\"offset\":{},\"timestamp\":", source.partition.value,
                 record.offset.value);
  out += record.timestamp.value < 0 ? "null" : std::to_string(record.timestamp.value);
  out += ',';
  append_bytes(out, "key", record.key, always_base64);
  out += ',';
  append_bytes(out, "value", record.value, always_base64);
  out += ",\"headers\":[";
  if (record.header_count > 0) {
    auto headers = record.headers();
    if (!headers) return headers.error();
    for (const auto& h : *headers) {
      out += out.back() == '[' ? "{" : ",{";
      append_bytes(out, "key", h.key, false);
      out += ',';
      append_bytes(out, "value", h.value, always_base64);
      out += '}';
    }
  }
  out += "]}";
  return {};
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      ++i;
      continue;
    }
    std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                         : first >= 0xE0 && first < 0xF0 ? 3
                         : first >= 0xF0 && first < 0xF5 ? 4
                                                         : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    auto second = static_cast<unsigned char>(text[i + 1]);  // overlong forms, surrogates, beyond U+10FFFF
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
        (first == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    auto byte = [&](std::size_t k) { return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U; };
    auto word = byte(0) << 16 | byte(1) << 8 | byte(2);
    text += alphabet[word >> 18 & 63];
    text += alphabet[word >> 12 & 63];
    text += i + 1 < bytes.size() ? alphabet[word >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? alphabet[word & 63] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t word = 0;
  int bits = 0;
  for (char c : text) {
    auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    word = word << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(word >> bits & 255);
    }
  }
  return bytes;
}

}  // namespace dohle::tools
