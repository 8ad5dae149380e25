// Finding a broker: addresses out of a URL, and a connected socket out of addresses. Blocking, so it runs in the
// caller's thread or in a detached actor, never in an actor that others wait for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/error.hpp"

namespace dohle::actors {

struct host_port {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const host_port&, const host_port&) = default;
};

/// "host:port", with brackets around an IPv6 address.
std::string to_string(const host_port&);
/// "dohle://h1:p1,h2,[::1]:p3" or the same without "dohle://". The port is 7420 when left out. `invalid_request` says
/// which part is wrong.
result<std::vector<host_port>> parse_url(std::string_view url);

/// Owns a file descriptor.
class socket_handle {
 public:
  socket_handle() = default;
  explicit socket_handle(int fd) : fd_(fd) {}
  socket_handle(socket_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  socket_handle& operator=(socket_handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~socket_handle();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct dialled {
  socket_handle socket;  ///< connected, non-blocking, tuned
  host_port address;     ///< the one that answered
};

/// Tries the addresses in order, and all that a name resolves to; together they get `timeout`. `connection_failed`
/// names each address with the system's reason. Gives up within 50 ms once `cancelled` is set (name look-up excepted).
result<dialled> dial(const std::vector<host_port>& addresses, std::chrono::nanoseconds timeout,
                     const std::atomic<bool>* cancelled = nullptr);

/// What every connection of ours wants: no delay for small frames, and the kernel notices a peer that is gone.
void tune_socket(int fd);

}  // namespace dohle::actors
