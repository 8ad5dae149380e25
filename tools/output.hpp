// What the program says: data on stdout, talk on stderr, colours only on a terminal and never with NO_COLOR set.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"

namespace dohle::tools {

/// Fields stand in the order they were given: the order is part of what scripts may rely on.
using json = nlohmann::ordered_json;

/// Writes to stdout through a buffer of its own. Once the reader is gone (EPIPE) everything is dropped quietly.
class output {
 public:
  /// False when nobody reads any more, or when the program was interrupted while it waited for the reader: what was
  /// not taken by then is dropped.
  bool write(std::string_view text);
  bool flush();
  bool reader_gone() const { return gone_; }  ///< also: it took nothing until Ctrl-C came
  /// stdout failed for another reason than a reader that left: a full disk, say.
  const std::string& failure() const { return failure_; }

 private:
  std::string buffer_;
  bool gone_ = false;
  std::string failure_;
};

/// The program's only stdout.
output& out();

bool stdout_is_terminal();
bool stderr_is_terminal();

/// A table with two spaces between columns; `rows` have as many cells as `columns`.
struct table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};
void print(const table&);
/// One JSON document and a newline. Strings that are not UTF-8 get replacement characters.
void print(const json&);
void print_line(std::string_view text);

/// Talk: one line on stderr.
void say(std::string_view text);

/// Control characters as \xHH, so that a name cannot move the cursor.
std::string printable(std::string_view text);

json to_json(const error&);
/// Prints the error with what to try next, as text or (`as_json`) as one JSON line, on stderr; returns the exit code.
int report(const error&, bool as_json);

}  // namespace dohle::tools
