#include "actors/link.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <fstream>

#include "actors/client.hpp"
#include "actors/system.hpp"
#include "schema/codec.hpp"

namespace dohle {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

/// A peer that can send anything.
class peer {
 public:
  static sockaddr_in address_of(const std::string& address) {
    auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
  }
  explicit peer(const std::string& address) {
    auto to = address_of(address);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    timeval limit{30, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~peer() {
    if (fd_ >= 0) close(fd_);
  }
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;
  bool connected() const { return connected_; }

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  }
  /// Sends what fits without waiting; the peer may have stopped reading.
  bool try_send(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
  }
  void ask(std::uint64_t correlation, request r) {
    std::vector<char> out;
    ASSERT_TRUE(encode(correlation, r, out).ok());
    send({out.data(), out.size()});
  }
  /// The next answer; nullopt when the broker closed the connection.
  std::optional<response> next() {
    while (frames_.empty()) {
      char buffer[65536];
      auto n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return std::nullopt;
      std::vector<frame> got;
      EXPECT_TRUE(reader_.feed({buffer, static_cast<std::size_t>(n)}, got).ok());
      for (auto& f : got) frames_.push_back(std::move(f));
    }
    auto answer = decode_response(frames_.front());
    frames_.erase(frames_.begin());
    EXPECT_TRUE(answer.ok());
    return answer->message;
  }
  void hello() {
    ask(1, hello_request{"test", 1, 1, {}});
    auto answer = next();
    ASSERT_TRUE(answer && std::holds_alternative<hello_response>(*answer));
  }

 private:
  int fd_ = -1;
  bool connected_ = false;
  frame_reader reader_{limits::max_frame_bytes};
  std::vector<frame> frames_;
};

class link_test : public testing::Test {
 protected:
  link_test() : opened(broker::open({.listen = "127.0.0.1:0"})), address(opened->listening()) {}
  /// The broker still answers others.
  void expect_serving() {
    auto other = client::connect("dohle://" + address);
    ASSERT_TRUE(other.ok()) << to_string(other.error());
    EXPECT_TRUE(other->call(metadata_request{}, 10s).ok());
  }
  static errc code_of(const std::optional<response>& r) {
    if (!r || !std::holds_alternative<error>(*r)) return errc::ok;
    return std::get<error>(*r).code;
  }
  result<broker> opened;
  std::string address;
};

TEST_F(link_test, bytes_that_are_no_frame_cost_the_sender_its_connection_only) {
  for (auto bytes : {"GET / HTTP/1.1\r\n\r\n"sv, "\0\0\0\0\1\0\0\0"sv, "\xff\xff\xff\x7f\1\0\0\0"sv}) {
    peer p{address};
    p.send(bytes);
    EXPECT_EQ(code_of(p.next()), errc::invalid_request);
    EXPECT_EQ(p.next(), std::nullopt) << "the connection is closed";
  }
  expect_serving();
}

TEST_F(link_test, a_body_that_is_no_message_is_refused) {
  peer p{address};
  p.hello();
  p.send(std::string("\x10\0\0\0\1\0\0\0", 8) + std::string(16, '\xee'));
  EXPECT_EQ(code_of(p.next()), errc::invalid_request);
  EXPECT_EQ(p.next(), std::nullopt);
  expect_serving();
}

TEST_F(link_test, the_first_message_is_hello) {
  peer p{address};
  p.ask(1, metadata_request{});
  EXPECT_EQ(code_of(p.next()), errc::invalid_request);
  EXPECT_EQ(p.next(), std::nullopt);
}

TEST_F(link_test, a_stranger_may_not_send_much) {
  peer p{address};
  std::uint32_t length = limits::max_hello_bytes + 8;
  p.send({reinterpret_cast<char*>(&length), 4});
  p.send({"\1\0\0\0", 4});
  EXPECT_EQ(code_of(p.next()), errc::invalid_request);
  EXPECT_EQ(p.next(), std::nullopt);
}

TEST_F(link_test, versions_that_do_not_meet_are_named) {
  peer p{address};
  p.ask(1, hello_request{"future", 900, 901, {}});
  EXPECT_EQ(code_of(p.next()), errc::unsupported_version);
}

TEST(link_actor_test, its_timer_does_not_keep_it_in_memory_when_it_has_ended) {
  actors::runtime rt;
  auto socket = actors::listen_on("127.0.0.1:0");
  ASSERT_TRUE(socket.ok());
  auto listening = rt.system().middleman().spawn_broker(actors::link, socket->descriptor, actors::link_options{});
  auto memory = caf::actor_cast<caf::weak_actor_ptr>(listening);
  auto remains = [&] { return caf::actor_cast<caf::strong_actor_ptr>(memory) != nullptr; };
  {
    peer p{socket->address};
    p.hello();  // a connection was there, so the timer runs
  }
  caf::anon_send(listening, actors::stop_atom::value);
  ASSERT_TRUE(actors::wait_for_end(listening, 30s));
  listening = nullptr;
  caf::scoped_actor self{rt.system()};
  const auto limit = std::chrono::steady_clock::now() + 30s;
  while (remains() && std::chrono::steady_clock::now() < limit) self->receive(caf::after(10ms) >> [] {});
  EXPECT_FALSE(remains()) << "a message from itself is in its mailbox";
}

TEST_F(link_test, an_error_of_a_request_leaves_the_connection_open) {
  peer p{address};
  p.hello();
  p.ask(2, fetch_request{.topic = "nothing"});
  EXPECT_EQ(code_of(p.next()), errc::unknown_topic);
  p.ask(3, metadata_request{});
  auto answer = p.next();
  EXPECT_TRUE(answer && std::holds_alternative<metadata_response>(*answer));
}

std::size_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t all = 0;
  std::size_t resident = 0;
  statm >> all >> resident;
  return resident * 4096;
}

TEST_F(link_test, a_peer_that_sends_far_ahead_gets_every_answer) {
  auto db = opened->client();
  ASSERT_TRUE(db.call(create_topic_request{.name = "t"}, 10s).ok());
  auto p = db.make_producer("t");
  const std::string value(20'000, 'x');
  ASSERT_TRUE(p->send({.value = value}, 10s).ok());
  ASSERT_TRUE(p->flush(30s).ok());

  peer ahead{address};
  ahead.hello();
  std::vector<char> asks;
  for (std::uint64_t i = 0; i < 3'000; ++i)  // far beyond what one connection may have unanswered, 60 MB of answers
    ASSERT_TRUE(encode(i, request{fetch_request{.topic = "t"}}, asks).ok());
  ahead.send({asks.data(), asks.size()});
  for (int i = 0; i < 3'000; ++i) {
    auto answer = ahead.next();
    ASSERT_TRUE(answer && std::holds_alternative<fetch_response>(*answer)) << "answer " << i;
  }
}

TEST_F(link_test, a_peer_that_never_reads_is_bounded_and_disturbs_nobody) {
  auto db = opened->client();
  ASSERT_TRUE(db.call(create_topic_request{.name = "t"}, 10s).ok());
  auto p = db.make_producer("t");
  std::string value(500'000, 'x');
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(p->send({.value = value}, 10s).ok());
  ASSERT_TRUE(p->flush(30s).ok());

  peer greedy{address};
  greedy.hello();
  auto before = resident_bytes();
  std::vector<char> ask;
  ASSERT_TRUE(encode(9, request{fetch_request{.topic = "t", .max_bytes = 4 << 20}}, ask).ok());
  for (int i = 0; i < 2'000; ++i)  // 8 GB of answers, none of them read
    if (!greedy.try_send({ask.data(), ask.size()})) break;
  expect_serving();
  EXPECT_LT(resident_bytes() - before, 200u << 20);
}

/// In a child process, so that each end has its own table of open files: opens `count` connections, says hello on each,
/// tells `ready`, and keeps them until `end` is closed. Plain system calls only: the parent has threads.
[[noreturn]] void hold_connections(const sockaddr_in& to, const std::vector<char>& hello, int count, int ready,
                                   int end) {
  char answer[4096];
  for (int i = 0; i < count; ++i) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool good = fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
                send(fd, hello.data(), hello.size(), MSG_NOSIGNAL) > 0 && recv(fd, answer, sizeof answer, 0) > 0;
    if (!good) _exit(1);
  }
  if (write(ready, "r", 1) != 1 || read(end, answer, 1) != 0) _exit(1);
  _exit(0);
}

TEST_F(link_test, ten_thousand_idle_connections_leave_it_serving) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  auto old = files;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 10'500) GTEST_SKIP() << "only " << files.rlim_cur << " open files are allowed here";
  std::vector<char> hello;
  ASSERT_TRUE(encode(1, request{hello_request{"idle", 1, 1, {}}}, hello).ok());
  auto to = peer::address_of(address);
  int ready[2];
  int end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  auto child = fork();
  if (child == 0) {
    close(end[1]);
    hold_connections(to, hello, 10'000, ready[1], end[0]);
  }
  close(ready[1]);
  char all = 0;
  EXPECT_EQ(read(ready[0], &all, 1), 1) << "ten thousand connections were greeted";
  expect_serving();
  close(end[1]);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  setrlimit(RLIMIT_NOFILE, &old);
}

TEST_F(link_test, a_busy_or_foreign_address_is_named) {
  auto second = broker::open({.listen = address});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.code(), errc::connection_failed);
  EXPECT_NE(second.error().message.find(address), std::string::npos);
  for (auto none : {"nonsense", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"})
    EXPECT_EQ(broker::open({.listen = none}).code(), errc::invalid_request) << none;
}

}  // namespace
}  // namespace dohle
