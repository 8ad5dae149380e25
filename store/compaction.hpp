// A pass of compaction over one partition's log, as the one who asks for it sees it: who decides, and how it goes on.
// The store reads, remembers which record of a key is the newest, and rewrites; what that means for a record, the judge
// says. Nothing a pass does is seen before a whole new segment is durable; then it takes the place of old ones at once,
// while readers in those finish. A pass that ends early, by its destructor or with the process, leaves the log right.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "schema/error.hpp"
#include "schema/limits.hpp"
#include "schema/record_batch.hpp"

namespace dohle::store {

/// Decides what stays. Pure towards the store: asked from the thread that steps the pass, and nothing it is shown lives
/// longer than the call.
class compaction_judge {
 public:
  virtual ~compaction_judge() = default;
  /// Every batch of the dirty part, in order, before anything is decided. `control_key`: of a control batch's record.
  virtual void see(const batch_header& batch, std::string_view control_key) = 0;
  /// Where the pass has to end, at `end` at the latest.
  virtual offset bound(offset end) const = 0;
  /// The batch's records neither stay nor replace others.
  virtual bool drops(const batch_header& batch) const = 0;
  /// `newest`: of the record's key within the dirty part, as far as it is known. Not asked from `pass_end` on.
  virtual bool stays(const batch_header& batch, const record_view& record, std::optional<offset> newest) const = 0;
};

struct compaction_order {
  offset end;                                            ///< what is settled behind it stays as it is
  timestamp horizon;                                     ///< for batches whose tombstones are met for the first time
  std::size_t map_bytes = limits::compaction_map_bytes;  ///< what cannot be remembered in it is left to the next pass
  std::size_t segment_bytes = limits::segment_bytes;     ///< small neighbours are merged up to this
};

/// Owner: whoever asked for it; one at a time a log, used from one thread.
class compaction {
 public:
  virtual ~compaction() = default;
  /// *disk*: reads about `max_bytes` and does what is to be done with them; returns the bytes read and written.
  virtual result<std::size_t> step(std::size_t max_bytes) = 0;
  virtual bool done() const = 0;
  /// Records before it, one a key, when the pass is done.
  virtual offset end() const = 0;
};

}  // namespace dohle::store
