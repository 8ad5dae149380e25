#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/record_batch.hpp"

namespace dohle {
namespace {

/// Records "k0".."k<n-1>", 10 ms apart from 1000 on; every third one is a tombstone, every second has a header.
bytes batch_of(int count, compression codec = compression::none) {
  batch_builder builder;
  for (int i = 0; i < count; ++i) {
    const std::string value = "value " + std::to_string(i) + std::string(50, 'x');
    std::vector<header_view> headers;
    if (i % 2 == 0) headers.push_back({"h", "v"});
    EXPECT_TRUE(builder.add(timestamp{1000 + 10 * i}, "k" + std::to_string(i),
                            i % 3 == 2 ? std::nullopt : std::optional<std::string_view>{value}, headers));
  }
  auto batch = builder.build(codec, {producer_id{7}, 2, 100});
  EXPECT_TRUE(batch.ok());
  stamp_batch(*batch, offset{5000}, epoch{3}, std::nullopt);
  return *batch;
}

struct seen {
  std::int64_t at;
  std::int64_t time;
  std::string key;
  bool has_value;
  std::size_t headers;
  friend bool operator==(const seen&, const seen&) = default;
};

std::vector<seen> records_of(const bytes& batch) {
  std::vector<seen> out;
  auto reader = batch_reader::open(batch);
  EXPECT_TRUE(reader.ok());
  for (auto r = reader->next(); r.ok() && *r; r = reader->next()) {
    const auto headers = (*r)->headers();
    EXPECT_TRUE(headers.ok());
    out.push_back(
        {(*r)->offset.value, (*r)->timestamp.value, std::string{*(*r)->key}, (*r)->value.has_value(), headers->size()});
  }
  return out;
}

const auto everything = [](const record_view&) { return true; };

TEST(batch_filter, what_stays_keeps_its_place_time_and_headers) {
  for (auto codec : {compression::none, compression::gzip, compression::snappy, compression::lz4, compression::zstd}) {
    const bytes batch = batch_of(30, codec);
    const auto stays = [](const record_view& r) { return r.offset.value % 7 == 0; };
    auto expected = records_of(batch);
    std::erase_if(expected, [](const seen& s) { return s.at % 7 != 0; });
    const auto left = filter_batch(batch, stays, timestamp{900'000});
    ASSERT_TRUE(left.ok());
    EXPECT_EQ(records_of(*left), expected);
    const auto before = *read_header(batch.view());
    const auto h = *read_header(left->view());
    EXPECT_EQ(h.base, before.base);
    EXPECT_EQ(h.end(), before.end());
    EXPECT_EQ(h.epoch, before.epoch);
    EXPECT_EQ(h.producer, before.producer);
    EXPECT_EQ(h.base_sequence, before.base_sequence);
    EXPECT_EQ(h.compression(), codec);
    EXPECT_EQ(h.max_timestamp, timestamp{expected.back().time});
  }
}

TEST(batch_filter, the_first_tombstone_that_stays_gives_the_batch_its_horizon) {
  const auto values_only = [](const record_view& r) { return r.value.has_value(); };
  EXPECT_FALSE(read_header(filter_batch(batch_of(9), values_only, timestamp{900'000})->view())->has_horizon());
  const auto once = filter_batch(batch_of(9), everything, timestamp{900'000});
  EXPECT_TRUE(read_header(once->view())->has_horizon());
  EXPECT_EQ(read_header(once->view())->base_timestamp, timestamp{900'000});
  EXPECT_EQ(records_of(*once), records_of(batch_of(9)));
  const auto twice = filter_batch(*once, everything, timestamp{2'000'000});
  EXPECT_EQ(*twice, *once) << "it keeps the first one";
}

TEST(batch_filter, nothing_to_do_and_nothing_left) {
  const bytes batch = batch_of(2);
  EXPECT_EQ(filter_batch(batch, everything, timestamp{1})->data(), batch.data());
  EXPECT_TRUE(filter_batch(
                  batch, [](const record_view&) { return false; }, timestamp{1})
                  ->empty());
  const bytes header = empty_batch(*read_header(batch.view()));
  const auto h = check_batch(header.view());
  ASSERT_TRUE(h.ok());
  EXPECT_EQ(h->end(), offset{5002});
  EXPECT_EQ(h->record_count, 0);
  EXPECT_TRUE(records_of(header).empty());
}

TEST(batch_filter, the_brokers_time_stays_that_of_the_batch) {
  const bytes batch = batch_of(9);
  stamp_batch(batch, offset{5000}, epoch{3}, timestamp{77'000});
  const auto left = filter_batch(
      batch, [](const record_view& r) { return r.offset.value < 5003; }, timestamp{900'000});
  for (const seen& s : records_of(*left)) EXPECT_EQ(s.time, 77'000);
  EXPECT_EQ(records_of(*left).size(), 3u);
}

TEST(batch_filter, damage_is_an_error) {
  std::string damaged{batch_of(9).view()};
  damaged[80] ^= 1;
  EXPECT_EQ(filter_batch(bytes::copy(damaged), everything, timestamp{1}).code(), errc::corrupt_batch);
}

}  // namespace
}  // namespace dohle
