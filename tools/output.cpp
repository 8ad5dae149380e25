#include "tools/output.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tools/exit_code.hpp"
#include "tools/interrupt.hpp"

namespace dohle::tools {

namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

bool colours(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

/// Columns that a UTF-8 text takes on the screen, near enough: its code points.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A reader that takes nothing must not keep a Ctrl-C waiting: false when one came before there was room.
bool wait_for_reader() {
  constexpr int glance_ms = 50;
  struct pollfd room {
    STDOUT_FILENO, POLLOUT, 0
  };
  while (::poll(&room, 1, glance_ms) <= 0) {
    if (interrupted()) return false;
  }
  return true;
}

/// Bytes that a write takes without waiting, once there is room: a pipe only promises one page.
std::size_t step_bytes() {
  static const std::size_t bytes = [] {
    struct stat about {};
    bool file = ::fstat(STDOUT_FILENO, &about) == 0 && S_ISREG(about.st_mode);
    return file ? buffer_bytes : std::size_t{4096};
  }();
  return bytes;
}

std::string row_text(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += cells[i];
    if (i + 1 < cells.size()) line.append(widths[i] - width(cells[i]) + 2, ' ');
  }
  return line;
}

}  // namespace

bool output::write(std::string_view text) {
  if (gone_ || !failure_.empty()) return false;
  buffer_ += text;
  return buffer_.size() < buffer_bytes || flush();
}

bool output::flush() {
  std::size_t at = 0;
  while (at < buffer_.size() && !gone_ && failure_.empty()) {
    if (!wait_for_reader()) {
      gone_ = true;
      break;
    }
    auto n = ::write(STDOUT_FILENO, buffer_.data() + at, std::min(buffer_.size() - at, step_bytes()));
    if (n >= 0) {
      at += static_cast<std::size_t>(n);
    } else if (errno == EPIPE) {
      gone_ = true;
    } else if (errno != EINTR && errno != EAGAIN) {
      failure_ = std::strerror(errno);
    }
  }
  buffer_.clear();
  return !gone_ && failure_.empty();
}

output& out() {
  static output instance;
  return instance;
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

void print(const table& t) {
  std::vector<std::size_t> widths;
  for (const auto& column : t.columns) widths.push_back(width(column));
  for (const auto& row : t.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  auto head = row_text(t.columns, widths);
  print_line(colours(STDOUT_FILENO) ? "\x1b[1m" + head + "\x1b[0m" : head);
  for (const auto& row : t.rows) print_line(row_text(row, widths));
}

void print(const json& document) { print_line(document.dump(-1, ' ', false, json::error_handler_t::replace)); }

void print_line(std::string_view text) {
  out().write(text);
  out().write("\n");
}

void say(std::string_view text) { fmt::print(stderr, "{}\n", text); }

std::string printable(std::string_view text) {
  std::string safe;
  for (char c : text) {
    auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7F) {
      safe += fmt::format("\\x{:02x}", code);
    } else {
      safe += c;
    }
  }
  return safe;
}

json to_json(const error& e) {
  return {{"code", to_string(e.code)},
          {"message", e.message},
          {"hint", e.hint.empty() ? default_hint(e.code) : std::string_view{e.hint}},
          {"retriable", is_retriable(e.code)},
          {"exit", static_cast<int>(exit_code_of(e.code))}};
}

int report(const error& e, bool as_json) {
  if (as_json) {
    say(json{{"error", to_json(e)}}.dump(-1, ' ', false, json::error_handler_t::replace));
  } else {
    bool colour = colours(STDERR_FILENO);
    auto what = printable(e.message.empty() ? to_string(e.code) : std::string_view{e.message});
    say(fmt::format("{}dohle: {}{}", colour ? "\x1b[31m" : "", what, colour ? "\x1b[0m" : ""));
    say(fmt::format("  try: {}", printable(e.hint.empty() ? default_hint(e.code) : std::string_view{e.hint})));
  }
  return exit_code_of(e.code);
}

}  // namespace dohle::tools
