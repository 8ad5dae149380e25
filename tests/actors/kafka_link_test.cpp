#include "actors/kafka_link.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "actors/client.hpp"
#include "actors/messages.hpp"
#include "actors/sockets.hpp"
#include "actors/system.hpp"
#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle {
namespace {

using namespace std::chrono_literals;

/// A Kafka client made of a socket.
class peer {
 public:
  explicit peer(const std::string& address) {
    auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    timeval limit{30, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~peer() { close(fd_); }
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  }
  template <class Request>
  void ask(const Request& m, int version, std::int32_t correlation) {
    auto frame = kafka::testing::frame_of(m, version, correlation);
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(frame.size() >> shift);
    send(out + std::string(frame.view()));
  }
  int fd() const { return fd_; }
  /// The next answer's frame, length included; empty when the broker closed.
  std::vector<char> next() {
    std::vector<char> out(4);
    if (recv(fd_, out.data(), 4, MSG_WAITALL) != 4) return {};
    std::size_t length = 0;
    for (char c : out) length = length << 8 | static_cast<unsigned char>(c);
    out.resize(4 + length);
    EXPECT_EQ(recv(fd_, out.data() + 4, length, MSG_WAITALL), ssize_t(length));
    return out;
  }

 private:
  int fd_ = -1;
};

class kafka_link_test : public testing::Test {
 protected:
  kafka_link_test() : opened(broker::open({.kafka = "0"})) {
    auto db = opened->client();
    EXPECT_TRUE(db.call(create_topic_request{.name = "t", .partitions = 2, .configs = {}}, 10s).ok());
  }
  kafka::fetch_request fetch(int partition, std::int32_t wait) {
    kafka::fetch_request m;
    m.max_wait_ms = wait;
    m.min_bytes = 1;
    m.topics.resize(1);
    m.topics[0].topic = "t";
    auto& line = m.topics[0].partitions.emplace_back();
    line.partition = partition;
    line.partition_max_bytes = 1'000'000;
    return m;
  }
  void produce(int partition) {
    auto db = opened->client();
    auto out = db.make_producer("t");
    outgoing_record r;
    r.value = "hello";
    r.partition = partition_index{partition};
    ASSERT_TRUE(out->send(r, 10s).ok());
    ASSERT_TRUE(out->flush(30s).ok());
  }
  result<broker> opened;
};

TEST_F(kafka_link_test, answers_come_in_the_order_of_the_requests) {
  peer p{opened->kafka_listening()};
  p.ask(fetch(0, 60'000), 11, 1);  // waits
  p.ask(kafka::metadata_request{}, 9, 2);
  p.ask(kafka::api_versions_request{}, 3, 3);
  produce(0);
  auto first = kafka::testing::read_answer<kafka::fetch_response>(p.next(), 11, 1);
  EXPECT_GT(first.responses.at(0).partitions.at(0).records.size(), 0U);
  kafka::testing::read_answer<kafka::metadata_response>(p.next(), 9, 2);
  kafka::testing::read_answer<kafka::api_versions_response>(p.next(), 3, 3);
}

TEST_F(kafka_link_test, a_fetch_that_waits_gets_what_comes_to_any_of_its_partitions) {
  peer p{opened->kafka_listening()};
  auto both = fetch(0, 60'000);
  both.topics[0].partitions.push_back(both.topics[0].partitions[0]);
  both.topics[0].partitions[1].partition = 1;
  p.ask(both, 11, 1);
  produce(1);
  auto answer = kafka::testing::read_answer<kafka::fetch_response>(p.next(), 11, 1).responses.at(0).partitions;
  EXPECT_EQ(answer.at(0).records.size(), 0U);
  EXPECT_GT(answer.at(1).records.size(), 0U);
  both.topics[0].partitions[1].fetch_offset = 1;
  p.ask(both, 11, 2);  // the one that still waits for partition 0 is used again
  produce(0);
  answer = kafka::testing::read_answer<kafka::fetch_response>(p.next(), 11, 2).responses.at(0).partitions;
  EXPECT_GT(answer.at(0).records.size(), 0U);
}

TEST_F(kafka_link_test, topics_are_found_by_the_ids_that_metadata_tells) {
  peer p{opened->kafka_listening()};
  kafka::metadata_request all;
  all.topics.reset();
  p.ask(all, 13, 1);
  auto topics = kafka::testing::read_answer<kafka::metadata_response>(p.next(), 13, 1).topics;
  auto t = std::ranges::find(topics, std::optional<std::string>{"t"}, &kafka::metadata_response_topic::name);
  ASSERT_NE(t, topics.end());
  produce(0);
  auto m = fetch(0, 60'000);
  m.topics[0].topic_id = t->topic_id;
  p.ask(m, 18, 2);
  auto answer = kafka::testing::read_answer<kafka::fetch_response>(p.next(), 18, 2).responses.at(0).partitions;
  EXPECT_GT(answer.at(0).records.size(), 0U);
}

TEST_F(kafka_link_test, a_consumer_that_closes_is_answered_at_once) {
  peer p{opened->kafka_listening()};
  kafka::fetch_request nothing;
  nothing.max_wait_ms = 60'000;
  nothing.min_bytes = 1;
  p.ask(nothing, 11, 1);
  EXPECT_TRUE(kafka::testing::read_answer<kafka::fetch_response>(p.next(), 11, 1).responses.empty());
}

TEST_F(kafka_link_test, patience_ends_with_an_empty_answer) {
  peer p{opened->kafka_listening()};
  p.ask(fetch(0, 20), 11, 1);
  auto answer = kafka::testing::read_answer<kafka::fetch_response>(p.next(), 11, 1);
  EXPECT_EQ(answer.responses.at(0).partitions.at(0).records.size(), 0U);
}

TEST_F(kafka_link_test, a_request_for_what_is_not_there_is_answered) {
  peer p{opened->kafka_listening()};
  p.ask(fetch(7, 60'000), 11, 1);
  auto answer = kafka::testing::read_answer<kafka::fetch_response>(p.next(), 11, 1);
  EXPECT_EQ(answer.responses.at(0).partitions.at(0).error_code,
            kafka::number(kafka::error_code::unknown_topic_or_partition));
}

TEST_F(kafka_link_test, bytes_that_are_no_request_cost_the_sender_its_connection_only) {
  for (auto bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\0\0\0\x0c\x7f\xff\0\0\0\0\0\1\xff\xffxx", 16)}) {
    peer p{opened->kafka_listening()};
    p.send(bytes);
    EXPECT_TRUE(p.next().empty());
  }
  peer other{opened->kafka_listening()};
  other.ask(kafka::api_versions_request{}, 0, 5);
  EXPECT_FALSE(other.next().empty());
}

TEST_F(kafka_link_test, requests_far_ahead_are_all_answered) {
  peer p{opened->kafka_listening()};
  for (int i = 0; i < 3'000; ++i) p.ask(kafka::metadata_request{}, 9, i);  // more than may be unanswered
  for (int i = 0; i < 3'000; ++i) kafka::testing::read_answer<kafka::metadata_response>(p.next(), 9, i);
}

// --- bounds over connections, with an actor of the test's own ------------------------------------------------------

class bounded_link {
 public:
  explicit bounded_link(actors::kafka_link_options options) {
    auto fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(listen(fd, 16), 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    options.wall_clock = [] { return timestamp{1}; };
    actor_ = runtime_.system().middleman().spawn_broker(actors::kafka_link, std::vector{fd}, std::move(options));
  }
  ~bounded_link() { caf::anon_send(actor_, actors::stop_atom::value); }
  std::string address;

 private:
  actors::runtime runtime_{1};
  caf::actor actor_;
};

/// A frame of 2 MiB of which `sent` bytes have come.
std::string beginning_of_a_frame(std::size_t sent) { return std::string("\0\x20\0\0", 4) + std::string(sent, 'x'); }

TEST(kafka_link_bounds_test, all_connections_together_hold_no_more_than_they_may) {
  bounded_link link{{.base = {}, .directory = {}, .most_request_bytes = 1'000'000}};
  peer first{link.address}, second{link.address};
  first.send(beginning_of_a_frame(600'000));
  second.send(beginning_of_a_frame(600'000));
  std::array<pollfd, 2> both{pollfd{first.fd(), POLLIN, 0}, pollfd{second.fd(), POLLIN, 0}};
  EXPECT_EQ(poll(both.data(), both.size(), 30'000), 1) << "the one whose bytes were too many is closed";
  peer third{link.address};
  third.ask(kafka::api_versions_request{}, 0, 3);
  EXPECT_FALSE(third.next().empty());
}

TEST(kafka_link_bounds_test, who_says_nothing_for_too_long_is_closed) {
  bounded_link link{{.base = {}, .directory = {}, .most_idle = 50ms}};
  peer p{link.address};
  p.ask(kafka::api_versions_request{}, 0, 1);
  EXPECT_FALSE(p.next().empty());
  EXPECT_TRUE(p.next().empty());
}

}  // namespace
}  // namespace dohle
