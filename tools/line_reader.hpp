// Lines of a file or of standard input, one at a time, of bounded length, without missing a Ctrl-C while it waits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/error.hpp"

namespace dohle::tools {

class line_reader {
 public:
  /// "-" is standard input.
  static result<line_reader> open(const std::string& path, std::size_t max_line_bytes);
  line_reader(line_reader&&) noexcept;
  line_reader& operator=(line_reader&&) = delete;
  ~line_reader();

  enum class outcome { line, waiting, end };
  /// A line without its '\n' in `line`, valid until the next call; `waiting` when none came within 100 ms (or a signal
  /// did); the last line needs no '\n'.
  result<outcome> next(std::string_view& line);
  std::uint64_t line_number() const { return number_; }

 private:
  line_reader(int fd, std::string name, std::size_t max) : fd_(fd), name_(std::move(name)), max_(max) {}
  int fd_;
  std::string name_;
  std::size_t max_;
  std::string buffer_;
  std::size_t taken_ = 0;     ///< bytes of the buffer already given out
  std::size_t searched_ = 0;  ///< bytes known to hold no '\n', from taken_ on
  bool ended_ = false;
  std::uint64_t number_ = 0;
};

}  // namespace dohle::tools
