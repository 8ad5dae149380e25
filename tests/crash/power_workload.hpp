// One life of a store, recorded: it is opened, what is found is compared with what was promised, and then it is used in
// every way a broker uses it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
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

struct manner {
  int steps = 0;       ///< none: it only opens and checks
  bool large = false;  ///< with a batch of the largest size
  std::string plan;    ///< what the disk refuses (disk_shim.hpp), empty = nothing
};

/// Lives in `place`/data. Throws a fault when what was there is not what `known` was promised.
life live(const std::filesystem::path& place, const world& known, std::uint64_t seed, const manner& how);

}  // namespace dohle::crash
