#include "rules/retention.hpp"

#include <algorithm>
#include <optional>

#include "schema/error.hpp"

namespace dohle::rules {

namespace {

bool is_due_by_time(const segment_facts& s, const topic_config& config, timestamp log_clock) {
  if (config.retention_ms < 0 || log_clock == no_timestamp) return false;
  const auto newest = std::max(s.max_timestamp, s.appended);
  if (newest == no_timestamp) return false;
  // Timestamps are the producers' and may be anything: the difference is taken without overflow.
  std::int64_t age = 0;
  if (__builtin_sub_overflow(log_clock.value, newest.value, &age)) return newest < log_clock;
  return age > config.retention_ms;
}

}  // namespace

offset first_to_keep(std::span<const segment_facts> segments, const topic_config& config, timestamp log_clock,
                     offset high_watermark) {
  if (segments.empty()) return offset{0};
  std::uint64_t remaining = 0;
  for (const auto& s : segments) remaining += s.size_bytes;

  auto keep = segments.front().base;
  std::size_t dropped_by_time = 0;
  for (const auto& s : segments.first(segments.size() - 1)) {
    DOHLE_ASSERT(s.base <= s.end && s.base >= keep, "segments come in the order of their offsets");
    if (!s.sealed || s.end > high_watermark) break;
    const bool by_size =
        config.retention_bytes >= 0 && remaining - s.size_bytes >= static_cast<std::uint64_t>(config.retention_bytes);
    if (!by_size) {
      if (!is_due_by_time(s, config, log_clock) || dropped_by_time == limits::retention_step_segments) break;
      ++dropped_by_time;
    }
    remaining -= s.size_bytes;
    keep = s.end;
  }
  return keep;
}

}  // namespace dohle::rules
