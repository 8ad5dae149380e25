#include "actors/connect.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <system_error>

#include "actors/client.hpp"
#include "schema/limits.hpp"

namespace dohle::actors {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::string reason(int code) { return std::generic_category().message(code); }

error bad_url(std::string_view url, const std::string& why) {
  return {errc::invalid_request, "\"" + std::string{url} + "\" is not a broker's address: " + why,
          "write dohle://host:port, as in dohle://127.0.0.1:7420"};
}

result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc{} || end != text.data() + text.size() || port == 0)
    return error{errc::invalid_request, "\"" + std::string{text} + "\" is not a port", {}};
  return port;
}

result<host_port> parse_address(std::string_view text) {
  host_port out{{}, default_port};
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return error{errc::invalid_request, "a \"]\" is missing", {}};
    out.host = text.substr(1, close - 1);
    const auto rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return error{errc::invalid_request, "a \":\" is missing after \"]\"", {}};
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos)
      return error{errc::invalid_request, "an IPv6 address stands in brackets, as in [::1]:7420", {}};
    has_port = colon != std::string_view::npos;
    out.host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
  }
  if (out.host.empty()) return error{errc::invalid_request, "the host is missing", {}};
  if (has_port) {
    auto parsed = parse_port(port);
    if (!parsed) return parsed.error();
    out.port = *parsed;
  }
  return out;
}

using address_list = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

result<address_list> resolve(const host_port& to) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;  // a numeric address needs no look-up
  addrinfo* found = nullptr;
  const auto port = std::to_string(to.port);
  int rc = getaddrinfo(to.host.c_str(), port.c_str(), &hints, &found);
  if (rc == EAI_NONAME) {
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    rc = getaddrinfo(to.host.c_str(), port.c_str(), &hints, &found);
  }
  if (rc != 0) {
    const std::string why = rc == EAI_SYSTEM ? reason(errno) : gai_strerror(rc);
    return error{errc::connection_failed, why, {}};
  }
  return address_list{found, &freeaddrinfo};
}

/// 0, or the errno of the failed connection.
int await_connected(int fd, clock::time_point deadline, const std::atomic<bool>* cancelled) {
  for (;;) {
    if (cancelled && cancelled->load()) return ECANCELED;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (left <= 0ms) return ETIMEDOUT;
    pollfd p{fd, POLLOUT, 0};
    const int rc = poll(&p, 1, static_cast<int>(std::min<std::chrono::milliseconds>(left, 50ms).count()));
    if (rc < 0 && errno != EINTR) return errno;
    if (rc <= 0) continue;
    int code = 0;
    socklen_t size = sizeof code;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return errno;
    return code;
  }
}

result<socket_handle> connect_one(const addrinfo& to, clock::time_point deadline, const std::atomic<bool>* cancelled) {
  socket_handle s{socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol)};
  if (s.get() < 0) return error{errc::connection_failed, reason(errno), {}};
  int code = 0;
  if (connect(s.get(), to.ai_addr, to.ai_addrlen) != 0)
    code = errno == EINPROGRESS ? await_connected(s.get(), deadline, cancelled) : errno;
  if (code != 0) return error{errc::connection_failed, reason(code), {}};
  tune_socket(s.get());
  return s;
}

result<socket_handle> connect_host(const host_port& to, clock::time_point deadline,
                                   const std::atomic<bool>* cancelled) {
  auto found = resolve(to);
  if (!found) return found.error();
  std::ptrdiff_t left = 0;
  for (auto* a = found->get(); a; a = a->ai_next) ++left;
  error last{errc::connection_failed, "the name has no address", {}};
  for (auto* a = found->get(); a; a = a->ai_next, --left) {
    const auto share = (deadline - clock::now()) / left;  // one dead address must not eat the others' time
    auto s = connect_one(*a, clock::now() + share, cancelled);
    if (s) return s;
    last = s.error();
  }
  return last;
}

}  // namespace

std::string to_string(const host_port& a) {
  const bool v6 = a.host.find(':') != std::string::npos;
  return (v6 ? "[" + a.host + "]" : a.host) + ":" + std::to_string(a.port);
}

result<std::vector<host_port>> parse_url(std::string_view url) {
  constexpr std::string_view scheme = "dohle://";
  std::string_view rest = url;
  if (rest.starts_with(scheme)) {
    rest.remove_prefix(scheme.size());
  } else if (const auto other = rest.find("://"); other != std::string_view::npos) {
    return bad_url(url, "\"" + std::string{rest.substr(0, other)} + "\" is another protocol");
  }
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  std::vector<host_port> out;
  for (;;) {
    const auto comma = rest.find(',');
    auto one = parse_address(rest.substr(0, comma));
    if (!one) return bad_url(url, one.error().message);
    out.push_back(std::move(*one));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (out.size() > limits::max_url_addresses)
    return bad_url(url, "more than " + std::to_string(limits::max_url_addresses) + " addresses");
  return out;
}

socket_handle::~socket_handle() {
  if (fd_ >= 0) ::close(fd_);
}

result<dialled> dial(const std::vector<host_port>& addresses, std::chrono::nanoseconds timeout,
                     const std::atomic<bool>* cancelled) {
  const auto deadline = clock::now() + timeout;
  std::string reasons;
  auto left = static_cast<std::ptrdiff_t>(addresses.size());
  for (const auto& to : addresses) {
    const auto share = (deadline - clock::now()) / left--;
    auto s = connect_host(to, clock::now() + share, cancelled);
    if (s) return dialled{std::move(*s), to};
    if (!reasons.empty()) reasons += "; ";
    reasons += to_string(to) + ": " + s.error().message;
  }
  return error{errc::connection_failed, "no broker answers (" + reasons + ")",
               "start one there with `dohle serve --listen " + (addresses.empty() ? "" : to_string(addresses.front())) +
                   "`, or check host, port and firewall"};
}

void tune_socket(int fd) {
  const auto set = [fd](int level, int option, auto value) {
    const int v = static_cast<int>(value);
    setsockopt(fd, level, option, &v, sizeof v);  // best effort: an old kernel may lack one, the link works without
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, std::chrono::seconds{limits::keepalive_idle}.count());
  set(IPPROTO_TCP, TCP_KEEPINTVL, std::chrono::seconds{limits::keepalive_interval}.count());
  set(IPPROTO_TCP, TCP_KEEPCNT, limits::keepalive_probes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, std::chrono::milliseconds{limits::unacknowledged_timeout}.count());
}

}  // namespace dohle::actors
