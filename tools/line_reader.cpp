#include "tools/line_reader.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace dohle::tools {

namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr int wait_ms = 100;

}  // namespace

result<line_reader> line_reader::open(const std::string& path, std::size_t max_line_bytes) {
  if (path == "-") return line_reader{STDIN_FILENO, "standard input", max_line_bytes};
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return error{errno == EACCES ? errc::not_authorized : errc::invalid_request,
                 fmt::format("cannot read '{}': {}", path, std::strerror(errno)),
                 "a file that exists, or - for standard input"};
  }
  return line_reader{fd, path, max_line_bytes};
}

line_reader::line_reader(line_reader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      name_(std::move(other.name_)),
      max_(other.max_),
      buffer_(std::move(other.buffer_)) {}

line_reader::~line_reader() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

result<line_reader::outcome> line_reader::next(std::string_view& line) {
  for (;;) {
    auto end = buffer_.find('\n', taken_ + searched_);
    if (end != std::string::npos || (ended_ && taken_ < buffer_.size())) {
      auto length = (end == std::string::npos ? buffer_.size() : end) - taken_;
      line = std::string_view{buffer_}.substr(taken_, length);
      taken_ += length + (end == std::string::npos ? 0 : 1);
      searched_ = 0;
      ++number_;
      return outcome::line;
    }
    if (ended_) return outcome::end;
    searched_ = buffer_.size() - taken_;
    if (searched_ > max_) {
      return error{errc::record_too_large, fmt::format("{}, line {}: longer than {} bytes", name_, number_ + 1, max_),
                   "shorter lines: a record must fit into one batch"};
    }
    struct pollfd wait {
      fd_, POLLIN, 0
    };
    int ready = ::poll(&wait, 1, wait_ms);
    if (ready <= 0) return outcome::waiting;
    buffer_.erase(0, std::exchange(taken_, 0));
    auto held = buffer_.size();
    buffer_.resize(held + read_bytes);
    auto n = ::read(fd_, buffer_.data() + held, read_bytes);
    buffer_.resize(held + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
      return error{errc::invalid_request, fmt::format("cannot read {}: {}", name_, std::strerror(errno)),
                   "a file with lines of text"};
    }
    if (n == 0) ended_ = true;
  }
}

}  // namespace dohle::tools
