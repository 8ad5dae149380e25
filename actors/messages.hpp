// The whole conversation between actors. Requests and responses are those of schema/messages.hpp: an actor that answers
// them is an *endpoint* (the broker of this process, or a link to one elsewhere); it answers X_request with
// result<X_response>. The other structs are what the broker's own actors tell each other. Nothing here leaves the
// process: on the wire stands schema/codec.hpp. One struct a message, immutable once sent.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "rules/topic_config.hpp"
#include "schema/messages.hpp"
#include "store/folder.hpp"

namespace dohle::actors {

using tick_atom = caf::atom_constant<caf::atom("tick")>;
/// Ends an actor after what was sent to it before; an exit message would overtake.
using stop_atom = caf::atom_constant<caf::atom("stop")>;

/// From a thread outside the actor system: the answer is handed to `done`, on an actor's thread, exactly once.
struct blocking_call {
  request what;
  std::function<void(response)> done;
};

// --- journal writer ------------------------------------------------------------------------------------------------

/// Leader -> journal writer. Answered by `appended` or `refused`, in the order of the appends.
struct append {
  std::vector<store::entry> entries;  ///< all of one partition
  std::uint32_t attempt = 0;  ///< the leader's count of refusals; after a refusal older attempts are refused too
};
/// These entries are flushed to disk.
struct appended {
  std::vector<store::flushed_entry> entries;
};
/// Nothing of attempt `attempt` or before that was not yet answered will ever be flushed.
struct refused {
  std::uint32_t attempt = 0;
  error why;
};

/// What waits for the disk, counted by the journal writer and read by every leader before it accepts more.
struct journal_pressure {
  std::atomic<std::size_t> bytes_in_flight{0};
  std::atomic<std::size_t> files{0};
};

// --- settler and reader: detached, they may touch the disk ---------------------------------------------------------

/// What the leader of a partition and the janitor tell others (and whoever describes the partition) without a message.
struct partition_marks {
  std::atomic<std::int64_t> high_watermark{0};
  std::atomic<std::int64_t> append_clock{-1};    ///< the log's clock: broker's time of its last append, ms; -1 = none
  std::atomic<std::uint32_t> damaged_places{0};  ///< found by the scrub
};

/// Broker -> settler: keep settling this log up to its watermark. Broker -> janitor: keep it in order. Replaces an
/// earlier watch.
struct watch_log {
  std::shared_ptr<store::log> log;
  std::shared_ptr<partition_marks> marks;
  rules::topic_config config;
};
/// Broker -> settler: opens (makes) the logs of these partitions. Answered by `opened_logs`.
struct open_logs {
  std::vector<partition_id> partitions;
};
struct opened_logs {
  std::vector<std::shared_ptr<store::log>> logs;  ///< in the order asked
};
/// Broker -> janitor: forget these partitions. Broker -> settler: they are gone; their files are unlinked.
struct drop_logs {
  std::vector<partition_id> partitions;
};
/// Leader -> settler: answers a delete_records_request in the leader's place. `before` lies within what is visible.
struct forget_records {
  std::shared_ptr<store::log> log;
  offset before;
  offset limit;  ///< the high watermark
};
/// Leader -> reader: answers the request in the leader's place, records below `limit` only.
struct cold_fetch {
  std::shared_ptr<store::log> log;
  fetch_request what;
  offset limit;  ///< the high watermark, or the last stable offset when isolated
  offset high_watermark;
  offset last_stable;
  std::vector<store::ended_transaction> aborted;  ///< isolated: before `limit`, those that may not have settled
};
struct cold_list_offsets {
  std::shared_ptr<store::log> log;
  list_offsets_request what;
  offset limit;
};
struct cold_epoch_end {
  std::shared_ptr<store::log> log;
  epoch_end_request what;
  offset limit;
};
/// Answers a describe_producers_request.
struct cold_producers {
  std::shared_ptr<store::log> log;
};

// --- transactions --------------------------------------------------------------------------------------------------

/// Leader or group -> transactions: may what this producer sends count to its open transaction? Answered with
/// result<part_enlisted> when the partition or the group durably takes part. `may_add` false: it must already.
struct enlist_part {
  producer_id producer;
  std::int16_t epoch = 0;
  std::optional<topic_partition> partition;  ///< none: `group`
  std::string group;
  bool may_add = true;
};
struct part_enlisted {};
/// Transactions -> broker -> leader or group: this producer's transaction is decided. Answered with
/// result<part_decided> when that is durable there, also when it was before; a partition or group that is gone has
/// nothing to decide. From now on only the producer's `epoch` or a later one is taken.
struct decide_part {
  producer_id producer;
  std::int16_t epoch = 0;
  bool commit = false;
  std::optional<topic_partition> partition;  ///< none: `group`
  std::string group;
};
struct part_decided {};

/// Broker -> leader: the topic's configuration changed.
struct reconfigured {
  rules::topic_config config;
};

}  // namespace dohle::actors

#define DOHLE_MESSAGE(name)                            \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::name##_request) \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::result<dohle::name##_response>)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::create_topic_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::describe_topic_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::alter_topic_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::result<dohle::topic_description>)
DOHLE_MESSAGE(hello)
DOHLE_MESSAGE(metadata)
DOHLE_MESSAGE(delete_topic)
DOHLE_MESSAGE(init_producer)
DOHLE_MESSAGE(produce)
DOHLE_MESSAGE(fetch)
DOHLE_MESSAGE(list_offsets)
DOHLE_MESSAGE(join_group)
DOHLE_MESSAGE(sync_group)
DOHLE_MESSAGE(heartbeat)
DOHLE_MESSAGE(leave_group)
DOHLE_MESSAGE(commit_offsets)
DOHLE_MESSAGE(fetch_offsets)
DOHLE_MESSAGE(describe_group)
DOHLE_MESSAGE(list_groups)
DOHLE_MESSAGE(delete_group)
DOHLE_MESSAGE(delete_records)
DOHLE_MESSAGE(add_to_transaction)
DOHLE_MESSAGE(end_transaction)
DOHLE_MESSAGE(list_transactions)
DOHLE_MESSAGE(describe_transaction)
DOHLE_MESSAGE(describe_producers)
DOHLE_MESSAGE(epoch_end)
DOHLE_MESSAGE(delete_offsets)
DOHLE_MESSAGE(consumer_heartbeat)
DOHLE_MESSAGE(describe_consumer_group)
DOHLE_MESSAGE(write_marker)
#undef DOHLE_MESSAGE

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::blocking_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::append)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::appended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::watch_log)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::open_logs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::result<dohle::actors::opened_logs>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::drop_logs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::forget_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::cold_fetch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::cold_list_offsets)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::cold_epoch_end)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::cold_producers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::enlist_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::result<dohle::actors::part_enlisted>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::decide_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::result<dohle::actors::part_decided>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::reconfigured)
