// The journal of a data folder: the files of `journal`, which of them is written, where every partition stands in it.
// Owner: the folder. `commit` belongs to one thread; everything else is safe from any.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "store/journal.hpp"
#include "store/journal_file.hpp"
#include "store/log.hpp"

namespace dohle::store {

/// Where a partition stands on this disk: what every new file begins with.
struct partition_head {
  offset end;          ///< of its flushed batches
  dohle::epoch epoch;  ///< of its last batch or mark
  offset epoch_start;  ///< where that epoch opened
  hard_state hard;
  std::uint64_t next_serial = 1;  ///< of this life of the process: an entry with another one lost its predecessor
};

struct journal_options {
  std::size_t file_bytes = limits::journal_file_bytes;
  std::size_t spare_files = limits::spare_journal_files;
};

struct journal_start {
  std::vector<std::shared_ptr<journal_file>> files;
  std::vector<std::filesystem::path> spares;
  std::uint64_t last_sequence = 0;
  std::uint64_t last_group = 0;
  std::vector<std::string> lost_frames;
  std::uint64_t last_lost_group = 0;
  std::map<std::uint32_t, partition_head> heads;
  /// Partition -> end of its last batch in the lost frames.
  std::unordered_map<std::uint32_t, std::int64_t> lost_ends;
};

class journal_store final : public journal {
 public:
  /// Makes the file that this life of the process writes into: with what was rolled forward, and all heads.
  static result<std::unique_ptr<journal_store>> start(std::filesystem::path directory, folder_uuid folder,
                                                      const journal_options& options, journal_start from,
                                                      std::function<result<void>(std::uint64_t group)> on_roll);

  result<std::vector<flushed_entry>> commit(std::span<const entry> entries) override;
  std::size_t file_count() const override;

  /// *disk*: copies a partition's batches, checked, one behind the other. `closed` when their file is retired: then
  /// they are in segments.
  result<void> copy(partition_id of, std::span<const batch_place> places, char* to) const;
  /// *disk*: shows each batch's bytes in place: each(index, bytes).
  result<void> view(partition_id of, std::span<const batch_place> places,
                    const std::function<result<void>(std::size_t, std::string_view)>& each) const;

  /// *disk*: this broker's clock when the frame was persisted.
  result<timestamp> written_at(std::uint64_t sequence) const;

  /// The last group that is on the disk, whatever happens.
  std::uint64_t durable_group() const;
  /// From now on nothing of this partition is taken, and new files do not begin with it.
  void forget(partition_id of);
  /// *disk*: retires the oldest files whose batches lie before `settled(partition)` all. One thread at a time.
  result<void> retire(const std::function<offset(partition_id)>& settled);

 private:
  journal_store(std::filesystem::path directory, folder_uuid folder, const journal_options& options)
      : directory_(std::move(directory)), folder_(folder), options_(options) {}
  result<void> begin_file(file_beginning beginning);
  result<void> roll();
  std::vector<pending_record> accept(std::span<const entry> entries);
  void remember(std::span<const entry> entries, std::span<const pending_record> records);
  std::vector<pending_record> head_records() const;
  std::size_t map_bytes() const { return options_.file_bytes + limits::map_slack_bytes; }
  std::shared_ptr<journal_file> file_of(std::uint64_t sequence) const;
  result<void> retire_file(std::shared_ptr<journal_file> file);

  const std::filesystem::path directory_;
  const folder_uuid folder_;
  const journal_options options_;
  std::function<result<void>(std::uint64_t)> on_roll_;

  // The committing thread's own.
  std::shared_ptr<journal_file> current_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t last_group_ = 0;  ///< tried: rises on failures too
  bool current_has_groups_ = false;
  bool roll_due_ = false;  ///< making the next file failed: it is tried again before anything else

  bool removal_unflushed_ = false;  ///< the retiring thread's own

  mutable std::mutex mutex_;                          ///< guards what follows; never held over a disk access
  std::vector<std::shared_ptr<journal_file>> files_;  ///< oldest first, the current one last
  std::vector<std::filesystem::path> spares_;
  std::uint64_t spare_number_ = 0;
  std::unordered_map<std::uint32_t, partition_head> heads_;
  std::unordered_set<std::uint32_t> forgotten_;
  std::uint64_t durable_group_ = 0;
};

}  // namespace dohle::store
