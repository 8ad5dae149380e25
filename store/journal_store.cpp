#include "store/journal_store.hpp"

#include <algorithm>

#include "store/files.hpp"
#include "store/journal_recovery.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

namespace {

/// Room that a transaction's own tree pages may need beside its frames.
constexpr std::size_t tree_slack = 16 * limits::mib;
constexpr std::size_t max_group = limits::map_slack_bytes - tree_slack;
// A group is closed by the entry that passes max_group_bytes, which may be the largest batch; what frames and records
// add to small entries does not double them.
static_assert(max_group >= 2 * limits::max_group_bytes + max_frame);

}  // namespace

result<std::unique_ptr<journal_store>> journal_store::start(fs::path directory, folder_uuid folder,
                                                            const journal_options& options, journal_start from,
                                                            std::function<result<void>(std::uint64_t group)> on_roll) {
  std::unique_ptr<journal_store> made(new journal_store(std::move(directory), folder, options));
  made->files_ = std::move(from.files);
  for (fs::path& spare : from.spares) {
    if (made->spares_.size() < options.spare_files) {
      made->spares_.push_back(std::move(spare));
    } else if (auto r = remove_file(spare); !r) {
      return r.error();
    }
  }
  for (const auto& [id, head] : from.heads) made->heads_.emplace(id, head);
  file_beginning beginning;
  beginning.first_sequence = from.last_sequence + 1;
  beginning.last_group = from.last_group;
  made->last_group_ = std::max(from.last_group, from.last_lost_group);
  made->last_sequence_ = from.last_sequence;
  beginning.recovered = std::move(from.lost_frames);
  // Without a committed frame the newest file has the new one's name and is replaced by it.
  if (!made->files_.empty() && made->files_.back()->first_sequence() == beginning.first_sequence)
    made->files_.pop_back();
  if (auto r = made->begin_file(std::move(beginning)); !r) return r.error();
  made->current_->ends = std::move(from.lost_ends);
  made->on_roll_ = std::move(on_roll);
  return made;
}

std::vector<pending_record> journal_store::head_records() const {
  std::vector<pending_record> records;
  std::lock_guard lock(mutex_);
  records.reserve(heads_.size() * 2);
  for (const auto& [id, head] : heads_) {
    pending_record where;
    where.header.total_bytes = sizeof(record_header);
    where.header.partition = id;
    where.header.kind = record_head_kind;
    where.header.base = head.end.value;
    where.header.epoch = head.epoch.value;
    where.header.aux = head.epoch_start.value;
    seal(where.header);
    entry hard;
    hard.partition = partition_id{id};
    hard.kind = entry_kind::hard;
    hard.base = head.hard.high_watermark;
    hard.epoch = head.hard.epoch;
    hard.vote = head.hard.vote;
    records.push_back(where);
    records.push_back({to_record(hard), {}, 0});
  }
  return records;
}

result<void> journal_store::begin_file(file_beginning beginning) {
  beginning.heads = head_records();
  if (!beginning.heads.empty()) beginning.head_group = ++last_group_;
  fs::path spare;
  {
    std::lock_guard lock(mutex_);
    if (!spares_.empty()) {
      spare = spares_.back();
      spares_.pop_back();
    }
  }
  auto file = journal_file::create(directory_, map_bytes(), folder_, beginning, spare);
  if (!file) {
    std::error_code ignored;
    std::lock_guard lock(mutex_);
    if (!spare.empty() && fs::exists(spare, ignored)) spares_.push_back(spare);
    return file.error();
  }
  last_sequence_ = beginning.first_sequence - 1 + beginning.recovered.size() + group_layout(beginning.heads).frames();
  current_ = std::move(*file);
  current_has_groups_ = false;
  std::lock_guard lock(mutex_);
  files_.push_back(current_);
  durable_group_ = last_group_;
  return {};
}

result<void> journal_store::roll() {
  // What begins the next file may be on the disk already when making it fails: nothing is written behind it any more.
  roll_due_ = true;
  if (auto r = current_->env().flush(); !r) return r;  // only the newest file may have a lost tail
  file_beginning beginning;
  beginning.first_sequence = last_sequence_ + 1;
  beginning.last_group = last_group_;
  if (auto r = begin_file(std::move(beginning)); !r) return r;
  roll_due_ = false;
  return on_roll_(durable_group());
}

std::vector<pending_record> journal_store::accept(std::span<const entry> entries) {
  std::vector<pending_record> records;
  records.reserve(entries.size());
  std::lock_guard lock(mutex_);
  std::unordered_map<std::uint32_t, std::uint64_t> expected;  // serials, as this group goes on
  std::uint32_t last_partition = 0;
  std::uint64_t* next = nullptr;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    const entry& e = entries[i];
    if (!next || e.partition.value != last_partition) {
      last_partition = e.partition.value;
      auto [at, fresh] = expected.try_emplace(last_partition, 1);
      if (fresh) {
        if (auto head = heads_.find(last_partition); head != heads_.end()) at->second = head->second.next_serial;
        if (forgotten_.contains(last_partition)) at->second = 0;
      }
      next = &at->second;
    }
    if (e.serial != *next) continue;
    ++*next;
    records.push_back({to_record(e), e.payload.view(), i});
  }
  const auto before = [](const pending_record& a, const pending_record& b) {
    return a.header.partition < b.header.partition;
  };
  if (!std::is_sorted(records.begin(), records.end(), before)) std::stable_sort(records.begin(), records.end(), before);
  return records;
}

/// What a file holds of a log beyond where it was cut needs not settle before the file may go.
void bound_end(journal_file& file, std::uint32_t partition, offset end) {
  if (auto at = file.ends.find(partition); at != file.ends.end()) at->second = std::min(at->second, end.value);
}

void journal_store::remember(std::span<const entry> entries, std::span<const pending_record> records) {
  std::lock_guard lock(mutex_);
  durable_group_ = last_group_;
  partition_head* head = nullptr;
  std::uint32_t of = 0;
  for (const pending_record& record : records) {
    const entry& e = entries[record.entry];
    if (!head || of != e.partition.value) {
      of = e.partition.value;
      head = forgotten_.contains(of) ? nullptr : &heads_[of];
      if (!head) continue;
    }
    ++head->next_serial;
    if (e.kind == entry_kind::hard) {
      head->hard = {e.epoch, e.vote, e.base};
      continue;
    }
    if (e.kind == entry_kind::truncation) {
      DOHLE_ASSERT(e.base <= head->end, "a log is cut within itself");
      head->end = e.base;
      head->epoch = e.epoch;
      head->epoch_start = e.opened;
      for (const auto& file : files_) bound_end(*file, of, e.base);
      continue;
    }
    DOHLE_ASSERT(e.base == head->end, "a log's entries follow each other");
    if (e.epoch != head->epoch) head->epoch_start = e.base;
    head->epoch = e.epoch;
    if (e.kind != entry_kind::batch) continue;
    head->end = e.base + e.last_delta + 1;
    current_->ends[of] = head->end.value;
  }
}

result<std::vector<flushed_entry>> journal_store::commit(std::span<const entry> entries) {
  std::vector<flushed_entry> places(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) places[i].serial = entries[i].serial;
  const std::vector<pending_record> records = accept(entries);
  if (records.empty()) return places;
  const group_layout layout(records);
  if (layout.bytes() > max_group)
    return error{errc::invalid_request,
                 "a group of " + std::to_string(layout.bytes()) + " bytes is more than a journal takes at once",
                 "persist at most limits::max_group_bytes and one batch at once"};
  // The reserve is for epochs and votes: without them nothing could be read after a restart on a full disk.
  const bool data = std::any_of(records.begin(), records.end(),
                                [](const pending_record& r) { return r.header.kind == record_batch_kind; });
  if (data && free_bytes(directory_) < limits::disk_reserve_bytes) return io_error(ENOSPC, "writing", current_->path());
  const std::size_t after = current_->env().used_bytes() + layout.bytes();
  if (roll_due_ || (current_has_groups_ && after > options_.file_bytes) || after > map_bytes() - tree_slack) {
    if (auto r = roll(); !r) return r.error();
  }
  const std::uint64_t group = ++last_group_;  // never used again, even if what follows fails
  auto txn = current_->env().begin_write();
  if (!txn) return txn.error();
  auto laid = layout.put(*txn, last_sequence_ + 1, group, current_->head().epoch);
  if (!laid) return laid.error();
  if (auto r = txn->commit(); !r) return r.error();
  last_sequence_ += layout.frames();
  current_has_groups_ = true;
  for (std::size_t i = 0; i < records.size(); ++i) {
    flushed_entry& place = places[records[i].entry];
    place.sequence = (*laid)[i].sequence;
    place.at = (*laid)[i].at;
  }
  remember(entries, records);
  return places;
}

std::size_t journal_store::file_count() const {
  std::lock_guard lock(mutex_);
  return files_.size();
}

std::uint64_t journal_store::durable_group() const {
  std::lock_guard lock(mutex_);
  return durable_group_;
}

void journal_store::forget(partition_id of) {
  std::lock_guard lock(mutex_);
  heads_.erase(of.value);
  forgotten_.insert(of.value);
  for (const auto& file : files_) file->ends.erase(of.value);
}

std::shared_ptr<journal_file> journal_store::file_of(std::uint64_t sequence) const {
  std::lock_guard lock(mutex_);
  auto after = std::upper_bound(files_.begin(), files_.end(), sequence,
                                [](std::uint64_t s, const auto& file) { return s < file->first_sequence(); });
  return after == files_.begin() ? nullptr : *std::prev(after);
}

result<void> journal_store::copy(partition_id of, std::span<const batch_place> places, char* to) const {
  while (!places.empty()) {
    const auto file = file_of(places.front().sequence);
    if (!file) return error{errc::closed, "the journal file is retired", ""};
    std::size_t n = 1, size = places.front().size;
    for (; n < places.size() && file_of(places[n].sequence) == file; ++n) size += places[n].size;
    if (auto r = file->copy(of, places.first(n), to); !r) return r;
    to += size;
    places = places.subspan(n);
  }
  return {};
}

result<void> journal_store::view(partition_id of, std::span<const batch_place> places,
                                 const std::function<result<void>(std::size_t, std::string_view)>& each) const {
  std::size_t done = 0;
  while (done < places.size()) {
    const auto file = file_of(places[done].sequence);
    if (!file) return error{errc::closed, "the journal file is retired", ""};
    std::size_t n = 1;
    while (done + n < places.size() && file_of(places[done + n].sequence) == file) ++n;
    auto r = file->view(of, places.subspan(done, n),
                        [&](std::size_t i, std::string_view payload) { return each(done + i, payload); });
    if (!r) return r;
    done += n;
  }
  return {};
}

result<timestamp> journal_store::written_at(std::uint64_t sequence) const {
  const auto file = file_of(sequence);
  if (!file) return error{errc::closed, "the journal file is retired", ""};
  return file->written_at(sequence);
}

result<void> journal_store::retire(const std::function<offset(partition_id)>& settled) {
  for (;;) {
    // Durable one by one: files may only vanish from the old end, or a restart would see a gap.
    if (removal_unflushed_) {
      if (auto r = flush_directory(directory_); !r) return r;
      removal_unflushed_ = false;
    }
    std::shared_ptr<journal_file> file;
    std::vector<std::pair<std::uint32_t, std::int64_t>> ends;
    {
      std::lock_guard lock(mutex_);
      if (files_.size() < 2) return {};
      file = files_.front();
      ends.assign(file->ends.begin(), file->ends.end());
    }
    for (const auto& [id, end] : ends) {
      if (settled(partition_id{id}).value < end) return {};
    }
    if (auto r = retire_file(std::move(file)); !r) return r;
  }
}

result<void> journal_store::retire_file(std::shared_ptr<journal_file> file) {
  const fs::path path = file->path();
  // A file that only saw a short life is not worth keeping: it saves no allocation.
  const bool large = file->env().used_bytes() * 2 >= options_.file_bytes;
  fs::path spare;
  {
    std::lock_guard lock(mutex_);
    files_.erase(files_.begin());
    // A reader that still holds the file must not see it written over.
    if (large && spares_.size() < options_.spare_files && file.use_count() == 1) {
      std::error_code ignored;
      do {
        spare = directory_ / (std::string{spare_prefix} + std::to_string(++spare_number_) + ".l0");
      } while (fs::exists(spare, ignored));
    }
  }
  std::error_code problem;
  spare.empty() ? static_cast<void>(fs::remove(path, problem)) : fs::rename(path, spare, problem);
  if (problem) {
    std::lock_guard lock(mutex_);
    files_.insert(files_.begin(), std::move(file));
    return io_error(problem.value(), "retiring", path);
  }
  file.reset();
  removal_unflushed_ = true;
  if (auto r = remove_file(path.string() + std::string{lock_suffix}); !r) return r;
  if (auto r = flush_directory(directory_); !r) return r;
  removal_unflushed_ = false;
  if (spare.empty()) return {};
  std::lock_guard lock(mutex_);
  spares_.push_back(spare);
  return {};
}

}  // namespace dohle::store
