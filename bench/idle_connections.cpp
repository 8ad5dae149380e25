#include "bench/idle_connections.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/figure.hpp"
#include "schema/codec.hpp"

namespace dohle::bench {

namespace {

sockaddr_in parse(const std::string& address) {
  auto colon = address.rfind(':');
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &where.sin_addr);
  return where;
}

std::vector<char> hello_frame() {
  hello_request hello;
  hello.client = "idle";
  hello.min_version = hello.max_version = protocol_version;
  std::vector<char> frame;
  must(encode(1, hello, frame), "encoding hello");
  return frame;
}

}  // namespace

idle_connections::idle_connections(const std::string& address, int n) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  auto where = parse(address);
  auto hello = hello_frame();
  for (int i = 0; i < n; ++i) {
    int fd = static_cast<int>(must_call(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
    fds_.push_back(fd);
    must_call(::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where), "connect");
    must_call(::send(fd, hello.data(), hello.size(), MSG_NOSIGNAL), "send");
    char answer[frame_header_bytes];
    if (::recv(fd, answer, sizeof answer, MSG_WAITALL) != sizeof answer)
      give_up("idle connections", "no answer to hello on connection " + std::to_string(i));
  }
}

idle_connections::~idle_connections() {
  for (int fd : fds_) ::close(fd);
}

}  // namespace dohle::bench
