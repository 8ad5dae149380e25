// The caller's side of a producer: records gather in batches in the caller's own thread, without a message per record.
// Shared by the facade (any thread) and the producer actor, which takes closed batches and reports what became of them.
// Knows no actor: it is given a clock and a way to wake whoever takes the batches.
//
// Invariants: a batch is open (one a partition at most), then ready, then taken, then settled, and its acks are
// answered exactly once, when it is settled. Bytes count against the buffer from `send` until the batch is settled.
// A batch is ready when it is full, or when it is due (it lingered, somebody waits for it or for room) and may go: too
// many unanswered ones before it let it go on gathering, oldest first.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/client.hpp"
#include "schema/record_batch.hpp"

namespace dohle {

class producer_core;

/// Shared by the acks of one batch: its outcome, once.
class batch_completion {
 public:
  using outcome = result<produce_response>;
  batch_completion(std::weak_ptr<producer_core> core, partition_index partition, std::uint64_t ticket)
      : core_(std::move(core)), partition_(partition), ticket_(ticket) {}

  bool ready() const { return done_.load(std::memory_order_acquire); }
  /// Sends the batch on its way if it still waits for more records: somebody waits for it now.
  bool wait(duration timeout);
  /// Once.
  void finish(outcome o);
  /// After `ready`.
  const outcome& get() const { return *outcome_; }
  partition_index partition() const { return partition_; }

 private:
  std::weak_ptr<producer_core> core_;
  partition_index partition_;
  std::uint64_t ticket_;
  std::atomic<bool> done_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<outcome> outcome_;
};

/// A batch that takes no more records.
struct sealed_batch {
  std::uint64_t ticket = 0;  ///< counts the batches of a producer in the order they were opened
  partition_index partition;
  batch_builder builder;
  std::size_t charged = 0;  ///< bytes it holds of the buffer
  std::int32_t records = 0;
  std::chrono::steady_clock::time_point opened;
  std::shared_ptr<batch_completion> completion;
};

class producer_core : public std::enable_shared_from_this<producer_core> {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using clock = std::function<time_point()>;
  using wake = std::function<void()>;

  /// `wake` is called, from any thread, when `take` has something to give that it had not announced.
  producer_core(std::string topic, const producer_options& options, std::int32_t partitions, std::uint64_t seed,
                clock now, wake waker);

  // --- any thread ---
  result<ack> send(const outgoing_record& record, duration timeout);
  result<void> flush(duration timeout);
  producer::outcome take_outcome();
  std::size_t buffered_bytes() const;
  const std::string& topic() const { return topic_; }
  /// This batch is due if it is still open.
  void hurry(partition_index partition, std::uint64_t ticket);
  /// Later sends get `closed`.
  void refuse_sends();
  /// Between transactions sends get `invalid_transaction`.
  void hold_sends(bool hold);

  // --- the actor ---
  struct taken {
    std::vector<sealed_batch> batches;      ///< per partition in the order of their records
    std::optional<time_point> next_linger;  ///< call `take` then; an open batch is due
  };
  taken take(time_point now);
  void settle(sealed_batch& batch, batch_completion::outcome outcome);
  /// Everything, due or not: nothing will be sent any more.
  std::vector<sealed_batch> take_all();
  /// More than before: new keys spread over all; never fewer.
  void set_partitions(std::int32_t count);
  std::int32_t partitions() const;

 private:
  struct lane {
    std::optional<sealed_batch> open;
    std::size_t unsettled = 0;   ///< closed batches without outcome
    std::size_t last_bytes = 0;  ///< of the last closed batch: what the next one reserves
  };

  result<partition_index> choose(const outgoing_record& record) const;
  result<void> await_room(std::unique_lock<std::mutex>& lock, std::size_t need, duration timeout, bool& wake_up);
  sealed_batch& open_batch(partition_index p, bool& wake_up);
  bool may_go(const lane& l) const;
  void seal(partition_index p);
  void make_due(partition_index p);
  void make_all_due();
  void seal_due();
  void drop_empty(partition_index p);
  void finish_ticket(std::uint64_t ticket);
  bool announce();

  const std::string topic_;
  const producer_options options_;
  const std::uint64_t seed_;
  const clock now_;
  const wake wake_;

  mutable std::mutex mutex_;
  std::condition_variable room_;     ///< bytes came free
  std::condition_variable settled_;  ///< the oldest batch got its outcome
  std::vector<lane> lanes_;
  std::vector<sealed_batch> ready_;
  std::map<std::uint64_t, partition_index> lingering_batches_;  ///< open and not due, by ticket: the oldest first
  std::map<std::uint64_t, partition_index> due_;                ///< open and due, and not to go yet
  std::size_t unsettled_ = 0;                                   ///< of all lanes
  std::size_t buffered_ = 0;
  std::size_t waiting_ = 0;  ///< callers that wait for room
  bool announced_ = false;   ///< the actor was woken and has not come yet
  bool lingering_ = false;   ///< the actor has a timer for the oldest open batch
  bool closed_ = false;
  bool held_ = false;       ///< between transactions
  partition_index sticky_;  ///< where records without a key go now
  std::uint64_t sticky_batches_ = 0;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t settled_before_ = 0;  ///< all tickets below are settled
  std::deque<bool> done_;             ///< of the tickets from there on
  producer::outcome outcome_;
  std::optional<error> flush_error_;
};

}  // namespace dohle
