#include "schema/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/byte_order.hpp"
#include "schema/limits.hpp"
#include "tests/schema/dice.hpp"

namespace dohle {
namespace {

using testing::dice;
using ::testing::HasSubstr;

std::string header(std::uint32_t length, std::uint16_t kind = 1, std::uint16_t flags = 0) {
  std::string h(frame_header_bytes, '\0');
  store_little(h.data(), length);
  store_little(h.data() + 4, kind);
  store_little(h.data() + 6, flags);
  return h;
}

std::string framed(const std::string& body, frame_kind kind = frame_kind::request) {
  return header(static_cast<std::uint32_t>(body.size()), static_cast<std::uint16_t>(kind)) + body;
}

std::string body(std::size_t words, char fill) { return std::string(words * 8, fill); }

void expect_bodies(const std::vector<frame>& frames, const std::vector<std::string>& bodies) {
  ASSERT_EQ(frames.size(), bodies.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].body.view(), bodies[i]) << "frame " << i;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frames[i].body.data()) % 8, 0u) << "frame " << i;
  }
}

TEST(frame_reader, cuts_at_every_byte_boundary) {
  const std::vector<std::string> bodies{body(1, 'a'), body(9, 'b'), body(2, 'c'), body(30, 'd')};
  std::string stream;
  for (const auto& b : bodies) stream += framed(b, frame_kind::response);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    for (std::size_t second = cut; second <= stream.size(); second += 7) {
      frame_reader reader(limits::max_frame_bytes);
      std::vector<frame> frames;
      ASSERT_TRUE(reader.feed(std::string_view(stream).substr(0, cut), frames).ok());
      ASSERT_TRUE(reader.feed(std::string_view(stream).substr(cut, second - cut), frames).ok());
      ASSERT_TRUE(reader.feed(std::string_view(stream).substr(second), frames).ok());
      expect_bodies(frames, bodies);
      EXPECT_EQ(reader.pending_bytes(), 0u);
      for (const auto& f : frames) EXPECT_EQ(f.kind, frame_kind::response);
    }
  }
}

TEST(frame_reader, byte_by_byte) {
  const std::vector<std::string> bodies{body(3, 'a'), body(1, 'b'), body(100, 'c')};
  std::string stream;
  for (const auto& b : bodies) stream += framed(b);
  frame_reader reader(limits::max_frame_bytes);
  std::vector<frame> frames;
  for (const char c : stream) ASSERT_TRUE(reader.feed({&c, 1}, frames).ok());
  expect_bodies(frames, bodies);
}

TEST(frame_reader, what_was_handed_out_is_never_written_again) {
  dice chance(99);
  frame_reader reader(limits::max_frame_bytes);
  std::vector<std::string> bodies;
  std::string stream;
  for (int i = 0; i < 2'000; ++i) {
    const std::size_t words = chance.below(50) == 0 ? 20'000 + chance.below(30'000) : 1 + chance.below(60);
    std::string b = chance.text(8);
    b.resize(words * 8, static_cast<char>(i));
    stream += framed(b);
    bodies.push_back(std::move(b));
  }
  std::vector<frame> frames;
  for (std::string_view rest = stream; !rest.empty();) {
    const std::string_view part = rest.substr(0, 1 + chance.below(chance.below(2) != 0 ? 100 : 65'536));
    rest.remove_prefix(part.size());
    const std::string gone(part);  // the caller's buffer does not outlive the call
    ASSERT_TRUE(reader.feed(gone, frames).ok());
  }
  expect_bodies(frames, bodies);
}

TEST(frame_reader, a_large_frame_in_many_reads_lies_where_it_was_first_put) {
  const std::string stream = framed(body(limits::mib / 8, 'x')) + framed(body(1, 'y'));
  frame_reader reader(limits::max_frame_bytes);
  std::vector<frame> frames;
  std::size_t read = 0;
  for (std::string_view rest = stream; !rest.empty();) {
    const std::string_view part = rest.substr(0, limits::read_bytes);
    rest.remove_prefix(part.size());
    read += part.size();
    ASSERT_TRUE(reader.feed(part, frames).ok());
    EXPECT_TRUE(!frames.empty() || reader.pending_bytes() == read);
  }
  expect_bodies(frames, {body(limits::mib / 8, 'x'), body(1, 'y')});
  EXPECT_NE(frames[0].body.owner(), frames[1].body.owner()) << "a small frame does not hold a large buffer";
}

TEST(frame_reader, frames_of_one_read_share_its_buffer) {
  frame_reader reader(limits::max_frame_bytes);
  std::vector<frame> frames;
  ASSERT_TRUE(reader.feed(framed(body(1, 'a')) + framed(body(2, 'b')), frames).ok());
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].body.owner(), frames[1].body.owner());
  EXPECT_EQ(frames[0].body.owner().use_count(), 2) << "between frames the reader holds nothing";
}

error refusal(std::string_view data, std::size_t max_body = 1'024) {
  frame_reader reader(max_body);
  std::vector<frame> frames;
  auto r = reader.feed(data, frames);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.code(), errc::invalid_request);
  EXPECT_EQ(reader.pending_bytes(), 0u);
  EXPECT_EQ(reader.feed(framed(body(1, 'a')), frames), r) << "a failed stream stays failed";
  EXPECT_TRUE(frames.empty());
  return r.ok() ? error{} : r.error();
}

TEST(frame_reader, names_what_it_refuses) {
  EXPECT_THAT(refusal(header(0)).message, HasSubstr("empty"));
  EXPECT_THAT(refusal(header(12)).message, HasSubstr("12 bytes, which is no multiple of 8"));
  EXPECT_THAT(refusal(header(1'032)).message, HasSubstr("1032 bytes, at most 1024"));
  EXPECT_THAT(refusal(header(0xffff'fff8)).message, HasSubstr("4294967288 bytes"));
  EXPECT_THAT(refusal(header(8, 3)).message, HasSubstr("unknown kind 3"));
  EXPECT_THAT(refusal(header(8, 0)).message, HasSubstr("unknown kind 0"));
  EXPECT_THAT(refusal(header(8, 1, 4)).message, HasSubstr("unknown flags 4"));
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\n\r\n").message, HasSubstr("frame"));
}

TEST(frame_reader, a_bad_frame_behind_good_ones_and_in_two_reads_is_refused) {
  frame_reader reader(1'024);
  std::vector<frame> frames;
  const std::string stream = framed(body(2, 'a')) + header(7);
  ASSERT_TRUE(reader.feed(std::string_view(stream).substr(0, 27), frames).ok());
  EXPECT_EQ(frames.size(), 1u);
  EXPECT_EQ(reader.feed(std::string_view(stream).substr(27), frames).code(), errc::invalid_request);
  expect_bodies(frames, {body(2, 'a')});
}

TEST(frame_reader, the_bound_can_be_raised_after_hello) {
  frame_reader reader(64);
  std::vector<frame> frames;
  ASSERT_TRUE(reader.feed(framed(body(8, 'a')), frames).ok());
  reader.set_max_body(1'024);
  ASSERT_TRUE(reader.feed(framed(body(128, 'b')), frames).ok());
  expect_bodies(frames, {body(8, 'a'), body(128, 'b')});
}

}  // namespace
}  // namespace dohle
