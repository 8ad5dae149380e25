// What Dohle keeps in its own topics: cluster metadata (`__cluster`), consumer groups (`__consumer_offsets`) and
// transactions
// (`__transaction_state`). Plain values and their bytes, which are the values (and keys) of ordinary records. The
// layout is stored.capnp, unpacked; bytes that are no such record come back as `corrupt_data`, a kind of record that
// this build does not know as `newer_format`.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "schema/error.hpp"
#include "schema/messages.hpp"
#include "schema/types.hpp"

namespace dohle {

inline constexpr std::string_view cluster_topic = "__cluster";
inline constexpr std::string_view groups_topic = "__consumer_offsets";
inline constexpr std::string_view transactions_topic = "__transaction_state";

// --- __cluster: values without keys, read from the start -------------------------------------------------------------

struct stored_partition {
  partition_index index;
  partition_id id;
  std::vector<broker_id> replicas;
  friend bool operator==(const stored_partition&, const stored_partition&) = default;
};

/// A topic as it is from here on: it replaces an earlier record of the same name whole.
struct topic_record {
  std::string name;
  timestamp created = no_timestamp;
  bool internal = false;
  std::vector<stored_partition> partitions;
  std::vector<std::pair<std::string, std::string>> configs;  ///< only those that were set: name, value
  partition_id next_partition_id;  ///< first id never given out yet: ids are not used again after a topic is deleted
  friend bool operator==(const topic_record&, const topic_record&) = default;
};

struct topic_deleted_record {
  std::string name;
  friend bool operator==(const topic_deleted_record&, const topic_deleted_record&) = default;
};

/// Producer ids below `next` are given out, or lost with the broker that held them.
struct producer_ids_record {
  std::int64_t next = 0;
  friend bool operator==(const producer_ids_record&, const producer_ids_record&) = default;
};

using cluster_record = std::variant<topic_record, topic_deleted_record, producer_ids_record>;

std::string encode_cluster_record(const cluster_record& record);
result<cluster_record> decode_cluster_record(std::string_view value);

// --- __consumer_offsets: a key says what its value is; a null value deletes
// --------------------------------------------------

struct offset_key {
  std::string group;
  std::string topic;
  partition_index partition;
  friend auto operator<=>(const offset_key&, const offset_key&) = default;
};
struct offset_value {
  dohle::offset offset;
  std::string metadata;
  timestamp committed = no_timestamp;
  epoch leader_epoch{-1};
  friend bool operator==(const offset_value&, const offset_value&) = default;
};

/// What a group's member committed within a transaction that is still open: it counts once that is committed.
struct pending_key {
  std::string group;
  producer_id producer;
  friend auto operator<=>(const pending_key&, const pending_key&) = default;
};
struct pending_value {
  std::int16_t epoch = 0;
  std::vector<committed_offset> offsets;
  friend bool operator==(const pending_value&, const pending_value&) = default;
};

struct group_key {
  std::string group;
  friend auto operator<=>(const group_key&, const group_key&) = default;
};
struct stored_member {
  std::string id;
  std::string instance;
  std::string client;
  milliseconds session_timeout{0};
  milliseconds rebalance_timeout{0};
  bytes metadata;
  bytes assignment;
  std::string client_host;
  friend bool operator==(const stored_member&, const stored_member&) = default;
};
struct group_value {
  dohle::generation generation;
  std::string protocol_type;
  std::string protocol;
  std::string leader;
  std::vector<stored_member> members;
  friend bool operator==(const group_value&, const group_value&) = default;
};

/// A group whose members the broker assigns (KIP-848) has this record in place of the other.
struct consumer_group_key {
  std::string group;
  friend auto operator<=>(const consumer_group_key&, const consumer_group_key&) = default;
};
struct stored_consumer {
  std::string id;
  std::string instance;
  std::string rack;
  std::string client;
  std::string client_host;
  std::int32_t epoch = 0;
  std::int32_t previous_epoch = -1;
  std::uint8_t phase = 0;  ///< rules/reconciliation.hpp: stable, revoking, waiting
  milliseconds rebalance_timeout{0};
  std::vector<std::string> topics;
  std::string pattern;
  std::string assignor;
  std::vector<topic_partition> assigned;  ///< these three sorted
  std::vector<topic_partition> revoking;
  std::vector<topic_partition> target;
  friend bool operator==(const stored_consumer&, const stored_consumer&) = default;
};
struct consumer_group_value {
  std::int32_t epoch = 0;
  std::int32_t assignment_epoch = 0;
  std::vector<std::pair<std::string, std::int32_t>> topics;  ///< that members read, and how many partitions they had
  std::vector<stored_consumer> members;
  friend bool operator==(const consumer_group_value&, const consumer_group_value&) = default;
};

using stored_group_key = std::variant<offset_key, group_key, pending_key, consumer_group_key>;

/// One record of `__consumer_offsets`; a missing value is a tombstone.
struct offset_record {
  offset_key key;
  std::optional<offset_value> value;
  friend bool operator==(const offset_record&, const offset_record&) = default;
};
struct group_record {
  group_key key;
  std::optional<group_value> value;
  friend bool operator==(const group_record&, const group_record&) = default;
};
struct pending_offsets_record {
  pending_key key;
  std::optional<pending_value> value;
  friend bool operator==(const pending_offsets_record&, const pending_offsets_record&) = default;
};
struct consumer_group_record {
  consumer_group_key key;
  std::optional<consumer_group_value> value;
  friend bool operator==(const consumer_group_record&, const consumer_group_record&) = default;
};
using stored_group_record = std::variant<offset_record, group_record, pending_offsets_record, consumer_group_record>;

/// Equal keys have equal bytes: compaction compares them.
std::string encode_group_key(const stored_group_key& key);
std::string encode_offset_value(const offset_value& value);
std::string encode_group_value(const group_value& value);
std::string encode_pending_value(const pending_value& value);
std::string encode_consumer_group_value(const consumer_group_value& value);
/// `value` is nullopt for a null value.
result<stored_group_record> decode_group_record(std::string_view key, std::optional<std::string_view> value);

// --- __transaction_state: the key is the transaction's name, a null value deletes
// ----------------------------------------

/// Kafka's states; the numbers lie on disk.
enum class transaction_status : std::uint8_t {
  empty = 0,            ///< its producer is known, nothing was begun
  ongoing = 1,          ///< open: parts are added
  prepare_commit = 2,   ///< decided; not every part has heard of it
  prepare_abort = 3,    ///< the same
  complete_commit = 4,  ///< every part knows
  complete_abort = 5,   ///< the same
};
struct transaction_value {
  producer_id producer;
  std::int16_t epoch = 0;  ///< the producer's, since the decision if there is one
  milliseconds timeout{0};
  transaction_status status = transaction_status::empty;
  std::set<topic_partition> partitions;
  std::set<std::string> groups;
  timestamp started = no_timestamp;  ///< of the open transaction
  timestamp updated = no_timestamp;
  friend bool operator==(const transaction_value&, const transaction_value&) = default;
};

std::string encode_transaction_value(const transaction_value& value);
result<transaction_value> decode_transaction_value(std::string_view value);

}  // namespace dohle
