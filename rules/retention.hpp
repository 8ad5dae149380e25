// Which settled history may go. Pure: the caller drops what lies before the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rules/topic_config.hpp"
#include "schema/limits.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

struct segment_facts {
  offset base;
  offset end;
  std::uint64_t size_bytes = 0;
  timestamp max_timestamp = no_timestamp;  ///< largest record timestamp
  timestamp appended = no_timestamp;       ///< broker's time of the last append, when it is known
  bool sealed = false;
};

/// The first offset to keep. `segments` in order. Only whole sealed segments from the oldest on may go, never one
/// that reaches above `high_watermark`, and never the last of the list, sealed or not. By size: as long as at least
/// `retention.bytes` remain. By time: when a segment's newest record and its last append are both older than
/// `retention.ms` before `log_clock`, at most limits::retention_step_segments of them in one call, so that a clock
/// that jumped cannot empty a partition before somebody notices. `log_clock` is the largest append time this log has
/// seen, not the wall clock: a log that nothing is written to loses nothing. Records' own timestamps do not move it.
offset first_to_keep(std::span<const segment_facts> segments, const topic_config& config, timestamp log_clock,
                     offset high_watermark);

}  // namespace dohle::rules
