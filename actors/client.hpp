// The blocking face of Dohle, for people who know no actors and for the Python bindings. The same objects work on a
// broker in this process and on one reached over TCP. Every class is safe to use from any thread. Calls that wait take
// a time-out and return when it is over; nothing here throws.
//
//   auto db = dohle::broker::open({.path = "data"});            // a broker in this process
//   auto db = dohle::client::connect("dohle://127.0.0.1:7420");  // or a connection: the same dohle::client
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"
#include "schema/limits.hpp"
#include "schema/messages.hpp"
#include "schema/record_batch.hpp"
#include "schema/types.hpp"

namespace dohle {

using duration = std::chrono::nanoseconds;

// --- producing -----------------------------------------------------------------------------------------------------

struct producer_options {
  ack_level acks = ack_level::majority;
  dohle::compression compression = compression::none;
  std::size_t batch_bytes = limits::default_batch_bytes;         ///< a batch is sent when it reaches this
  duration linger = limits::default_linger;                      ///< ... or when its first record waited this long
  std::size_t buffer_bytes = limits::default_buffer_bytes;       ///< bytes not yet acknowledged; beyond it `send` waits
  std::size_t max_requests = limits::default_producer_requests;  ///< batches in flight per partition
  duration delivery_timeout = limits::default_delivery_timeout;  ///< from send to a definite or unknown outcome
  bool idempotent = true;                                        ///< retries never duplicate and never reorder
};

/// Where a record came to be, and how safe it is.
struct receipt {
  partition_index partition;
  dohle::offset offset;  ///< -1 with ack_level::none
  dohle::timestamp timestamp;
  ack_level level = ack_level::majority;
};

class batch_completion;  // shared by the acks of one batch

/// The future of one sent record. Cheap to copy.
class ack {
 public:
  ack() = default;
  ack(std::shared_ptr<batch_completion> batch, std::int32_t delta, timestamp at);
  bool ready() const;
  /// `timeout` when it is not known yet; the record is still on its way then.
  result<receipt> wait(duration timeout) const;

 private:
  std::shared_ptr<batch_completion> batch_;
  std::int32_t delta_ = 0;
  timestamp at_;
};

struct outgoing_record {
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  timestamp at = no_timestamp;               ///< none = now
  std::optional<partition_index> partition;  ///< none = murmur2 of the key as Kafka's default, sticky without a key
  std::vector<header_view> headers;
};

/// Sends records to one topic. Copies of the handle share one producer; the last one closes it.
class producer {
 public:
  /// Copies the record into a batch and returns at once; waits up to `timeout` only while the buffer is full
  /// (`buffer_full` afterwards, nothing taken). `record_too_large` and `unknown_partition` are definite.
  result<ack> send(const outgoing_record& record, duration timeout);
  /// Waits until every record sent so far has its outcome. `timeout` when some have not. An error that a record got
  /// since the last flush is returned here once (the first of them).
  result<void> flush(duration timeout);
  /// Records that failed since the last call, and how many records were acknowledged in all.
  struct outcome {
    std::uint64_t acknowledged = 0;
    std::uint64_t failed = 0;
    std::vector<error> errors;  ///< at most 16, the first ones
  };
  outcome take_outcome();
  std::size_t buffered_bytes() const;
  const std::string& topic() const;
  /// Flushes within `timeout`, then ends. Later sends get `closed`.
  result<void> close(duration timeout);

  class impl;
  explicit producer(std::shared_ptr<impl> i);

 private:
  std::shared_ptr<impl> impl_;
};

// --- consuming -----------------------------------------------------------------------------------------------------

enum class start_at : std::uint8_t { earliest, latest };
enum class assignor : std::uint8_t { range, round_robin, sticky };

struct consumer_options {
  std::string group;                    ///< empty = no group: use `assign`
  std::string instance;                 ///< static member's name
  start_at start = start_at::earliest;  ///< where a partition without a committed offset begins
  std::vector<assignor> assignors = {assignor::sticky, assignor::range};
  duration session_timeout = std::chrono::seconds(45);
  duration heartbeat_interval = std::chrono::seconds(3);
  duration max_processing = std::chrono::minutes(5);            ///< between two polls, else the member leaves its group
  std::size_t fetch_bytes = limits::default_fetch_bytes;        ///< per partition and request
  std::size_t prefetch_bytes = limits::default_prefetch_bytes;  ///< held ahead of the reader, in all
  std::uint32_t min_bytes = 1;
  duration max_wait = std::chrono::milliseconds(500);
  /// Committed (as librdkafka's consumers; Java's default is the other): nothing of an open or aborted transaction is
  /// read, and nothing behind the first record of an open one.
  dohle::isolation isolation = dohle::isolation::committed;
};

/// A range of one partition to read. Forward: the records from `from` to before `end`, none = for ever. Backward: the
/// records of `end` (none = the log's start) to before `from`, the newest first.
struct assigned_range {
  topic_partition partition;
  offset from;
  std::optional<offset> end = {};
  bool backward = false;
};

/// Records of one partition in the order of the read, decompressed, ready to be walked.
class chunk {
 public:
  const topic_partition& source() const { return *source_; }
  std::size_t record_count() const { return records_.size(); }
  const record_view& operator[](std::size_t i) const { return records_[i]; }
  auto begin() const { return records_.begin(); }
  auto end() const { return records_.end(); }
  /// Keeps every view in the records alive.
  const bytes& memory() const { return memory_; }

  chunk(std::shared_ptr<const topic_partition> source, bytes memory, std::vector<record_view> records)
      : source_(std::move(source)), memory_(std::move(memory)), records_(std::move(records)) {}

 private:
  std::shared_ptr<const topic_partition> source_;
  bytes memory_;
  std::vector<record_view> records_;
};

struct polled {
  std::vector<chunk> chunks;  ///< empty when the time-out passed: that is not an error
  std::size_t record_count = 0;
};

class consumer {
 public:
  /// Joins the group of the options and reads its share of these topics.
  result<void> subscribe(std::vector<std::string> topics);
  /// Reads exactly these ranges, without a group.
  result<void> assign(std::vector<assigned_range> ranges);
  /// At most `max_records`, in order per partition. Returns as soon as anything is there. A permanent error is returned
  /// by every call until it is repaired.
  result<polled> poll(std::size_t max_records, duration timeout);
  /// Every assigned range with an end was delivered to it.
  bool finished() const;

  std::vector<topic_partition> assignment() const;
  /// Next offset that `poll` would return, per assigned partition; backward the one behind it.
  std::map<topic_partition, offset> positions() const;
  /// Makes the next poll of this partition begin at `to`; what was fetched ahead is dropped.
  result<void> seek(const topic_partition& partition, offset to);
  /// Commits these offsets (the next record to read of each) for the group and waits until they are durable.
  result<void> commit(const std::map<topic_partition, offset>& offsets, duration timeout);
  /// Offsets that this group has committed, for the assigned partitions.
  result<std::map<topic_partition, offset>> committed(duration timeout);
  /// Records between position and high watermark, per assigned partition that is read forward.
  std::map<topic_partition, std::int64_t> lag() const;
  std::string member() const;
  dohle::generation generation() const;
  /// Leaves the group and stops fetching.
  result<void> close(duration timeout);

  class impl;
  explicit consumer(std::shared_ptr<impl> i);

 private:
  std::shared_ptr<impl> impl_;
};

// --- transactions --------------------------------------------------------------------------------------------------

struct transaction_options {
  duration timeout = std::chrono::seconds(60);  ///< a transaction that is open for longer is aborted by the broker
  producer_options producing;                   ///< acks and idempotence are what a transaction needs, whatever it says
};

/// Which member of a group read what is committed; none: the group has no members.
struct consumer_identity {
  std::string member;
  dohle::generation generation{-1};
};

/// Writes to many topics and commits offsets of groups, all of it or nothing, one transaction after the other. A name
/// has one living instance: opening another one fences this and aborts what it left open.
///
///   while (...) { t.begin(); t.to("out")->send(...); t.commit_offsets(...); t.commit(timeout); }
class transactional_producer {
 public:
  /// Opens a transaction. `invalid_transaction` when one is open, `producer_fenced` when another instance took over.
  result<void> begin();
  /// A producer of this topic whose records belong to the open transaction; between transactions it takes none.
  result<producer> to(const std::string& topic);
  /// The group's offsets (the next record to read of each) count once the transaction is committed. A `member` that
  /// lost its partitions meanwhile cannot commit.
  result<void> commit_offsets(const std::string& group, const std::map<topic_partition, offset>& offsets,
                              const consumer_identity& member, duration timeout);
  /// Waits until every record is stored, then decides: when this returns without an error all of it counts, durably. An
  /// error of a record is returned instead, and then the transaction can only be aborted.
  result<void> commit(duration timeout);
  /// Nothing of it counts. Without an open transaction nothing happens.
  result<void> abort(duration timeout);
  bool open() const;
  const std::string& name() const;
  /// Aborts what is open and ends the producers.
  result<void> close(duration timeout);

  class impl;
  explicit transactional_producer(std::shared_ptr<impl> i);

 private:
  std::shared_ptr<impl> impl_;
};

// --- the way in ----------------------------------------------------------------------------------------------------

struct client_options {
  std::string name = "dohle";  ///< shown in the broker's log
  duration connect_timeout = limits::connect_timeout;
  duration request_timeout = limits::default_request_timeout;
};

class client {
 public:
  /// "dohle://host:port[,host:port...]"; the port is 7420 when left out. `connection_failed` says which address and
  /// why.
  static result<client> connect(const std::string& url, const client_options& = {});

  /// Any request of the protocol, answered. The building block of all below.
  template <class Request>
  result<typename Request::response> call(Request r, duration timeout) const {
    auto answer = call_any(request{std::move(r)}, timeout);
    if (!answer) return answer.error();
    if (auto* e = std::get_if<error>(&*answer)) return *e;
    return std::get<typename Request::response>(std::move(*answer));
  }
  result<response> call_any(request r, duration timeout) const;
  /// The same without waiting: `done` gets the answer (or an error) exactly once, on a thread of the actor system,
  /// where it must not block; or at once, on this thread, when the client is closed.
  void call_async(request r, std::function<void(response)> done) const;

  result<producer> make_producer(const std::string& topic, const producer_options& = {}) const;
  result<consumer> make_consumer(const consumer_options& = {}) const;
  /// Takes the name over: `producer_fenced` from now on for an instance before.
  result<transactional_producer> make_transactional(const std::string& name, const transaction_options& = {}) const;
  /// "dohle://127.0.0.1:7420", or "embedded" for a broker in this process that does not listen.
  const std::string& address() const;
  void close();

  class impl;
  explicit client(std::shared_ptr<impl> i);

 private:
  std::shared_ptr<impl> impl_;
};

inline constexpr std::uint16_t default_port = 7420;

struct broker_options {
  std::filesystem::path path = {};         ///< data folder; empty = a temporary one, removed at close
  std::optional<std::string> listen = {};  ///< "host:port", port 0 = a free one; none = no socket at all
  /// Where Kafka's clients come: "host:port", or a port alone for 127.0.0.1 and ::1 both; 0 = a free one; none = not.
  std::optional<std::string> kafka = {};
  std::string kafka_advertised = {};  ///< "host:port" they are told; empty = the address they came to
  bool kafka_auto_create = true;      ///< they make topics by naming them, as with Kafka
  bool auto_create_topics = false;    ///< everybody's produce makes topics that do not exist
  std::int32_t default_partitions = 1;
  std::size_t journal_file_bytes = limits::journal_file_bytes;
  std::size_t segment_bytes = limits::segment_bytes;
  std::size_t tail_cache_bytes = limits::tail_cache_bytes;
  std::size_t worker_threads = 0;  ///< scheduler threads; 0 = by the machine
};

/// A broker in this process. Owned once; closing it (or the last copy going) ends its actors and closes the folder.
class broker {
 public:
  static result<broker> open(const broker_options& = {});
  /// A client that talks to it without sockets.
  dohle::client client() const;
  /// "host:port" it listens on, or empty.
  std::string listening() const;
  /// The same for Kafka's clients.
  std::string kafka_listening() const;
  const std::filesystem::path& path() const;
  result<void> close(duration timeout);

  class impl;
  explicit broker(std::shared_ptr<impl> i);

 private:
  std::shared_ptr<impl> impl_;
};

}  // namespace dohle
