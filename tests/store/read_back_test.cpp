// Reading towards the start, wherever the batches lie.
#include <numeric>

#include "store/partition_log.hpp"
#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

/// The offsets of an answer's records that lie before `before`, in the order of a reader who goes back.
std::vector<std::int64_t> backwards(const std::vector<bytes>& runs, offset before) {
  std::vector<std::int64_t> all;
  for (const bytes& run : runs) {
    std::vector<std::int64_t> found;
    for (std::size_t at = 0; at < run.size();) {
      auto reader = batch_reader::open(run.part(at));
      EXPECT_TRUE(reader.ok());
      if (!reader) return all;
      for (auto r = reader->next(); r.ok() && *r; r = reader->next())
        if ((*r)->offset < before) found.push_back((*r)->offset.value);
      at += reader->header().size_bytes();
    }
    all.insert(all.end(), found.rbegin(), found.rend());
  }
  return all;
}

std::size_t total(const std::vector<bytes>& runs) {
  return std::accumulate(runs.begin(), runs.end(), std::size_t{0}, [](auto n, const bytes& b) { return n + b.size(); });
}

std::size_t batches_in(const std::vector<bytes>& runs) {
  std::size_t n = 0;
  for (const bytes& run : runs)
    for (std::size_t at = 0; at < run.size(); ++n) at += read_header(run.view().substr(at))->size_bytes();
  return n;
}

class read_back_test : public log_fixture {
 protected:
  /// From `before` down to the log's start: every record once, the last one first, within the bound.
  void expect_all_before(offset before, std::size_t max_bytes) {
    while (before > log_->start()) {
      auto runs = log_->read_back(before, max_bytes);
      ASSERT_TRUE(runs.ok()) << to_string(runs.error());
      EXPECT_TRUE(total(*runs) <= max_bytes || batches_in(*runs) == 1) << total(*runs);
      auto found = backwards(*runs, before);
      ASSERT_FALSE(found.empty()) << "nothing before " << before.value;
      for (std::int64_t at : found) ASSERT_EQ(at, (before = before - 1).value);
      if (auto fast = log_->read_tail_back(before + static_cast<std::int64_t>(found.size()), max_bytes)) {
        EXPECT_EQ(backwards(*fast, before + static_cast<std::int64_t>(found.size())).front(), found.front());
      }
    }
    EXPECT_EQ(before, log_->start());
    EXPECT_TRUE(log_->read_back(before, max_bytes)->empty());
  }
};

TEST_F(read_back_test, from_every_offset_wherever_it_lies) {
  open({.segment_bytes = 1500 * 1024, .tail_cache_bytes = 20'000});
  for (int i = 0; i < 200; ++i)
    append_flushed(*folder_, *log_, 1 + i % 7, 4000 + 40 * i, timestamp{i}, epoch{1 + i / 60});
  const offset end = log_->end();
  for (int quarter = 0; quarter <= 4; ++quarter) {
    ASSERT_TRUE(log_->settle(offset{end.value * quarter / 4}, std::size_t{1} << 30).ok());
    for (std::size_t bound : {1, 9'000, 300'000, 4'000'000}) expect_all_before(end, bound);
    for (std::int64_t before = 1; before < end.value; before += 5) {
      auto runs = log_->read_back(offset{before}, 20'000);
      ASSERT_TRUE(runs.ok()) << to_string(runs.error());
      ASSERT_EQ(backwards(*runs, offset{before}).front(), before - 1);
    }
  }
  EXPECT_GT(log_->segments().size(), 2u);
  open({.segment_bytes = 1500 * 1024, .tail_cache_bytes = 20'000});
  expect_all_before(end, 50'000);
}

TEST_F(read_back_test, what_is_in_memory_needs_no_disk) {
  open({});
  for (int i = 0; i < 10; ++i) append_flushed(*folder_, *log_, 10, 100);
  append(*log_, 5);  // on its way to the disk
  auto runs = log_->read_tail_back(offset{55}, 1 << 20);
  ASSERT_TRUE(runs);
  EXPECT_EQ(backwards(*runs, offset{55}).front(), 54);
  EXPECT_EQ(backwards(*runs, offset{55}).size(), 55u);
  EXPECT_EQ(backwards(*log_->read_tail_back(offset{103}, 1), offset{103}), (std::vector<std::int64_t>{102, 101, 100}));
  EXPECT_TRUE(log_->read_tail_back(offset{0}, 1000)->empty());
  EXPECT_EQ(log_->read_back(offset{106}, 1000).code(), errc::offset_out_of_range);
}

TEST_F(read_back_test, compressed_batches_and_a_very_large_one) {
  open({.tail_cache_bytes = 0});
  for (auto codec : {compression::gzip, compression::snappy, compression::lz4, compression::zstd})
    flush(*folder_, *log_, {append(*log_, 20, 500, timestamp{1}, epoch{1}, codec)});
  append_flushed(*folder_, *log_, 3, 2'000'000);
  append_flushed(*folder_, *log_, 1, 50);
  expect_all_before(log_->end(), 2'000);
  ASSERT_TRUE(log_->settle(log_->end(), std::size_t{1} << 30).ok());
  expect_all_before(log_->end(), 2'000);
}

TEST_F(read_back_test, ends_where_the_log_starts) {
  open({.segment_bytes = 400 * 1024, .tail_cache_bytes = 0});
  for (int i = 0; i < 100; ++i) append_flushed(*folder_, *log_, 2, 10'000);
  ASSERT_TRUE(log_->settle(log_->end(), std::size_t{1} << 30).ok());
  const offset middle = log_->segments()[2].base;
  ASSERT_TRUE(log_->drop_segments_before(middle).ok());
  ASSERT_EQ(log_->start(), middle);
  expect_all_before(log_->end(), 100'000);
  EXPECT_TRUE(log_->read_back(middle - 1, 1000)->empty()) << "what lies there is gone, which is no error";
}

/// A segment as compaction leaves it: only the batches at these offsets, five records each, `per_chunk` in a chunk.
std::shared_ptr<segment> segment_with(const fs::path& directory, const std::vector<std::int64_t>& bases,
                                      std::size_t per_chunk, segment_pool& pool) {
  fs::create_directories(directory);
  segment_meta meta;
  auto made = segment::create(directory, meta, {}, std::size_t{8} << 20, pool);
  EXPECT_TRUE(made.ok());
  auto filled = (*made)->change([&](lmdb::transaction& txn) -> result<void> {
    for (std::size_t first = 0; first < bases.size(); first += per_chunk) {
      chunk_header chunk;
      std::string body;
      for (std::size_t i = first; i < std::min(first + per_chunk, bases.size()); ++i)
        body += make_batch(offset{bases[i]}, 5, 100).view(), ++chunk.batches, chunk.last = bases[i] + 4;
      chunk.base = bases[first];
      chunk.body_bytes = static_cast<std::uint32_t>(body.size());
      chunk.epoch = 1;
      seal(chunk);
      const auto key = static_cast<std::uint64_t>(chunk.base);
      auto room = txn.append(segment::chunks, lmdb::key_of(key), lmdb::whole_pages(sizeof chunk + body.size()));
      if (!room) return room.error();
      std::memset(*room, 0, lmdb::whole_pages(sizeof chunk + body.size()));
      std::memcpy(*room, &chunk, sizeof chunk);
      std::memcpy(*room + sizeof chunk, body.data(), body.size());
    }
    return {};
  });
  EXPECT_TRUE(filled.ok());
  return *made;
}

TEST_F(read_back_test, steps_over_the_holes_that_compaction_leaves) {
  segment_pool pool{10};
  for (std::size_t per_chunk : {1, 2, 3, 10}) {
    auto holed = segment_with(place_ / std::to_string(per_chunk), {0, 5, 20, 100, 105, 300, 1000}, per_chunk, pool);
    const std::vector<std::int64_t> all{1000, 300, 105, 100, 20, 5, 0};
    for (std::int64_t before = 1; before <= 1100; ++before) {
      auto runs = holed->read_back(offset{before}, offset{0}, 1 << 20);
      ASSERT_TRUE(runs.ok()) << to_string(runs.error());
      std::vector<std::int64_t> expected;
      for (std::int64_t base : all)
        for (std::int64_t at = base + 4; at >= base; --at)
          if (at < before) expected.push_back(at);
      ASSERT_EQ(backwards(*runs, offset{before}), expected) << before;
      auto bounded = holed->read_back(offset{before}, offset{0}, 1);
      ASSERT_EQ(batches_in(*bounded), 1u);
      ASSERT_EQ(backwards(*bounded, offset{before}).front(), expected.front());
    }
    EXPECT_EQ(backwards(*holed->read_back(offset{60}, offset{7}, 1 << 20), offset{60}).back(), 5)
        << "the batch that holds the start comes whole";
    EXPECT_TRUE(holed->read_back(offset{60}, offset{50}, 1 << 20)->empty());
  }
}

TEST_F(read_back_test, damage_is_named_and_not_served) {
  open({.tail_cache_bytes = 0});
  for (int i = 0; i < 30; ++i) append_flushed(*folder_, *log_, 2, 1000);
  ASSERT_TRUE(log_->settle(log_->end(), std::size_t{1} << 30).ok());
  const auto file = files_in(place_ / "data/00000001", ".seg").front();
  log_.reset();
  folder_.reset();
  auto content = slurp(file);
  const auto at = content.find("30:");  // a value in the middle of the chunk
  ASSERT_NE(at, std::string::npos);
  content[at + 10] ^= 1;
  spill(file, content);
  open({.tail_cache_bytes = 0});
  auto damaged = log_->read_back(offset{60}, 1 << 20);
  EXPECT_EQ(damaged.code(), errc::corrupt_data);
  EXPECT_NE(damaged.error().message.find(file.filename().string()), std::string::npos) << damaged.error().message;
  EXPECT_TRUE(log_->read_back(offset{60}, 1000).ok()) << "the batches that are whole are served";
}

}  // namespace
}  // namespace dohle::store::testing
