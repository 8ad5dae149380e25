// How a partition's log is found again: its segments, whatever an end in between has left of them, and the journal's
// tail behind them.
#include <algorithm>

#include "store/files.hpp"
#include "store/journal_recovery.hpp"
#include "store/partition_log.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

namespace {

error missing(const fs::path& directory, const std::string& what) {
  return {errc::corrupt_data, directory.string() + ": " + what,
          "restore the missing file, or remove the folder if its data is replicated"};
}

}  // namespace

result<std::vector<fs::path>> partition_log::find_segments() const {
  struct found {
    offset base;
    std::uint32_t generation = 0;
    fs::path path;
  };
  auto names = list_files(directory());
  if (!names) return names.error();
  std::vector<found> all;
  for (const std::string& name : *names) {
    found f;
    f.path = directory() / name;
    if (name.ends_with(temporary_suffix) || name.ends_with(lock_suffix)) {
      if (auto r = remove_file(f.path); !r) return r.error();
    } else if (parse_segment_name(name, f.base, f.generation)) {
      all.push_back(std::move(f));
    } else {
      return error{errc::wrong_folder, f.path.string() + " is no segment", "move it out of the data folder"};
    }
  }
  if (auto r = flush_directory(directory()); !r) return r.error();
  std::sort(all.begin(), all.end(), [](const found& x, const found& y) {
    return x.base != y.base ? x.base < y.base : x.generation < y.generation;
  });
  std::vector<fs::path> paths;
  for (found& f : all) paths.push_back(std::move(f.path));
  return paths;
}

/// Finishes what an interrupted compaction left: a rewritten segment is durable before its name is, so it counts.
result<void> partition_log::remove_superseded() {
  const auto all = segments_;
  for (const auto& s : all) {
    const bool replaced =
        std::any_of(all.begin(), all.end(), [&](const auto& other) { return supersedes(other->meta, s->meta); });
    if (!replaced) continue;
    if (auto r = s->remove(); !r) return r;
    std::erase(segments_, s);
  }
  return {};
}

result<void> partition_log::open_segments() {
  std::error_code ignored;
  if (!fs::exists(directory(), ignored)) return {};
  auto paths = find_segments();
  if (!paths) return paths.error();
  for (const fs::path& path : *paths) {
    auto opened = segment::open(path, path == paths->back(), context_->segment_map(), context_->segments);
    if (!opened) return opened.error();
    const segment_meta& meta = (*opened)->meta;
    if (meta.folder != context_->folder || meta.partition != id_.value)
      return error{errc::wrong_folder, path.string() + " belongs to another partition or data folder",
                   "put back the segments of this folder"};
    segments_.push_back(std::move(*opened));
  }
  if (auto r = remove_superseded(); !r) return r;
  if (segments_.empty()) return {};
  // Whoever moves the log's start says so before anything is unlinked: finish what was left (a power cut may keep any
  // of the files), and miss what nobody dropped.
  const offset says{segments_.back()->meta.log_start};
  const auto kept = std::stable_partition(segments_.begin(), segments_.end() - 1,
                                          [&](const auto& s) { return offset{s->meta.end} <= says; });
  for (auto gone = segments_.begin(); gone != kept; ++gone) {
    if (auto r = (*gone)->remove(); !r) return r;
  }
  segments_.erase(segments_.begin(), kept);
  for (std::size_t i = 1; i < segments_.size(); ++i) {
    const segment &before = *segments_[i - 1], &next = *segments_[i];
    if (before.meta.end != next.meta.base)
      return missing(directory(), "between " + before.path().filename().string() + " and " +
                                      next.path().filename().string() + " offsets from " +
                                      std::to_string(before.meta.end) + " are missing");
  }
  if (segments_.front()->base() > says || offset{segments_.back()->meta.end} < says)
    return missing(directory(), "the log starts at offset " + std::to_string(says.value) +
                                    ", but its first segment at " + std::to_string(segments_.front()->base().value));
  return {};
}

result<void> partition_log::join(recovered_partition from) {
  if (!segments_.empty()) {
    start_ = offset{segments_.back()->meta.log_start};
    settled_ = offset{segments_.back()->meta.end};
    if (!from.known_end)
      return error{errc::wrong_folder,
                   directory().string() + " holds segments of a partition that the journal does not know",
                   "put back the journal files of this folder, or move the segments away"};
  }
  appended_ = from.appended;
  for (const auto& s : segments_) {
    appended_ = std::max(appended_, timestamp{s->meta.appended});
    if (s->meta.bytes > 0) max_timestamp_ = std::max(max_timestamp_, timestamp{s->meta.max_timestamp});
  }
  end_ = settled_;
  for (tail_entry& batch : from.batches) {
    if (batch.end() <= settled_) continue;
    if (batch.base != end_)
      return missing(directory(), "offsets " + std::to_string(end_.value) + " to " + std::to_string(batch.base.value) +
                                      " are neither in segments nor in the journal");
    end_ = batch.end();
    unsettled_bytes_ += batch.size;
    max_timestamp_ = std::max(max_timestamp_, batch.max_timestamp);
    tail_.push(std::move(batch));
  }
  if (from.known_end && from.head.end != end_)
    return missing(directory(), "the log ended at offset " + std::to_string(from.head.end.value) +
                                    ", but what is there ends at " + std::to_string(end_.value));
  flushed_ = end_;
  epoch_ = flushed_epoch_ = from.head.epoch;
  epochs_ = std::move(from.epochs);
  hard_ = flushed_hard_ = from.head.hard;
  return {};
}

}  // namespace dohle::store
