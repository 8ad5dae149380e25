// What the power-cut simulation knows: everything it ever handed to a store, what it was told of it, and how to find
// out whether a store still knows the same.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "schema/record_batch.hpp"
#include "store/folder.hpp"

namespace dohle::crash {

/// Small files, so that rolling, recycling, settling, sealing and retiring happen all the time, and images are cheap.
inline constexpr store::options power_options{
    .journal_file_bytes = 400'000, .segment_bytes = 400'000, .tail_cache_bytes = 100'000, .spare_journal_files = 2};

/// A store that is not what it promised to be.
struct fault : std::runtime_error {
  fault(bool lost_, const std::string& why) : std::runtime_error(why), lost(lost_) {}
  bool lost;  ///< something acknowledged is gone; else something is there that should not be, or cannot be read
};

/// Where a partition stands.
struct standing {
  offset start, end;
  dohle::epoch epoch;
  store::hard_state hard;
  bool dropped = false;
  friend bool operator==(const standing&, const standing&) = default;
};
using standings = std::map<std::uint32_t, standing>;

/// A batch that was handed to a log.
struct written {
  offset base, end;
  std::size_t size = 0;
  std::uint32_t crc = 0;
  producer_stamp from;
};

/// What somebody outside may rely on.
struct promise {
  std::string identity;  ///< empty: the folder was never open
  standings sure;        ///< acknowledged
  standings maybe;       ///< the same, and all of what is on its way
};

struct world {
  std::map<std::uint32_t, std::vector<written>> logs;
  promise told;
};

/// Compares with what was promised, reads everything, and returns where the partitions stand. Throws a fault.
standings check_world(store::folder& folder, const world& known);

/// The value, or a fault with the store's own words.
template <class T>
T must(result<T> r, const char* what) {
  if (!r) throw fault(false, std::string{what} + ": " + to_string(r.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}
inline void must(result<void> r, const char* what) {
  if (!r) throw fault(false, std::string{what} + ": " + to_string(r.error()));
}

}  // namespace dohle::crash
