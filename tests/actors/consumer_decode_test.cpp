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

batch_header of_producer(std::int64_t base, std::int64_t producer, bool transactional = true, bool control = false) {
  batch_header h;
  h.base = offset{base};
  h.producer = producer_id{producer};
  h.attributes = static_cast<std::int16_t>((transactional ? 16 : 0) | (control ? 32 : 0));
  return h;
}

TEST(aborted_filter, drops_from_the_first_record_to_the_marker) {
  const std::vector<aborted_transaction> aborted{
      {producer_id{1}, offset{0}}, {producer_id{2}, offset{3}}, {producer_id{1}, offset{8}}};
  aborted_filter f{aborted};
  EXPECT_TRUE(f.drops(of_producer(1, 1))) << "its begin lies before the answer";
  EXPECT_FALSE(f.drops(of_producer(2, 2))) << "of a transaction before the aborted one";
  EXPECT_TRUE(f.drops(of_producer(3, 2)));
  EXPECT_FALSE(f.drops(of_producer(4, 1, false))) << "in no transaction";
  EXPECT_FALSE(f.drops(of_producer(5, 1, true, true))) << "a marker is read over as such";
  EXPECT_FALSE(f.drops(of_producer(6, 1))) << "the next transaction";
  EXPECT_TRUE(f.drops(of_producer(7, 2)));
  EXPECT_TRUE(f.drops(of_producer(8, 1)));
}

TEST(aborted_filter, without_aborted_ones_everything_is_read) {
  const std::vector<aborted_transaction> none;
  aborted_filter f{none};
  EXPECT_FALSE(f.drops(of_producer(0, 1)));
}

TEST(decode, a_header_alone_moves_the_reader_on) {
  const auto header = *read_header(placed_batch(offset{10}, 5).view());
  auto got = decode(source, std::nullopt, empty_batch(header), {offset{11}, std::nullopt, false}, 10);
  ASSERT_TRUE(got.ok());
  EXPECT_FALSE(got->records);
  EXPECT_EQ(got->next, offset{15});
  got = decode(source, std::nullopt, empty_batch(header), {offset{13}, offset{0}, true}, 10);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->next, offset{10});
}

}  // namespace
}  // namespace dohle
