// One partition's leader: its only writer. Gives batches their place, sends them to the journal, moves the high
// watermark when a majority has flushed them, and then answers the producers and the fetches that wait. Serves what is
// in memory; what is not, the reader answers in its place, and the settler deletes. Scheduled: it never waits for the
// disk. A transaction's batches are taken when the coordinator knows that this partition takes part; its marker ends it
// here. What is true when a produce is answered: see schema/types.hpp, ack_level.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "rules/replica.hpp"
#include "rules/sequence.hpp"
#include "rules/stability.hpp"

namespace dohle::actors {

/// What never changes for a leader.
struct leader_setup {
  std::string topic;
  partition_index index;
  broker_id me;
  std::vector<broker_id> voters;
  std::shared_ptr<store::log> log;
  store::log_history history;  ///< as the log tells it
  std::shared_ptr<partition_marks> marks;
  std::shared_ptr<journal_pressure> pressure;
  rules::topic_config config;
  caf::actor journal_writer;
  caf::actor reader;
  caf::actor settler;
  caf::actor transactions;                ///< the coordinator; without one no batch of a transaction is taken
  std::function<timestamp()> wall_clock;  ///< for records without a time and append-time topics, for nothing else
};

struct leader_state {
  static inline const char* name = "leader";
  using moment = std::chrono::steady_clock::time_point;

  /// A produce that waits for its level of durability.
  struct waiting_produce {
    offset base;
    offset end;
    ack_level level;
    timestamp append_time;
    bool duplicate;
    caf::response_promise promise;
  };
  /// A batch of a transaction that waits until the coordinator knows of this partition.
  struct unverified_produce {
    produce_request what;
    batch_header header;
    caf::response_promise promise;
  };
  /// A decision that waits until its marker is committed.
  struct waiting_decide {
    producer_id producer;
    offset end;
    std::function<void(const result<void>&)> done;
  };
  /// A fetch that waits at the end of the partition.
  struct parked_fetch {
    fetch_request what;
    moment deadline;
    caf::response_promise promise;
  };

  leader_setup setup;
  rules::replica replica;           ///< decides the high watermark
  rules::producer_table producers;  ///< decides duplicates
  rules::stability transactions;    ///< decides what an isolated reader sees
  std::uint32_t attempt = 1;        ///< rises when the journal refused; what was sent before counts no more
  std::size_t bytes_in_flight = 0;  ///< sent to the journal, not yet answered
  std::deque<std::size_t> sizes_in_flight;
  std::deque<waiting_produce> produces;                              ///< by rising end
  std::map<producer_id, std::deque<unverified_produce>> unverified;  ///< in the order of their arrival
  std::size_t unverified_count = 0;
  std::size_t unverified_bytes = 0;
  std::deque<waiting_decide> decides;  ///< by rising end
  std::list<parked_fetch> fetches;
  std::vector<std::function<void()>> early;  ///< reads that came before the epoch's mark was committed
  bool tick_armed = false;
};

caf::behavior leader(caf::stateful_actor<leader_state>* self, leader_setup setup);

}  // namespace dohle::actors
