// What happens to a producer's batches between "closed" and "outcome known": order, window, identity and sequences,
// retries. A state machine without actors: batches, answers and time come in, produce requests and outcomes come out.
//
// What holds:
//  - every batch gets exactly one outcome, within its delivery time-out;
//  - per partition at most `max_requests` batches are unanswered, counted from the oldest one without outcome;
//  - with idempotence a batch is repeated with the same bytes after the header until its outcome is known, so it is
//    stored once and in order. When a partition's sequence is broken beyond repair, batches that were never refused nor
//    confirmed get `unknown_outcome`; those that provably were not stored go on under a new identity;
//  - a broker in this process writes into the header of the batch it is sent. So the header is kept aside before the
//    first sending and repeats are fresh copies of header and body: nothing that another actor may write is ever read.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/producer_core.hpp"
#include "schema/limits.hpp"

namespace dohle::actors {

class delivery {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using outcome = batch_completion::outcome;
  using settle_function = std::function<void(sealed_batch&, outcome)>;

  struct outgoing {
    std::uint64_t attempt = 0;  ///< to be given back to `answered`
    produce_request what;
  };

  /// `request_timeout`: an attempt that has no answer by then (and a margin) is taken as lost.
  delivery(std::string topic, const producer_options& options, duration request_timeout, settle_function settle);

  void add(sealed_batch batch);
  /// Everything that may be sent now.
  std::vector<outgoing> pump(time_point now);
  void answered(std::uint64_t attempt, outcome answer, time_point now);
  /// Batches whose delivery time-out is over, and attempts that stayed without an answer.
  void check(time_point now);
  /// An identity is needed: ask for one and bring it to `identified`. True once per need.
  bool take_identity_need(time_point now);
  void identified(result<init_producer_response> answer, time_point now);
  /// The broker's metadata may have changed. True once per need.
  bool take_metadata_need() { return std::exchange(wants_metadata_, false); }
  /// From now on every batch belongs to a transaction of this producer; no batch is without outcome. A batch that is
  /// refused for good fails with what is behind it, because such a transaction can only be aborted.
  void begin_transaction(producer_stamp who);
  /// Gives everything the outcome `why`.
  void end(const error& why);

  bool idle() const { return batches_ == 0; }
  /// When `check` and `pump` should be called although nothing came.
  std::optional<time_point> next_check(time_point now) const;

 private:
  struct item {
    sealed_batch batch;
    std::uint64_t ordinal = 0;                      ///< counts the batches of the partition
    time_point deadline;                            ///< of the delivery
    bytes built;                                    ///< empty until it is first sent
    std::array<char, batch_header_bytes> header{};  ///< as built; `built`'s own may be written by a broker
    producer_stamp stamp;
    std::uint64_t attempt = 0;  ///< 0: not in flight
    time_point attempt_deadline;
    std::uint32_t attempts = 0;
    bool doubtful = false;  ///< an attempt ended without a definite answer
    error last;             ///< why it is not there yet
  };
  struct lane {
    std::deque<item> items;  ///< without outcome, in order
    std::uint64_t next_ordinal = 0;
    std::size_t in_flight = 0;
    bool held = false;  ///< an attempt failed: nothing is sent until all answers are in and `hold_until`
    time_point hold_until;
    duration backoff{limits::retry_backoff};
    producer_stamp identity;  ///< id and epoch; none until one is given
    std::int32_t next_sequence = 0;
    bool broken = false;  ///< the sequence is torn: sort out what is known once all answers are in
  };

  void pump_lane(partition_index p, lane& l, time_point now, std::vector<outgoing>& out);
  bool build(lane& l, item& i);
  produce_request request_of(item& i);
  void restamp(lane& l, item& i);
  void mend(lane& l);
  void fail(lane& l, std::size_t index, error why);
  void settle(lane& l, std::size_t index, outcome o);
  void landed(lane& l, item& i);
  void retry(lane& l, item& i, error why, time_point now);
  void refused(lane& l, std::size_t index, error why, time_point now);
  void expire(lane& l, time_point now);

  const std::string topic_;
  const producer_options options_;
  const duration request_timeout_;
  const settle_function settle_;
  std::map<partition_index, lane> lanes_;
  std::unordered_map<std::uint64_t, partition_index> attempts_;
  std::uint64_t last_attempt_ = 0;
  std::size_t in_flight_bytes_ = 0;
  std::size_t batches_ = 0;
  producer_stamp identity_;  ///< the last one given: partitions that have none yet begin with it
  bool transactional_ = false;
  bool identity_asked_ = false;
  time_point identity_not_before_{};
  duration identity_backoff_{limits::retry_backoff};
  bool wants_metadata_ = false;
};

}  // namespace dohle::actors
