#include "schema/control_batch.hpp"

#include <gtest/gtest.h>

#include <string>

#include "schema/byte_order.hpp"

namespace dohle {
namespace {

TEST(control_batch, a_marker_is_kafkas_byte_for_byte) {
  const auto made = marker_batch(producer_id{0x1122334455667788}, 0x0102, marker_kind::commit, timestamp{0x0A0B0C0D});
  // MemoryRecords.withEndTransactionMarker of Kafka 4.1, by its documented layout; the checksum is computed here.
  const std::string head{
      "\0\0\0\0\0\0\0\0"  // base offset
      "\0\0\0\x42"        // length 66
      "\0\0\0\0"          // leader epoch
      "\2",               // magic
      17};
  const std::string covered{
      "\x00\x30"                          // transactional | control
      "\0\0\0\0"                          // last offset delta
      "\0\0\0\0\x0A\x0B\x0C\x0D"          // base timestamp
      "\0\0\0\0\x0A\x0B\x0C\x0D"          // max timestamp
      "\x11\x22\x33\x44\x55\x66\x77\x88"  // producer id
      "\x01\x02"                          // producer epoch
      "\xff\xff\xff\xff"                  // base sequence
      "\0\0\0\1"                          // record count
      "\x20\0\0\0"                        // record of 16 bytes
      "\x08\0\0\0\1"                      // key: version 0, commit
      "\x0c\0\0\0\0\0\0"                  // value: version 0, coordinator epoch 0
      "\0",                               // no headers
      57};
  std::string crc(4, '\0');
  store_big(crc.data(), crc32c(covered));
  EXPECT_EQ(made.view(), head + crc + covered);
  EXPECT_TRUE(validate_batch(made.view()).ok());
}

TEST(control_batch, says_what_it_is) {
  for (auto kind : {marker_kind::abort, marker_kind::commit}) {
    const auto made = marker_batch(producer_id{1}, 0, kind, timestamp{5});
    EXPECT_EQ(marker_of(made.view()), kind);
    auto reader = batch_reader::open(made);
    auto record = reader->next();
    ASSERT_TRUE(record.ok() && *record);
    EXPECT_EQ(marker_of_key(*(*record)->key), kind);
  }
}

TEST(control_batch, a_rewritten_marker_says_the_same) {
  const auto made = marker_batch(producer_id{1}, 0, marker_kind::abort, timestamp{5});
  const auto later = filter_batch(
      made, [](const record_view&) { return true; }, timestamp{1'000'000});
  ASSERT_TRUE(later.ok());
  EXPECT_TRUE(read_header(later->view())->has_horizon());
  EXPECT_EQ(marker_of(later->view()), marker_kind::abort);
}

TEST(control_batch, what_is_no_marker_says_nothing) {
  batch_builder b;
  ASSERT_TRUE(b.add(timestamp{5}, std::string_view{"\0\0\0\1", 4}, "x"));
  EXPECT_EQ(marker_of(b.build()->view()), std::nullopt) << "data";
  EXPECT_EQ(marker_of_key(std::string_view{"\0\0\0", 3}), std::nullopt) << "cut";
  EXPECT_EQ(marker_of_key(std::string_view{"\0\0\0\2", 4}), std::nullopt) << "another kind";
  const auto made = marker_batch(producer_id{1}, 0, marker_kind::abort, timestamp{5});
  EXPECT_EQ(marker_of(empty_batch(*read_header(made.view())).view()), std::nullopt) << "compacted away";
  EXPECT_EQ(marker_of(""), std::nullopt);
}

}  // namespace
}  // namespace dohle
