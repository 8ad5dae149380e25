#include "rules/partitioner.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dohle::rules {
namespace {

std::string unhex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

TEST(partitioner, murmur2_is_the_one_of_kafkas_java_client) {
  const std::vector<std::pair<std::string, std::int32_t>> rows{
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
      {"", 275646681},
  };
  for (const auto& [key, expected] : rows) EXPECT_EQ(murmur2(key), expected) << key;
}

TEST(partitioner, murmur2_is_that_of_other_clients_for_any_bytes_and_length) {
  // Computed with kafka-python 3.0.12.
  const std::vector<std::pair<std::string, std::int32_t>> rows{
      {"a5", 525049751},
      {"4dca", -2111853672},
      {"182530", 393645699},
      {"bb1d6d13", -1321809389},
      {"2cded6237b", 155980054},
      {"2ed91e3f721f", 2096813431},
      {"cb1971174494d6", 2024662380},
      {"493c9d5c3460be31", -2014281299},
      {"201e69fedaa0eee8b9", -6887056},
      {"997f5c7c2999fdafe593", 822088124},
      {"253cd654af4dfad71427a0", -202092944},
      {"aeb3fee9232f8af2211f9ee4", 646626675},
      {"91c5b10becb5563bfc1e6f9342", -1380821671},
      {"7ecbc8fe2955e5cd8e46dc8ed4b7", 1713312310},
      {"c2764d2a5a4d767706f85d8690024a", 505043482},
      {"d6bda3401be9c8cbccc935f6cd1f6122", 234655820},
      {"6ae15338ae1a34004d33ba0d246ac04c81", 1351114001},
      {"b1baf23e3bf9eef5f79f2b4934af87f5520b69b94b0d982e85bb55b672a872637a", -1728184815},
  };
  for (const auto& [hex, expected] : rows) EXPECT_EQ(murmur2(unhex(hex)), expected) << hex;
}

TEST(partitioner, a_key_goes_where_kafka_sends_it) {
  // The sign bit is cleared, not negated: (-973932308 & 0x7fffffff) % 6.
  EXPECT_EQ(partition_of_key("21", 6), partition_index{1173551340 % 6});
  EXPECT_EQ(partition_of_key("abc", 6), partition_index{479470107 % 6});
  EXPECT_EQ(partition_of_key("foobar", 1), partition_index{0});
}

TEST(partitioner, records_without_a_key_change_partition_with_the_batch) {
  std::map<std::int32_t, int> batches;
  for (std::uint64_t closed = 0; closed < 60; ++closed) {
    const auto p = sticky_partition(17, closed, 6);
    EXPECT_NE(p, sticky_partition(17, closed + 1, 6));
    ++batches[p.value];
  }
  ASSERT_EQ(batches.size(), 6U);
  for (const auto& [p, count] : batches) EXPECT_EQ(count, 10);
  EXPECT_NE(sticky_partition(17, 0, 6), sticky_partition(18, 0, 6));  // producers begin at different places
  EXPECT_EQ(sticky_partition(~std::uint64_t{0}, ~std::uint64_t{0}, 1), partition_index{0});
}

}  // namespace
}  // namespace dohle::rules
