// The values a group consists of: its state's name, its members, and what of it is persisted (schema/stored.hpp,
// group_value).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"
#include "schema/messages.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

enum class group_state : std::uint8_t { empty, preparing_rebalance, completing_rebalance, stable, dead };

/// Kafka's name of it, e.g. "PreparingRebalance".
std::string_view to_string(group_state);

/// Are these offsets such as can be committed at all?
result<void> check_offsets(const commit_offsets_request& r);

struct group_options {
  /// How long a group that was empty waits for more members before its first generation; each newcomer extends it, up
  /// to the rebalance time-out. 0 = begin with the first member.
  milliseconds initial_delay{0};
};

/// A member as it is now.
struct member_state {
  std::string id;
  std::string instance;
  std::string client;
  std::string client_host;
  std::vector<group_protocol> protocols;  ///< in the member's order of preference
  milliseconds session_timeout{0};
  milliseconds rebalance_timeout{0};
  bytes assignment;                           ///< of the current generation, once Stable
  std::optional<std::uint64_t> waiting_join;  ///< token
  std::optional<std::uint64_t> waiting_sync;  ///< token
  bool synced = false;                        ///< asked for its assignment in this generation
  timestamp session_end;                      ///< lost unless heard of before; does not run while a request waits
};

}  // namespace dohle::rules
