// The two actors that may wait for the disk besides the journal writer; both detached.
//   settler: moves the committed tail into segments in the background, deletes records, opens and drops logs.
//   reader: answers the fetches and look-ups that memory cannot.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <memory>
#include <unordered_map>

#include "actors/journal_writer.hpp"
#include "actors/messages.hpp"

namespace dohle::actors {

struct settler_state {
  static inline const char* name = "settler";

  struct watched {
    watch_log what;
    std::int64_t last_mark = -1;  ///< high watermark at the last round: equal now = the partition is quiet
  };
  store::folder* folder = nullptr;  ///< the broker keeps it open for longer than this actor lives
  std::shared_ptr<journal_pressure> pressure;
  on_storage_failed failed;
  std::unordered_map<partition_id, watched> logs;
  bool stopping = false;
};
caf::behavior settler(caf::stateful_actor<settler_state>* self, store::folder* folder,
                      std::shared_ptr<journal_pressure> pressure, on_storage_failed failed);

/// `detached`: it has a thread of its own, which it puts behind the others.
caf::behavior reader(caf::event_based_actor* self, bool detached);

}  // namespace dohle::actors
