// A TCP relay between a client and a broker that a test can cut: both ends see their connection reset, as with a lost
// machine, and the next connection works again.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

namespace dohle::testing {

class relay {
 public:
  /// To "127.0.0.1:port".
  explicit relay(const std::string& target) : target_port_(std::stoi(target.substr(target.rfind(':') + 1))) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    auto a = loopback(0);
    socklen_t size = sizeof a;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a);
    ::listen(listener_, 8);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size);
    port_ = ntohs(a.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }
  ~relay() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  std::string listening() const { return "127.0.0.1:" + std::to_string(port_); }
  void cut() { cut_ = true; }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }
  static bool readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, 10) > 0;
  }
  void run() {
    while (!stop_) {
      if (!readable(listener_)) continue;
      const int client = ::accept(listener_, nullptr, nullptr);
      const int broker = ::socket(AF_INET, SOCK_STREAM, 0);
      auto a = loopback(target_port_);
      if (::connect(broker, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) pass(client, broker);
      ::close(client);
      ::close(broker);
    }
  }
  void pass(int client, int broker) {
    cut_ = false;
    while (!stop_ && !cut_) {
      pollfd p[2] = {{client, POLLIN, 0}, {broker, POLLIN, 0}};
      if (::poll(p, 2, 10) <= 0) continue;
      if (p[0].revents != 0 && !move(client, broker)) return;
      if (p[1].revents != 0 && !move(broker, client)) return;
    }
  }
  static bool move(int from, int to) {
    char buffer[16'384];
    const auto n = ::recv(from, buffer, sizeof buffer, 0);
    for (ssize_t sent = 0; sent < n;) {
      const auto m = ::send(to, buffer + sent, static_cast<std::size_t>(n - sent), MSG_NOSIGNAL);
      if (m <= 0) return false;
      sent += m;
    }
    return n > 0;
  }

  int target_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> cut_ = false;
  std::thread thread_;
};

}  // namespace dohle::testing
