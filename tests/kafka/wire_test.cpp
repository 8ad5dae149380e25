#include "kafka/wire.hpp"

#include <gtest/gtest.h>

#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

bytes of(std::string_view text) { return bytes::copy(text); }

TEST(wire_test, numbers_are_big_endian) {
  std::vector<char> out;
  writer w(out, 0, false);
  w.put(std::int32_t{0x01020304});
  w.put(std::int16_t{-2});
  EXPECT_EQ(std::string(out.begin(), out.end()), std::string("\1\2\3\4\xff\xfe", 6));
  reader r(bytes::own(out), 0, false);
  std::int32_t a = 0;
  std::int16_t b = 0;
  r.get(a);
  r.get(b);
  EXPECT_EQ(a, 0x01020304);
  EXPECT_EQ(b, -2);
  EXPECT_EQ(r.remaining(), 0U);
}

TEST(wire_test, strings_and_lists_have_a_plain_and_a_compact_form) {
  for (bool flexible : {false, true}) {
    std::vector<char> out;
    writer w(out, 0, flexible);
    w.put(std::string("abc"));
    w.put(std::optional<std::string>{}, true);
    w.put(std::optional<std::string>{}, false);
    w.put(std::vector<std::int32_t>{1, 2});
    EXPECT_EQ(out.size(), flexible ? 4U + 1 + 1 + 9 : 5U + 2 + 2 + 12);
    reader r(bytes::own(out), 0, flexible);
    std::string text;
    std::optional<std::string> null, empty;
    std::vector<std::int32_t> list;
    r.get(text);
    r.get(null);
    r.get(empty);
    r.get(list);
    EXPECT_EQ(text, "abc");
    EXPECT_EQ(null, std::nullopt);
    EXPECT_EQ(empty, "");
    EXPECT_EQ(list, (std::vector<std::int32_t>{1, 2}));
    EXPECT_TRUE(r.ok());
  }
}

TEST(wire_test, a_length_beyond_the_end_is_no_string) {
  for (auto lie : {std::string("\x7f\xffx", 3), std::string("\0\5ab", 4)}) {
    reader r(of(lie), 0, false);
    std::string text;
    r.get(text);
    EXPECT_FALSE(r.ok());
  }
}

TEST(wire_test, a_count_that_cannot_be_is_refused_before_anything_is_built) {
  reader r(of(std::string("\x7f\xff\xff\xff\0\0", 6)), 0, false);
  std::vector<std::int32_t> list;
  r.get(list);
  EXPECT_FALSE(r.ok());
  EXPECT_TRUE(list.empty());
}

TEST(wire_test, lists_that_would_become_far_larger_in_memory_are_bounded) {
  // An empty string takes a byte on the wire and thirty-two or more in memory.
  const std::size_t count = limits::max_kafka_message_memory / 16;
  std::vector<char> out;
  writer w(out, 0, true);
  w.unsigned_varint(static_cast<std::uint32_t>(count + 1));
  out.resize(out.size() + count, 1);
  reader r(bytes::own(std::move(out)), 0, true);
  std::vector<std::string> list;
  r.get(list);
  EXPECT_FALSE(r.ok());
}

TEST(wire_test, unknown_tags_are_skipped_and_known_ones_end_where_they_say) {
  std::vector<char> out;
  writer w(out, 0, true);
  tag_section tags(w);
  tags.put(0, [](writer& inner) { inner.put(std::int32_t{5}); });
  tags.put(9, [](writer& inner) { inner.put(std::string("from the future")); });
  tags.end();
  w.put(std::int8_t{42});
  reader r(bytes::own(out), 0, true);
  std::int32_t known = 0;
  r.tags([&](std::uint32_t tag) {
    if (tag == 0) r.get(known);
  });
  std::int8_t behind = 0;
  r.get(behind);
  EXPECT_EQ(known, 5);
  EXPECT_EQ(behind, 42);
  EXPECT_TRUE(r.ok());
}

TEST(wire_test, a_varint_of_more_than_five_bytes_is_refused) {
  reader r(of("\xff\xff\xff\xff\xff\xff"), 0, true);
  r.unsigned_varint();
  EXPECT_FALSE(r.ok());
}

TEST(wire_test, records_are_views_of_the_request) {
  std::vector<char> out;
  writer w(out, 0, false);
  w.put(record_pieces{{of("batch one"), of("batch two")}, false});
  auto all = bytes::own(out);
  reader r(all, 0, false);
  record_pieces got;
  r.get(got);
  ASSERT_EQ(got.pieces.size(), 1U);
  EXPECT_EQ(got.pieces[0].view(), "batch onebatch two");
  EXPECT_EQ(got.pieces[0].data(), all.data() + 4) << "not copied";
}

/// Mutated requests of every API and version end in an answer or a refusal, never in a fault.
TEST(wire_test, mutated_requests_do_no_harm) {
  std::uint64_t state = 42;
  auto chance = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  fetch_request f;
  f.topics.resize(2);
  f.topics[0].topic = "clicks";
  f.topics[0].partitions.resize(3);
  join_group_request j;
  j.group_id = "g";
  j.protocols.push_back({"range", bytes::copy("meta")});
  for (int round = 0; round < 20'000; ++round) {
    auto version = static_cast<int>(4 + chance() % 6);
    auto frame = round % 2 == 0 ? testing::frame_of(f, version) : testing::frame_of(j, version);
    std::string bent{frame.view()};
    for (auto n = chance() % 4 + 1; n > 0; --n) bent[chance() % bent.size()] = static_cast<char>(chance());
    if (chance() % 3 == 0) bent.resize(chance() % bent.size());
    auto begun = begin(testing::broker_one(), bytes::copy(bent));
    EXPECT_TRUE(!begun || begun->then || !begun->answer.empty());
  }
}

}  // namespace
}  // namespace dohle::kafka
