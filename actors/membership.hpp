// A consumer's membership in its group: Kafka's classic protocol as its members speak it. A state machine without
// actors: answers, polls and time come in, requests and assignments come out.
//
//   outside -> finding (do the topics exist?) -> joining -> [planning (leader: count partitions)] -> syncing
//           -> placing (where does each partition begin?) -> stable -> (rebalance) -> joining ...
//
// What holds: one conversation at a time (answers to older ones are ignored); heartbeats go on however slow the reader
// is; a rebalance waits until the reader asks for more, so that it can commit what it works on, but not longer than
// max_processing; partitions that this member keeps from one generation to the next are not read again.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/client.hpp"
#include "rules/assignment.hpp"
#include "schema/messages.hpp"

namespace dohle::actors {

class membership {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// To be answered with `answered(token, ...)`.
  struct ask {
    std::uint64_t token = 0;
    request what;
  };
  struct placement {
    std::vector<assigned_range> begin;  ///< newly given partitions
    std::vector<topic_partition> kept;  ///< go on where they are
  };
  /// What an input asks the caller to do, in this order.
  struct effects {
    std::vector<ask> asks;
    std::optional<bool> pause;            ///< stop or go on delivering
    std::optional<placement> assignment;  ///< replaces the one before
    bool left = false;                    ///< the leave is through, or was not needed
  };
  struct reader {
    bool processing = false;
    time_point last_poll{};
  };

  membership(const consumer_options& options, std::string client, duration patience);

  effects subscribe(std::vector<std::string> topics, time_point now);
  effects answered(std::uint64_t token, response answer, reader r, time_point now);
  effects tick(reader r, time_point now);
  /// The reader called poll.
  effects polled(time_point now);
  effects leave(time_point now);

  /// Call `tick` then.
  std::optional<time_point> next_tick() const;
  /// Something waits for the reader's next poll.
  bool wants_poll() const { return rejoin_ || phase_ == phase::away; }
  /// What every poll should report.
  const std::optional<error>& problem() const { return problem_; }
  const std::string& member() const { return member_; }
  dohle::generation generation() const { return generation_; }

 private:
  enum class phase { outside, finding, joining, planning, syncing, placing, stable, away, failed, leaving };

  void say(effects& e, request what);
  void find(effects& e);
  void join(effects& e);
  void take_metadata(effects& e, const metadata_response& m, time_point now);
  void joined(effects& e, const join_group_response& j, time_point now);
  void hand_out(effects& e, const metadata_response& m);
  void synced(effects& e, const sync_group_response& s, time_point now);
  void place(effects& e, const fetch_offsets_response& f, time_point now);
  void ask_starts(effects& e);
  void placed(effects& e, time_point now);
  void heartbeat_answered(effects& e, const response& a, reader r, time_point now);
  void recount(effects& e, const response& a, reader r, time_point now);
  void start_answered(effects& e, const topic_partition& p, const response& a, time_point now);
  void want_rejoin(effects& e, reader r, time_point now);
  void failed(effects& e, const error& why, time_point now);
  void give_up_partitions(effects& e);
  void succeeded();
  bool in_group() const;

  const consumer_options options_;
  const std::string client_;
  const duration patience_;
  phase phase_ = phase::outside;
  std::vector<std::string> topics_;
  std::string member_;
  dohle::generation generation_{-1};
  std::string protocol_;
  std::uint64_t last_token_ = 0;
  std::uint64_t talk_ = 0;                  ///< token of the conversation's request
  std::optional<std::uint64_t> heartbeat_;  ///< tokens of requests beside it
  std::optional<std::uint64_t> count_;
  std::map<std::uint64_t, topic_partition> starts_;  ///< list_offsets in flight
  std::vector<topic_partition> unplaced_;            ///< list_offsets to be asked
  std::vector<rules::subscription> members_;         ///< of the group, when this one is its leader
  rules::partition_counts counts_;
  std::vector<topic_partition> owned_;  ///< delivered from, in generation owned_in_
  dohle::generation owned_in_{-1};
  std::vector<topic_partition> given_;  ///< by the sync of this generation
  placement placement_;
  bool rejoin_ = false;  ///< as soon as the reader lets go
  time_point last_heartbeat_{};
  time_point heard_{};  ///< of the coordinator, last
  time_point counted_{};
  std::optional<time_point> retry_at_;
  duration backoff_;
  std::optional<time_point> failing_since_;
  std::optional<error> problem_;
  std::optional<time_point> processing_end_;
};

}  // namespace dohle::actors
