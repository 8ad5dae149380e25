// How a member of a group that the broker assigns gets from what it has to what it should have (KIP-848): it first
// gives up what goes to others, says so by what it owns, and gets the rest as soon as others have given it up.
//
//              must give something up                 it is given up
//   stable -------------------------> revoking --------------------------+
//     ^                                                                  v
//     +------------ all of it is free ------- waiting <---- some of it others still have
//
// Pure: values in, values out. Invariant: nobody gets what another has or has yet to give up.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>

#include "schema/types.hpp"

namespace dohle::rules {

using partition_set = std::set<topic_partition>;

/// The numbers lie on disk.
enum class consumer_phase : std::uint8_t { stable = 0, revoking = 1, waiting = 2 };

/// Where a member is.
struct consumer_position {
  std::int32_t epoch = 0;
  std::int32_t previous_epoch = -1;
  consumer_phase phase = consumer_phase::stable;
  partition_set assigned;  ///< what it may read
  partition_set revoking;  ///< what it has to give up first
  friend bool operator==(const consumer_position&, const consumer_position&) = default;
};

/// Where the member goes on from here: the next step towards the target of an epoch, or the same when it can do none.
/// `owned` is what it says to own, if it does; `free` tells whether nobody has a partition, this
/// member included.
consumer_position reconcile(const consumer_position& from, const partition_set& target, std::int32_t target_epoch,
                            const std::optional<partition_set>& owned,
                            const std::function<bool(const topic_partition&)>& free);

}  // namespace dohle::rules
