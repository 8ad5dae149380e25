// The client end of a connection, fed by hand: who is answered what, and when.
#include "actors/connection_state.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "actors/request_traits.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

struct bench {
  connection_state c{"test", "127.0.0.1:7420", 30s};
  std::vector<char> out;
  connection_state::time_point now{std::chrono::hours{1}};
  std::vector<response> got;
  int answers = 0;

  std::size_t ask(request r) {
    const auto i = got.size();
    got.emplace_back(error{errc::internal, "not answered yet", {}});
    c.submit(
        std::move(r),
        [this, i](response a) {
          ++answers;
          got[i] = std::move(a);
        },
        now, out);
    return i;
  }
  bool answered(std::size_t i) const {
    auto* e = std::get_if<error>(&got[i]);
    return !e || e->message != "not answered yet";
  }
  errc code(std::size_t i) const {
    auto* e = std::get_if<error>(&got[i]);
    return e ? e->code : errc::ok;
  }
  /// What was written since the last call, as requests.
  std::vector<correlated<request>> sent() {
    frame_reader reader{limits::max_frame_bytes};
    std::vector<frame> frames;
    EXPECT_TRUE(reader.feed({out.data(), out.size()}, frames).ok());
    EXPECT_EQ(reader.pending_bytes(), 0U);
    out.clear();
    std::vector<correlated<request>> all;
    for (const auto& f : frames) {
      auto d = decode_request(f);
      EXPECT_TRUE(d.ok());
      if (d) all.push_back(std::move(*d));
    }
    return all;
  }
  result<void> feed(std::uint64_t correlation, const response& a) {
    std::vector<char> wire;
    encode(correlation, a, wire);
    return c.received({wire.data(), wire.size()}, now, out);
  }
  void connect() {
    c.connected("127.0.0.1:7420", now, out);
    auto first = sent();
    ASSERT_EQ(first.size(), 1U);
    ASSERT_TRUE(std::holds_alternative<hello_request>(first[0].message));
    ASSERT_TRUE(feed(first[0].correlation, hello()).ok());
  }
  static response hello() { return hello_response{protocol_version, {}, broker_id{1}, "c", "dohle", 17 << 20}; }
};

request produce(std::size_t size = 100) {
  return produce_request{"t", partition_index{0}, ack_level::majority, bytes::own(std::vector<char>(size, 'x'))};
}
request fetch(milliseconds wait) { return fetch_request{"t", partition_index{0}, offset{0}, 1000, 1, wait}; }

TEST(connection_state, requests_before_the_connection_are_sent_after_hello_in_order) {
  bench b;
  b.ask(metadata_request{{"a"}, false});
  b.ask(metadata_request{{"b"}, false});
  EXPECT_TRUE(b.out.empty());
  b.connect();
  auto sent = b.sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(std::get<metadata_request>(sent[0].message).topics.at(0), "a");
  EXPECT_EQ(std::get<metadata_request>(sent[1].message).topics.at(0), "b");
}

TEST(connection_state, answers_find_their_requests_in_any_order_and_late_ones_are_dropped) {
  bench b;
  b.connect();
  const auto one = b.ask(metadata_request{});
  const auto two = b.ask(list_groups_request{});
  auto sent = b.sent();
  EXPECT_TRUE(b.feed(sent[1].correlation, list_groups_response{}).ok());
  EXPECT_TRUE(b.answered(two));
  EXPECT_FALSE(b.answered(one));
  b.now += 31s;
  EXPECT_TRUE(b.c.check(b.now).ok());
  EXPECT_EQ(b.code(one), errc::timeout);
  EXPECT_TRUE(b.feed(sent[0].correlation, metadata_response{}).ok()) << "a late answer is no error";
  EXPECT_EQ(b.answers, 2);
  EXPECT_EQ(b.c.pending_bytes(), 0U);
}

TEST(connection_state, a_lost_connection_fails_what_was_sent_and_keeps_what_was_not) {
  bench b;
  b.connect();
  const auto read = b.ask(metadata_request{});
  const auto write = b.ask(produce());
  b.sent();
  b.c.lost({errc::connection_failed, "reset", {}}, b.now);
  EXPECT_EQ(b.code(read), errc::connection_failed);
  EXPECT_EQ(b.code(write), errc::unknown_outcome);
  const auto later = b.ask(produce());
  EXPECT_FALSE(b.answered(later));
  ASSERT_TRUE(b.c.redial_at());
  EXPECT_GT(*b.c.redial_at(), b.now);
  b.connect();
  auto sent = b.sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(b.feed(sent[0].correlation, produce_response{}).ok());
  EXPECT_EQ(b.code(later), errc::ok);
}

TEST(connection_state, what_could_not_be_sent_in_time_names_address_and_reason) {
  bench b;
  b.c.lost({errc::connection_failed, "no broker answers (127.0.0.1:7420: Connection refused)", "start one"}, b.now);
  const auto i = b.ask(produce());
  b.now += 30s;
  EXPECT_TRUE(b.c.check(b.now).ok());
  const auto& e = std::get<error>(b.got[i]);
  EXPECT_EQ(e.code, errc::connection_failed);
  EXPECT_NE(e.message.find("127.0.0.1:7420"), std::string::npos);
  EXPECT_NE(e.message.find("Connection refused"), std::string::npos);
  EXPECT_EQ(e.hint, "start one");
}

TEST(connection_state, deadlines_count_the_wait_that_was_asked_for) {
  bench b;
  b.connect();
  const auto short_one = b.ask(metadata_request{});
  const auto poll = b.ask(fetch(60s));
  b.now += 31s;
  EXPECT_TRUE(b.c.check(b.now).ok());
  EXPECT_TRUE(b.answered(short_one));
  EXPECT_FALSE(b.answered(poll));
  b.now += 60s;
  EXPECT_TRUE(b.c.check(b.now).ok());
  EXPECT_EQ(b.code(poll), errc::timeout);
}

TEST(connection_state, bounds_on_requests_and_bytes_are_answered_busy) {
  bench b;
  for (std::size_t i = 0; i < limits::max_connection_requests; ++i) b.ask(metadata_request{});
  EXPECT_EQ(b.code(b.ask(metadata_request{})), errc::busy);

  bench big;
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(big.answered(big.ask(produce(15 * limits::mib))));
  EXPECT_EQ(big.code(big.ask(produce(15 * limits::mib))), errc::busy);
  EXPECT_LE(big.c.pending_bytes(), limits::max_connection_bytes);
}

TEST(connection_state, backoff_doubles_to_its_bound_and_is_forgotten_after_hello) {
  bench b;
  std::vector<std::chrono::nanoseconds> waits;
  for (int i = 0; i < 8; ++i) {
    b.c.lost({errc::connection_failed, "refused", {}}, b.now);
    waits.push_back(*b.c.redial_at() - b.now);
    b.c.dialling();
    EXPECT_FALSE(b.c.redial_at());
  }
  EXPECT_EQ(waits.front(), limits::retry_backoff);
  EXPECT_EQ(waits[1], 2 * limits::retry_backoff);
  EXPECT_EQ(waits.back(), limits::max_retry_backoff);
  b.connect();
  b.c.lost({errc::connection_failed, "reset", {}}, b.now);
  EXPECT_EQ(*b.c.redial_at() - b.now, limits::retry_backoff);
}

TEST(connection_state, nonsense_from_the_peer_is_an_error) {
  struct row {
    std::string what;
    std::function<result<void>(bench&)> feed;
  };
  const std::vector<row> table = {
      {"an answer of another kind",
       [](bench& b) {
         b.ask(metadata_request{});
         return b.feed(b.sent().at(0).correlation, list_groups_response{});
       }},
      {"a request instead of an answer",
       [](bench& b) {
         std::vector<char> wire;
         EXPECT_TRUE(encode(1, request{metadata_request{}}, wire).ok());
         return b.c.received({wire.data(), wire.size()}, b.now, b.out);
       }},
      {"a frame beyond every bound", [](bench& b) { return b.c.received(std::string(64, '\xff'), b.now, b.out); }},
  };
  for (const auto& r : table) {
    bench b;
    b.connect();
    auto fed = r.feed(b);
    EXPECT_EQ(fed.code(), errc::connection_failed) << r.what;
    ASSERT_FALSE(fed.ok());
    EXPECT_NE(fed.error().message.find("127.0.0.1:7420"), std::string::npos) << r.what;
  }
}

TEST(connection_state, hello_of_another_version_or_refused_or_missing_fails_the_connection) {
  bench b;
  const auto asked = b.ask(hello_request{});
  b.c.connected("127.0.0.1:7420", b.now, b.out);
  auto bad = std::get<hello_response>(bench::hello());
  bad.version = 99;
  auto fed = b.feed(0, bad);
  EXPECT_EQ(fed.code(), errc::unsupported_version);
  b.c.lost(fed.error(), b.now);
  EXPECT_EQ(b.code(asked), errc::unsupported_version) << "who asks for hello asks about this connection";

  b.c.connected("127.0.0.1:7420", b.now, b.out);
  EXPECT_EQ(b.feed(0, error{errc::not_authorized, "no", {}}).code(), errc::not_authorized);

  b.c.connected("127.0.0.1:7420", b.now, b.out);
  b.now += limits::hello_timeout;
  EXPECT_EQ(b.c.check(b.now).code(), errc::connection_failed);
}

TEST(connection_state, the_end_answers_everything_and_what_comes_later) {
  bench b;
  b.connect();
  const auto sent = b.ask(produce());
  b.c.lost({errc::connection_failed, "reset", {}}, b.now);
  const auto kept = b.ask(produce());
  b.c.end({errc::closed, "closed", {}});
  EXPECT_EQ(b.code(sent), errc::unknown_outcome);
  EXPECT_EQ(b.code(kept), errc::closed);
  EXPECT_EQ(b.code(b.ask(metadata_request{})), errc::closed);
  EXPECT_FALSE(b.c.redial_at());
  EXPECT_EQ(b.answers, 3);
}

TEST(request_traits, every_request_knows_its_name_and_its_answer) {
  EXPECT_EQ(request_name(kind_of<hello_request>), "hello");
  EXPECT_EQ(request_name(kind_of<fetch_request>), "fetch");
  EXPECT_EQ(request_name(kind_of<delete_group_request>), "delete_group");
  EXPECT_TRUE(is_answer_to(kind_of<alter_topic_request>, topic_description{}));
  EXPECT_TRUE(is_answer_to(kind_of<produce_request>, error{}));
  EXPECT_FALSE(is_answer_to(kind_of<produce_request>, fetch_response{}));
}

}  // namespace
}  // namespace dohle::actors
