#include "actors/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace dohle::actors {

using handle = caf::io::connection_handle;

namespace {

/// One end of a connection; what came by IPv4 into an IPv6 socket is IPv4.
end_point end_of(handle h, int (*which)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (which(static_cast<int>(h.id()), reinterpret_cast<sockaddr*>(&name), &length) != 0) return {};
  char text[INET6_ADDRSTRLEN] = {};
  if (name.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  std::string host = text;
  if (host.starts_with("::ffff:") && host.find('.') != std::string::npos) host = host.substr(7);
  return {host, ntohs(v6.sin6_port)};
}

}  // namespace

end_point local_end(handle h) { return end_of(h, ::getsockname); }
end_point remote_end(handle h) { return end_of(h, ::getpeername); }

void tune_accepted(handle h) {
  auto fd = static_cast<int>(h.id());
  int on = 1, idle = 60, interval = 10, count = 3;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

}  // namespace dohle::actors
