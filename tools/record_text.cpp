#include "tools/record_text.hpp"

#include <fmt/core.h>

#include <charconv>

#include "tools/units.hpp"

namespace dohle::tools {

namespace {

constexpr std::string_view directives = "tpokvshTIKVS";

/// Reads the escape behind a backslash at `at` and moves on; nullopt when there is none such.
std::optional<char> read_escape(std::string_view format, std::size_t& at) {
  if (at >= format.size()) return std::nullopt;
  switch (format[at++]) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '0': return '\0';
    case '\\': return '\\';
    case 'x': {
      unsigned value = 0;
      auto digits = format.substr(at, 2);
      auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (status != std::errc{} || digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
      at += 2;
      return static_cast<char>(value);
    }
    default: return std::nullopt;
  }
}

error bad_format(std::string_view format, std::size_t at) {
  return {errc::invalid_request, fmt::format("the format '{}' has nothing known at character {}", format, at),
          R"(%t %p %o %k %v %h %T %I %K %V %% and \n \t \r \0 \\ \xHH)"};
}

result<void> append_headers(std::string& out, const record_view& record, const std::string& null_text) {
  if (record.header_count == 0) return {};
  auto headers = record.headers();
  if (!headers) return headers.error();
  bool first = true;
  for (const auto& h : *headers) {
    if (!first) out += ',';
    first = false;
    out += h.key;
    out += '=';
    out += h.value ? *h.value : std::string_view{null_text};
  }
  return {};
}

std::string length_of(std::optional<std::string_view> bytes) { return bytes ? std::to_string(bytes->size()) : "-1"; }

}  // namespace

result<record_format> record_format::parse(std::string_view format, std::string null_text) {
  record_format parsed;
  parsed.null_text_ = std::move(null_text);
  std::string text;
  for (std::size_t at = 0; at < format.size();) {
    char c = format[at++];
    if (c == '\\') {
      auto escaped = read_escape(format, at);
      if (!escaped) return bad_format(format, at);
      text += *escaped;
    } else if (c != '%') {
      text += c;
    } else if (at < format.size() && format[at] == '%') {
      text += format[at++];
    } else if (at < format.size() && directives.find(format[at]) != std::string_view::npos) {
      if (!text.empty()) parsed.pieces_.push_back({0, std::exchange(text, {})});
      parsed.pieces_.push_back({format[at++], {}});
    } else {
      return bad_format(format, at);
    }
  }
  if (!text.empty()) parsed.pieces_.push_back({0, std::move(text)});
  return parsed;
}

result<void> record_format::append(std::string& out, const topic_partition& source, const record_view& record) const {
  for (const auto& p : pieces_) {
    switch (p.what) {
      case 0: out += p.text; break;
      case 't': out += source.topic; break;
      case 'p': out += std::to_string(source.partition.value); break;
      case 'o': out += std::to_string(record.offset.value); break;
      case 'k': out += record.key ? *record.key : std::string_view{null_text_}; break;
      case 'v':
      case 's': out += record.value ? *record.value : std::string_view{null_text_}; break;
      case 'T': out += std::to_string(record.timestamp.value); break;
      case 'I': out += format_time(record.timestamp); break;
      case 'K': out += length_of(record.key); break;
      case 'V':
      case 'S': out += length_of(record.value); break;
      case 'h':
        if (auto done = append_headers(out, record, null_text_); !done) return done;
        break;
      default: break;
    }
  }
  return {};
}

}  // namespace dohle::tools
