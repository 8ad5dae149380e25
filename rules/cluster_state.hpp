// What the cluster consists of, as a table: topics with their partitions and configs, and what ids are given out. It is
// the sum of the records of the cluster topic: `plan_*` decide the record that a request asks for, `apply` adds a
// record once it is durable. Pure; the same records in the same order give the same state everywhere.
// Invariant: no partition id and no producer id is ever given out twice, also not after its topic is deleted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "schema/error.hpp"
#include "schema/messages.hpp"
#include "schema/stored.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

/// Partition ids below are those of the internal topics, which are in no record.
inline constexpr partition_id first_topic_partition{2};

struct cluster_state {
  std::map<std::string, topic_record> topics;
  partition_id next_partition_id = first_topic_partition;
  std::int64_t next_producer_id = 0;

  std::size_t partition_count() const;
};

/// The topic asked for, its configs checked and normalized, its replicas on `brokers` in turn. `topic_exists`,
/// `invalid_topic`, `invalid_config`, `invalid_request` (counts), `busy` (a bound of the cluster).
result<topic_record> plan_create(const cluster_state&, const create_topic_request&, timestamp now,
                                 std::span<const broker_id> brokers);
/// The topic as it is afterwards: configs set and reset, partitions added behind those it has, never taken away.
result<topic_record> plan_alter(const cluster_state&, const alter_topic_request&, std::span<const broker_id> brokers);
result<topic_deleted_record> plan_delete(const cluster_state&, const std::string& name);
/// A block of `count` producer ids from `next_producer_id` on: they are the caller's once the record is durable.
result<producer_ids_record> plan_producer_ids(const cluster_state&, std::int64_t count);

void apply(cluster_state&, const cluster_record&);

}  // namespace dohle::rules
