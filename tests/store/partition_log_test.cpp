#include "store/partition_log.hpp"

#include <atomic>
#include <thread>

#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

using partition_log_test = log_fixture;

TEST_F(partition_log_test, reads_from_every_offset_wherever_it_lies) {
  open({.segment_bytes = 1500 * 1024, .tail_cache_bytes = 20'000});
  for (int i = 0; i < 200; ++i)
    append_flushed(*folder_, *log_, 1 + i % 7, 4000 + 40 * i, timestamp{i}, epoch{1 + i / 60});
  const offset end = log_->end();
  for (int quarter = 0; quarter < 4; ++quarter) {
    settle(offset{end.value * quarter / 4});
    EXPECT_LE(log_->settled().value, end.value * quarter / 4);
    for (std::int64_t from = 0; from < end.value; from += 3)
      expect_records(*log_, offset{from}, std::min(end, offset{from + 9}), 9'000);
  }
  settle(end);
  EXPECT_EQ(log_->settled(), end);
  EXPECT_EQ(log_->unsettled_bytes(), 0u);
  EXPECT_GT(log_->segments().size(), 2u);
  expect_records(*log_, offset{0}, end, 1 << 20);
  const auto bytes_then = log_->size_bytes();
  reopen();
  EXPECT_EQ(log_->size_bytes(), bytes_then);
  EXPECT_EQ(log_->settled(), end);
  EXPECT_EQ(log_->max_timestamp(), timestamp{199 + 199 % 7});
  expect_records(*log_, offset{0}, end, 50'000);
}

TEST_F(partition_log_test, a_batch_larger_than_a_frame_and_a_chunk) {
  open({});
  append_flushed(*folder_, *log_);
  append_flushed(*folder_, *log_, 1, 300'000);
  append_flushed(*folder_, *log_, 3, 5'000'000);
  append_flushed(*folder_, *log_, 1, limits::max_batch_bytes - 200);
  append_flushed(*folder_, *log_);
  const offset end = log_->end();
  reopen();
  expect_records(*log_, offset{0}, end);
  settle(end);
  expect_records(*log_, offset{0}, end);
  reopen();
  EXPECT_EQ(log_->settled(), end);
  expect_records(*log_, offset{0}, end);
}

TEST_F(partition_log_test, frames_and_chunks_at_their_boundaries) {
  open({});
  // Values around the sizes at which one page, one frame and one chunk are just filled.
  for (std::size_t edge : {4080u - 64 - 56 - 70, 262128u - 64 - 56 - 70, 131064u - 64 - 56 - 70}) {
    for (std::size_t size = edge - 20; size < edge + 20; ++size)
      flush(*folder_, *log_, {append(*log_, 1, size), append(*log_, 1, size)});
  }
  const offset end = log_->end();
  reopen();
  expect_records(*log_, offset{0}, end, 300'000);
  settle(end);
  expect_records(*log_, offset{0}, end, 300'000);
}

TEST_F(partition_log_test, limits_and_ends_of_reading) {
  open({});
  for (int i = 0; i < 10; ++i) append_flushed(*folder_, *log_, 10, 100);
  for (int settled = 0; settled < 2; ++settled) {
    EXPECT_TRUE(log_->read(offset{100}, 1000, offset{1000})->empty());
    EXPECT_TRUE(log_->read(offset{50}, 1000, offset{50})->empty());
    EXPECT_EQ(log_->read(offset{101}, 1000, offset{1000}).code(), errc::offset_out_of_range);
    EXPECT_EQ(log_->read(offset{-1}, 1000, offset{1000}).code(), errc::offset_out_of_range);
    auto one = log_->read(offset{55}, 1, offset{1000});
    ASSERT_TRUE(one.ok());
    EXPECT_EQ(read_header(one->front().view())->base, offset{50});
    EXPECT_EQ(read_header(one->front().view())->size_bytes(), one->front().size());
    auto limited = log_->read(offset{0}, 1 << 20, offset{21});
    std::size_t size = 0;
    for (const auto& part : *limited) size += part.size();
    EXPECT_EQ(size, 3 * one->front().size()) << "whole batches that begin before the limit";
    settle(offset{100});
  }
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(log_->read(offset{0}, 1000, offset{100})->front().data()) % 8, 0u);
}

TEST_F(partition_log_test, the_cache_is_bounded_over_all_partitions) {
  open({.tail_cache_bytes = 50'000});
  auto other = open_log(*folder_, 2);
  for (int i = 0; i < 100; ++i) append_flushed(*folder_, i % 2 ? *log_ : *other, 1, 1000);
  EXPECT_FALSE(log_->read_tail(offset{0}, 1000, log_->end()));
  EXPECT_TRUE(log_->read_tail(offset{49}, 1000, log_->end()));
  EXPECT_TRUE(other->read_tail(offset{49}, 1000, log_->end()));
  expect_records(*log_, offset{0}, offset{50});
  expect_records(*other, offset{0}, offset{50});
}

TEST_F(partition_log_test, what_is_in_flight_is_readable_and_can_be_taken_back) {
  open({});
  append_flushed(*folder_, *log_, 2, 100, timestamp{5}, epoch{1});
  flush(*folder_, *log_, {log_->set_hard({epoch{1}, 3, offset{2}})});
  log_->open_epoch(epoch{2});
  append(*log_, 2, 100, timestamp{50}, epoch{2});
  log_->set_hard({epoch{2}, 4, offset{4}});
  EXPECT_EQ(log_->read_tail(offset{2}, 1000, offset{4})->size(), 1u);
  EXPECT_EQ(log_->max_timestamp(), timestamp{51});
  EXPECT_EQ(log_->flushed_position(), (position{epoch{1}, offset{2}}));
  log_->drop_unflushed();
  EXPECT_EQ(log_->end(), offset{2});
  EXPECT_EQ(log_->max_timestamp(), timestamp{6});
  EXPECT_EQ(log_->hard(), (hard_state{epoch{1}, 3, offset{2}}));
  flush(*folder_, *log_, {log_->open_epoch(epoch{3}), append(*log_, 1, 10, timestamp{7}, epoch{3})});
  EXPECT_EQ(log_->flushed_position(), (position{epoch{3}, offset{3}}));
  reopen();
  EXPECT_EQ(log_->flushed_position(), (position{epoch{3}, offset{3}}));
}

TEST_F(partition_log_test, a_mark_alone_survives_rolls_and_restarts) {
  open({.journal_file_bytes = 200'000, .segment_bytes = 2 << 20});
  auto other = open_log(*folder_, 2);
  append_flushed(*folder_, *log_);
  flush(*folder_, *log_, {log_->open_epoch(epoch{9}), log_->set_hard({epoch{9}, 2, offset{1}})});
  for (int i = 0; i < 60; ++i) append_flushed(*folder_, *other, 1, 10'000);
  settle(offset{1});
  ASSERT_TRUE(other->settle(offset{60}, 1 << 30).ok());
  ASSERT_TRUE(folder_->retire_journals().ok());
  EXPECT_EQ(folder_->journal().file_count(), 1u);
  for (int i = 0; i < 3; ++i) {
    other.reset();
    reopen();
    EXPECT_EQ(log_->flushed_position(), (position{epoch{9}, offset{1}}));
    EXPECT_EQ(log_->hard(), (hard_state{epoch{9}, 2, offset{1}}));
  }
}

TEST_F(partition_log_test, finds_records_by_time_exactly) {
  for (auto codec : {compression::none, compression::zstd}) {
    open({.segment_bytes = 1500 * 1024, .tail_cache_bytes = 5'000});
    const std::int64_t before = log_->end().value;
    std::vector<std::int64_t> times(static_cast<std::size_t>(before), -1);
    generator chance(42);
    for (int i = 0; i < 150; ++i) {
      const auto at = static_cast<std::int64_t>(100'000 + i * 50 + chance.below(400)) + before * 1000;
      const int count = static_cast<int>(1 + chance.below(20));
      flush(*folder_, *log_, {append(*log_, count, 700, timestamp{at}, epoch{1}, codec)});
      for (int k = 0; k < count; ++k) times.push_back(at + k);
    }
    if (before > 0) break;  // a second round would need the first one's times
    const auto end = static_cast<std::int64_t>(times.size());
    for (int part = 0; part < 3; ++part) {
      settle(offset{end * part / 2});
      for (int i = 0; i < 200; ++i) {
        const auto at = static_cast<std::int64_t>(99'900 + chance.below(9'000));
        const auto limit = i % 2 ? end : static_cast<std::int64_t>(chance.below(static_cast<std::uint64_t>(end) + 1));
        auto found = log_->find_time(timestamp{at}, offset{limit});
        ASSERT_TRUE(found.ok()) << to_string(found.error());
        std::int64_t expected = 0;
        while (expected < limit && times[static_cast<std::size_t>(expected)] < at) ++expected;
        if (expected == limit) {
          EXPECT_FALSE(*found) << at;
        } else {
          ASSERT_TRUE(*found) << at;
          EXPECT_EQ((*found)->offset, offset{expected});
          EXPECT_EQ((*found)->at, timestamp{times[static_cast<std::size_t>(expected)]});
        }
        auto latest = log_->find_max_time(offset{limit});
        ASSERT_TRUE(latest.ok()) << to_string(latest.error());
        const auto best = std::max_element(times.begin(), times.begin() + limit);
        ASSERT_EQ(latest->has_value(), limit > 0);
        if (limit > 0) {
          EXPECT_EQ((*latest)->offset, offset{best - times.begin()});
          EXPECT_EQ((*latest)->at, timestamp{*best});
        }
      }
    }
    log_.reset();
    folder_.reset();
    fs::remove_all(place_ / "data");
  }
}

TEST_F(partition_log_test, remembers_producers) {
  open({.segment_bytes = 1200 * 1024});
  std::vector<producer_state> expected;
  const auto produce = [&](std::int64_t id, std::int16_t of, std::int32_t sequence, int count) {
    const offset base = log_->end();
    flush(*folder_, *log_,
          {append(*log_, count, 10'000, timestamp{base.value}, epoch{1}, compression::none,
                  {producer_id{id}, of, sequence})});
    std::erase_if(expected, [&](const auto& p) { return p.id.value == id; });
    expected.push_back(
        {producer_id{id}, of, sequence + count - 1, base + (count - 1), count - 1, timestamp{base.value + count - 1}});
    std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  };
  produce(99, 0, 0, 2);
  for (int i = 0; i < 60; ++i) {
    produce(i % 5, static_cast<std::int16_t>(i / 50), (i % 50) * 10, 1 + i % 9);
    if (i % 13 == 5) settle(log_->end());
    if (i % 20 == 19) reopen();
    EXPECT_EQ(log_->history()->producers, expected) << i;
  }
  EXPECT_GT(log_->segments().size(), 1u);
}

TEST_F(partition_log_test, drops_old_segments_and_keeps_the_rest) {
  open({.segment_bytes = 1200 * 1024});
  for (int i = 0; i < 400; ++i) append_flushed(*folder_, *log_, 1, 10'000);
  settle(log_->end());
  const auto segments = log_->segments();
  ASSERT_GT(segments.size(), 3u);
  EXPECT_EQ(*log_->drop_segments_before(segments[0].end - 1), 0u);
  EXPECT_EQ(*log_->drop_segments_before(segments[1].end), 2u);
  EXPECT_EQ(log_->start(), segments[2].base);
  EXPECT_EQ(log_->read(offset{0}, 1000, log_->end()).code(), errc::offset_out_of_range);
  expect_records(*log_, log_->start(), log_->end());
  reopen();
  EXPECT_EQ(log_->start(), segments[2].base);
  expect_records(*log_, log_->start(), log_->end());
  // The newest segment stays, whatever is asked.
  EXPECT_EQ(*log_->drop_segments_before(log_->end()), log_->segments().size() + 0 == 0 ? 0u : segments.size() - 3);
  EXPECT_EQ(log_->segments().size(), 1u);
}

/// Two segments were dropped and unlinked; a power cut kept the first one's name and lost the second one's.
TEST_F(partition_log_test, a_dropped_segment_that_a_power_cut_brings_back_is_dropped_again) {
  open({.segment_bytes = 1200 * 1024});
  for (int i = 0; i < 400; ++i) append_flushed(*folder_, *log_, 1, 10'000);
  settle(log_->end());
  const auto segments = log_->segments();
  ASSERT_GT(segments.size(), 3u);
  const fs::path first = files_in(place_ / "data/00000001", ".seg").front();
  const std::string content = slurp(first);
  ASSERT_EQ(*log_->drop_segments_before(segments[1].end), 2u);
  spill(first, content);
  reopen();
  EXPECT_EQ(log_->start(), segments[2].base);
  EXPECT_FALSE(fs::exists(first));
  expect_records(*log_, log_->start(), log_->end());
}

TEST_F(partition_log_test, readers_a_writer_and_a_settler_at_once) {
  open({.journal_file_bytes = 400'000, .segment_bytes = 1500 * 1024, .tail_cache_bytes = 50'000});
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      generator chance(static_cast<std::uint64_t>(t));
      while (!stop) {
        const offset end = log_->flushed();
        if (end.value == 0) continue;
        const offset from{static_cast<std::int64_t>(chance.below(static_cast<std::uint64_t>(end.value)))};
        auto parts = log_->read(from, 30'000, end);
        if (!parts) {
          ++failures;
          ADD_FAILURE() << to_string(parts.error());
          return;
        }
        for (const auto& part : *parts) {
          auto header = read_header(part.view());
          if (!header || header->base > from || header->end() <= from) ++failures;
          break;
        }
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      auto moved = log_->settle(log_->flushed(), 500'000);
      if (!moved) {
        ++failures;
        ADD_FAILURE() << to_string(moved.error());
        return;
      }
      auto retired = folder_->retire_journals();
      if (!retired) {
        ++failures;
        ADD_FAILURE() << to_string(retired.error());
        return;
      }
    }
  });
  for (int i = 0; i < 600; ++i) append_flushed(*folder_, *log_, 1 + i % 3, 3000);
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(failures, 0);
  expect_records(*log_, offset{0}, log_->end());
}

}  // namespace
}  // namespace dohle::store::testing
