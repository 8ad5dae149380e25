// The link over real sockets against a scripted peer: what crosses the wire, what happens when it breaks. Nothing here
// asserts a wall-clock time; conditions are waited for.
#include "actors/remote_link.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "actors/client.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

/// A listening socket whose test plays the broker, in the test's own thread.
class peer {
 public:
  peer() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size), 0);
    port_ = ntohs(a.sin_port);
  }
  ~peer() {
    drop();
    stop_listening();
  }
  std::string url() const { return "dohle://127.0.0.1:" + std::to_string(port_); }
  void stop_listening() {
    if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  }
  void accept() {
    drop();
    connection_ = ::accept(listener_, nullptr, nullptr);
    reader_ = frame_reader{limits::max_frame_bytes};
    waiting_.clear();
  }
  void drop() {
    if (connection_ >= 0) ::close(std::exchange(connection_, -1));
  }
  /// The next request; nullopt when the other side closed.
  std::optional<correlated<request>> next() {
    while (waiting_.empty()) {
      char buffer[4096];
      const auto n = ::recv(connection_, buffer, sizeof buffer, 0);
      if (n <= 0) return std::nullopt;
      EXPECT_TRUE(reader_.feed({buffer, static_cast<std::size_t>(n)}, waiting_).ok());
    }
    auto r = decode_request(waiting_.front());
    waiting_.erase(waiting_.begin());
    EXPECT_TRUE(r.ok());
    return std::move(*r);
  }
  void answer(std::uint64_t correlation, const response& a) {
    std::vector<char> wire;
    encode(correlation, a, wire);
    say({wire.data(), wire.size()});
  }
  void say(std::string_view bytes) {
    EXPECT_EQ(::send(connection_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void greet() {
    accept();
    auto h = next();
    ASSERT_TRUE(h && std::holds_alternative<hello_request>(h->message));
    answer(h->correlation, hello_response{protocol_version, {}, broker_id{1}, "c", "dohle", limits::max_frame_bytes});
  }

 private:
  int listener_ = -1;
  int connection_ = -1;
  std::uint16_t port_ = 0;
  frame_reader reader_{limits::max_frame_bytes};
  std::vector<frame> waiting_;
};

template <class F>
auto in_background(F f) {
  return std::async(std::launch::async, std::move(f));
}

client connected(peer& p) {
  auto making = in_background([&] { return client::connect(p.url()); });
  p.greet();
  auto c = making.get();
  EXPECT_TRUE(c.ok()) << (c ? "" : to_string(c.error()));
  return *c;
}

TEST(remote_link, calls_cross_the_wire_and_come_back) {
  peer p;
  auto c = connected(p);
  auto call = in_background([&] { return c.call(metadata_request{{"t"}, false}, 20s); });
  auto r = p.next();
  ASSERT_TRUE(r);
  EXPECT_EQ(std::get<metadata_request>(r->message).topics.at(0), "t");
  metadata_response m;
  m.cluster = "abc";
  p.answer(r->correlation, m);
  auto got = call.get();
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->cluster, "abc");
}

TEST(remote_link, a_broken_connection_fails_what_is_on_its_way_and_is_made_again) {
  peer p;
  auto c = connected(p);
  auto write = in_background([&] { return c.call(delete_topic_request{"t"}, 20s); });
  ASSERT_TRUE(p.next());
  p.drop();
  EXPECT_EQ(write.get().code(), errc::unknown_outcome);
  auto read = in_background([&] { return c.call(list_groups_request{}, 20s); });
  p.greet();
  auto r = p.next();
  ASSERT_TRUE(r);
  p.answer(r->correlation, list_groups_response{});
  EXPECT_TRUE(read.get().ok());
}

TEST(remote_link, nonsense_closes_the_connection) {
  peer p;
  auto c = connected(p);
  p.say(std::string(64, '\xff'));
  EXPECT_FALSE(p.next()) << "the link hangs up";
}

TEST(remote_link, a_deliberate_end_answers_with_closed) {
  peer p;
  auto c = connected(p);
  auto call = in_background([&] { return c.call(metadata_request{}, 20s); });
  ASSERT_TRUE(p.next());
  c.close();
  EXPECT_EQ(call.get().code(), errc::closed);
  EXPECT_EQ(c.call(metadata_request{}, 20s).code(), errc::closed);
}

TEST(remote_link, a_client_that_goes_while_it_dials_does_not_hang) {
  peer p;
  {
    auto c = connected(p);
    p.stop_listening();
    p.drop();
  }
  SUCCEED();
}

TEST(connect, urls) {
  EXPECT_EQ(*parse_url("dohle://h1:1,h2"), (std::vector<host_port>{{"h1", 1}, {"h2", default_port}}));
  EXPECT_EQ(*parse_url("localhost:99/"), (std::vector<host_port>{{"localhost", 99}}));
  EXPECT_EQ(*parse_url("[::1]:5,[fe80::1]"), (std::vector<host_port>{{"::1", 5}, {"fe80::1", default_port}}));
  EXPECT_EQ(to_string(host_port{"::1", 5}), "[::1]:5");
  for (auto* bad :
       {"", "dohle://", "dohle://:1", "h:0", "h:65536", "h:x", "h:", "kafka://h", "::1", "[::1", "[::1]x", "a,,b"}) {
    auto r = parse_url(bad);
    ASSERT_EQ(r.code(), errc::invalid_request) << bad;
    EXPECT_FALSE(r.error().hint.empty()) << bad;
  }
}

TEST(connect, an_unreachable_broker_is_named_with_the_reason) {
  std::string url;
  {
    peer p;
    url = p.url();
  }
  auto c = client::connect(url);
  ASSERT_EQ(c.code(), errc::connection_failed);
  EXPECT_NE(c.error().message.find(url.substr(8)), std::string::npos) << c.error().message;
  EXPECT_NE(c.error().message.find("refused"), std::string::npos) << c.error().message;
  EXPECT_FALSE(c.error().hint.empty());
}

TEST(connect, the_next_address_is_tried) {
  peer p;
  std::string dead;
  {
    peer gone;
    dead = gone.url();
  }
  auto making = in_background([&] { return client::connect(dead + "," + p.url().substr(8)); });
  p.greet();
  auto c = making.get();
  ASSERT_TRUE(c.ok());
  EXPECT_EQ(c->address(), p.url());
}

TEST(connect, a_port_that_is_no_broker_is_refused) {
  peer p;
  auto making = in_background([&] { return client::connect(p.url()); });
  p.accept();
  p.say("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  auto c = making.get();
  ASSERT_EQ(c.code(), errc::connection_failed);
  EXPECT_FALSE(c.error().hint.empty());
}

}  // namespace
}  // namespace dohle::actors
