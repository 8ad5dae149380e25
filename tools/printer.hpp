// How `consume` prints a record: by a format string, as JSON lines, or as one JSON list.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/error.hpp"
#include "tools/record_text.hpp"

namespace dohle::tools {

struct print_options {
  std::string output = "text";
  std::string format;  ///< empty: by key_separator, else the value and a line end
  std::string key_separator;
  std::string null_text;
  bool base64 = false;
};

class record_printer {
 public:
  static result<record_printer> make(const print_options&);
  result<std::string> render(const topic_partition& source, const record_view& record) const;
  /// False when nobody reads any more.
  result<bool> print(const topic_partition& source, const record_view& record);
  bool print_rendered(std::string_view text);
  /// Closes the list of `-o json`.
  void finish();

 private:
  record_printer(print_options options, record_format format)
      : options_(std::move(options)), format_(std::move(format)) {}
  result<void> render_into(std::string& text, const topic_partition& source, const record_view& record) const;

  print_options options_;
  record_format format_;
  std::string scratch_;
  bool any_ = false;
};

}  // namespace dohle::tools
