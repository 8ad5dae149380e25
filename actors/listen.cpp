#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

#include "actors/link.hpp"

namespace dohle::actors {

namespace {

struct host_port {
  std::string host;
  std::string port;
};

result<host_port> split(const std::string& address) {
  auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return error{errc::invalid_request, "\"" + address + "\" is not an address to listen on",
                 "host:port, e.g. 127.0.0.1:7420"};
  auto host = address.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  auto port = address.substr(colon + 1);
  unsigned number = 0;
  auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failed != std::errc{} || end != port.data() + port.size() || number > 65'535)
    return error{errc::invalid_request, "\"" + port + "\" in \"" + address + "\" is no port",
                 "0 to 65535; 0 takes a free one"};
  return host_port{host, port};
}

error failed(const std::string& address, const std::string& why) {
  return {errc::connection_failed, "cannot listen on " + address + ": " + why,
          "another address or port; port 0 takes a free one"};
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) != 0) return 0;
  if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&name)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&name)->sin_port);
}

}  // namespace

result<listening_socket> listen_on(const std::string& address) {
  auto parts = split(address);
  if (!parts) return parts.error();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  auto status = getaddrinfo(parts->host.empty() ? nullptr : parts->host.c_str(), parts->port.c_str(), &hints, &found);
  if (status != 0) return failed(address, gai_strerror(status));
  std::string why = "no address";
  int fd = -1;
  for (auto* a = found; a != nullptr && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
                    bind(fd, a->ai_addr, a->ai_addrlen) != 0 || ::listen(fd, SOMAXCONN) != 0)) {
      why = std::strerror(errno);
      ::close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  if (fd < 0) return failed(address, why);
  auto port = bound_port(fd);
  auto shown = parts->host.find(':') == std::string::npos ? parts->host : "[" + parts->host + "]";
  return listening_socket{fd, shown + ":" + std::to_string(port), parts->host, port};
}

result<std::vector<listening_socket>> listen_on_loopback(const std::string& address_or_port) {
  const bool port_alone = address_or_port.find(':') == std::string::npos;
  auto first = listen_on(port_alone ? "127.0.0.1:" + address_or_port : address_or_port);
  if (!first) return first.error();
  std::vector<listening_socket> all{std::move(*first)};
  if (!port_alone) return all;
  // Many machines have no IPv6, and a client that tried ::1 then tries the other.
  if (auto second = listen_on("[::1]:" + std::to_string(all.front().port))) all.push_back(std::move(*second));
  return all;
}

}  // namespace dohle::actors
