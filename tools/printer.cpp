#include "tools/printer.hpp"

#include "tools/output.hpp"
#include "tools/record_json.hpp"

namespace dohle::tools {

namespace {

/// Text that stands for itself in a format string.
std::string literal(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '%' || c == '\\') escaped += c;
    escaped += c;
  }
  return escaped;
}

}  // namespace

result<record_printer> record_printer::make(const print_options& o) {
  auto text = o.format;
  if (text.empty()) text = o.key_separator.empty() ? "%v\\n" : "%k" + literal(o.key_separator) + "%v\\n";
  auto format = record_format::parse(text, o.null_text);
  if (!format) return format.error();
  return record_printer{o, std::move(*format)};
}

result<void> record_printer::render_into(std::string& text, const topic_partition& source,
                                         const record_view& record) const {
  if (options_.output == "text") return format_.append(text, source, record);
  auto done = append_json(text, source, record, options_.base64);
  if (done && options_.output == "jsonl") text += '\n';
  return done;
}

result<std::string> record_printer::render(const topic_partition& source, const record_view& record) const {
  std::string text;
  if (auto done = render_into(text, source, record); !done) return done.error();
  return text;
}

result<bool> record_printer::print(const topic_partition& source, const record_view& record) {
  scratch_.clear();
  if (auto done = render_into(scratch_, source, record); !done) return done.error();
  return print_rendered(scratch_);
}

bool record_printer::print_rendered(std::string_view text) {
  if (options_.output == "json") out().write(any_ ? ",\n " : "[");
  any_ = true;
  return out().write(text);
}

void record_printer::finish() {
  if (options_.output == "json") out().write(any_ ? "]\n" : "[]\n");
}

}  // namespace dohle::tools
