// Every request and response of Dohle as plain values: what actors say to each other, and what codec.hpp puts on the
// wire. A request names one partition or one group, so that it goes straight to the actor that answers it.
// An answer is `result<X_response>`: the error travels in its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle {

using milliseconds = std::chrono::milliseconds;

struct config_entry {
  std::string name;
  std::string value;
  bool is_default = false;  ///< in answers: the value is the broker's default, not the topic's own
  friend bool operator==(const config_entry&, const config_entry&) = default;
};

// --- connection ----------------------------------------------------------------------------------------------------

/// First frame of a connection. The broker answers with the version both speak, or `unsupported_version`.
struct hello_response {
  std::uint16_t version = 0;
  std::vector<std::string> features;
  broker_id broker;
  std::string cluster;   ///< the cluster's identity, a UUID
  std::string software;  ///< e.g. "dohle 0.1.0"
  std::uint64_t max_frame_bytes = 0;
  friend bool operator==(const hello_response&, const hello_response&) = default;
};
struct hello_request {
  using response = hello_response;
  std::string client;  ///< free text for logs
  std::uint16_t min_version = 0;
  std::uint16_t max_version = 0;
  std::vector<std::string> features;  ///< that the client wants; the answer holds those it gets
  friend bool operator==(const hello_request&, const hello_request&) = default;
};

// --- topics --------------------------------------------------------------------------------------------------------

struct broker_info {
  broker_id id;
  std::string host;  ///< empty for an embedded broker that does not listen
  std::uint16_t port = 0;
  friend bool operator==(const broker_info&, const broker_info&) = default;
};
struct partition_info {
  partition_index index;
  partition_id id;
  broker_id leader;
  dohle::epoch epoch;
  std::vector<broker_id> replicas;
  friend bool operator==(const partition_info&, const partition_info&) = default;
};
struct topic_info {
  std::string name;
  bool internal = false;
  std::vector<partition_info> partitions;
  friend bool operator==(const topic_info&, const topic_info&) = default;
};
struct metadata_response {
  std::string cluster;
  broker_id controller;
  std::vector<broker_info> brokers;
  std::vector<topic_info> topics;
  friend bool operator==(const metadata_response&, const metadata_response&) = default;
};
/// Which topics exist and who leads their partitions. A named topic that does not exist is absent from the answer.
struct metadata_request {
  using response = metadata_response;
  std::vector<std::string> topics;  ///< empty = all
  bool include_internal = false;
  friend bool operator==(const metadata_request&, const metadata_request&) = default;
};

struct partition_description {
  partition_info info;
  offset start;                  ///< first record still there
  offset high_watermark;         ///< end of what is visible
  std::uint64_t size_bytes = 0;  ///< stored batches of this partition
  timestamp max_timestamp = no_timestamp;
  offset cleaned_until;              ///< compaction left one record a key before it, as of its last pass
  std::uint64_t dirty_bytes = 0;     ///< stored batches behind it, which wait for compaction where a topic has it
  std::uint32_t damaged_places = 0;  ///< found by the scrub since the broker opened its folder
  friend bool operator==(const partition_description&, const partition_description&) = default;
};
struct topic_description {
  std::string name;
  bool internal = false;
  timestamp created;
  std::vector<partition_description> partitions;
  std::vector<config_entry> configs;  ///< all known names, with defaults
  friend bool operator==(const topic_description&, const topic_description&) = default;
};
struct create_topic_request {
  using response = topic_description;
  std::string name;
  std::int32_t partitions = 1;
  std::int16_t replicas = 1;
  std::vector<config_entry> configs;
  bool validate_only = false;
  friend bool operator==(const create_topic_request&, const create_topic_request&) = default;
};
struct describe_topic_request {
  using response = topic_description;
  std::string name;
  friend bool operator==(const describe_topic_request&, const describe_topic_request&) = default;
};
struct alter_topic_request {
  using response = topic_description;
  std::string name;
  std::vector<config_entry> set;
  std::vector<std::string> reset;  ///< names that go back to their default
  std::int32_t partitions = 0;     ///< new count, never fewer; 0 = as it is
  friend bool operator==(const alter_topic_request&, const alter_topic_request&) = default;
};
struct delete_topic_response {
  friend bool operator==(const delete_topic_response&, const delete_topic_response&) = default;
};
struct delete_topic_request {
  using response = delete_topic_response;
  std::string name;
  friend bool operator==(const delete_topic_request&, const delete_topic_request&) = default;
};

// --- producing and fetching ----------------------------------------------------------------------------------------

struct init_producer_response {
  producer_id id;
  std::int16_t epoch = 0;
  friend bool operator==(const init_producer_response&, const init_producer_response&) = default;
};
/// A new identity for an idempotent producer, never given twice.
struct init_producer_request {
  using response = init_producer_response;
  friend bool operator==(const init_producer_request&, const init_producer_request&) = default;
};

struct produce_response {
  offset base;                            ///< offset of the batch's first record
  timestamp append_time = no_timestamp;   ///< set when the topic stamps records with the broker's time
  ack_level level = ack_level::majority;  ///< the level that was reached
  bool duplicate = false;                 ///< an idempotent repeat: `base` is the first attempt's
  friend bool operator==(const produce_response&, const produce_response&) = default;
};
/// Append one record batch (schema/record_batch.hpp). Answered when it is as durable as `acks` says; with
/// `ack_level::none` answered as soon as it was accepted.
struct produce_request {
  using response = produce_response;
  std::string topic;
  partition_index partition;
  ack_level acks = ack_level::majority;
  bytes batch;
  friend bool operator==(const produce_request&, const produce_request&) = default;
};

struct fetch_response {
  offset high_watermark;
  offset start;                ///< records before it are gone, also those that share a batch with it
  std::vector<bytes> batches;  ///< each one or more whole record batches; the first may begin before the asked offset
  friend bool operator==(const fetch_response&, const fetch_response&) = default;
};
/// Records from `from` on, up to the high watermark. Waits until `min_bytes` are there or `max_wait` is over; an empty
/// answer is not an error. At least one whole batch is sent when there is one, whatever `max_bytes` says.
/// Backward: whole batches that begin before `from`, the newest of `batches` first, each of them in the order of the
/// log. The newest batch may reach beyond `from`. Never waits: an empty answer says that nothing lies before `from`.
struct fetch_request {
  using response = fetch_response;
  std::string topic;
  partition_index partition;
  offset from;
  std::uint32_t max_bytes = 1 << 20;
  std::uint32_t min_bytes = 1;
  milliseconds max_wait{0};
  bool backward = false;
  friend bool operator==(const fetch_request&, const fetch_request&) = default;
};

enum class offset_query : std::uint8_t {
  earliest = 0,
  latest = 1,         ///< the high watermark
  at_time = 2,        ///< first record with a timestamp >= the given one
  max_timestamp = 3,  ///< the record with the largest timestamp
};
struct list_offsets_response {
  std::optional<dohle::offset> offset;  ///< none: no such record
  timestamp at = no_timestamp;          ///< the record's timestamp, for the two queries by time
  friend bool operator==(const list_offsets_response&, const list_offsets_response&) = default;
};
struct list_offsets_request {
  using response = list_offsets_response;
  std::string topic;
  partition_index partition;
  offset_query query = offset_query::earliest;
  timestamp at = no_timestamp;
  friend bool operator==(const list_offsets_request&, const list_offsets_request&) = default;
};

struct delete_records_response {
  offset start;  ///< of the log from now on
  friend bool operator==(const delete_records_response&, const delete_records_response&) = default;
};
/// Deletes the records before an offset, for ever: answered when that is durable. `offset_out_of_range` above the high
/// watermark; where they are gone already nothing happens.
struct delete_records_request {
  using response = delete_records_response;
  std::string topic;
  partition_index partition;
  offset before{-1};  ///< -1: the high watermark, so everything that is visible
  friend bool operator==(const delete_records_request&, const delete_records_request&) = default;
};

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
  friend bool operator==(const committed_offset&, const committed_offset&) = default;
};
struct commit_offsets_response {
  friend bool operator==(const commit_offsets_response&, const commit_offsets_response&) = default;
};
/// Answered when the offsets are durable. Without members in the group, `generation` -1 and an empty member are taken.
struct commit_offsets_request {
  using response = commit_offsets_response;
  std::string group;
  dohle::generation generation{-1};
  std::string member;
  std::string instance;
  std::vector<committed_offset> offsets;
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
  friend bool operator==(const fetch_offsets_request&, const fetch_offsets_request&) = default;
};
struct described_member {
  std::string id;
  std::string instance;
  std::string client;
  bytes metadata;
  bytes assignment;
  friend bool operator==(const described_member&, const described_member&) = default;
};
struct describe_group_response {
  std::string group;
  std::string state;  ///< Empty, PreparingRebalance, CompletingRebalance, Stable, Dead: Kafka's names
  std::string protocol_type;
  std::string protocol;
  dohle::generation generation;
  std::vector<described_member> members;
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

// --- all of them ---------------------------------------------------------------------------------------------------

/// A list of types to write code over.
template <class... Ts>
struct type_list {
  template <template <class...> class To>
  using into = To<Ts...>;
};

using all_requests =
    type_list<hello_request, metadata_request, create_topic_request, describe_topic_request, alter_topic_request,
              delete_topic_request, init_producer_request, produce_request, fetch_request, list_offsets_request,
              join_group_request, sync_group_request, heartbeat_request, leave_group_request, commit_offsets_request,
              fetch_offsets_request, describe_group_request, list_groups_request, delete_group_request,
              delete_records_request>;
using request = all_requests::into<std::variant>;

/// `topic_description` answers three requests and stands once.
using response = std::variant<error, hello_response, metadata_response, topic_description, delete_topic_response,
                              init_producer_response, produce_response, fetch_response, list_offsets_response,
                              join_group_response, sync_group_response, heartbeat_response, leave_group_response,
                              commit_offsets_response, fetch_offsets_response, describe_group_response,
                              list_groups_response, delete_group_response, delete_records_response>;

}  // namespace dohle
