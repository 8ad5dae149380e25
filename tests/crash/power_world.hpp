// What the power-cut simulation knows: everything it ever handed to a store, what it was told of it, and how to find
// out whether a store still knows the same.
#pragma once

#include <map>
#include <set>
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

/// What a batch is to its producer's transaction.
enum class part : std::uint8_t { none, data, commit, abort };

/// A batch that was handed to a log, in a group of ours.
struct written {
  std::uint64_t group = 0;
  offset base, end;
  std::size_t size = 0;
  std::uint32_t crc = 0;
  producer_stamp from;
  part in_transaction = part::none;
  std::vector<std::uint64_t> cuts;  ///< the groups that tried to truncate it away
};

/// What may have been done, as a whole: where it leads, and the group it is (0: none).
struct attempt {
  standings leads_to;
  std::uint64_t group = 0;
};

/// What somebody outside may rely on.
struct promise {
  std::string identity;  ///< empty: the folder was never open
  standings sure;        ///< acknowledged
  /// What else may be found: what is on its way, or a group that a disk refused since the last acknowledgement.
  std::vector<attempt> maybe;
  std::set<std::uint64_t> refused;  ///< groups that never were
  std::uint64_t last_group = 0;     ///< handed over before this was promised
};

/// In the log, as far as `told` knows: a group counts that was neither refused nor handed over later.
bool is_there(const written& w, const promise& told);

struct world {
  std::map<std::uint32_t, std::vector<written>> logs;
  promise told;
};

/// Compares with what was promised, reads everything, and returns what may be promised now. Throws a fault.
promise check_world(store::folder& folder, const world& known);

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
