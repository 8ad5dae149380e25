// What members of a group tell each other through the coordinator, in Kafka's own form ("consumer" protocol), so that
// Kafka clients can share a group. Big-endian:
//
//   subscription: i16 version | i32 n, n x string topic | bytes user data | from version 1: partitions owned
//   assignment:   i16 version | partitions | bytes user data
//   partitions:   i32 n, n x (string topic | i32 m, m x i32 partition)
//   string: i16 length, text        bytes: i32 length (-1 = null), data
//
// Written as version 1. Versions above 1 are read as far as version 1 goes, as Kafka's clients do. Bytes that do not
// hold what they claim are `invalid_request`.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "rules/assignment.hpp"
#include "schema/bytes.hpp"
#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

/// Writes topics, user data and owned partitions; member and instance travel elsewhere.
bytes encode_subscription(const subscription&);
/// Member and instance are left empty.
result<subscription> decode_subscription(const bytes&);
bytes encode_assignment(std::span<const topic_partition>, std::string_view user_data = {});
result<std::vector<topic_partition>> decode_assignment(const bytes&);

}  // namespace dohle::rules
