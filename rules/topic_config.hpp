// A topic's name and configs: Kafka's names, meanings and defaults. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/error.hpp"
#include "schema/limits.hpp"
#include "schema/messages.hpp"

namespace dohle::rules {

enum class timestamp_type : std::uint8_t { create_time, log_append_time };

/// Checked values. `own` says which of them are the topic's own, one bit a config in the order of the list in the .cpp.
struct topic_config {
  std::int64_t retention_ms = 7LL * 24 * 60 * 60 * 1000;  ///< retention.ms; -1 = for ever
  std::int64_t retention_bytes = -1;                      ///< retention.bytes, per partition; -1 = no bound
  std::int64_t segment_bytes = limits::segment_bytes;     ///< segment.bytes; what is larger acts as the default
  std::int64_t max_message_bytes = limits::default_max_message_bytes;  ///< max.message.bytes: of a batch as stored
  timestamp_type timestamps = timestamp_type::create_time;             ///< message.timestamp.type
  bool deletes = true;                                                 ///< cleanup.policy has delete: retention applies
  bool compacts = false;  ///< cleanup.policy has compact: the newest record of each key stays
  std::int64_t delete_retention_ms = 24LL * 60 * 60 * 1000;  ///< delete.retention.ms: of tombstones
  std::int64_t min_compaction_lag_ms = 0;                    ///< min.compaction.lag.ms
  std::int64_t max_compaction_lag_ms = std::numeric_limits<std::int64_t>::max();  ///< max.compaction.lag.ms
  double min_cleanable_dirty_ratio = 0.5;                                         ///< min.cleanable.dirty.ratio
  std::int32_t min_insync_replicas = 1;                                           ///< min.insync.replicas
  std::uint64_t own = 0;
  std::map<std::string, std::string, std::less<>> kept;  ///< own values of configs that have no effect here
  friend bool operator==(const topic_config&, const topic_config&) = default;
};

/// Reads a topic's own configs; the rest have their defaults. `invalid_config` names the entry and what is wrong, and
/// for an unknown name the nearest known one. Durations also as "30d", "12h", "5m", "10s", "100ms", sizes as "1GiB",
/// "64MiB", "10KiB" (1024) or "1GB", "64MB", "10kB" (1000). `is_default` entries are ignored; a name may not come
/// twice.
result<topic_config> parse_topic_config(std::span<const config_entry> own);
/// The same of names and values as they are stored.
result<topic_config> parse_topic_config(std::span<const std::pair<std::string, std::string>> own);

/// All known configs with their values as plain numbers, in the order of their names.
std::vector<config_entry> describe(const topic_config&);

/// `own` after an alteration: `set` replaces or adds, `reset` removes. Values are normalized (plain numbers). The
/// names in `reset` must be known.
result<std::vector<config_entry>> alter_configs(std::span<const config_entry> own, std::span<const config_entry> set,
                                                std::span<const std::string> reset);

/// Kafka's rules: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". Names that begin with "__" are the broker's own.
result<void> check_topic_name(std::string_view name);
bool is_internal_topic(std::string_view name);

}  // namespace dohle::rules
