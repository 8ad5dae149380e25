// The machine's own limits: what no broker on it can beat.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <thread>

#include "bench/runs.hpp"
#include "schema/limits.hpp"

namespace dohle::bench {

namespace {

measured copy_memory(std::size_t block, double seconds) {
  std::vector<char> from(block, 'a');
  std::vector<char> to(block, 'b');
  double copied = 0;
  stopwatch clock;
  while (clock.seconds() < seconds) {
    std::memcpy(to.data(), from.data(), block);
    asm volatile("" : : "r"(to.data()) : "memory");  // the copy is used, for all the compiler knows
    copied += static_cast<double>(block);
  }
  return {{"mb_per_s", copied / clock.seconds() / 1e6}};
}

struct loopback {
  int sender = -1;
  int receiver = -1;
  loopback() {
    int listener = static_cast<int>(must_call(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    must_call(::bind(listener, address, size), "bind");
    must_call(::listen(listener, 1), "listen");
    must_call(::getsockname(listener, address, &size), "getsockname");
    sender = static_cast<int>(must_call(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
    must_call(::connect(sender, address, size), "connect");
    receiver = static_cast<int>(must_call(::accept(listener, nullptr, nullptr), "accept"));
    ::close(listener);
    int on = 1;
    for (int fd : {sender, receiver}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~loopback() {
    ::close(sender);
    ::close(receiver);
  }
  loopback(const loopback&) = delete;
  loopback& operator=(const loopback&) = delete;
};

measured stream(std::size_t block, double seconds) {
  loopback link;
  std::thread sender([&] {
    std::vector<char> data(block, 'a');
    stopwatch clock;
    while (clock.seconds() < seconds && ::send(link.sender, data.data(), block, MSG_NOSIGNAL) > 0) continue;
    ::shutdown(link.sender, SHUT_WR);
  });
  std::vector<char> data(limits::mib);
  double received = 0;
  stopwatch clock;
  for (;;) {
    auto n = ::recv(link.receiver, data.data(), data.size(), 0);
    if (n <= 0) break;
    received += static_cast<double>(n);
  }
  auto took = clock.seconds();
  sender.join();
  return {{"mb_per_s", received / took / 1e6}};
}

measured round_trips(int times) {
  loopback link;
  char request[100] = {};
  std::thread echo([&] {
    char data[100];
    while (::recv(link.receiver, data, sizeof data, MSG_WAITALL) == sizeof data)
      if (::send(link.receiver, data, sizeof data, MSG_NOSIGNAL) < 0) return;
  });
  std::vector<std::int64_t> waits;
  for (int i = 0; i < times; ++i) {
    stopwatch one;
    must_call(::send(link.sender, request, sizeof request, MSG_NOSIGNAL), "send");
    must_call(::recv(link.sender, request, sizeof request, MSG_WAITALL), "recv");
    waits.push_back(one.nanoseconds());
  }
  ::shutdown(link.sender, SHUT_RDWR);
  echo.join();
  return percentiles(std::move(waits));
}

}  // namespace

void run_limits(const settings& s, report& r) {
  for (int i = 0; i < s.rounds; ++i) {
    r.add("memcpy, 256 MiB blocks", copy_memory(256 * limits::mib, 0.5));
    r.add("memcpy, 64 KiB blocks", copy_memory(64 * limits::kib, 0.3));
    r.add("loopback TCP, 128 KiB writes", stream(128 * limits::kib, 0.7));
    r.add("loopback TCP round trip, 100 B", round_trips(s.latencies));
  }
}

}  // namespace dohle::bench
