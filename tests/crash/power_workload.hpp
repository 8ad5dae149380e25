// One life of a store, recorded: it is opened, what is found is compared with what was promised, and then it is used in
// every way a broker uses it.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "tests/crash/chance.hpp"
#include "tests/crash/disk_model.hpp"
#include "tests/crash/power_world.hpp"

namespace dohle::crash {

/// What a life left: the disk before it, everything done to it, and what was promised when: `promises[op.at]` holds
/// from each mark on.
struct life {
  disk_model before;
  std::vector<operation> operations;
  std::vector<promise> promises;
  world after;
};

/// Lives in `place`/data for `steps` steps; with none it only opens and checks. Throws a fault when what was there is
/// not what `known` was promised. `large`: with a batch of the largest size.
life live(const std::filesystem::path& place, const world& known, std::uint64_t seed, int steps, bool large);

}  // namespace dohle::crash
