// Keeps what has settled in order: retention, compaction, and the scrub. Detached, because all of it waits for the
// disk; each message is one bounded step, and the next one is as far away as the rate of its kind says, so that appends
// and readers have the disk for themselves most of the time. With nothing to do it sleeps. One pass of compaction at a
// time; the scrub goes once over all logs, then rests until its next round is due.
#pragma once

#include <caf/stateful_actor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "actors/journal_writer.hpp"
#include "actors/messages.hpp"
#include "store/compaction.hpp"

namespace dohle::actors {

struct janitor_state {
  static inline const char* name = "janitor";

  /// The pass that is under way: first what it is about settles, then it is stepped.
  struct pass {
    watch_log what;
    offset end;
    std::uint64_t size_before = 0;
    std::unique_ptr<store::compaction> work;
  };
  on_storage_failed failed;
  std::function<timestamp()> wall_clock;  ///< for how long records wait; what is dropped for its age asks the log's own
  std::map<partition_id, watch_log> logs;
  std::optional<pass> cleaning;
  bool looks = false;                 ///< a look at what is due for compaction is on its way
  std::set<partition_id> left_alone;  ///< damage was met in them: not compacted any more
  partition_id scrubbed;              ///< the scrub is in this log ...
  offset scrubbed_until;              ///< ... at this offset
  std::chrono::steady_clock::time_point next_round;
  std::set<std::string> damage;  ///< named already
};

caf::behavior janitor(caf::stateful_actor<janitor_state>* self, on_storage_failed failed,
                      std::function<timestamp()> wall_clock);

}  // namespace dohle::actors
