// Which partition a record goes to, exactly as Kafka's default partitioner: the same key to the same partition
// whichever client wrote it. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "schema/types.hpp"

namespace dohle::rules {

/// Murmur2 with Kafka's seed, as the signed number Java shows.
std::int32_t murmur2(std::string_view data);

/// The partition of a record with a key. `partitions` > 0.
partition_index partition_of_key(std::string_view key, std::int32_t partitions);

/// The partition that records without a key go to while the producer's batch number `batches_closed` fills: they stay
/// together in one batch, and the next batch goes to the next partition. `seed` (any number, one a producer) decides
/// where it begins.
partition_index sticky_partition(std::uint64_t seed, std::uint64_t batches_closed, std::int32_t partitions);

}  // namespace dohle::rules
