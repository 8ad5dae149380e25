#include "rules/compaction.hpp"

#include <algorithm>
#include <limits>

#include "schema/control_batch.hpp"

namespace dohle::rules {

namespace {

/// At least `span` lies between; unknown times count as long ago.
bool is_older(timestamp then, timestamp now, std::int64_t span) {
  if (then == no_timestamp) return true;
  std::int64_t age = 0;
  if (__builtin_sub_overflow(now.value, then.value, &age)) return then < now;
  return age >= span;
}

timestamp time_of(const segment_facts& s) { return s.appended == no_timestamp ? s.max_timestamp : s.appended; }

}  // namespace

std::optional<offset> compaction_end(std::span<const segment_facts> segments, const topic_config& config,
                                     offset cleaned_until, timestamp now) {
  std::uint64_t clean = 0, dirty = 0;
  offset end = cleaned_until;
  bool overdue = false;
  auto begun = no_timestamp;  // the append before a segment's first: never later than that
  for (const auto& s : segments) {
    if (s.end <= cleaned_until) {
      clean += s.size_bytes;
    } else {
      if (config.min_compaction_lag_ms > 0 && !is_older(time_of(s), now, config.min_compaction_lag_ms)) break;
      overdue |= s.size_bytes > 0 && config.max_compaction_lag_ms != std::numeric_limits<std::int64_t>::max() &&
                 is_older(begun, now, config.max_compaction_lag_ms);
      dirty += s.size_bytes;
      end = s.end;
    }
    begun = time_of(s);
  }
  if (dirty == 0) return std::nullopt;
  const bool much = dirty >= limits::compaction_least_bytes &&
                    static_cast<double>(dirty) >=
                        config.min_cleanable_dirty_ratio * (static_cast<double>(clean) + static_cast<double>(dirty));
  if (!overdue && !much) return std::nullopt;
  return end;
}

void transaction_scan::see(const batch_header& batch, std::string_view control_key) {
  if (!batch.transactional()) return;
  if (!batch.control()) return open_.begin(batch.producer, batch.producer_epoch, batch.base);
  const auto kind = marker_of_key(control_key);
  if (!kind) return;  // one that is cut says nothing, so its transaction stays open
  const auto was = open_.end(batch.producer);
  if (was && *kind == marker_kind::abort) aborted_[batch.producer].push_back({was->first, batch.base});
}

offset transaction_scan::bound(offset end) const {
  if (const auto first = open_.first()) end = std::min(end, *first);
  return end;
}

bool transaction_scan::is_aborted(const batch_header& batch) const {
  if (!batch.transactional() || batch.control()) return false;
  const auto found = aborted_.find(batch.producer);
  if (found == aborted_.end()) return false;
  const auto after = std::ranges::upper_bound(found->second, batch.base, {}, &range::first);
  return after != found->second.begin() && batch.base < std::prev(after)->marker;
}

bool stays(const compaction_facts& r) {
  if (r.at >= r.pass_end) return true;
  if (r.control) return !r.horizon_is_over;
  if (!r.has_key) return true;
  if (r.newest && *r.newest > r.at) return false;
  return r.has_value || !r.horizon_is_over;
}

bool horizon_is_over(const batch_header& batch, timestamp log_clock) {
  return batch.has_horizon() && log_clock != no_timestamp && batch.base_timestamp <= log_clock;
}

timestamp horizon_from(timestamp log_clock, const topic_config& config) {
  std::int64_t at = 0;
  const auto from = std::max<std::int64_t>(log_clock.value, 0);
  if (__builtin_add_overflow(from, config.delete_retention_ms, &at)) at = std::numeric_limits<std::int64_t>::max();
  return timestamp{at};
}

}  // namespace dohle::rules
