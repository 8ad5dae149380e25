// The data folder of one broker: lock, identity, journal, and the logs of its partitions.
//
//   <data>/LOCK                      held exclusively while open (flock)
//   <data>/IDENTITY                  format version, uuid, floor (docs/storage-format.md); text, replaced atomically
//   <data>/journal/j-<sequence>.l0   journal files
//   <data>/<partition, 8 hex>/<base offset, 16 hex>-<generation, 4 hex>.seg   segments
//
// Opening recovers: the newest journal file's tail is rolled forward into a new file, tails are rebuilt, half-made
// files are removed. When `open` returns, everything ever acknowledged from this folder is readable.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "schema/error.hpp"
#include "schema/limits.hpp"
#include "schema/types.hpp"
#include "store/journal.hpp"
#include "store/log.hpp"

namespace dohle::store {

struct options {
  std::size_t journal_file_bytes = limits::journal_file_bytes;
  std::size_t segment_bytes = limits::segment_bytes;
  std::size_t tail_cache_bytes = limits::tail_cache_bytes;
  std::size_t spare_journal_files = limits::spare_journal_files;
};

class folder {
 public:
  /// Creates the folder when it is absent or empty. `folder_locked` when another process has it, `wrong_folder` when it
  /// holds something else, `newer_format`, `corrupt_data`, `storage_full`.
  static result<std::unique_ptr<folder>> open(const std::filesystem::path& path, const options& = {});
  /// Nobody may use the folder's logs any more, and they should be gone: the files stay open as long as one lives.
  virtual ~folder() = default;

  virtual const std::filesystem::path& path() const = 0;
  /// UUID given when the folder was made.
  virtual const std::string& identity() const = 0;
  virtual store::journal& journal() = 0;

  /// *disk*: the log of a partition, made when absent. The same object for the same id.
  virtual result<std::shared_ptr<log>> open_log(partition_id) = 0;
  /// Partitions that have anything on this disk.
  virtual std::vector<partition_id> partitions() const = 0;
  /// *disk*: forgets a partition and unlinks its segments; what the journal still holds of it is ignored from now on.
  /// Call it again after a restart for a partition that should not exist.
  virtual result<void> drop_log(partition_id) = 0;
  /// *disk*: retires journal files in which nothing unsettled is left. The settler calls it after a round.
  virtual result<void> retire_journals() = 0;
};

}  // namespace dohle::store
