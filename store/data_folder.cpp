#include "store/data_folder.hpp"

#include <fcntl.h>

#include <algorithm>

#include "store/files.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

namespace {

/// IDENTITY's floor is behind by this at most while the folder is open.
constexpr auto floor_interval = std::chrono::seconds(10);

/// Names that a process may have left which ended while it made the folder.
bool is_beginning(const std::string& name) { return name == lock_name || name.ends_with(temporary_suffix); }

/// The folder is there and ours, or was empty and is ours now.
result<identity> claim(const fs::path& path, std::optional<folder_lock>& lock) {
  std::error_code problem;
  const auto kind = fs::status(path, problem).type();
  if (kind != fs::file_type::directory && kind != fs::file_type::not_found)
    return error{errc::wrong_folder, path.string() + " is not a folder", "choose another folder"};
  if (kind == fs::file_type::not_found) {
    if (path.has_parent_path()) fs::create_directories(path.parent_path(), problem);
    if (problem) return io_error(problem.value(), "creating", path.parent_path());
    if (auto r = make_directory(path); !r) return r.error();
  }
  auto files = list_files(path);
  if (!files) return files.error();
  auto directories = list_directories(path);
  if (!directories) return directories.error();
  const bool known = std::binary_search(files->begin(), files->end(), identity_name);
  if (!known && (!directories->empty() || !std::all_of(files->begin(), files->end(), is_beginning)))
    return error{errc::wrong_folder, path.string() + " holds something else than a Dohle data folder",
                 "choose an empty folder or one that does not exist yet"};
  auto taken = folder_lock::take(path);
  if (!taken) return taken.error();
  lock.emplace(std::move(*taken));
  std::error_code ignored;
  if (fs::exists(path / identity_name, ignored)) return read_identity(path);
  identity made = make_identity();
  if (auto r = write_identity(path, made); !r) return r.error();
  return made;
}

}  // namespace

result<std::unique_ptr<folder>> folder::open(const fs::path& path, const options& settings) {
  return data_folder::open(path, settings);
}

result<std::unique_ptr<folder>> data_folder::open(const fs::path& path, const options& settings) {
  std::error_code ignored;
  const fs::path full = fs::absolute(path, ignored).lexically_normal();
  std::optional<folder_lock> lock;
  auto who = claim(full.filename().empty() ? full.parent_path() : full, lock);
  if (!who) return who.error();
  auto context = std::make_shared<log_context>(settings);
  context->path = full.filename().empty() ? full.parent_path() : full;
  context->folder = to_number(who->uuid);
  std::unique_ptr<data_folder> made(new data_folder(std::move(context), std::move(*lock), std::move(*who)));
  if (auto r = made->recover(); !r) return r.error();
  return std::unique_ptr<folder>{std::move(made)};
}

data_folder::~data_folder() {
  if (context_->journal) static_cast<void>(note_floor(context_->journal->durable_group()));
}

result<void> data_folder::check_reach(const found_journal& found) const {
  if (!identity_.journal_made) return {};
  const fs::path directory = context_->path / journal_directory;
  const std::string hint = "restore the newest journal files, or remove the folder if its data is replicated";
  if (found.files.empty())
    return error{errc::corrupt_data, directory.string() + " has no journal files any more", hint};
  const std::uint64_t last = std::max(found.last_group, found.last_lost_group);
  if (last < identity_.floor)
    return error{errc::corrupt_data,
                 found.files.back()->path().string() + " ends with group " + std::to_string(last) + ", but group " +
                     std::to_string(identity_.floor) +
                     " was on the disk: it is an older copy, or a newer file is missing",
                 hint};
  return {};
}

result<void> data_folder::find_directories(std::set<std::uint32_t>& with_segments) {
  auto names = list_directories(context_->path);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    std::uint64_t id = 0;
    if (name == journal_directory) continue;
    if (name.size() != 8 || !parse_hex(name, id))
      return error{errc::wrong_folder, (context_->path / name).string() + " does not belong into a data folder",
                   "move it away"};
    std::error_code ignored;
    (fs::exists(context_->path / name / dropped_name, ignored) ? dropped_ : with_segments)
        .insert(static_cast<std::uint32_t>(id));
  }
  return {};
}

namespace {

/// Collects what the journal says of each partition, in the journal's order.
class replay {
 public:
  explicit replay(const std::set<std::uint32_t>& dropped) : dropped_(dropped) {}

  result<void> take(std::size_t file, const frame_header& frame, const record_header& record, std::uint32_t at) {
    mentioned.insert(record.partition);
    if (dropped_.contains(record.partition)) return {};
    recovered_partition& p = partitions[record.partition];
    const offset base{record.base};
    const dohle::epoch of{static_cast<std::int32_t>(record.epoch)};
    if (record.kind == record_hard_kind) {
      p.head.hard = {of, static_cast<std::int32_t>(record.aux), base};
      return {};
    }
    if (record.kind == record_truncation_kind) return cut(record.partition, p, {of, base}, offset{record.aux});
    if (!p.known_end) {  // whether all before is in segments shows when the log is opened
      p.head.end = base;
    } else if (base != p.head.end) {
      return error{errc::corrupt_data,
                   "partition " + std::to_string(record.partition) + " goes on at offset " +
                       std::to_string(base.value) + " where " + std::to_string(p.head.end.value) + " comes next",
                   ""};
    }
    p.known_end = true;
    if (record.kind == record_head_kind) {
      p.head.epoch = of;
      if (p.epochs.empty()) p.epochs.push_back({of, offset{record.aux}});
      return {};
    }
    if (of != p.head.epoch) p.epochs.push_back({of, base});
    p.head.epoch = of;
    if (record.kind != record_batch_kind) return {};
    tail_entry batch;
    batch.base = base;
    batch.max_timestamp = timestamp{record.max_timestamp};
    batch.sequence = frame.sequence;
    batch.at = at;
    batch.size = record.payload_bytes;
    batch.last_delta = record.last_delta;
    batch.epoch = of;
    p.head.end = batch.end();
    p.appended = std::max(p.appended, timestamp{frame.wall_ms});
    if (ends.size() <= file) ends.resize(file + 1);
    ends[file][record.partition] = p.head.end.value;
    p.batches.push_back(std::move(batch));
    return {};
  }

  result<void> cut(std::uint32_t id, recovered_partition& p, position to, offset opened) {
    if (p.known_end && to.end > p.head.end)
      return error{errc::corrupt_data,
                   "partition " + std::to_string(id) + " is cut at offset " + std::to_string(to.end.value) +
                       ", behind its end " + std::to_string(p.head.end.value),
                   ""};
    while (!p.batches.empty() && p.batches.back().base >= to.end) p.batches.pop_back();
    while (!p.epochs.empty() && p.epochs.back().epoch > to.epoch) p.epochs.pop_back();
    if (p.epochs.empty()) p.epochs.push_back({to.epoch, opened});
    for (auto& file : ends) {
      if (auto at = file.find(id); at != file.end()) at->second = std::min(at->second, to.end.value);
    }
    p.known_end = true;
    p.head.end = to.end;
    p.head.epoch = to.epoch;
    return {};
  }

  std::map<std::uint32_t, recovered_partition> partitions;
  std::set<std::uint32_t> mentioned;
  std::vector<std::unordered_map<std::uint32_t, std::int64_t>> ends;  ///< by file: partition -> end of its last batch

 private:
  const std::set<std::uint32_t>& dropped_;
};

}  // namespace

result<void> data_folder::recover() {
  auto files = list_files(context_->path);
  if (!files) return files.error();
  for (const std::string& name : *files) {
    if (!name.ends_with(temporary_suffix)) continue;
    if (auto r = remove_file(context_->path / name); !r) return r;
  }
  const fs::path journal_path = context_->path / journal_directory;
  std::error_code ignored;
  if (!identity_.journal_made) {  // nothing was acknowledged yet: what an interrupted making left is no journal
    if (auto r = make_directory(journal_path); !r) return r;
  } else if (!fs::is_directory(journal_path, ignored)) {
    return error{errc::corrupt_data, journal_path.string() + " is missing",
                 "restore the journal files, or remove the folder if its data is replicated"};
  }
  std::set<std::uint32_t> directories;
  if (auto r = find_directories(directories); !r) return r;
  replay said(dropped_);
  auto found = recover_journal(journal_path, context_->folder,
                               [&](std::size_t file, const frame_header& frame, const record_header& record,
                                   std::string_view, std::uint32_t at) { return said.take(file, frame, record, at); });
  if (!found) return found.error();
  if (auto r = check_reach(*found); !r) return r;
  said.ends.resize(found->files.size() + 1);
  for (std::size_t i = 0; i < found->files.size(); ++i) found->files[i]->ends = std::move(said.ends[i]);
  for (std::uint32_t id : directories) said.partitions.try_emplace(id);
  journal_start start;
  for (auto& [id, partition] : said.partitions) {
    auto opened = partition_log::open(context_, partition_id{id}, std::move(partition));
    if (!opened) return opened.error();
    // A folder that a first settling made just before the process ended says nothing yet.
    if (said.mentioned.contains(id)) start.heads.emplace(id, (*opened)->head());
    logs_.emplace(id, std::move(*opened));
  }
  start.files = std::move(found->files);
  start.spares = std::move(found->spares);
  start.last_sequence = found->last_sequence;
  start.last_group = found->last_group;
  start.lost_frames = std::move(found->lost_frames);
  start.last_lost_group = found->last_lost_group;
  start.lost_ends = std::move(said.ends.back());
  const journal_options journal_settings{context_->settings.journal_file_bytes, context_->settings.spare_journal_files};
  auto journal = journal_store::start(journal_path, context_->folder, journal_settings, std::move(start),
                                      [this](std::uint64_t group) { return note_floor(group); });
  if (!journal) return journal.error();
  context_->journal = std::move(*journal);
  for (std::uint32_t id : dropped_) context_->journal->forget(partition_id{id});
  if (auto r = retire_journals(); !r) return r;
  if (auto r = note_floor(context_->journal->durable_group()); !r) return r;
  return remove_tombstones(said.mentioned);
}

result<void> data_folder::remove_tombstones(const std::set<std::uint32_t>& mentioned) {
  for (std::uint32_t id : dropped_) {
    const fs::path directory = context_->path / to_hex(id, 8);
    auto names = list_files(directory);
    if (!names) return names.error();
    for (const std::string& name : *names) {  // an interrupted drop is finished; the tombstone goes last
      if (name == dropped_name) continue;
      if (auto r = remove_file(directory / name); !r) return r;
    }
    if (mentioned.contains(id)) continue;
    // A power cut may lose any of these removals: the tombstone's must not be the only one that stays.
    if (auto r = flush_directory(directory); !r) return r;
    if (auto r = remove_file(directory / dropped_name); !r) return r;
    std::error_code ignored;
    fs::remove(directory, ignored);
  }
  return {};
}

result<void> data_folder::note_floor(std::uint64_t group) {
  std::lock_guard one(floor_mutex_);
  store::identity what;
  {
    std::lock_guard lock(mutex_);
    what = identity_;
  }
  floor_noted_ = std::chrono::steady_clock::now();
  if (what.journal_made && what.floor == group) return {};
  what.journal_made = true;
  what.floor = std::max(what.floor, group);
  if (auto r = write_identity(context_->path, what); !r) return r;
  std::lock_guard lock(mutex_);
  identity_.journal_made = true;
  identity_.floor = what.floor;
  return {};
}

result<std::shared_ptr<log>> data_folder::open_log(partition_id id) {
  std::lock_guard lock(mutex_);
  if (auto found = logs_.find(id.value); found != logs_.end()) return std::shared_ptr<log>{found->second};
  if (dropped_.contains(id.value))
    return error{errc::unknown_partition,
                 "partition " + std::to_string(id.value) + " was dropped, and its number is never used again", ""};
  auto made = partition_log::open(context_, id, {});
  if (!made) return made.error();
  logs_.emplace(id.value, *made);
  return std::shared_ptr<log>{std::move(*made)};
}

std::vector<partition_id> data_folder::partitions() const {
  std::vector<std::shared_ptr<partition_log>> logs;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, log] : logs_) logs.push_back(log);
  }
  std::vector<partition_id> ids;
  for (const auto& log : logs) {
    const partition_head head = log->head();
    const bool something = head.end.value > 0 || head.epoch.value > 0 || head.hard != hard_state{};
    if (something) ids.push_back(log->id());
  }
  return ids;
}

result<void> data_folder::drop_log(partition_id id) {
  std::shared_ptr<partition_log> gone;
  {
    std::lock_guard lock(mutex_);
    dropped_.insert(id.value);  // again when it failed before: what follows may be repeated
    if (auto found = logs_.find(id.value); found != logs_.end()) {
      gone = std::move(found->second);
      logs_.erase(found);
    }
  }
  context_->journal->forget(id);
  // The tombstone is durable before anything is unlinked: the journal's batches would miss the segments otherwise.
  const fs::path directory = context_->path / to_hex(id.value, 8);
  if (auto r = make_directory(directory); !r) return r;
  if (auto r = replace_file(directory / dropped_name, "dropped\n"); !r) return r;
  return gone ? gone->drop() : result<void>{};
}

result<void> data_folder::retire_journals() {
  auto retired = context_->journal->retire([this](partition_id id) {
    std::shared_ptr<partition_log> log;
    {
      std::lock_guard lock(mutex_);
      if (auto found = logs_.find(id.value); found != logs_.end())
        log = found->second;
      else if (dropped_.contains(id.value))
        return offset{std::numeric_limits<std::int64_t>::max()};
    }
    return log ? log->settled() : offset{};
  });
  if (!retired) return retired;
  {
    std::lock_guard one(floor_mutex_);
    if (std::chrono::steady_clock::now() - floor_noted_ < floor_interval) return {};
  }
  return note_floor(context_->journal->durable_group());
}

}  // namespace dohle::store
