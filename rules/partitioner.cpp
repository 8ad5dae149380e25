#include "rules/partitioner.hpp"

#include "schema/byte_order.hpp"
#include "schema/error.hpp"

namespace dohle::rules {

// Written out because no packaged library has this variant: 32-bit MurmurHash2 with Kafka's seed, words little-endian.
std::int32_t murmur2(std::string_view data) {
  constexpr std::uint32_t seed = 0x9747b28c;
  constexpr std::uint32_t m = 0x5bd1e995;
  constexpr int r = 24;

  std::uint32_t h = seed ^ static_cast<std::uint32_t>(data.size());
  while (data.size() >= 4) {
    auto k = load_little<std::uint32_t>(data.data());
    k *= m;
    k ^= k >> r;
    k *= m;
    h *= m;
    h ^= k;
    data.remove_prefix(4);
  }
  if (!data.empty()) {
    for (std::size_t i = 0; i < data.size(); ++i) h ^= std::uint32_t{static_cast<unsigned char>(data[i])} << (8 * i);
    h *= m;
  }
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return static_cast<std::int32_t>(h);
}

partition_index partition_of_key(std::string_view key, std::int32_t partitions) {
  DOHLE_ASSERT(partitions > 0, "a topic has at least one partition");
  return partition_index{(murmur2(key) & 0x7fffffff) % partitions};
}

partition_index sticky_partition(std::uint64_t seed, std::uint64_t batches_closed, std::int32_t partitions) {
  DOHLE_ASSERT(partitions > 0, "a topic has at least one partition");
  const auto count = static_cast<std::uint64_t>(partitions);
  return partition_index{static_cast<std::int32_t>((seed % count + batches_closed % count) % count)};
}

}  // namespace dohle::rules
