#include "store/key_map.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dohle::store {
namespace {

TEST(key_map, hashes_as_siphash_says) {
  // The reference's own vectors: key 00 01 .. 0f, message 00 01 .. n-1.
  const key_hash secret{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  EXPECT_EQ(hash_key("", secret), (key_hash{0xe6a825ba047f81a3ULL, 0x930255c71472f66dULL}));
  using namespace std::string_view_literals;
  EXPECT_EQ(hash_key("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"sv, secret),
            (key_hash{0x56691478c30d1100ULL, 0xbafbd0f3d34754c9ULL}));
}

TEST(key_map, knows_the_newest_of_each_key_until_it_is_full) {
  key_map map(1000);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(map.put("key " + std::to_string(i), offset{round * 1000 + i}));
  }
  EXPECT_EQ(map.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(map.find("key " + std::to_string(i)), offset{2000 + i});
  EXPECT_EQ(map.find("key 1000"), std::nullopt);
  EXPECT_FALSE(map.put("key 1000", offset{4000}));
  EXPECT_TRUE(map.put("key 0", offset{4001})) << "a known key needs no room";
  EXPECT_EQ(map.find("key 0"), offset{4001});
}

}  // namespace
}  // namespace dohle::store
