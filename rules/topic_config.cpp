#include "rules/topic_config.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

namespace dohle::rules {

namespace {

enum class kind { duration, size, count, ratio, word, boolean, text };

/// One known config. Numbers are checked against the bounds, words against the list; `unlimited` also takes -1. One
/// with a `kept` value has no effect here: it is checked, kept and shown, and that value is its default.
struct known_config {
  std::string_view name;
  kind what;
  std::int64_t least = 0;
  std::int64_t most = 0;
  bool unlimited = false;
  std::string_view words = {};  ///< "a|b"
  std::optional<std::string_view> kept = std::nullopt;
};

constexpr auto int_max = std::numeric_limits<std::int32_t>::max();
constexpr auto long_max = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view long_max_text = "9223372036854775807";
constexpr auto max_batch = static_cast<std::int64_t>(limits::max_batch_bytes);
/// Smaller segments would make a file per few batches; a whole batch must fit into one.
constexpr std::int64_t least_segment = 64 * 1024;
/// Of lists that are kept: what fits into a frame many times.
constexpr std::size_t most_text = 16 * 1024;

constexpr known_config kept_number(std::string_view name, kind what, std::int64_t least, std::int64_t most,
                                   std::string_view value) {
  return {name, what, least, most, false, {}, value};
}
constexpr known_config kept_boolean(std::string_view name, std::string_view value) {
  return {name, kind::boolean, 0, 0, false, {}, value};
}
constexpr known_config kept_text(std::string_view name) { return {name, kind::text, 0, 0, false, {}, ""}; }

/// Every config that Kafka's clients may give a topic, in the order of the names; the place is the bit in
/// topic_config::own. The defaults of those without effect say what is so here: each batch is flushed, its time is
/// taken as it comes.
constexpr std::array known{
    known_config{"cleanup.policy", kind::word, 0, 0, false, "delete|compact|compact,delete|delete,compact"},
    kept_number("compression.gzip.level", kind::count, -1, 9, "-1"),
    kept_number("compression.lz4.level", kind::count, 1, 17, "9"),
    known_config{"compression.type", kind::word, 0, 0, false, "producer|uncompressed|gzip|snappy|lz4|zstd", "producer"},
    kept_number("compression.zstd.level", kind::count, -131072, 22, "3"),
    known_config{"delete.retention.ms", kind::duration, 0, long_max},
    kept_number("file.delete.delay.ms", kind::duration, 0, long_max, "0"),
    kept_number("flush.messages", kind::count, 1, long_max, "1"),
    kept_number("flush.ms", kind::duration, 0, long_max, "0"),
    kept_text("follower.replication.throttled.replicas"),
    kept_number("index.interval.bytes", kind::size, 0, int_max, "262128"),
    kept_text("leader.replication.throttled.replicas"),
    kept_number("local.retention.bytes", kind::size, -2, long_max, "-2"),
    kept_number("local.retention.ms", kind::duration, -2, long_max, "-2"),
    known_config{"max.compaction.lag.ms", kind::duration, 1, long_max},
    known_config{"max.message.bytes", kind::size, 0, max_batch},
    kept_boolean("message.downconversion.enable", "false"),
    kept_number("message.timestamp.after.max.ms", kind::duration, 0, long_max, long_max_text),
    kept_number("message.timestamp.before.max.ms", kind::duration, 0, long_max, long_max_text),
    known_config{"message.timestamp.type", kind::word, 0, 0, false, "CreateTime|LogAppendTime"},
    known_config{"min.cleanable.dirty.ratio", kind::ratio, 0, 1},
    known_config{"min.compaction.lag.ms", kind::duration, 0, long_max},
    known_config{"min.insync.replicas", kind::count, 1, int_max},
    kept_boolean("preallocate", "false"),
    kept_boolean("remote.log.copy.disable", "false"),
    kept_boolean("remote.log.delete.on.disable", "false"),
    kept_boolean("remote.storage.enable", "false"),
    known_config{"retention.bytes", kind::size, 0, long_max, true},
    known_config{"retention.ms", kind::duration, 0, long_max, true},
    known_config{"segment.bytes", kind::size, least_segment, int_max},
    kept_number("segment.index.bytes", kind::size, 4, int_max, "10485760"),
    kept_number("segment.jitter.ms", kind::duration, 0, long_max, "0"),
    kept_number("segment.ms", kind::duration, 1, long_max, "604800000"),
    kept_boolean("unclean.leader.election.enable", "false"),
};
static_assert(known.size() <= 64, "each has its bit in topic_config::own");

constexpr std::array durations{std::pair<std::string_view, std::int64_t>{"ms", 1},
                               std::pair<std::string_view, std::int64_t>{"s", 1'000},
                               std::pair<std::string_view, std::int64_t>{"m", 60'000},
                               std::pair<std::string_view, std::int64_t>{"min", 60'000},
                               std::pair<std::string_view, std::int64_t>{"h", 3'600'000},
                               std::pair<std::string_view, std::int64_t>{"d", 86'400'000},
                               std::pair<std::string_view, std::int64_t>{"w", 604'800'000}};
constexpr std::array sizes{std::pair<std::string_view, std::int64_t>{"B", 1},
                           std::pair<std::string_view, std::int64_t>{"kB", 1'000},
                           std::pair<std::string_view, std::int64_t>{"MB", 1'000'000},
                           std::pair<std::string_view, std::int64_t>{"GB", 1'000'000'000},
                           std::pair<std::string_view, std::int64_t>{"TB", 1'000'000'000'000},
                           std::pair<std::string_view, std::int64_t>{"KiB", 1LL << 10},
                           std::pair<std::string_view, std::int64_t>{"MiB", 1LL << 20},
                           std::pair<std::string_view, std::int64_t>{"GiB", 1LL << 30},
                           std::pair<std::string_view, std::int64_t>{"TiB", 1LL << 40}};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

error unknown_name(std::string_view name) {
  constexpr std::size_t shown = 100;  // a hostile name must not fill the log
  const auto part = name.substr(0, shown);
  const auto nearest =
      std::ranges::min_element(known, {}, [&](const known_config& k) { return edit_distance(part, k.name); });
  return {errc::invalid_config, "there is no topic config '" + std::string{part} + "'",
          std::string{nearest->name} + " is the nearest known name"};
}

std::optional<std::size_t> place_of(std::string_view name) {
  const auto found = std::ranges::find(known, name, &known_config::name);
  if (found == known.end()) return std::nullopt;
  return static_cast<std::size_t>(found - known.begin());
}

error bad_value(const known_config& k, std::string_view value, std::string wrong, std::string hint) {
  constexpr std::size_t shown = 100;
  return {errc::invalid_config,
          std::string{k.name} + " = '" + std::string{value.substr(0, shown)} + "' " + std::move(wrong),
          std::move(hint)};
}

std::string example_of(kind what) {
  if (what == kind::duration) return "milliseconds, or a number with ms, s, m, h, d or w such as 30d";
  if (what == kind::size) return "bytes, or a number with KiB, MiB, GiB, kB, MB or GB such as 1GiB";
  return "a whole number";
}

std::optional<std::int64_t> unit_of(kind what, std::string_view unit) {
  if (unit.empty()) return 1;
  const auto search = [&](const auto& units) -> std::optional<std::int64_t> {
    const auto found = std::ranges::find(units, unit, [](const auto& u) { return u.first; });
    if (found == units.end()) return std::nullopt;
    return found->second;
  };
  if (what == kind::duration) return search(durations);
  if (what == kind::size) return search(sizes);
  return std::nullopt;
}

result<std::int64_t> parse_number(const known_config& k, std::string_view value) {
  std::int64_t number = 0;
  const auto* end = value.data() + value.size();
  const auto [rest, code] = std::from_chars(value.data(), end, number);
  auto unit = std::string_view{rest, static_cast<std::size_t>(end - rest)};
  if (unit.size() > 1 && unit.front() == ' ') unit.remove_prefix(1);
  const auto factor = unit_of(k.what, unit);
  if (code == std::errc::result_out_of_range) return bad_value(k, value, "is too large", example_of(k.what));
  if (code != std::errc{} || !factor) return bad_value(k, value, "is not a number", example_of(k.what));
  if (__builtin_mul_overflow(number, *factor, &number)) return bad_value(k, value, "is too large", example_of(k.what));
  if (number == -1 && k.unlimited) return number;
  if (number < k.least || number > k.most) {
    return bad_value(k, value, "is outside its bounds",
                     "from " + std::to_string(k.least) + " to " + std::to_string(k.most) +
                         (k.unlimited ? ", or -1 for no bound" : ""));
  }
  return number;
}

result<void> check_word(const known_config& k, std::string_view value) {
  for (auto rest = k.words; !rest.empty();) {
    const auto bar = std::min(rest.find('|'), rest.size());
    if (rest.substr(0, bar) == value) return {};
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  std::string allowed;
  for (char c : k.words) allowed += c == '|' ? std::string{" or "} : std::string{c};
  return bad_value(k, value, "is not one of its values", allowed);
}

result<double> parse_ratio(const known_config& k, std::string_view value) {
  double number = 0;
  const auto* end = value.data() + value.size();
  const auto [rest, code] = std::from_chars(value.data(), end, number);
  if (code != std::errc{} || rest != end) return bad_value(k, value, "is not a number", "a part of the whole, as 0.5");
  if (!(number >= 0 && number <= 1)) return bad_value(k, value, "is outside its bounds", "from 0 to 1");
  return number;
}

std::string to_text(double ratio) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), ratio).ptr};
}

/// As it is kept: one way of writing for each value.
result<std::string> check_kept(const known_config& k, std::string_view value) {
  if (k.what == kind::text) {
    if (value.size() > most_text) return bad_value(k, value, "is too long", "a list of partition:broker, or *");
    return std::string{value};
  }
  if (k.what == kind::boolean) {
    std::string lower{value};
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower != "true" && lower != "false") return bad_value(k, value, "is not one of its values", "true or false");
    return lower;
  }
  if (k.what == kind::word) {
    if (auto checked = check_word(k, value); !checked) return checked.error();
    return std::string{value};
  }
  const auto number = parse_number(k, value);
  if (!number) return number.error();
  return std::to_string(*number);
}

void set_word(topic_config& c, std::string_view name, std::string_view value) {
  if (name == "message.timestamp.type")
    c.timestamps = value == "CreateTime" ? timestamp_type::create_time : timestamp_type::log_append_time;
  if (name == "cleanup.policy") {
    c.deletes = value != "compact";
    c.compacts = value != "delete";
  }
}

void set_number(topic_config& c, std::string_view name, std::int64_t value) {
  if (name == "delete.retention.ms") c.delete_retention_ms = value;
  if (name == "max.compaction.lag.ms") c.max_compaction_lag_ms = value;
  if (name == "min.compaction.lag.ms") c.min_compaction_lag_ms = value;
  if (name == "max.message.bytes") c.max_message_bytes = value;
  if (name == "min.insync.replicas") c.min_insync_replicas = static_cast<std::int32_t>(value);
  if (name == "retention.bytes") c.retention_bytes = value;
  if (name == "retention.ms") c.retention_ms = value;
  if (name == "segment.bytes") c.segment_bytes = value;
}

std::string kept_value(const topic_config& c, const known_config& k) {
  if (auto own = c.kept.find(k.name); own != c.kept.end()) return own->second;
  return std::string{*k.kept};
}

std::string value_of(const topic_config& c, std::string_view name) {
  if (name == "cleanup.policy") return !c.compacts ? "delete" : c.deletes ? "compact,delete" : "compact";
  if (name == "delete.retention.ms") return std::to_string(c.delete_retention_ms);
  if (name == "max.compaction.lag.ms") return std::to_string(c.max_compaction_lag_ms);
  if (name == "min.cleanable.dirty.ratio") return to_text(c.min_cleanable_dirty_ratio);
  if (name == "min.compaction.lag.ms") return std::to_string(c.min_compaction_lag_ms);
  if (name == "max.message.bytes") return std::to_string(c.max_message_bytes);
  if (name == "message.timestamp.type") {
    return c.timestamps == timestamp_type::create_time ? "CreateTime" : "LogAppendTime";
  }
  if (name == "min.insync.replicas") return std::to_string(c.min_insync_replicas);
  if (name == "retention.bytes") return std::to_string(c.retention_bytes);
  if (name == "retention.ms") return std::to_string(c.retention_ms);
  DOHLE_ASSERT(name == "segment.bytes", "each known config has a value");
  return std::to_string(c.segment_bytes);
}

}  // namespace

result<topic_config> parse_topic_config(std::span<const config_entry> own) {
  topic_config config;
  for (const auto& entry : own) {
    if (entry.is_default) continue;
    const auto place = place_of(entry.name);
    if (!place) return unknown_name(entry.name);
    const auto& k = known[*place];
    const auto bit = std::uint64_t{1} << *place;
    if ((config.own & bit) != 0) return bad_value(k, entry.value, "is given a second time", "each config once");
    config.own |= bit;
    if (k.kept) {
      auto value = check_kept(k, entry.value);
      if (!value) return value.error();
      config.kept.emplace(k.name, std::move(*value));
    } else if (k.what == kind::word) {
      if (auto checked = check_word(k, entry.value); !checked) return checked.error();
      set_word(config, k.name, entry.value);
    } else if (k.what == kind::ratio) {
      const auto ratio = parse_ratio(k, entry.value);
      if (!ratio) return ratio.error();
      config.min_cleanable_dirty_ratio = *ratio;
    } else {
      const auto number = parse_number(k, entry.value);
      if (!number) return number.error();
      set_number(config, k.name, *number);
    }
  }
  if (config.min_compaction_lag_ms > config.max_compaction_lag_ms)
    return error{errc::invalid_config, "min.compaction.lag.ms is larger than max.compaction.lag.ms",
                 "a record that must be compacted by then must be allowed to be"};
  return config;
}

result<topic_config> parse_topic_config(std::span<const std::pair<std::string, std::string>> own) {
  std::vector<config_entry> entries;
  for (const auto& [name, value] : own) entries.push_back({name, value, false});
  return parse_topic_config(entries);
}

std::vector<config_entry> describe(const topic_config& config) {
  std::vector<config_entry> all;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const auto& k = known[i];
    const bool is_own = (config.own & (std::uint64_t{1} << i)) != 0;
    all.push_back({std::string{k.name}, k.kept ? kept_value(config, k) : value_of(config, k.name), !is_own});
  }
  return all;
}

result<std::vector<config_entry>> alter_configs(std::span<const config_entry> own, std::span<const config_entry> set,
                                                std::span<const std::string> reset) {
  const auto changes = parse_topic_config(set);
  if (!changes) return changes.error();
  std::set<std::string_view> gone;
  for (const auto& name : reset) {
    if (!place_of(name)) return unknown_name(name);
    gone.insert(name);
  }
  std::vector<config_entry> wanted;
  for (const auto& entry : set) {
    if (entry.is_default) continue;
    if (gone.contains(entry.name)) {
      return error{errc::invalid_config, entry.name + " is both set and reset", "do one of them"};
    }
    gone.insert(entry.name);
    wanted.push_back(entry);
  }
  for (const auto& entry : own) {
    if (!gone.contains(entry.name)) wanted.push_back(entry);
  }
  const auto config = parse_topic_config(wanted);
  if (!config) return config.error();
  auto all = describe(*config);
  std::erase_if(all, [](const config_entry& e) { return e.is_default; });
  return all;
}

result<void> check_topic_name(std::string_view name) {
  const auto refuse = [&](const std::string& wrong) {
    return error{errc::invalid_topic, "a topic's name " + wrong, "letters, digits, '.', '_' and '-', at most 249"};
  };
  if (name.empty()) return refuse("may not be empty");
  if (name.size() > limits::max_topic_name) return refuse("has " + std::to_string(name.size()) + " characters");
  if (name == "." || name == "..") return refuse("may not be '" + std::string{name} + "'");
  const auto allowed = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  const auto bad = std::ranges::find_if_not(name, allowed);
  if (bad != name.end()) {
    const auto byte = static_cast<unsigned char>(*bad);
    const auto shown = std::isprint(byte) != 0 ? "'" + std::string{*bad} + "'" : "byte " + std::to_string(byte);
    return refuse("may not contain " + shown);
  }
  return {};
}

bool is_internal_topic(std::string_view name) { return name.starts_with("__"); }

}  // namespace dohle::rules
