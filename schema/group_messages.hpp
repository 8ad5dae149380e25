// The conversation about consumer groups, as plain values (messages.hpp has the rest): Kafka's classic protocol, its
// newer one (KIP-848), and what both have in common, committed offsets.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/transaction_messages.hpp"
#include "schema/types.hpp"

namespace dohle {

// --- consumer groups (Kafka's classic protocol) --------------------------------------------------------------------

struct group_protocol {
  std::string name;
  bytes metadata;  ///< opaque to the coordinator
  friend bool operator==(const group_protocol&, const group_protocol&) = default;
};
struct group_member {
  std::string id;
  std::string instance;  ///< static member's name, or empty
  bytes metadata;
  friend bool operator==(const group_member&, const group_member&) = default;
};
struct join_group_response {
  dohle::generation generation;
  std::string protocol;
  std::string leader;
  std::string member;
  std::vector<group_member> members;  ///< for the leader only
  friend bool operator==(const join_group_response&, const join_group_response&) = default;
};
struct join_group_request {
  using response = join_group_response;
  std::string group;
  std::string member;  ///< empty at first; the answer names it
  std::string instance;
  std::string client;
  std::string client_host;  ///< the peer's address; the broker's link fills it in
  std::string protocol_type = "consumer";
  std::vector<group_protocol> protocols;
  milliseconds session_timeout{45'000};
  milliseconds rebalance_timeout{60'000};
  friend bool operator==(const join_group_request&, const join_group_request&) = default;
};
struct group_assignment {
  std::string member;
  bytes assignment;
  friend bool operator==(const group_assignment&, const group_assignment&) = default;
};
struct sync_group_response {
  bytes assignment;
  friend bool operator==(const sync_group_response&, const sync_group_response&) = default;
};
struct sync_group_request {
  using response = sync_group_response;
  std::string group;
  dohle::generation generation;
  std::string member;
  std::string instance;
  std::vector<group_assignment> assignments;  ///< from the leader only
  friend bool operator==(const sync_group_request&, const sync_group_request&) = default;
};
struct heartbeat_response {
  friend bool operator==(const heartbeat_response&, const heartbeat_response&) = default;
};
struct heartbeat_request {
  using response = heartbeat_response;
  std::string group;
  dohle::generation generation;
  std::string member;
  std::string instance;
  friend bool operator==(const heartbeat_request&, const heartbeat_request&) = default;
};
struct leave_group_response {
  friend bool operator==(const leave_group_response&, const leave_group_response&) = default;
};
struct leave_group_request {
  using response = leave_group_response;
  std::string group;
  std::string member;
  std::string instance;
  friend bool operator==(const leave_group_request&, const leave_group_request&) = default;
};

struct committed_offset {
  std::string topic;
  partition_index partition;
  dohle::offset offset;  ///< the next record to read
  std::string metadata;
  epoch leader_epoch{-1};  ///< of the last record read; -1 = not told
  friend bool operator==(const committed_offset&, const committed_offset&) = default;
};
struct commit_offsets_response {
  friend bool operator==(const commit_offsets_response&, const commit_offsets_response&) = default;
};
/// Answered when the offsets are durable. Without members in the group, `generation` -1 and an empty member are taken.
/// Within a transaction they are only kept ready: they count once it is committed.
struct commit_offsets_request {
  using response = commit_offsets_response;
  std::string group;
  dohle::generation generation{-1};
  std::string member;
  std::string instance;
  std::vector<committed_offset> offsets;
  std::optional<in_transaction> within;
  friend bool operator==(const commit_offsets_request&, const commit_offsets_request&) = default;
};
struct fetch_offsets_response {
  std::vector<committed_offset> offsets;  ///< only partitions that have one
  friend bool operator==(const fetch_offsets_response&, const fetch_offsets_response&) = default;
};
struct fetch_offsets_request {
  using response = fetch_offsets_response;
  std::string group;
  std::vector<topic_partition> partitions;  ///< empty = all
  bool require_stable = false;              ///< `unstable_offset` while a transaction is to decide one of them
  friend bool operator==(const fetch_offsets_request&, const fetch_offsets_request&) = default;
};
struct delete_offsets_response {
  std::vector<topic_partition> subscribed;  ///< not deleted: the group reads their topics
  friend bool operator==(const delete_offsets_response&, const delete_offsets_response&) = default;
};
/// Forgets what a group committed of these partitions. `unknown_group`; where nothing is committed nothing happens.
struct delete_offsets_request {
  using response = delete_offsets_response;
  std::string group;
  std::vector<topic_partition> partitions;
  friend bool operator==(const delete_offsets_request&, const delete_offsets_request&) = default;
};
struct described_member {
  std::string id;
  std::string instance;
  std::string client;
  std::string client_host;
  bytes metadata;
  bytes assignment;
  friend bool operator==(const described_member&, const described_member&) = default;
};
struct describe_group_response {
  std::string group;
  std::string state;  ///< Empty, PreparingRebalance, CompletingRebalance, Stable, Dead: Kafka's names
  std::string protocol_type;
  std::string protocol;
  dohle::generation generation;  ///< the epoch of a group of type consumer
  std::vector<described_member> members;
  std::string type = "classic";  ///< classic or consumer, as in listed_group; a consumer's members have no metadata
  friend bool operator==(const describe_group_response&, const describe_group_response&) = default;
};
struct describe_group_request {
  using response = describe_group_response;
  std::string group;
  friend bool operator==(const describe_group_request&, const describe_group_request&) = default;
};
struct listed_group {
  std::string group;
  std::string state;
  std::string protocol_type;
  std::string type = "classic";  ///< classic or consumer: which protocol its members speak
  friend bool operator==(const listed_group&, const listed_group&) = default;
};
struct list_groups_response {
  std::vector<listed_group> groups;
  friend bool operator==(const list_groups_response&, const list_groups_response&) = default;
};
struct list_groups_request {
  using response = list_groups_response;
  friend bool operator==(const list_groups_request&, const list_groups_request&) = default;
};
struct delete_group_response {
  friend bool operator==(const delete_group_response&, const delete_group_response&) = default;
};
struct delete_group_request {
  using response = delete_group_response;
  std::string group;
  friend bool operator==(const delete_group_request&, const delete_group_request&) = default;
};

// --- consumer groups, Kafka's newer protocol (KIP-848): the broker assigns -----------------------------------------

struct consumer_heartbeat_response {
  std::string member;
  std::int32_t member_epoch = 0;
  milliseconds interval{5'000};  ///< to the next heartbeat
  /// What the member should own from now on; none: as the last answer said.
  std::optional<std::vector<topic_partition>> assignment;
  friend bool operator==(const consumer_heartbeat_response&, const consumer_heartbeat_response&) = default;
};
/// All that a member of such a group says: it enters (`member_epoch` 0), stays, and leaves (-1; -2 when it is static
/// and means to come back). What is not given is as it was.
struct consumer_heartbeat_request {
  using response = consumer_heartbeat_response;
  std::string group;
  std::string member;
  std::int32_t member_epoch = 0;
  std::string instance;
  std::string client;
  std::string client_host;
  std::optional<std::string> rack;
  std::optional<milliseconds> rebalance_timeout;
  std::optional<std::vector<std::string>> topics;
  std::optional<std::string> pattern;   ///< a regular expression (RE2) that topics' names match as a whole
  std::optional<std::string> assignor;  ///< of the broker: uniform or range
  std::optional<std::vector<topic_partition>> owned;
  friend bool operator==(const consumer_heartbeat_request&, const consumer_heartbeat_request&) = default;
};
struct described_consumer {
  std::string id;
  std::string instance;
  std::string rack;
  std::string client;
  std::string client_host;
  std::int32_t member_epoch = 0;
  std::vector<std::string> topics;
  std::string pattern;
  std::vector<topic_partition> assignment;
  std::vector<topic_partition> target;
  bool classic = false;  ///< speaks the classic protocol in this group
  friend bool operator==(const described_consumer&, const described_consumer&) = default;
};
struct describe_consumer_group_response {
  std::string group;
  std::string state;  ///< Empty, Assigning, Reconciling, Stable, Dead: Kafka's names
  std::int32_t epoch = 0;
  std::int32_t assignment_epoch = 0;
  std::string assignor;
  std::vector<described_consumer> members;
  friend bool operator==(const describe_consumer_group_response&, const describe_consumer_group_response&) = default;
};
/// `unknown_group` also for a group that speaks the classic protocol.
struct describe_consumer_group_request {
  using response = describe_consumer_group_response;
  std::string group;
  friend bool operator==(const describe_consumer_group_request&, const describe_consumer_group_request&) = default;
};

}  // namespace dohle
