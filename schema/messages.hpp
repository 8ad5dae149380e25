// Every request and response of Dohle as plain values: what actors say to each other, and what codec.hpp puts on the
// wire. A request names one partition or one group, so that it goes straight to the actor that answers it.
// An answer is `result<X_response>`: the error travels in its place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/error.hpp"
#include "schema/group_messages.hpp"
#include "schema/transaction_messages.hpp"
#include "schema/types.hpp"

namespace dohle {

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
  bool enlist = true;  ///< a batch of a transaction: adds the partition to it; false: refused when it was not added
  friend bool operator==(const produce_request&, const produce_request&) = default;
};

/// What a reader may see.
enum class isolation : std::uint8_t {
  uncommitted = 0,  ///< everything up to the high watermark, open and aborted transactions included
  committed = 1     ///< nothing of an open transaction or behind its begin; aborted ones are named, to be left out
};
/// Batches of this producer from `first` up to its next marker were aborted.
struct aborted_transaction {
  producer_id producer;
  offset first;
  friend bool operator==(const aborted_transaction&, const aborted_transaction&) = default;
};
struct fetch_response {
  offset high_watermark;
  offset start;                ///< records before it are gone, also those that share a batch with it
  std::vector<bytes> batches;  ///< each one or more whole record batches; the first may begin before the asked offset
  offset last_stable;          ///< before it every transaction is decided; never above the high watermark
  std::vector<aborted_transaction> aborted;  ///< that reach into the batches, by `first`; only when isolated
  friend bool operator==(const fetch_response&, const fetch_response&) = default;
};
/// Records from `from` on, up to the high watermark, or up to the last stable offset when isolated. Waits until
/// `min_bytes` are there or `max_wait` is over; an empty answer is not an error. At least one whole batch is sent when
/// there is one, whatever `max_bytes` says. Backward: whole batches that begin before `from`, the newest of `batches`
/// first, each of them in the order of the log. The newest batch may reach beyond `from`. Never waits: an empty answer
/// says that nothing lies before `from`.
struct fetch_request {
  using response = fetch_response;
  std::string topic;
  partition_index partition;
  offset from;
  std::uint32_t max_bytes = 1 << 20;
  std::uint32_t min_bytes = 1;
  milliseconds max_wait{0};
  bool backward = false;
  dohle::isolation isolation = dohle::isolation::uncommitted;
  friend bool operator==(const fetch_request&, const fetch_request&) = default;
};

enum class offset_query : std::uint8_t {
  earliest = 0,
  latest = 1,         ///< the end of what is visible: the high watermark, or the last stable offset
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
  dohle::isolation isolation = dohle::isolation::uncommitted;
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

struct epoch_end_response {
  dohle::epoch epoch{-1};  ///< the largest epoch up to the asked one that has records; -1 = none
  offset end{-1};          ///< where it ends: the begin of the next one, or the end of the log
  friend bool operator==(const epoch_end_response&, const epoch_end_response&) = default;
};
/// Where a leader's reign ended, as far as it is visible: a reader sees by it whether what it read was taken back.
struct epoch_end_request {
  using response = epoch_end_response;
  std::string topic;
  partition_index partition;
  dohle::epoch epoch;
  friend bool operator==(const epoch_end_request&, const epoch_end_request&) = default;
};

struct active_producer {
  producer_id id;
  std::int16_t epoch = 0;
  std::int32_t last_sequence = -1;
  timestamp last = no_timestamp;            ///< of its last batch
  std::optional<offset> transaction_start;  ///< first offset of its open transaction here
  friend bool operator==(const active_producer&, const active_producer&) = default;
};
struct describe_producers_response {
  std::vector<active_producer> producers;  ///< by id
  friend bool operator==(const describe_producers_response&, const describe_producers_response&) = default;
};
/// The idempotent producers that a partition remembers.
struct describe_producers_request {
  using response = describe_producers_response;
  std::string topic;
  partition_index partition;
  friend bool operator==(const describe_producers_request&, const describe_producers_request&) = default;
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
              delete_records_request, add_to_transaction_request, end_transaction_request, list_transactions_request,
              describe_transaction_request, describe_producers_request, epoch_end_request, delete_offsets_request,
              consumer_heartbeat_request, describe_consumer_group_request, write_marker_request>;
using request = all_requests::into<std::variant>;

/// `topic_description` answers three requests and stands once.
using response =
    std::variant<error, hello_response, metadata_response, topic_description, delete_topic_response,
                 init_producer_response, produce_response, fetch_response, list_offsets_response, join_group_response,
                 sync_group_response, heartbeat_response, leave_group_response, commit_offsets_response,
                 fetch_offsets_response, describe_group_response, list_groups_response, delete_group_response,
                 delete_records_response, add_to_transaction_response, end_transaction_response,
                 list_transactions_response, describe_transaction_response, describe_producers_response,
                 epoch_end_response, delete_offsets_response, consumer_heartbeat_response,
                 describe_consumer_group_response, write_marker_response>;

}  // namespace dohle
