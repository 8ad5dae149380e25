// The one thread that makes events durable: takes everything that arrived while the last flush ran and persists it as
// one group. Owned by the broker; detached, because it waits for the disk.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "actors/messages.hpp"

namespace dohle::actors {

/// Called when the disk failed under a flush: must not return. The default prints the error and ends the process,
/// because no acknowledgement given after it could be believed.
using on_storage_failed = std::function<void(const error&)>;
on_storage_failed end_process_on_failure();

struct journal_writer_state {
  static inline const char* name = "journal_writer";

  struct waiting {
    caf::actor leader;
    append what;
  };
  store::journal* journal = nullptr;  ///< the broker keeps the folder open for longer than this actor lives
  std::shared_ptr<journal_pressure> pressure;
  on_storage_failed failed;
  std::deque<waiting> queue;
  bool flush_due = false;                                    ///< a message to self is on its way
  std::unordered_map<partition_id, std::uint32_t> refusals;  ///< last refused attempt of a partition
};

caf::behavior journal_writer(caf::stateful_actor<journal_writer_state>* self, store::journal* journal,
                             std::shared_ptr<journal_pressure> pressure, on_storage_failed failed);

}  // namespace dohle::actors
