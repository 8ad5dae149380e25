// A batch becomes records in both directions, cut at every place.
#include "actors/consumer_decode.hpp"

#include <gtest/gtest.h>

#include "tests/actors/fixture.hpp"

namespace dohle {
namespace {

using actors::testing::placed_batch;

const auto source = std::make_shared<const topic_partition>(topic_partition{"t", partition_index{0}});

/// Everything that a read which stands at `from` gets of a batch, `budget` records at a time.
std::vector<std::int64_t> read_all(const bytes& batch, read_cursor from, std::size_t budget) {
  std::vector<std::int64_t> out;
  std::optional<batch_walk> walk;
  do {
    auto got = decode(source, walk, batch, from, budget);
    EXPECT_TRUE(got.ok()) << (got ? "" : to_string(got.error()));
    if (!got) return out;
    if (got->records) {
      EXPECT_LE(got->records->record_count(), budget);
      for (const auto& r : *got->records) {
        EXPECT_EQ(*r.value, "v" + std::to_string(r.offset.value - 10));
        out.push_back(r.offset.value);
      }
    }
    from.position = got->next;
    walk = std::move(got->rest);
  } while (walk);
  return out;
}

TEST(consumer_decode, both_directions_agree_at_every_cut) {
  for (auto codec : {compression::none, compression::gzip, compression::snappy, compression::lz4, compression::zstd}) {
    const bytes batch = placed_batch(offset{10}, 8, "v", codec);
    for (std::int64_t from = 8; from <= 20; ++from) {
      for (std::int64_t end = from; end <= 20; ++end) {
        for (std::size_t budget : {1, 3, 100}) {
          std::vector<std::int64_t> expected;
          for (std::int64_t o = std::max<std::int64_t>(from, 10); o < std::min<std::int64_t>(end, 18); ++o)
            expected.push_back(o);
          EXPECT_EQ(read_all(batch, {offset{from}, offset{end}, false}, budget), expected);
          std::reverse(expected.begin(), expected.end());
          EXPECT_EQ(read_all(batch, {offset{end}, offset{from}, true}, budget), expected);
        }
      }
    }
  }
}

TEST(consumer_decode, the_position_passes_the_batch_but_not_the_end) {
  const bytes batch = placed_batch(offset{10}, 8);
  EXPECT_EQ(decode(source, {}, batch, {offset{0}, std::nullopt, false}, 100)->next, offset{18});
  EXPECT_EQ(decode(source, {}, batch, {offset{0}, offset{12}, false}, 100)->next, offset{12});
  EXPECT_EQ(decode(source, {}, batch, {offset{30}, offset{0}, true}, 100)->next, offset{10});
  EXPECT_EQ(decode(source, {}, batch, {offset{30}, offset{12}, true}, 100)->next, offset{12});
}

TEST(consumer_decode, damage_is_named_in_both_directions) {
  bytes batch = placed_batch(offset{10}, 8);
  const_cast<char*>(batch.data())[80] ^= 1;
  for (bool backward : {false, true}) {
    auto got = decode(source, {}, batch, {offset{backward ? 20 : 0}, offset{backward ? 0 : 20}, backward}, 100);
    EXPECT_EQ(got.code(), errc::corrupt_batch);
    EXPECT_NE(got.error().message.find("t[0]"), std::string::npos);
  }
}

}  // namespace
}  // namespace dohle
