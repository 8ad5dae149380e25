// When a log is compacted and what stays of it: Kafka's semantics. Pure: the caller reads and rewrites.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "rules/retention.hpp"
#include "rules/stability.hpp"
#include "rules/topic_config.hpp"
#include "schema/record_batch.hpp"

namespace dohle::rules {

/// Until where the log should be compacted now; nullopt = nothing is due. `segments` in order, the unsettled rest as a
/// last one; what lies before `cleaned_until` has been through a pass. A segment may take part when its last append is
/// at least `min.compaction.lag.ms` old, and none behind one that may not. Due is what makes up
/// `min.cleanable.dirty.ratio` of the log, and what may have waited for `max.compaction.lag.ms`.
std::optional<offset> compaction_end(std::span<const segment_facts> segments, const topic_config& config,
                                     offset cleaned_until, timestamp now);

/// Which transactions in the dirty part of a log were aborted and which are open. Shown every batch there, in order.
class transaction_scan {
 public:
  /// `control_key`: the key of a control batch's record.
  void see(const batch_header& batch, std::string_view control_key);
  /// Where a pass over what was seen must end at the latest: at the first record of a transaction without a marker.
  offset bound(offset end) const;
  /// The batch holds data of a transaction that was aborted.
  bool is_aborted(const batch_header& batch) const;

 private:
  struct range {
    offset first;
    offset marker;
  };
  open_transactions open_;
  std::map<producer_id, std::vector<range>> aborted_;  ///< in order
};

/// What is known of a record when a pass comes by.
struct compaction_facts {
  offset at;
  bool has_key = false;
  bool has_value = false;
  bool control = false;
  std::optional<offset> newest;  ///< of its key within the dirty part
  offset pass_end;               ///< records from here on stay as they are
  bool horizon_is_over = false;  ///< its batch's time for tombstones and markers has come
};

/// A record goes when a newer one of its key is there; a tombstone or a marker goes when its time is over, too. A
/// record without a key stays: nothing replaces it.
bool stays(const compaction_facts& record);

/// The horizon of a batch, if it has one, lies behind the log's clock.
bool horizon_is_over(const batch_header& batch, timestamp log_clock);
/// The horizon for a batch that gets one now.
timestamp horizon_from(timestamp log_clock, const topic_config& config);

}  // namespace dohle::rules
