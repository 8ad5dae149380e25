#include "schema/record_batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/byte_order.hpp"
#include "schema/limits.hpp"
#include "schema/varint.hpp"
#include "tests/schema/dice.hpp"
#include "tests/schema/golden_batches.hpp"

namespace dohle {
namespace {

using testing::dice;
using testing::golden_batches;
using ::testing::HasSubstr;
using testing::unhex;

struct plain_record {
  std::int64_t offset = 0;
  std::int64_t time = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  friend bool operator==(const plain_record&, const plain_record&) = default;
};

std::optional<std::string> plain(std::optional<std::string_view> v) {
  if (!v) return std::nullopt;
  return std::string(*v);
}

std::vector<plain_record> records_of(const bytes& batch) {
  std::vector<plain_record> found;
  auto reader = batch_reader::open(batch);
  if (!reader) {
    ADD_FAILURE() << to_string(reader.error());
    return found;
  }
  while (true) {
    auto next = reader->next();
    if (!next) {
      ADD_FAILURE() << to_string(next.error());
      return found;
    }
    if (!*next) return found;
    const auto& r = **next;
    plain_record p{r.offset.value, r.timestamp.value, plain(r.key), plain(r.value), {}};
    auto headers = r.headers();
    if (!headers) {
      ADD_FAILURE() << to_string(headers.error());
      return found;
    }
    for (const auto& h : *headers) p.headers.emplace_back(std::string(h.key), plain(h.value));
    found.push_back(std::move(p));
  }
}

std::vector<plain_record> golden_records() {
  std::string events;
  for (int i = 0; i < 60; ++i) events += "event ";
  return {{0, 1'700'000'000'000, "carrier", "UA", {{"origin", "JFK"}, {"null", std::nullopt}}},
          {1, 1'700'000'000'005, std::nullopt, "", {}},
          {2, 1'699'999'999'997, "", std::nullopt, {}},
          {3, 1'700'000'070'000, "kkk", events, {}}};
}

void add_all(batch_builder& builder, const std::vector<plain_record>& records) {
  for (const auto& r : records) {
    std::vector<header_view> headers;
    for (const auto& [key, value] : r.headers) {
      headers.push_back({key, value ? std::optional<std::string_view>(*value) : std::nullopt});
    }
    ASSERT_TRUE(builder.add(timestamp{r.time}, r.key, r.value, headers).ok());
  }
}

bytes build_golden(compression codec = compression::none, producer_stamp from = {}) {
  batch_builder builder;
  add_all(builder, golden_records());
  auto built = builder.build(codec, from);
  EXPECT_TRUE(built.ok());
  return *built;
}

void fix_crc(std::string& batch) {
  if (batch.size() > 21) store_big(batch.data() + 17, crc32c(std::string_view(batch).substr(21)));
}

error refusal(std::string_view batch) {
  auto r = validate_batch(batch);
  EXPECT_FALSE(r.ok());
  return r.ok() ? error{errc::ok, "", ""} : r.error();
}

/// The golden batch with one thing changed and a CRC that fits again.
template <class Change>
error refusal_of(Change change) {
  std::string batch(build_golden().view());
  change(batch);
  fix_crc(batch);
  return refusal(batch);
}

TEST(crc32c, known_vectors) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising.push_back(c);
  EXPECT_EQ(crc32c(rising), 0x46DD794Eu);
}

TEST(crc32c, goes_on_from_a_seed) {
  const std::string_view whole = "123456789";
  for (std::size_t i = 0; i <= whole.size(); ++i) {
    EXPECT_EQ(crc32c(whole.substr(i), crc32c(whole.substr(0, i))), 0xE3069283u);
  }
}

TEST(varint, extremes_go_round_and_have_their_sizes) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{-64}, std::int64_t{64}, std::int64_t{300},
        std::int64_t{INT32_MAX}, std::int64_t{INT32_MIN}, std::int64_t{INT64_MAX}, std::int64_t{INT64_MIN}}) {
    char room[10];
    const char* end = write_varint(room, value);
    EXPECT_EQ(static_cast<std::size_t>(end - room), varint_size(value)) << value;
    const char* at = room;
    std::int64_t back = 1;
    EXPECT_TRUE(read_varint(at, end, back));
    EXPECT_EQ(back, value);
    EXPECT_EQ(at, end);
    at = room;
    EXPECT_FALSE(read_varint(at, end - 1, back)) << "cut off: " << value;
  }
  const std::string too_long(11, '\x80');
  const char* at = too_long.data();
  std::int64_t value = 0;
  EXPECT_FALSE(read_varint(at, at + too_long.size(), value));
}

TEST(record_batch, reads_what_another_implementation_wrote) {
  for (const auto& golden : golden_batches) {
    SCOPED_TRACE(golden.codec);
    const bytes batch = bytes::copy(unhex(golden.hex));
    auto header = validate_batch(batch.view());
    ASSERT_TRUE(header.ok()) << to_string(header.error());
    EXPECT_EQ(to_string(header->compression()), golden.codec);
    EXPECT_EQ(header->record_count, 4);
    EXPECT_EQ(header->max_timestamp, timestamp{1'700'000'070'000});
    EXPECT_EQ(records_of(batch), golden_records());
  }
}

TEST(record_batch, writes_the_bytes_that_another_implementation_writes) {
  const bytes batch = build_golden(compression::none, {producer_id{4711}, 3, 17});
  std::string expected = unhex(golden_batches[0].hex);
  // Before a leader places it, kafka-python says epoch 0 as we do.
  EXPECT_EQ(batch.view(), expected);
}

TEST(record_batch, goes_round_with_every_codec) {
  for (int codec = 0; codec <= 4; ++codec) {
    SCOPED_TRACE(codec);
    const bytes batch = build_golden(static_cast<compression>(codec));
    auto header = validate_batch(batch.view());
    ASSERT_TRUE(header.ok()) << to_string(header.error());
    EXPECT_EQ(header->compression(), static_cast<compression>(codec));
    EXPECT_EQ(records_of(batch), golden_records());
  }
}

TEST(record_batch, a_codec_that_would_enlarge_is_not_applied) {
  batch_builder builder;
  ASSERT_TRUE(builder.add(timestamp{1}, std::nullopt, "x").ok());
  auto batch = builder.build(compression::gzip);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(read_header(batch->view())->compression(), compression::none);
}

TEST(record_batch, timestamps_at_the_ends_of_time_go_round) {
  batch_builder builder;
  for (const std::int64_t t : {INT64_MAX, INT64_MIN, std::int64_t{-1}, std::int64_t{0}}) {
    ASSERT_TRUE(builder.add(timestamp{t}, std::nullopt, "v").ok());
  }
  const auto found = records_of(*builder.build());
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].time, INT64_MAX);
  EXPECT_EQ(found[1].time, INT64_MIN);
  EXPECT_EQ(found[2].time, -1);
  EXPECT_EQ(found[3].time, 0);
}

TEST(record_batch, random_records_go_round) {
  dice chance(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<plain_record> records;
    for (std::size_t i = 0, n = 1 + chance.below(50); i < n; ++i) {
      plain_record r{static_cast<std::int64_t>(i), static_cast<std::int64_t>(chance.below(1'000'000)), {}, {}, {}};
      if (chance.below(3) != 0) r.key = chance.text(chance.below(200));
      if (chance.below(4) != 0) r.value = chance.text(chance.below(3'000));
      for (std::size_t h = chance.below(4); h > 0; --h) {
        r.headers.emplace_back(chance.text(chance.below(20)),
                               chance.below(2) != 0 ? std::optional(chance.text(chance.below(90))) : std::nullopt);
      }
      records.push_back(std::move(r));
    }
    batch_builder builder(chance.below(10'000));
    add_all(builder, records);
    const std::size_t size = builder.size_bytes();
    const auto codec = static_cast<compression>(chance.below(5));
    auto batch = builder.build(codec);
    ASSERT_TRUE(batch.ok());
    EXPECT_LE(batch->size(), size);
    ASSERT_TRUE(validate_batch(batch->view()).ok());
    ASSERT_EQ(records_of(*batch), records) << "round " << round;
  }
}

TEST(batch_builder, is_empty_and_usable_after_build) {
  batch_builder builder;
  EXPECT_EQ(builder.build().code(), errc::invalid_request);
  ASSERT_TRUE(builder.add(timestamp{5}, "a", "b").ok());
  const bytes first = *builder.build();
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.size_bytes(), batch_header_bytes);
  const std::string before(first.view());
  ASSERT_TRUE(builder.add(timestamp{9}, "c", "d").ok());
  const auto second = records_of(*builder.build());
  EXPECT_EQ(first.view(), before) << "a built batch is never written again";
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0], (plain_record{0, 9, "c", "d", {}}));
}

TEST(batch_builder, refuses_to_pass_the_bound_and_keeps_what_it_has) {
  batch_builder builder;
  const std::string half(limits::max_batch_bytes / 2, 'x');
  ASSERT_TRUE(builder.add(timestamp{1}, std::nullopt, half).ok());
  auto refused = builder.add(timestamp{1}, std::nullopt, half);
  EXPECT_EQ(refused.code(), errc::record_too_large);
  EXPECT_THAT(refused.error().message, HasSubstr(std::to_string(limits::max_batch_bytes)));
  EXPECT_EQ(builder.count(), 1);
  EXPECT_TRUE(validate_batch(builder.build()->view()).ok());
  const std::vector<header_view> many(limits::max_record_headers + 1);
  EXPECT_EQ(builder.add(timestamp{1}, std::nullopt, "v", many).code(), errc::record_too_large);
}

TEST(record_batch, a_stamp_places_it_without_touching_the_checksum) {
  const bytes batch = build_golden();
  const auto before = *read_header(batch.view());
  stamp_batch(batch, offset{1'000}, epoch{7}, std::nullopt);
  auto after = validate_batch(batch.view());
  ASSERT_TRUE(after.ok()) << to_string(after.error());
  EXPECT_EQ(after->base, offset{1'000});
  EXPECT_EQ(after->end(), offset{1'004});
  EXPECT_EQ(after->epoch, epoch{7});
  EXPECT_EQ(after->crc, before.crc);
  EXPECT_EQ(records_of(batch)[3].offset, 1'003);
}

TEST(record_batch, a_stamp_with_append_time_is_every_records_time) {
  const bytes batch = build_golden();
  stamp_batch(batch, offset{10}, epoch{1}, timestamp{42});
  auto after = validate_batch(batch.view());
  ASSERT_TRUE(after.ok()) << to_string(after.error());
  EXPECT_TRUE(after->append_time());
  EXPECT_EQ(after->max_timestamp, timestamp{42});
  for (const auto& r : records_of(batch)) EXPECT_EQ(r.time, 42);
}

TEST(record_batch, the_reader_opens_the_first_of_several) {
  const bytes one = build_golden();
  const bytes both = bytes::copy(std::string(one.view()) + std::string(one.view()));
  EXPECT_EQ(records_of(both), golden_records());
  const auto refused = refusal(both.view());
  EXPECT_EQ(refused.code, errc::corrupt_batch);
  EXPECT_THAT(refused.message, HasSubstr("batch says " + std::to_string(one.size()) + " bytes, " +
                                         std::to_string(both.size()) + " are there"));
}

TEST(validate_batch, names_what_is_wrong_with_figures) {
  EXPECT_THAT(refusal("").message, HasSubstr("61 bytes of header, 0 are there"));
  EXPECT_THAT(refusal_of([](auto& b) { b[16] = 1; }).message, HasSubstr("(magic) 1, only 2"));
  EXPECT_THAT(refusal_of([](auto& b) { b.pop_back(); }).message, HasSubstr("are there"));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data() + 8, std::int32_t{-1}); }).message,
              HasSubstr("says -1 bytes"));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data() + 8, std::int32_t{INT32_MAX}); }).message,
              HasSubstr("at most " + std::to_string(limits::max_batch_bytes)));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data(), std::int64_t{-5}); }).message, HasSubstr("base offset -5"));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data(), std::int64_t{INT64_MAX}); }).message,
              HasSubstr("which no log reaches"));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data() + 57, std::int32_t{-4}); }).message,
              HasSubstr("says -4 records"));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data() + 23, std::int32_t{-5}); }).message,
              HasSubstr("last offset delta of -5"));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data() + 57, std::int32_t{3}); }).message,
              HasSubstr("3 records and a last offset delta of 3"));
  EXPECT_THAT(refusal_of([](auto& b) { store_big(b.data() + 23, std::int32_t{9}); }).message,
              HasSubstr("4 records and a last offset delta of 9"));
  EXPECT_THAT(refusal_of([](auto& b) {
                store_big(b.data() + 57, std::int32_t{5});
                store_big(b.data() + 23, std::int32_t{4});
              }).message,
              HasSubstr("record 4 of 5"));
  EXPECT_THAT(refusal_of([](auto& b) {
                store_big(b.data() + 57, std::int32_t{3});
                store_big(b.data() + 23, std::int32_t{2});
              }).message,
              HasSubstr("bytes behind its last record"));
  EXPECT_THAT(refusal_of([](auto& b) { b[22] = 5; }).message, HasSubstr("unknown compression 5"));
  EXPECT_THAT(refusal_of([](auto& b) {
                store_big(b.data() + 57, std::int32_t{0});
                store_big(b.data() + 23, std::int32_t{0});
              }).message,
              HasSubstr("no records"));
}

TEST(validate_batch, every_changed_byte_under_the_checksum_is_found) {
  for (const auto& golden : golden_batches) {
    const std::string good = unhex(golden.hex);
    for (std::size_t at = 17; at < good.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[at] ^= static_cast<char>(1 << bit);
        EXPECT_EQ(validate_batch(bad).code(), errc::corrupt_batch) << golden.codec << " byte " << at << " bit " << bit;
      }
    }
  }
}

TEST(validate_batch, every_truncation_is_found) {
  const std::string good(build_golden().view());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(validate_batch(good.substr(0, size)).code(), errc::corrupt_batch);
    EXPECT_FALSE(batch_reader::open(bytes::copy(good.substr(0, size))).ok());
  }
}

// 100,000 seeded mutations, half of them with a CRC that fits again, so that everything behind it is reached.
TEST(validate_batch, mutations_neither_crash_nor_pass) {
  std::vector<std::string> good;
  for (const auto& golden : golden_batches) good.push_back(unhex(golden.hex));
  dice chance(20'240'601);
  for (int i = 0; i < 100'000; ++i) {
    const std::string& original = good[chance.below(good.size())];
    std::string batch = original;
    chance.damage(batch);
    const bool honest_crc = chance.below(2) == 0;
    if (honest_crc) fix_crc(batch);
    auto header = validate_batch(batch);
    if (!honest_crc && batch.substr(21) != original.substr(21)) {
      ASSERT_FALSE(header.ok()) << "mutation " << i;
    }
    auto reader = batch_reader::open(bytes::copy(batch));
    if (!reader) continue;
    std::int32_t walked = 0;
    bool whole = false;
    while (true) {
      auto next = reader->next();
      if (!next) break;
      whole = !*next;
      if (whole) break;
      ASSERT_TRUE((*next)->headers().ok()) << "mutation " << i << ": headers were checked before they are given out";
      ++walked;
    }
    ASSERT_TRUE(!whole || walked == reader->header().record_count) << "mutation " << i;
    if (header.ok() && header->compression() == compression::none) {
      ASSERT_TRUE(whole) << "mutation " << i << ": what was validated can be read";
    }
  }
}

TEST(batch_reader, tells_holes_left_by_compaction_from_disorder) {
  std::string batch(build_golden().view());
  store_big(batch.data() + 23, std::int32_t{9});  // more offsets than records: holes
  fix_crc(batch);
  EXPECT_EQ(validate_batch(batch).code(), errc::corrupt_batch) << "not from a producer";
  EXPECT_EQ(records_of(bytes::copy(batch)).size(), 4u);
}

}  // namespace
}  // namespace dohle
