// The broker's configuration: flag > environment > file > default. Every key is known here, with its kind, its default,
// its flag and its comment; `dohle config default`, the flags of `dohle serve` and the checks all come from this list.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"

namespace dohle::tools {

enum class value_kind { text, address, port_or_address, size, duration, count, boolean, choice };

struct config_key {
  std::string_view section;
  std::string_view name;
  value_kind kind;
  std::string_view standard;  ///< the default, as it is written
  std::string_view flag;      ///< of `dohle serve`
  std::string_view comment;
  std::string_view choices = "";  ///< separated by '|'
  std::int64_t least = 0;         ///< of a count, a size or milliseconds
  std::int64_t most = INT64_MAX;

  std::string full_name() const { return std::string{section} + "." + std::string{name}; }
  /// DOHLE_SECTION__KEY
  std::string variable() const;
};

std::span<const config_key> config_keys();

/// A value as written, and where: "default", "file F", "environment DOHLE_...", "flag --...".
struct config_value {
  std::string text;
  std::string origin;
};

class config {
 public:
  /// The defaults.
  config();
  /// Each reports the first unknown key (with the nearest name) or bad value as `invalid_config`.
  result<void> read_file(const std::string& path);
  result<void> read_environment(const char* const* environment);
  result<void> set(const std::string& full_name, std::string text, std::string origin);

  const config_value& at(std::string_view full_name) const;
  const std::string& text(std::string_view full_name) const { return at(full_name).text; }
  /// Of keys of that kind; they were checked when they were set.
  std::uint64_t size(std::string_view full_name) const;
  std::chrono::nanoseconds duration(std::string_view full_name) const;
  std::int64_t count(std::string_view full_name) const;
  bool boolean(std::string_view full_name) const;

 private:
  std::map<std::string, config_value, std::less<>> values_;
};

/// All four in their order. `file` may be empty: then DOHLE_CONFIG names it, if set.
result<config> load_config(const std::string& file, const char* const* environment,
                           const std::map<std::string, std::string>& flags);

/// The file that says nothing new: every key with its default and its comment.
std::string default_toml();

}  // namespace dohle::tools
