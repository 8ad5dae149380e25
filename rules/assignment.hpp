// Who of a group reads which partition: Kafka's range and round robin, and a sticky one. Computed by the group's
// leader (a client) from everybody's subscription. Pure and deterministic: the order in which members are given does
// not matter. What is true of each result: every member has an entry; every partition of a topic that somebody
// subscribed to is given to exactly one of its subscribers; a member's partitions are sorted.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

struct subscription {
  std::string member;
  std::string instance;  ///< static member's name, or empty; static members come first, in the order of their names
  std::vector<std::string> topics;
  std::vector<topic_partition> owned;  ///< what it had in the last generation
  bytes user_data;
};

/// Topic -> number of partitions. Topics that are not here do not exist and are left out.
using partition_counts = std::map<std::string, std::int32_t>;
/// Member -> its partitions.
using assignment = std::map<std::string, std::vector<topic_partition>>;

/// Kafka's names on the wire.
inline constexpr std::string_view range_protocol = "range";
inline constexpr std::string_view round_robin_protocol = "roundrobin";
inline constexpr std::string_view sticky_protocol = "sticky";

/// Per topic: consecutive partitions to each subscriber, the first ones get one more.
assignment assign_range(std::span<const subscription> members, const partition_counts& topics);
/// All partitions in order, dealt in turn.
assignment assign_round_robin(std::span<const subscription> members, const partition_counts& topics);
/// Everybody keeps what it owns as far as balance allows: no partition could go to a subscriber that has two fewer
/// than its holder. When all subscribe to the same topics, nobody has two more than another and as few as possible
/// move.
assignment assign_sticky(std::span<const subscription> members, const partition_counts& topics);
/// By protocol name; `inconsistent_protocol` for a name that is none of the three.
result<assignment> assign(std::string_view protocol, std::span<const subscription> members,
                          const partition_counts& topics);

}  // namespace dohle::rules
