#include "schema/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "schema/byte_order.hpp"
#include "schema/limits.hpp"
#include "tests/schema/dice.hpp"
#include "tests/schema/samples.hpp"

namespace dohle {
namespace {

using testing::dice;
using ::testing::HasSubstr;
using testing::sample_requests;
using testing::sample_responses;

void put(std::uint64_t correlation, const request& m, std::vector<char>& out) {
  ASSERT_TRUE(encode(correlation, m, out).ok());
}
void put(std::uint64_t correlation, const response& m, std::vector<char>& out) { encode(correlation, m, out); }

template <class Message>
std::string wire(const Message& m, std::uint64_t correlation = 7) {
  std::vector<char> out;
  put(correlation, m, out);
  return {out.data(), out.size()};
}

std::vector<frame> cut(std::string_view stream) {
  frame_reader reader(limits::max_frame_bytes);
  std::vector<frame> frames;
  auto fed = reader.feed(stream, frames);
  EXPECT_TRUE(fed.ok());
  EXPECT_EQ(reader.pending_bytes(), 0u);
  return frames;
}

frame only(std::string_view stream) {
  auto frames = cut(stream);
  EXPECT_EQ(frames.size(), 1u);
  return frames.at(0);
}

frame with_body(frame_kind kind, std::string_view body) { return {kind, bytes::copy(body)}; }

// Small, large, and at sizes and places that are no multiples of 8: each takes another path through the encoder.
std::vector<bytes> blobs() {
  dice chance(1);
  const bytes large = bytes::copy(chance.text(100'003));
  return {bytes{}, bytes::copy("x"),     bytes::copy(chance.text(511)), bytes::copy(chance.text(513)),
          large,   large.part(0, 4'096), large.part(3, 5'000),          large.part(8, 777)};
}

TEST(codec, every_request_goes_round) {
  for (const auto& blob : blobs()) {
    std::set<std::size_t> kinds;
    for (const auto& m : sample_requests(blob)) {
      auto decoded = decode_request(only(wire(m, 1'000 + m.index())));
      ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
      EXPECT_EQ(decoded->correlation, 1'000 + m.index());
      EXPECT_TRUE(decoded->message == m) << "request " << m.index() << ", blob of " << blob.size();
      kinds.insert(m.index());
    }
    EXPECT_EQ(kinds.size(), std::variant_size_v<request>) << "a kind of request has no sample";
  }
}

TEST(codec, every_response_goes_round) {
  for (const auto& blob : blobs()) {
    std::set<std::size_t> kinds;
    for (const auto& m : sample_responses(blob)) {
      auto decoded = decode_response(only(wire(m, 0xffff'ffff'ffff'ffff)));
      ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
      EXPECT_EQ(decoded->correlation, 0xffff'ffff'ffff'ffff);
      EXPECT_TRUE(decoded->message == m) << "response " << m.index() << ", blob of " << blob.size();
      kinds.insert(m.index());
    }
    EXPECT_EQ(kinds.size(), std::variant_size_v<response>) << "a kind of response has no sample";
  }
}

TEST(codec, frames_follow_each_other_in_one_buffer) {
  std::vector<char> out;
  const auto samples = sample_requests(blobs()[4]);
  for (const auto& m : samples) put(3, m, out);
  const auto frames = cut({out.data(), out.size()});
  ASSERT_EQ(frames.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) EXPECT_TRUE(decode_request(frames[i])->message == samples[i]);
}

TEST(codec, batches_are_views_into_the_frame) {
  const bytes batch = blobs()[4];
  const frame f = only(wire(request{produce_request{"t", partition_index{0}, ack_level::majority, batch}}));
  const auto decoded = decode_request(f);
  const auto& produced = std::get<produce_request>(decoded->message);
  EXPECT_EQ(produced.batch.owner(), f.body.owner());
  EXPECT_GE(produced.batch.data(), f.body.data());
  EXPECT_LE(produced.batch.data() + produced.batch.size(), f.body.data() + f.body.size());
}

TEST(codec, bytes_behind_a_batch_do_not_travel) {
  const bytes secret = bytes::copy(std::string(997, 'b') + std::string(1'003, 's'));
  const std::string sent = wire(request{produce_request{"t", {}, ack_level::majority, secret.part(0, 997)}});
  EXPECT_NE(sent.find(std::string(997, 'b')), std::string::npos);
  EXPECT_EQ(sent.find('s'), std::string::npos);
}

// The layout is a promise to peers of other versions: this frame was written by the first version.
TEST(codec, the_first_versions_bytes_are_still_read_and_written) {
  const request m = heartbeat_request{"g", generation{5}, "m", ""};
  std::string hex;
  for (const unsigned char c : wire(m, 258)) {
    constexpr char digits[] = "0123456789abcdef";
    hex += digits[c >> 4];
    hex += digits[c & 15];
  }
  EXPECT_EQ(hex,
            "6000000001000000000000000b000000000000000200010002010000000000000c0000000000000000000000010003000500000000"
            "00000009000000120000000900000012000000090000000a00000067000000000000006d000000000000000000000000000000");
}

TEST(codec, the_other_kind_of_frame_is_refused) {
  frame f = only(wire(request{heartbeat_request{"g", {}, "m", ""}}));
  EXPECT_EQ(decode_response(f).code(), errc::invalid_request);
  f.kind = frame_kind::response;
  EXPECT_EQ(decode_request(f).code(), errc::invalid_request);
}

TEST(codec, an_unknown_kind_of_message_is_a_newer_version) {
  std::string raw = wire(request{heartbeat_request{"g", {}, "m", ""}}).substr(frame_header_bytes);
  store_little(raw.data() + 24, std::uint16_t{999});  // segment table, root pointer, correlation, tag
  auto refused = decode_request(with_body(frame_kind::request, raw));
  EXPECT_EQ(refused.code(), errc::unsupported_version);
  EXPECT_THAT(refused.error().message, HasSubstr("999"));
}

TEST(codec, misaligned_truncated_and_extended_bodies_are_refused) {
  const std::string raw = wire(request{produce_request{"t", {}, ack_level::majority, blobs()[3]}}).substr(8);
  for (std::size_t size = 0; size < raw.size(); ++size) {
    EXPECT_FALSE(decode_request(with_body(frame_kind::request, raw.substr(0, size))).ok()) << size;
  }
  const bytes shifted = bytes::copy("1234" + raw);
  EXPECT_EQ(decode_request({frame_kind::request, shifted.part(4)}).code(), errc::invalid_request);
  auto longer = decode_request(with_body(frame_kind::request, raw + std::string(8, '\0')));
  EXPECT_EQ(longer.code(), errc::invalid_request);
  EXPECT_THAT(longer.error().message, HasSubstr("8 bytes follow"));
}

template <class Message>
void expect_refused(const Message& m, const std::string& what) {
  std::vector<char> out;
  put(1, m, out);
  const frame f = only({out.data(), out.size()});
  const error e = f.kind == frame_kind::request ? decode_request(f).error() : decode_response(f).error();
  EXPECT_EQ(e.code, errc::invalid_request);
  EXPECT_THAT(e.message, HasSubstr(what));
}

TEST(codec, values_beyond_their_bounds_are_refused_by_name) {
  expect_refused(request{describe_topic_request{std::string(limits::max_topic_name + 1, 't')}},
                 "request describeTopic cannot be read: topic name has 250 bytes, at most 249");
  expect_refused(request{hello_request{std::string(limits::max_client_name + 1, 'c'), 1, 1, {}}}, "client name");
  expect_refused(request{hello_request{"c", 1, 1, std::vector<std::string>(limits::max_features + 1)}}, "features");
  expect_refused(request{metadata_request{std::vector<std::string>(limits::max_topics + 1), false}}, "topics");
  expect_refused(request{delete_group_request{std::string(limits::max_group_name + 1, 'g')}}, "group name");
  expect_refused(request{fetch_request{"t", {}, {}, 1, 1, milliseconds{-1}}}, "waiting time is -1 ms");
  expect_refused(request{fetch_request{"t", {}, {}, 1, 1, milliseconds{INT64_MAX}}}, "waiting time");
  expect_refused(request{list_offsets_request{"t", {}, static_cast<offset_query>(4), {}}}, "offset query is 4");
  expect_refused(request{produce_request{"t", {}, static_cast<ack_level>(2), {}}}, "acknowledgement level is 2");
  expect_refused(request{join_group_request{
                     "g", "", "", "", "", "c", {{"p", bytes::copy(std::string(limits::max_group_metadata + 1, 'm'))}}}},
                 "metadata of a group protocol");
  commit_offsets_request commit{"g", {}, "", "", {}};
  commit.offsets.push_back({"t", {}, {}, std::string(limits::max_commit_metadata + 1, 'm')});
  expect_refused(request{commit}, "metadata of a committed offset");
  expect_refused(response{error{errc::ok, "", ""}}, "error without a code");
  expect_refused(response{produce_response{{}, {}, static_cast<ack_level>(-2), false}}, "acknowledgement level");
}

TEST(codec, an_error_code_of_a_newer_peer_keeps_its_text) {
  const auto decoded = decode_response(only(wire(response{error{static_cast<errc>(60'000), "new", "try"}})));
  EXPECT_TRUE(decoded->message == response(error{errc::internal, "new", "try"}));
}

TEST(codec, what_no_frame_holds_is_refused_or_answered_with_an_error) {
  const bytes half = bytes::copy(std::string(limits::max_frame_bytes / 2, 'h'));
  std::vector<char> out{'x'};
  auto refused = encode(
      1, request{produce_request{"t", {}, ack_level::majority, bytes::copy(std::string(limits::max_frame_bytes, 'h'))}},
      out);
  EXPECT_EQ(refused.code(), errc::invalid_request);
  EXPECT_EQ(out.size(), 1u);
  const auto decoded = decode_response(only(wire(response{fetch_response{{}, {}, {half, half}}}, 12)));
  EXPECT_EQ(decoded->correlation, 12u);
  EXPECT_EQ(std::get<error>(decoded->message).code, errc::invalid_request);
  const auto cut_text = decode_response(only(wire(response{error{errc::busy, std::string(100'000, 'e'), ""}})));
  EXPECT_EQ(std::get<error>(cut_text->message).message.size(), limits::max_error_text);
}

// One list that claims 2^29-1 entries of no size: they cost their sender nothing and must cost the reader nothing.
TEST(codec, lists_of_nothing_are_refused) {
  std::string raw = wire(request{metadata_request{{"a"}, false}}).substr(frame_header_bytes);
  char* list =
      raw.data() + 48;  // segment table, root (pointer, 2 words, pointer), metadata request (word, this pointer)
  const auto pointer = load_little<std::uint64_t>(list);
  ASSERT_EQ(pointer & 3, 1u) << "a list pointer";
  ASSERT_EQ(pointer >> 32, (1u << 3) | 6u) << "to one entry, which is a pointer";
  store_little(list, (pointer & 0xffff'fffc) | 1 | (std::uint64_t{0x1fff'ffff} << 35));  // entries of size 0
  EXPECT_EQ(decode_request(with_body(frame_kind::request, raw)).code(), errc::invalid_request);
}

// 400 pointers to one text: each byte that was sent would be read 400 times.
TEST(codec, a_small_frame_that_reads_as_a_large_message_is_refused) {
  std::vector<std::string> topics(400);
  topics[0] = std::string(limits::max_topic_name, 't');
  std::string raw = wire(request{metadata_request{topics, false}}).substr(frame_header_bytes);
  char* entries = raw.data() + 56;  // behind the pointer of the test above
  const auto first = load_little<std::uint64_t>(entries);
  ASSERT_EQ(first >> 32, ((limits::max_topic_name + 1) << 3) | 2) << "a text and the zero behind it";
  for (std::uint64_t i = 1; i < topics.size(); ++i) store_little(entries + 8 * i, first - (i << 2));
  EXPECT_EQ(decode_request(with_body(frame_kind::request, raw)).code(), errc::invalid_request);
}

// 100,000 seeded mutations: refused, or a message that goes round like any other.
TEST(codec, mutations_neither_crash_nor_make_monsters) {
  const bytes blob = blobs()[3];
  std::vector<std::string> requests, responses;
  for (const auto& m : sample_requests(blob)) requests.push_back(wire(m).substr(frame_header_bytes));
  for (const auto& m : sample_responses(blob)) responses.push_back(wire(m).substr(frame_header_bytes));
  dice chance(42);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string raw = requests[chance.below(requests.size())];
    chance.damage(raw);
    if (auto m = decode_request(with_body(frame_kind::request, raw))) {
      ++accepted;
      ASSERT_TRUE(decode_request(only(wire(m->message)))->message == m->message) << "mutation " << i;
    }
    raw = responses[chance.below(responses.size())];
    chance.damage(raw);
    if (auto m = decode_response(with_body(frame_kind::response, raw))) {
      ++accepted;
      ASSERT_TRUE(decode_response(only(wire(m->message)))->message == m->message) << "mutation " << i;
    }
  }
  EXPECT_GT(accepted, 1'000) << "the mutations reach behind the first checks";
}

}  // namespace
}  // namespace dohle
