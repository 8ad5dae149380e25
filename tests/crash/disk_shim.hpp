// A shared library between a process and its disk: linked before the others, or in LD_PRELOAD. It records what the
// process changes below a folder, in order, and makes chosen operations fail or be the process's last.
//
// By environment, for programs that know nothing of it:
//   DOHLE_DISK_PLAN="ACTION KIND N [PART]"   at the Nth operation of KIND (a name below, `any`) whose path contains
//   PART:
//     eio, enospc, emfile   it fails with that error and is not done
//     short                 a write takes half of its bytes
//     kill                  it is done, then the process is killed
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dohle::crash {

enum class disk_op : std::uint8_t {
  create,  ///< a file, empty
  write,
  truncate,  ///< or grow, to `at` bytes
  flush,     ///< fsync or fdatasync of a file: its bytes and size
  make_directory,
  rename,           ///< `path` to `to`
  remove,           ///< a file or an empty directory
  flush_directory,  ///< fsync of a directory: its entries
  mark,             ///< what the process itself says: number `at`
};

struct operation {
  disk_op kind = disk_op::mark;
  std::uint64_t file = 0;  ///< inode; 0 for marks, renames, removals
  std::uint64_t at = 0;    ///< write: where; truncate: the new size; mark: its number
  bool durable = false;    ///< a write through a descriptor opened with O_DSYNC
  std::string path;        ///< absolute, as it was named then
  std::string to;
  std::string data;
};

/// Records what happens below `root` until `stop_recording`. Nothing below it may be open yet. Meanwhile chance comes
/// from `seed`, and every look at a clock is a fifth of a second after the one before: the same seed, the same
/// operations.
void start_recording(const std::string& root, std::uint64_t seed);
std::vector<operation> stop_recording();
void record_mark(std::uint64_t number);

}  // namespace dohle::crash

extern "C" {
/// DOHLE_DISK_PLAN from now on; empty = none. Weak, so that programs may ask whether the shim is there.
__attribute__((weak)) void dohle_disk_plan(const char* plan);
}
