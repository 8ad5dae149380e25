#include "schema/stored.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/byte_order.hpp"
#include "tests/schema/dice.hpp"

namespace dohle {
namespace {

using testing::dice;
using ::testing::HasSubstr;

std::vector<cluster_record> cluster_samples() {
  return {topic_record{"clicks",
                       timestamp{1'700'000'000'000},
                       true,
                       {{partition_index{0}, partition_id{17}, {broker_id{1}, broker_id{2}}},
                        {partition_index{1}, partition_id{18}, {}}},
                       {{"retention.ms", "1000"}, {"cleanup.policy", "compact"}},
                       partition_id{19}},
          topic_record{}, topic_deleted_record{"clicks"}, producer_ids_record{123'456'789'012}};
}

const offset_key an_offset{"readers", "clicks", partition_index{4}};
const group_key a_group{"readers"};

group_value group_sample() {
  return {generation{9},
          "consumer",
          "range",
          "m-1",
          {{"m-1", "i", "client", milliseconds{45'000}, milliseconds{60'000}, bytes::copy("meta"), bytes::copy("parts"),
            "10.0.0.7"},
           {}}};
}

TEST(stored, cluster_records_go_round) {
  for (const auto& record : cluster_samples()) {
    auto decoded = decode_cluster_record(encode_cluster_record(record));
    ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
    EXPECT_TRUE(*decoded == record) << "kind " << record.index();
  }
}

TEST(stored, bytes_may_lie_anywhere) {
  const std::string value = encode_cluster_record(cluster_samples()[0]);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string moved = std::string(shift, '#') + value;
    auto decoded = decode_cluster_record(std::string_view(moved).substr(shift));
    ASSERT_TRUE(decoded.ok()) << shift;
    EXPECT_TRUE(*decoded == cluster_samples()[0]);
  }
}

TEST(stored, group_records_go_round) {
  const offset_value offset_sample{offset{77}, "note", timestamp{5}, epoch{3}};
  auto committed = decode_group_record(encode_group_key(an_offset), encode_offset_value(offset_sample));
  ASSERT_TRUE(committed.ok()) << to_string(committed.error());
  EXPECT_TRUE(*committed == stored_group_record(offset_record{an_offset, offset_sample}));

  auto group = decode_group_record(encode_group_key(a_group), encode_group_value(group_sample()));
  ASSERT_TRUE(group.ok()) << to_string(group.error());
  EXPECT_TRUE(*group == stored_group_record(group_record{a_group, group_sample()}));
}

TEST(stored, pending_offsets_go_round) {
  const pending_key key{"readers", producer_id{4'711}};
  const pending_value value{7, {{"clicks", partition_index{4}, offset{77}, "note", epoch{4}}}};
  EXPECT_TRUE(*decode_group_record(encode_group_key(key), encode_pending_value(value)) ==
              stored_group_record(pending_offsets_record{key, value}));
  EXPECT_TRUE(*decode_group_record(encode_group_key(key), std::nullopt) ==
              stored_group_record(pending_offsets_record{key, std::nullopt}));
}

TEST(stored, groups_that_the_broker_assigns_go_round) {
  const consumer_group_key key{"readers"};
  const topic_partition here{"clicks", partition_index{0}}, there{"clicks", partition_index{4}},
      other{"views", partition_index{1}};
  const consumer_group_value value{9,
                                   8,
                                   {{"clicks", 5}, {"views", 2}},
                                   {{"m-1",
                                     "i",
                                     "rack",
                                     "client",
                                     "10.0.0.7",
                                     8,
                                     7,
                                     1,
                                     milliseconds{60'000},
                                     {"clicks", "views"},
                                     "v.*",
                                     "range",
                                     {here, there, other},
                                     {other},
                                     {here}},
                                    {}}};
  EXPECT_TRUE(*decode_group_record(encode_group_key(key), encode_consumer_group_value(value)) ==
              stored_group_record(consumer_group_record{key, value}));
  EXPECT_TRUE(*decode_group_record(encode_group_key(key), std::nullopt) ==
              stored_group_record(consumer_group_record{key, std::nullopt}));
}

TEST(stored, transactions_go_round) {
  const transaction_value value{producer_id{4'711},
                                7,
                                milliseconds{60'000},
                                transaction_status::prepare_abort,
                                {{"clicks", partition_index{4}}, {"orders", partition_index{0}}},
                                {"readers"},
                                timestamp{12},
                                timestamp{13}};
  auto decoded = decode_transaction_value(encode_transaction_value(value));
  ASSERT_TRUE(decoded.ok()) << to_string(decoded.error());
  EXPECT_TRUE(*decoded == value);
  EXPECT_EQ(decode_transaction_value("nonsense").code(), errc::corrupt_data);
}

TEST(stored, a_null_value_is_a_tombstone) {
  EXPECT_TRUE(*decode_group_record(encode_group_key(an_offset), std::nullopt) ==
              stored_group_record(offset_record{an_offset, std::nullopt}));
  EXPECT_TRUE(*decode_group_record(encode_group_key(a_group), std::nullopt) ==
              stored_group_record(group_record{a_group, std::nullopt}));
  EXPECT_EQ(decode_group_record(encode_group_key(a_group), "").code(), errc::corrupt_data) << "empty is not null";
}

TEST(stored, equal_keys_have_equal_bytes_and_others_differ) {
  EXPECT_EQ(encode_group_key(an_offset), encode_group_key(offset_key{"readers", "clicks", partition_index{4}}));
  EXPECT_NE(encode_group_key(an_offset), encode_group_key(offset_key{"readers", "clicks", partition_index{5}}));
  EXPECT_NE(encode_group_key(a_group), encode_group_key(group_key{"reader"}));
}

TEST(stored, a_kind_of_a_newer_version_is_named_so) {
  std::string value = encode_cluster_record(producer_ids_record{1});
  store_little(value.data() + 16, std::uint16_t{99});
  store_little(value.data() + 24, std::uint16_t{99});  // the tag is in the first or second word of the struct
  auto refused = decode_cluster_record(value);
  EXPECT_EQ(refused.code(), errc::newer_format);
  EXPECT_THAT(refused.error().message, HasSubstr("99"));
  EXPECT_THAT(refused.error().hint, HasSubstr("version"));
}

TEST(stored, truncations_and_extensions_are_corrupt) {
  const std::string value = encode_cluster_record(cluster_samples()[0]);
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(decode_cluster_record(value.substr(0, size)).code(), errc::corrupt_data) << size;
  }
  EXPECT_EQ(decode_cluster_record(value + "more").code(), errc::corrupt_data);
  EXPECT_EQ(decode_cluster_record(value + std::string(8, '\0')).code(), errc::corrupt_data);
}

TEST(stored, mutations_never_crash) {
  const std::string topic = encode_cluster_record(cluster_samples()[0]);
  const std::string key = encode_group_key(a_group);
  const std::string group = encode_group_value(group_sample());
  dice chance(8);
  for (int i = 0; i < 30'000; ++i) {
    std::string bad = topic;
    chance.damage(bad);
    if (auto r = decode_cluster_record(bad)) {
      ASSERT_TRUE(*decode_cluster_record(encode_cluster_record(*r)) == *r) << i;
    }
    bad = group;
    chance.damage(bad);
    auto r = decode_group_record(key, bad);
    ASSERT_TRUE(r.ok() || r.code() == errc::corrupt_data) << i;
  }
}

}  // namespace
}  // namespace dohle
