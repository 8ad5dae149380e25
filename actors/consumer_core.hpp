// The caller's side of a consumer: what was fetched waits here, batch by batch and still compressed, until `poll`
// decodes it in the caller's thread. Shared by the facade (any thread) and the consumer actor, which asks `plan` what
// to fetch and brings the answers. Knows no actor: it is given a clock and a way to wake whoever fetches.
//
// What holds: per partition one fetch of the current version is in flight at most; a seek or a new assignment raises
// the version, and what belongs to an older one is dropped; prefetched and asked-for bytes together stay within
// prefetch_bytes (one batch a partition may be larger than what was asked for); records come in order (a range that is
// read backward: exactly the other way round), none twice, none skipped but what compaction and control batches leave
// out.
#pragma once

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
#include "actors/consumer_decode.hpp"

namespace dohle {

class consumer_core {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using clock = std::function<time_point()>;
  using wake = std::function<void()>;

  /// `patience`: for so long a failing fetch is retried in silence, then polls report it.
  consumer_core(const consumer_options& options, duration patience, clock now, wake waker);

  // --- any thread ---
  result<polled> poll(std::size_t max_records, duration timeout);
  bool finished() const;
  std::vector<topic_partition> assignment() const;
  std::map<topic_partition, offset> positions() const;
  std::map<topic_partition, std::int64_t> lag() const;
  result<void> seek(const topic_partition& partition, offset to);
  std::string member() const;
  dohle::generation generation() const;
  /// Polls get `closed` from now on.
  void close();

  // --- whoever assigns ---
  /// Replaces the assignment. Partitions in `kept` go on where they are, if they are assigned now.
  void assign(const std::vector<assigned_range>& ranges, const std::vector<topic_partition>& kept = {});
  /// Delivers and fetches nothing while a rebalance runs.
  void pause(bool paused);
  void set_member(std::string id, dohle::generation g);
  /// Returned by every poll; none = repaired.
  void set_problem(std::optional<error> why);

  // --- the actor ---
  struct plan_item {
    topic_partition partition;
    std::uint64_t version = 0;
    fetch_request what;
  };
  std::vector<plan_item> plan(time_point now);
  void fetched(const plan_item& asked, result<fetch_response> answer, time_point now);
  /// When `plan` has something although nothing came: retries.
  std::optional<time_point> next_retry() const;

  struct poll_state {
    bool processing = false;  ///< the last poll gave records, and there was no poll since
    time_point last_poll{};
  };
  /// Until `release` no poll gets further records, so what `hold` said of the reader stays true meanwhile.
  poll_state hold();
  void release();
  /// Wake the actor at the next poll, once.
  void wake_on_poll();

 private:
  struct feed {
    std::shared_ptr<const topic_partition> name;
    std::uint64_t version = 0;
    read_cursor at;                     ///< next to deliver
    offset fetch_from;                  ///< next to ask for
    std::deque<bytes> queue;            ///< single batches
    std::optional<batch_walk> partial;  ///< a batch of which records remain
    std::optional<offset> high_watermark;
    std::optional<std::uint64_t> asked;  ///< version of the fetch in flight
    std::optional<error> broken;         ///< every poll reports it
    bool halted = false;                 ///< only a seek repairs it
    std::optional<time_point> failing_since;
    time_point retry_at{};
    duration backoff{};
    /// Everything up to the end is here or was delivered.
    bool all_fetched() const { return read_cursor{fetch_from, at.end, at.backward}.done(); }
    bool ready() const { return partial || !queue.empty(); }
  };
  using feed_ptr = std::shared_ptr<feed>;

  result<polled> poll_locked(std::unique_lock<std::mutex>& lock, std::size_t max_records, time_point deadline);
  feed_ptr next_ready();
  std::optional<error> problem() const;
  bool all_done() const;
  result<void> deliver(std::unique_lock<std::mutex>& lock, const feed_ptr& f, std::size_t budget, polled& out);
  void read_again(feed& f, const error& why);
  void drop_fetched(feed& f);
  std::size_t request_bytes() const;
  template <class Each>
  result<void> each_batch(const feed& f, const fetch_response& answer, Each each);
  result<void> take_batches(feed& f, const fetch_response& answer);
  result<void> take_backwards(feed& f, const fetch_response& answer);
  void fetch_failed(feed& f, const error& why, time_point now);

  const consumer_options options_;
  const duration patience_;
  const clock now_;
  const wake wake_;

  std::timed_mutex one_poller_;  ///< decoding happens outside mutex_, but one poll at a time keeps the order
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<topic_partition, feed_ptr> feeds_;
  std::vector<feed_ptr> order_;  ///< in which polls go round
  std::size_t turn_ = 0;
  std::size_t plan_turn_ = 0;
  std::uint64_t next_version_ = 1;
  std::size_t prefetched_ = 0;                      ///< bytes in queues
  std::map<std::uint64_t, std::size_t> in_flight_;  ///< version -> bytes asked for
  std::size_t in_flight_bytes_ = 0;
  bool starved_ = false;  ///< the last plan left something out for want of room
  bool refetch_ = false;  ///< a poll found a damaged batch: the actor must hear of it
  bool paused_ = false;
  bool held_ = false;
  bool closed_ = false;
  bool processing_ = false;
  bool wake_on_poll_ = false;
  time_point last_poll_{};
  std::optional<error> problem_;
  std::string member_;
  dohle::generation generation_{-1};
};

}  // namespace dohle
