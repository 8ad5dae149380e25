#include "schema/compression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/limits.hpp"
#include "tests/schema/dice.hpp"

namespace dohle {
namespace {

using testing::dice;
using ::testing::HasSubstr;

constexpr compression codecs[] = {compression::none, compression::gzip, compression::snappy, compression::lz4,
                                  compression::zstd};

std::string packed(compression codec, std::string_view input) {
  std::vector<char> out;
  EXPECT_TRUE(compress(codec, input, out).ok());
  return {out.data(), out.size()};
}

TEST(compression, names_go_round) {
  for (const auto codec : codecs) EXPECT_EQ(*parse_compression(to_string(codec)), codec);
  auto refused = parse_compression("brotli");
  EXPECT_EQ(refused.code(), errc::invalid_config);
  EXPECT_THAT(refused.error().message, HasSubstr("brotli"));
}

TEST(compression, data_of_many_sizes_goes_round_behind_what_is_there) {
  dice chance(3);
  for (const auto codec : codecs) {
    for (const std::size_t size : {0, 1, 100, 32'767, 32'768, 32'769, 65'536, 200'000, 3'000'000}) {
      std::string input = chance.text(size / 3);
      input.resize(size, 'a');
      std::vector<char> out{'p', 'r', 'e'};
      ASSERT_TRUE(decompress(codec, packed(codec, input), size, out).ok()) << to_string(codec) << " " << size;
      EXPECT_EQ(std::string(out.begin(), out.end()), "pre" + input) << to_string(codec) << " " << size;
    }
  }
}

TEST(compression, one_byte_over_the_bound_is_refused) {
  const std::string input(100'000, 'a');
  for (const auto codec : codecs) {
    std::vector<char> out;
    auto refused = decompress(codec, packed(codec, input), input.size() - 1, out);
    EXPECT_EQ(refused.code(), errc::corrupt_batch) << to_string(codec);
    EXPECT_THAT(refused.error().message, HasSubstr("99999")) << to_string(codec);
  }
}

TEST(compression, a_bomb_is_refused_before_it_is_in_memory) {
  const std::string zeros(limits::max_decompressed_bytes, '\0');
  for (const auto codec : codecs) {
    if (codec == compression::none) continue;
    const std::string bomb = packed(codec, zeros);
    ASSERT_LT(bomb.size(), zeros.size() / 10) << to_string(codec);
    std::vector<char> out;
    EXPECT_EQ(decompress(codec, bomb, limits::mib, out).code(), errc::corrupt_batch) << to_string(codec);
    EXPECT_LE(out.capacity(), 2 * limits::mib + 1) << to_string(codec);
  }
}

TEST(compression, a_length_that_nothing_backs_allocates_nothing) {
  const std::string_view says_60_million{"\x80\x8e\xce\x1c\x00x", 6};  // raw snappy: varint length, then a byte
  std::vector<char> out;
  auto refused = decompress(compression::snappy, says_60_million, limits::max_decompressed_bytes, out);
  EXPECT_EQ(refused.code(), errc::corrupt_batch);
  EXPECT_THAT(refused.error().message, HasSubstr("promises more"));
  EXPECT_LE(out.capacity(), 1'000u);
}

TEST(compression, reads_raw_snappy_of_librdkafka) {
  const std::string framed = packed(compression::snappy, "hello hello hello hello");
  ASSERT_EQ(framed.substr(0, 16), std::string("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16)) << "Java's framing";
  std::vector<char> out;
  ASSERT_TRUE(decompress(compression::snappy, framed.substr(20), 100, out).ok());
  EXPECT_EQ(std::string(out.begin(), out.end()), "hello hello hello hello");
}

TEST(compression, joined_streams_are_read_where_the_format_allows_it) {
  for (const auto codec : {compression::gzip, compression::zstd}) {
    std::vector<char> out;
    ASSERT_TRUE(decompress(codec, packed(codec, "one ") + packed(codec, "two"), 100, out).ok()) << to_string(codec);
    EXPECT_EQ(std::string(out.begin(), out.end()), "one two");
  }
  std::vector<char> out;
  EXPECT_FALSE(decompress(compression::lz4, packed(compression::lz4, "one") + "x", 100, out).ok());
}

TEST(compression, every_truncation_is_found) {
  dice chance(5);
  const std::string input = chance.text(300) + std::string(300, 'x');
  for (const auto codec : codecs) {
    if (codec == compression::none) continue;
    const std::string whole = packed(codec, input);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      std::vector<char> out;
      auto r = decompress(codec, whole.substr(0, size), 10'000, out);
      // Framed snappy has no end mark: its header alone is an empty stream.
      if (codec == compression::snappy && size == 16) continue;
      EXPECT_EQ(r.code(), errc::corrupt_batch) << to_string(codec) << " " << size;
    }
  }
}

TEST(compression, damaged_streams_neither_crash_nor_pass_the_bound) {
  dice chance(11);
  const std::string input = chance.text(500) + std::string(2'000, 'y') + chance.text(500);
  for (const auto codec : codecs) {
    if (codec == compression::none) continue;
    const std::string whole = packed(codec, input);
    for (int i = 0; i < 5'000; ++i) {
      std::string bad = whole;
      chance.damage(bad);
      std::vector<char> out;
      auto r = decompress(codec, bad, 100'000, out);
      ASSERT_LE(out.size(), 100'001u);
      ASSERT_TRUE(r.ok() || r.code() == errc::corrupt_batch) << to_string(codec) << " " << i;
    }
  }
}

TEST(compression, an_unknown_codec_is_refused) {
  std::vector<char> out;
  EXPECT_FALSE(compress(static_cast<compression>(9), "x", out).ok());
  EXPECT_FALSE(decompress(static_cast<compression>(9), "x", 10, out).ok());
}

}  // namespace
}  // namespace dohle
