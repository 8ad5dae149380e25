// Every bound of the house, each with its reason. A queue, buffer, count or wait without a line here is a defect.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dohle::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

// --- batches and records -------------------------------------------------------------------------------------------
/// Largest stored batch: it travels as one journal frame of at most 16 MiB with its headers.
inline constexpr std::size_t max_batch_bytes = 16 * mib - 4 * kib;
/// Default of a topic's `max.message.bytes`: Kafka's.
inline constexpr std::size_t default_max_message_bytes = 1 * mib + 12;
/// Records in a batch: what 16 MiB of the smallest records could hold, so a count is checked before it is believed.
inline constexpr std::int32_t max_batch_records = 4'000'000;
/// A batch may not grow beyond this when decompressed: a small batch must not become a large allocation.
inline constexpr std::size_t max_decompressed_bytes = 64 * mib;
/// Headers of one record: far above any use seen, far below what would hurt.
inline constexpr std::size_t max_record_headers = 10'000;

// --- frames and connections ----------------------------------------------------------------------------------------
/// Largest frame body: one largest batch and room for its message.
inline constexpr std::size_t max_frame_bytes = 17 * mib;
/// Before hello a peer is a stranger: nothing larger is read from it.
inline constexpr std::size_t max_hello_bytes = 64 * kib;
/// One read from a socket: the kernel hands over about this much at once, and larger costs zero-filling.
inline constexpr std::size_t read_bytes = 64 * kib;
/// Requests of one connection that wait for an answer: beyond it the link stops reading.
inline constexpr std::size_t max_connection_requests = 1'000;
/// Bytes of requests of one connection that wait for an answer.
inline constexpr std::size_t max_connection_bytes = 32 * mib;
/// Fetches of one connection that wait for an answer, one a partition; further ones queue behind them.
inline constexpr std::size_t max_connection_fetches = 256;
/// What these fetches may bring together: each gets its share, so that sending ahead does not multiply memory.
inline constexpr std::size_t max_connection_fetch_bytes = 64 * mib;
/// Answers queued for a peer that does not read: beyond it the link stops reading from it.
inline constexpr std::size_t connection_write_high = 4 * mib;
inline constexpr std::size_t connection_write_low = 2 * mib;
/// Time for a stranger to say hello, and for a halted peer to take its answers, before the link is closed.
inline constexpr auto hello_timeout = 10s;
inline constexpr auto stalled_timeout = 60s;
/// Connections of one broker: idle ones cost about 70 KiB each, the buffer of a read.
inline constexpr std::size_t max_connections = 20'000;
/// Time to open a connection to a broker before the address is called unreachable.
inline constexpr auto connect_timeout = 5s;
/// Addresses in one URL: more than any cluster's first contacts need.
inline constexpr std::size_t max_url_addresses = 64;
/// A silent peer is probed after this long, so often, and given up: a cut cable is noticed within 20 s.
inline constexpr auto keepalive_idle = 10s;
inline constexpr auto keepalive_interval = 3s;
inline constexpr int keepalive_probes = 3;
/// Bytes that the peer's kernel does not take within this time end the connection.
inline constexpr auto unacknowledged_timeout = 20s;
/// Deadlines of a link's requests are looked at this often: one timer a link, not one a request.
inline constexpr auto link_check_interval = 250ms;

// --- Kafka's protocol ----------------------------------------------------------------------------------------------
/// Kafka's `socket.request.max.bytes`.
inline constexpr std::size_t max_kafka_frame_bytes = 100 * mib;
/// What all connections may hold together of requests that are not answered yet: ten of the largest.
inline constexpr std::size_t max_kafka_request_bytes = 10 * max_kafka_frame_bytes;
/// Kafka's connections.max.idle.ms.
inline constexpr auto max_kafka_idle = 10min;
/// What the lists of one request may become in memory: an element may take far more there than on the wire.
inline constexpr std::size_t max_kafka_message_memory = 64 * mib;

// --- names and requests --------------------------------------------------------------------------------------------
/// Kafka's bound on a topic's name.
inline constexpr std::size_t max_topic_name = 249;
inline constexpr std::size_t max_client_name = 1'000;
inline constexpr std::size_t max_topics = 10'000;
inline constexpr std::int32_t max_partitions_per_topic = 10'000;
inline constexpr std::size_t max_partitions = 100'000;
/// Changes of topics that wait for their turn; further ones are answered `busy`.
inline constexpr std::size_t max_pending_changes = 10'000;
/// A long poll may not wait longer: a client that wants more asks again.
inline constexpr auto max_fetch_wait = 5min;
/// Bytes of one fetch answer; the first batch is sent whole even when it is larger.
inline constexpr std::size_t max_fetch_bytes = 8 * mib;
/// An answer from the disk is no larger, whatever was asked for: the network's thread writes it in one go, and others'
/// acknowledgements wait behind it.
inline constexpr std::size_t max_cold_fetch_bytes = 512 * kib;
/// Fetches parked at the end of one partition: beyond it a fetch is answered empty at once.
inline constexpr std::size_t max_parked_fetches = 20'000;

/// Texts and lists of a message: checked when it is decoded, before anything is built from them.
inline constexpr std::size_t max_error_text = 16 * kib;
inline constexpr std::size_t max_config_value = 32 * kib;
inline constexpr std::size_t max_configs = 1'000;
inline constexpr std::size_t max_features = 100;
inline constexpr std::size_t max_feature_name = 100;
inline constexpr std::size_t max_brokers = 1'000;
inline constexpr std::size_t max_replicas = 100;
/// Pieces of one fetch answer: a leader joins what lies together, so that a piece is a chunk or a batch.
inline constexpr std::size_t max_fetch_pieces = 100'000;
/// Group names, protocol names, static members' names.
inline constexpr std::size_t max_group_name = 1'000;
/// A member's id: its client's name and a UUID.
inline constexpr std::size_t max_member_name = max_client_name + 100;
inline constexpr std::size_t max_group_protocols = 100;
/// No time that travels is longer: sums of two never overflow.
inline constexpr auto max_duration = 24h;

// --- leader, journal, settling -------------------------------------------------------------------------------------
/// Bytes of one partition on the way to the disk: beyond it produce is answered `busy`.
inline constexpr std::size_t max_partition_in_flight = 64 * mib;
/// Bytes of all partitions on the way to the disk.
inline constexpr std::size_t max_journal_in_flight = 256 * mib;
/// One group commit: enough that the flush is no longer what limits, small enough for LMDB's dirty list.
inline constexpr std::size_t max_group_bytes = 8 * mib;
/// A journal file is rolled here: recovery reads at most a few of these.
inline constexpr std::size_t journal_file_bytes = 512 * mib;
/// Journal files that wait for settling: beyond it producers are answered `busy` until the settler caught up.
inline constexpr std::size_t max_journal_files = 6;
/// Retired journal files kept for reuse: a flush into allocated blocks costs half.
inline constexpr std::size_t spare_journal_files = 2;
inline constexpr std::size_t segment_bytes = 512 * mib;
/// Room in each LMDB map beyond its nominal size: a map is never resized, it is rolled before it is full.
inline constexpr std::size_t map_slack_bytes = 64 * mib;
/// A chunk of a segment: one page run that one write or one copy moves.
inline constexpr std::size_t max_chunk_bytes = 64 * 4096 - 16;
/// A settling transaction: small enough that it does not hold up group commits.
inline constexpr std::size_t settle_step_bytes = 4 * mib;
/// A partition is due for settling when this much waits ...
inline constexpr std::size_t settle_due_bytes = 1 * mib;
/// ... or after this long.
inline constexpr auto settle_interval = 1s;
/// Retention is applied this often: seldom enough that a clock that jumped is noticed before much is gone.
inline constexpr auto retention_interval = 5min;
/// Whether a log is due for compaction is asked this often: Kafka's log.cleaner.backoff.ms.
inline constexpr auto compaction_interval = 15s;
/// Compaction reads and writes so much a second at most: a third of what a plain disk does, the rest is for clients.
inline constexpr std::size_t compaction_bytes_per_second = 64 * mib;
/// One message's work of compaction or scrub: a few milliseconds, and what a pass holds of a log in memory.
inline constexpr std::size_t janitor_step_bytes = 1 * mib;
/// Keys of one compaction pass, 24 bytes each at nine tenths: 2.5 million; more keys take more passes.
inline constexpr std::size_t compaction_map_bytes = 64 * mib;
/// Less than this is not worth a segment of its own, however dirty it is.
inline constexpr std::size_t compaction_least_bytes = 1 * mib;
/// The scrub reads so much a second: 700 GB a day, hardly felt.
inline constexpr std::size_t scrub_bytes_per_second = 8 * mib;
/// A round of the scrub begins this long after the round before began; the first one when a start has settled down.
inline constexpr auto scrub_interval = 24h;
inline constexpr auto scrub_delay = 10min;
/// Damaged places named in one round: a disk that dies must not fill the log with it.
inline constexpr std::size_t max_named_damage = 1'000;
/// Recent batches kept in memory for readers at the end of their partition, over all partitions of a broker.
inline constexpr std::size_t tail_cache_bytes = 32 * mib;
/// Segments that retention drops for their age in one pass: a clock that jumped cannot empty a partition at once.
inline constexpr std::size_t retention_step_segments = 8;
/// Open sealed segments of a broker; others are opened on demand.
inline constexpr std::size_t max_open_segments = 1'000;
/// Free space below which the broker is read-only: a journal file and its neighbours must always fit.
inline constexpr std::size_t disk_reserve_bytes = 16 * mib;

// --- producers and groups ------------------------------------------------------------------------------------------
/// Sequences remembered per idempotent producer: Kafka's five requests in flight.
inline constexpr std::size_t producer_window = 5;
/// Idempotent producers remembered per partition; the longest silent one is forgotten first.
inline constexpr std::size_t max_producers_per_partition = 100'000;
inline constexpr std::size_t max_groups = 10'000;
/// Names of transactions that a broker knows; unused ones are forgotten after `transaction_name_expiry`.
inline constexpr std::size_t max_transactions = 100'000;
/// Kafka's transactional.id.expiration.ms.
inline constexpr auto transaction_name_expiry = 24h * 7;
/// Kafka's transaction.max.timeout.ms: so long an open transaction may hold up those who read committed records.
inline constexpr auto max_transaction_timeout = 15min;
/// Deadlines of open transactions are looked at this often, while there are any.
inline constexpr auto transaction_check_interval = 1s;
/// Partitions and groups of one transaction: its record must fit a batch.
inline constexpr std::size_t max_transaction_parts = 10'000;
/// Batches of one partition that wait until their producer is known to be in a transaction.
inline constexpr std::size_t max_unverified_batches = 1'000;
/// Aborted transactions of a partition that its leader holds in memory beyond those that are not settled.
inline constexpr std::size_t max_aborted_in_memory = 10'000;
/// Aborted transactions that one fetch answer names; an answer that would need more ends before.
inline constexpr std::size_t max_fetch_aborted = 100'000;
inline constexpr std::size_t max_group_members = 10'000;
inline constexpr std::size_t max_group_metadata = 1 * mib;
/// Metadata and assignments of all members of a group: it is persisted as one record and must fit one batch.
inline constexpr std::size_t max_group_state_bytes = 8 * mib;
inline constexpr std::size_t max_commit_metadata = 4 * kib;
inline constexpr auto min_session_timeout = 1s;
inline constexpr auto max_session_timeout = 30min;
/// A member waits so long for its group's leader to hand out the partitions, then it joins again.
inline constexpr auto max_sync_wait = 60s;
/// A rebalance waits no longer for a member that is busy with its records.
inline constexpr auto max_rebalance_timeout = 24h;

// --- clients -------------------------------------------------------------------------------------------------------
/// Defaults of a producer: Kafka's names, sizes chosen for one flush a batch.
inline constexpr std::size_t default_batch_bytes = 256 * kib;
inline constexpr std::size_t default_buffer_bytes = 64 * mib;
inline constexpr auto default_linger = 5ms;
inline constexpr std::size_t default_producer_requests = 5;
inline constexpr auto default_delivery_timeout = 120s;
inline constexpr auto default_request_timeout = 30s;
/// Bytes a consumer fetches ahead of its reader.
inline constexpr std::size_t default_prefetch_bytes = 32 * mib;
inline constexpr std::size_t default_fetch_bytes = 1 * mib;
/// Batches of one producer without an answer: beyond it those that are not full go on gathering, so that with many
/// partitions batches grow instead of becoming more.
inline constexpr std::size_t max_producer_batches = 256;
/// Bytes of one producer on their way to the broker: two of them share a connection's bound.
inline constexpr std::size_t max_producer_in_flight = 16 * mib;
/// A partition count that nobody mentioned for so long is asked for again.
inline constexpr auto metadata_max_age = 5min;
/// A group's leader looks this often whether a topic got more partitions.
inline constexpr auto group_metadata_interval = 30s;
/// Errors a producer keeps for `take_outcome`.
inline constexpr std::size_t max_kept_errors = 16;
/// A fetch is never smaller than this, however many partitions share the prefetch bound.
inline constexpr std::size_t min_fetch_bytes = 16 * kib;
/// Fetches of one consumer that wait for an answer: well below a connection's bound.
inline constexpr std::size_t max_consumer_fetches = 256;
/// "For ever" of a blocking call: a time-out beyond it is taken as this, so that now + time-out never overflows.
inline constexpr auto max_wait = std::chrono::hours{24 * 365};
/// A handle that goes without close() gives its actor this long to send what it holds.
inline constexpr auto drop_timeout = 5s;
/// Retries wait this long at first, then double.
inline constexpr auto retry_backoff = 50ms;
inline constexpr auto max_retry_backoff = 1s;

}  // namespace dohle::limits
