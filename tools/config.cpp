#include "tools/config.hpp"

#include <fmt/core.h>

#include <toml++/toml.h>
#include <cctype>
#include <cstdlib>

#include "schema/limits.hpp"
#include "tools/nearest.hpp"
#include "tools/units.hpp"

namespace dohle::tools {

namespace {

constexpr std::int64_t mib = limits::mib;

constexpr config_key keys[] = {
    {"node", "worker_threads", value_kind::count, "0", "--worker-threads",
     "Threads that run the actors; 0 = as many as the machine has cores.", "", 0, 1024},
    {"node", "close_timeout", value_kind::duration, "10s", "--close-timeout",
     "How long a broker that was told to end may finish what it has begun.", "", 1, 3'600'000},
    {"listen", "address", value_kind::address, "127.0.0.1:7420", "--listen",
     "host:port for clients; port 0 takes a free one."},
    {"listen", "kafka", value_kind::port_or_address, "", "--kafka",
     "host:port for Kafka's clients, or a port alone for both loopback addresses; empty: none."},
    {"listen", "kafka_advertised", value_kind::port_or_address, "", "--kafka-advertised",
     "host:port that Kafka's clients are told; empty: the address they came to."},
    {"listen", "kafka_auto_create", value_kind::boolean, "true", "--kafka-auto-create",
     "A topic that a Kafka client names is made."},
    {"storage", "data", value_kind::text, "dohle-data", "--data", "The data folder; made when it is absent."},
    {"storage", "journal_file", value_kind::size, "512MiB", "--journal-file", "A journal file is rolled at this size.",
     "", 32 * mib, 64 * 1024 * mib},
    {"storage", "segment", value_kind::size, "512MiB", "--segment", "A segment is rolled at this size.", "", 1 * mib,
     64 * 1024 * mib},
    {"storage", "tail_cache", value_kind::size, "32MiB", "--tail-cache",
     "Recent batches of all partitions kept in memory for readers at the end.", "", 1 * mib, 64 * 1024 * mib},
    {"topics", "auto_create", value_kind::boolean, "false", "--auto-create-topics",
     "Producing to a topic that does not exist creates it."},
    {"topics", "default_partitions", value_kind::count, "1", "--default-partitions",
     "Partitions of topics created that way.", "", 1, limits::max_partitions_per_topic},
    {"log", "level", value_kind::choice, "info", "--log-level", "debug, info, warning or error.",
     "debug|info|warning|error"},
    {"log", "format", value_kind::choice, "text", "--log-format", "text or json, one line each on stderr.",
     "text|json"},
};

const config_key* find_key(std::string_view full_name) {
  for (const auto& key : keys) {
    if (key.full_name() == full_name) return &key;
  }
  return nullptr;
}

std::vector<std::string> all_names(std::string (config_key::*name)() const) {
  std::vector<std::string> names;
  for (const auto& key : keys) names.push_back((key.*name)());
  return names;
}

/// The nearest setting, or one of that name in another section: "data" is storage.data.
std::string did_you_mean_setting(const std::string& full_name) {
  auto hint = did_you_mean(full_name, all_names(&config_key::full_name));
  if (!hint.empty()) return hint;
  auto last = full_name.substr(full_name.find('.') + 1);  // without a dot: the whole name
  for (const auto& key : keys) {
    if (key.name == last) return fmt::format(" (did you mean '{}'?)", key.full_name());
  }
  return "";
}

error bad_value(const config_key& key, std::string_view text, std::string_view what, std::string hint) {
  return {errc::invalid_config, fmt::format("{} = '{}' {}", key.full_name(), text, what), std::move(hint)};
}

result<void> check_choice(const config_key& key, std::string_view text) {
  auto rest = key.choices;
  while (!rest.empty()) {
    auto bar = rest.find('|');
    if (rest.substr(0, bar) == text) return {};
    rest = bar == std::string_view::npos ? "" : rest.substr(bar + 1);
  }
  return bad_value(key, text, "is not one of the choices", std::string{key.comment});
}

result<void> check_range(const config_key& key, std::string_view text, std::int64_t value, std::string_view unit) {
  if (value >= key.least && value <= key.most) return {};
  return bad_value(key, text, "is out of range", fmt::format("from {} to {} {}", key.least, key.most, unit));
}

/// host:port with a port that is one: the system's resolver would take 99999 for another.
result<void> check_address(const config_key& key, std::string_view text) {
  auto colon = text.rfind(':');
  auto port = colon == std::string_view::npos ? std::nullopt : parse_integer(text.substr(colon + 1));
  if (colon != 0 && port && *port >= 0 && *port <= 65535) return {};
  return bad_value(key, text, "is not an address", "host:port with a port up to 65535, e.g. 127.0.0.1:7420");
}

/// A port alone is an address of this machine.
std::string with_host(const std::string& text) {
  return text.find(':') == std::string::npos ? "localhost:" + text : text;
}

result<void> check(const config_key& key, const std::string& text) {
  switch (key.kind) {
    case value_kind::text:
      if (text.empty()) return bad_value(key, text, "is empty", fmt::format("the default: {}", key.standard));
      return {};
    case value_kind::address: return check_address(key, text);
    case value_kind::port_or_address: return text.empty() ? result<void>{} : check_address(key, with_host(text));
    case value_kind::boolean:
      if (text == "true" || text == "false") return {};
      return bad_value(key, text, "is neither true nor false", "true or false");
    case value_kind::choice: return check_choice(key, text);
    case value_kind::count: {
      auto value = parse_integer(text);
      if (!value) return bad_value(key, text, "is not a whole number", fmt::format("e.g. {}", key.standard));
      return check_range(key, text, *value, "");
    }
    case value_kind::size: {
      auto value = parse_size(text);
      if (!value) return bad_value(key, text, "is not a size", value.error().hint);
      return check_range(key, text, static_cast<std::int64_t>(*value), "bytes");
    }
    case value_kind::duration: {
      auto value = parse_duration(text);
      if (!value) return bad_value(key, text, "is not a duration", value.error().hint);
      return check_range(key, text, value->count() / 1'000'000, "milliseconds");
    }
  }
  return {};
}

/// A TOML scalar as text; nullopt for tables, arrays and dates.
std::optional<std::string> scalar(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return *text;
  if (auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (auto flag = node.value_exact<bool>()) return std::string{*flag ? "true" : "false"};
  return std::nullopt;
}

std::string written(const config_key& key, std::string_view text) {
  bool bare = key.kind == value_kind::count || key.kind == value_kind::boolean;
  return bare ? std::string{text} : fmt::format("\"{}\"", text);
}

}  // namespace

std::string config_key::variable() const {
  std::string text = "DOHLE_" + std::string{section} + "__" + std::string{name};
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::span<const config_key> config_keys() { return keys; }

config::config() {
  for (const auto& key : keys) values_[key.full_name()] = {std::string{key.standard}, "default"};
}

result<void> config::set(const std::string& full_name, std::string text, std::string origin) {
  const auto* key = find_key(full_name);
  if (key == nullptr) {
    return error{errc::invalid_config,
                 fmt::format("{}: there is no setting '{}'{}", origin, full_name, did_you_mean_setting(full_name)),
                 "dohle config default prints every setting"};
  }
  if (auto fine = check(*key, text); !fine) {
    auto e = fine.error();
    e.message = origin + ": " + e.message;
    return e;
  }
  values_[full_name] = {std::move(text), std::move(origin)};
  return {};
}

result<void> config::read_file(const std::string& path) try {
  auto parsed = toml::parse_file(path);
  auto origin = "file " + path;
  for (const auto& [section, content] : parsed) {
    const auto* entries = content.as_table();
    if (entries == nullptr) {  // a key above the first [section]: named as such by set()
      auto done = set(std::string{section.str()}, scalar(content).value_or(""), origin);
      if (!done) return done;
      continue;
    }
    for (const auto& [name, value] : *entries) {
      auto full_name = std::string{section.str()} + "." + std::string{name.str()};
      auto text = scalar(value);
      if (!text && find_key(full_name) != nullptr) {
        return error{errc::invalid_config, fmt::format("{}: {} is not a single value", origin, full_name),
                     "dohle config default shows how it is written"};
      }
      auto done = set(full_name, text.value_or(""), origin);
      if (!done) return done;
    }
  }
  return {};
} catch (const toml::parse_error& e) {
  auto at = e.source().begin;
  return error{errc::invalid_config,
               at.line == 0 ? fmt::format("cannot read {}: {}", path, e.description())
                            : fmt::format("{}, line {}: {}", path, at.line, e.description()),
               "dohle config default prints a file to begin with"};
}

result<void> config::read_environment(const char* const* environment) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    std::string_view entry = *environment;
    auto equals = entry.find('=');
    if (!entry.starts_with("DOHLE_") || equals == std::string_view::npos) continue;
    std::string variable{entry.substr(0, equals)};
    if (variable.find("__") == std::string::npos) continue;  // DOHLE_URL and DOHLE_CONFIG are not settings
    const config_key* found = nullptr;
    for (const auto& key : keys) {
      if (key.variable() == variable) found = &key;
    }
    if (found == nullptr) {
      return error{errc::invalid_config,
                   fmt::format("environment: {} is not a setting{}", variable,
                               did_you_mean(variable, all_names(&config_key::variable))),
                   "dohle config default prints every setting; the variable is DOHLE_SECTION__KEY"};
    }
    auto done = set(found->full_name(), std::string{entry.substr(equals + 1)}, "environment " + variable);
    if (!done) return done;
  }
  return {};
}

const config_value& config::at(std::string_view full_name) const {
  auto found = values_.find(full_name);
  DOHLE_ASSERT(found != values_.end(), "the program asks only for keys in its own list");
  return found->second;
}

std::uint64_t config::size(std::string_view full_name) const { return parse_size(text(full_name)).value(); }
std::chrono::nanoseconds config::duration(std::string_view full_name) const {
  return parse_duration(text(full_name)).value();
}
std::int64_t config::count(std::string_view full_name) const { return parse_integer(text(full_name)).value_or(0); }
bool config::boolean(std::string_view full_name) const { return text(full_name) == "true"; }

result<config> load_config(const std::string& file, const char* const* environment,
                           const std::map<std::string, std::string>& flags) {
  config c;
  const char* named = std::getenv("DOHLE_CONFIG");
  std::string path = !file.empty() ? file : named != nullptr ? named : "";
  if (!path.empty()) {
    if (auto done = c.read_file(path); !done) return done.error();
  }
  if (auto done = c.read_environment(environment); !done) return done.error();
  for (const auto& [full_name, text] : flags) {
    auto done = c.set(full_name, text, "flag " + std::string{find_key(full_name)->flag});
    if (!done) return done.error();
  }
  return c;
}

std::string default_toml() {
  std::string text =
      "# The configuration of `dohle serve`. Every line is the default: keep what you change.\n"
      "# Order: flag > environment (DOHLE_SECTION__KEY) > this file > default.\n";
  std::string_view section;
  for (const auto& key : keys) {
    if (key.section != section) text += fmt::format("\n[{}]\n", key.section);
    section = key.section;
    text += fmt::format("# {}\n{} = {}\n", key.comment, key.name, written(key, key.standard));
  }
  return text;
}

}  // namespace dohle::tools
