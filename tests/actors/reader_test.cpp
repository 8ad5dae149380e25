// What the reader answers in a leader's place: fetches in both directions and look-ups, from the disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

class reader_test : public testing::Test {
 protected:
  static constexpr int batches = 40, per_batch = 5, end = batches * per_batch;

  /// Nothing stays in memory: half of the records are in segments, half in the journal.
  reader_test() {
    w.store_options.tail_cache_bytes = 0;
    w.start();
    EXPECT_TRUE(w.ask(create_topic_request{.name = "t"}).ok());
    for (int i = 0; i < batches; ++i) {
      if (i == batches / 2)
        for (int k = 0; k < 3; ++k) w.advance(limits::settle_interval + 1ms);
      // Producers stamp out of order: every other batch is a second behind the one before.
      const timestamp at{1'000'000 + i * 1'000 - i % 2 * 2'000};
      EXPECT_TRUE(w.ask(produce_request{"t", partition_index{0}, ack_level::majority,
                                        batch_of(std::string(60'000, 'x'), per_batch, i * per_batch, {}, at)})
                      .ok());
    }
  }
  result<fetch_response> fetch(std::int64_t from, bool backward) {
    return w.ask(fetch_request{.topic = "t", .from = offset{from}, .max_bytes = 1 << 20, .backward = backward});
  }
  list_offsets_response at(offset_query q, std::int64_t ms) {
    return *w.ask(list_offsets_request{"t", partition_index{0}, q, timestamp{ms}});
  }
  world w;
};

TEST_F(reader_test, cold_records_come_in_both_directions) {
  for (std::int64_t from = 0; from < end;) {
    auto got = fetch(from, false);
    ASSERT_TRUE(got.ok()) << to_string(got.error());
    for (const auto& v : values_of(*got, offset{from})) EXPECT_EQ(v.substr(60'001), std::to_string(from++));
  }
  for (std::int64_t before = end; before > 0;) {
    auto got = fetch(before, true);
    ASSERT_TRUE(got.ok()) << to_string(got.error());
    for (const auto& run : got->batches) {
      auto values = values_of({{}, {}, {run}}, offset{0});
      for (auto v = values.rbegin(); v != values.rend(); ++v) EXPECT_EQ(v->substr(60'001), std::to_string(--before));
    }
  }
  EXPECT_TRUE(fetch(0, true)->batches.empty());
}

TEST_F(reader_test, times_are_found_exactly_wherever_they_lie) {
  for (int i = 0; i < batches; i += 2) {
    // The first record at or after a time between two batches is in the next even batch.
    EXPECT_EQ(at(offset_query::at_time, 1'000'000 + i * 1'000).offset, offset{i * per_batch});
    EXPECT_EQ(at(offset_query::at_time, 999'999 + i * 1'000).offset, offset{i * per_batch});
  }
  EXPECT_EQ(at(offset_query::at_time, 1'000'000 + batches * 1'000).offset, std::nullopt);
  EXPECT_EQ(at(offset_query::max_timestamp, 0).offset, offset{(batches - 2) * per_batch});
}

TEST_F(reader_test, what_was_deleted_is_not_found_by_time) {
  const auto middle = offset{end / 2 + 3};
  ASSERT_TRUE(w.ask(delete_records_request{"t", partition_index{0}, middle}).ok());
  EXPECT_EQ(at(offset_query::at_time, 0).offset, middle);
  EXPECT_EQ(at(offset_query::earliest, 0).offset, middle);
  ASSERT_TRUE(w.ask(delete_records_request{"t", partition_index{0}, offset{-1}}).ok());
  EXPECT_EQ(at(offset_query::at_time, 0).offset, std::nullopt);
  EXPECT_EQ(at(offset_query::max_timestamp, 0).offset, std::nullopt);
  EXPECT_EQ(at(offset_query::earliest, 0).offset, offset{end});
  EXPECT_EQ(at(offset_query::latest, 0).offset, offset{end});
}

}  // namespace
}  // namespace dohle::actors
