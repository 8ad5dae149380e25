#include "store/partition_log.hpp"

#include <algorithm>
#include <utility>

#include "store/files.hpp"
#include "store/journal_recovery.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

namespace {

error missing(const fs::path& directory, const std::string& what) {
  return {errc::corrupt_data, directory.string() + ": " + what,
          "restore the missing file, or remove the folder if its data is replicated"};
}

}  // namespace

// --- opening

result<std::shared_ptr<partition_log>> partition_log::open(std::shared_ptr<log_context> context, partition_id id,
                                                           recovered_partition from) {
  std::shared_ptr<partition_log> made(new partition_log(std::move(context), id));
  if (auto r = made->open_segments(); !r) return r.error();
  if (auto r = made->join(std::move(from)); !r) return r.error();
  return made;
}

partition_log::~partition_log() { context_->budget.release(tail_.clear()); }

fs::path partition_log::directory() const { return context_->path / to_hex(id_.value, 8); }

result<void> partition_log::open_segments() {
  std::error_code ignored;
  if (!fs::exists(directory(), ignored)) return {};
  auto names = list_files(directory());
  if (!names) return names.error();
  std::vector<fs::path> paths;
  for (const std::string& name : *names) {
    offset base;
    std::uint32_t generation = 0;
    if (name.ends_with(temporary_suffix) || name.ends_with(lock_suffix)) {
      if (auto r = remove_file(directory() / name); !r) return r;
    } else if (parse_segment_name(name, base, generation)) {
      paths.push_back(directory() / name);  // sorted by name is sorted by base
    } else {
      return error{errc::wrong_folder, (directory() / name).string() + " is no segment",
                   "move it out of the data folder"};
    }
  }
  if (auto r = flush_directory(directory()); !r) return r;
  for (const fs::path& path : paths) {
    auto opened = segment::open(path, path == paths.back(), context_->segment_map(), context_->segments);
    if (!opened) return opened.error();
    const segment_meta& meta = (*opened)->meta;
    if (meta.folder != context_->folder || meta.partition != id_.value)
      return error{errc::wrong_folder, path.string() + " belongs to another partition or data folder",
                   "put back the segments of this folder"};
    segments_.push_back(std::move(*opened));
  }
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
  for (const auto& s : segments_) {
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
  epoch_start_ = from.head.epoch_start;
  hard_ = flushed_hard_ = from.head.hard;
  return {};
}

partition_head partition_log::head() const {
  std::lock_guard lock(mutex_);
  return {flushed_, flushed_epoch_, epoch_start_, flushed_hard_, 1};
}

// --- marks

offset partition_log::start() const {
  std::lock_guard lock(mutex_);
  return start_;
}

offset partition_log::settled() const {
  std::lock_guard lock(mutex_);
  return settled_;
}

offset partition_log::flushed() const {
  std::lock_guard lock(mutex_);
  return flushed_;
}

offset partition_log::end() const {
  std::lock_guard lock(mutex_);
  return end_;
}

position partition_log::flushed_position() const {
  std::lock_guard lock(mutex_);
  return {flushed_epoch_, flushed_};
}

hard_state partition_log::hard() const {
  std::lock_guard lock(mutex_);
  return hard_;
}

std::uint64_t partition_log::size_bytes() const {
  std::lock_guard lock(mutex_);
  std::uint64_t size = unsettled_bytes_;
  for (const auto& s : segments_) size += s->meta.bytes;
  return size;
}

timestamp partition_log::max_timestamp() const {
  std::lock_guard lock(mutex_);
  return max_timestamp_;
}

std::vector<segment_info> partition_log::segments() const {
  std::lock_guard lock(mutex_);
  std::vector<segment_info> infos;
  infos.reserve(segments_.size());
  for (const auto& s : segments_) {
    const timestamp latest = s->meta.bytes > 0 ? timestamp{s->meta.max_timestamp} : no_timestamp;
    const bool sealed = s != segments_.back();
    infos.push_back({s->base(), offset{s->meta.end}, s->meta.bytes, latest, timestamp{s->meta.appended}, sealed});
  }
  return infos;
}

std::size_t partition_log::unsettled_bytes() const {
  std::lock_guard lock(mutex_);
  return unsettled_bytes_;
}

// --- the leader's

entry partition_log::next_entry(entry_kind kind) {
  entry e;
  e.partition = id_;
  e.kind = kind;
  e.serial = next_serial_++;
  return e;
}

entry partition_log::append(bytes batch, const batch_header& header) {
  const std::size_t size = batch.size();
  tail_entry added;
  added.owner = batch.owner();
  added.data = batch.data();
  added.base = header.base;
  added.max_timestamp = header.max_timestamp;
  added.size = static_cast<std::uint32_t>(size);
  added.last_delta = header.last_offset_delta;
  added.epoch = header.epoch;
  context_->budget.add(size);
  std::lock_guard lock(mutex_);
  DOHLE_ASSERT(header.base == end_, "the leader gives a batch the log's end");
  DOHLE_ASSERT(header.epoch >= epoch_, "epochs only grow within a log");
  entry e = next_entry(entry_kind::batch);
  e.base = header.base;
  e.last_delta = header.last_offset_delta;
  e.epoch = epoch_ = header.epoch;
  e.max_timestamp = header.max_timestamp;
  e.payload = std::move(batch);
  end_ = added.end();
  max_timestamp_ = std::max(max_timestamp_, added.max_timestamp);
  in_flight_.push_back({e.serial, e.kind, end_, e.epoch, {}});
  tail_.push(std::move(added));
  return e;
}

entry partition_log::open_epoch(epoch opened) {
  std::lock_guard lock(mutex_);
  DOHLE_ASSERT(opened >= epoch_, "epochs only grow within a log");
  entry e = next_entry(entry_kind::mark);
  e.base = end_;
  e.epoch = epoch_ = opened;
  in_flight_.push_back({e.serial, e.kind, end_, opened, {}});
  return e;
}

entry partition_log::set_hard(const hard_state& state) {
  std::lock_guard lock(mutex_);
  entry e = next_entry(entry_kind::hard);
  e.base = state.high_watermark;
  e.epoch = state.epoch;
  e.vote = state.vote;
  hard_ = state;
  in_flight_.push_back({e.serial, e.kind, end_, state.epoch, state});
  return e;
}

void partition_log::on_flushed(const std::vector<flushed_entry>& places) {
  std::vector<offset> evictable;
  {
    std::lock_guard lock(mutex_);
    for (const flushed_entry& place : places) {
      if (place.sequence == 0) continue;  // refused: drop_unflushed forgets it
      DOHLE_ASSERT(!in_flight_.empty() && in_flight_.front().serial == place.serial,
                   "the journal persists a log's entries in the order they were made");
      const in_flight& done = in_flight_.front();
      if (done.kind == entry_kind::hard) {
        flushed_hard_ = done.hard;
      } else {
        if (done.kind == entry_kind::mark || done.epoch != flushed_epoch_) epoch_start_ = flushed_;
        flushed_epoch_ = done.epoch;
      }
      if (done.kind == entry_kind::batch) {
        tail_entry& batch = tail_[tail_.find(flushed_)];
        batch.sequence = place.sequence;
        batch.at = place.at;
        unsettled_bytes_ += batch.size;
        evictable.push_back(batch.base);
        flushed_ = done.end;
      }
      in_flight_.pop_front();
    }
  }
  context_->budget.flushed(weak_from_this(), evictable);
}

void partition_log::drop_unflushed() {
  std::vector<std::shared_ptr<const void>> released;  // freed after the lock
  std::size_t size = 0;
  {
    std::lock_guard lock(mutex_);
    size = tail_.cut(flushed_, released);
    if (!in_flight_.empty()) next_serial_ = in_flight_.front().serial;
    in_flight_.clear();
    end_ = flushed_;
    epoch_ = flushed_epoch_;
    hard_ = flushed_hard_;
    max_timestamp_ = no_timestamp;
    for (const auto& s : segments_) {
      if (s->meta.bytes > 0) max_timestamp_ = std::max(max_timestamp_, timestamp{s->meta.max_timestamp});
    }
    for (std::size_t i = 0; i < tail_.size(); ++i) max_timestamp_ = std::max(max_timestamp_, tail_[i].max_timestamp);
  }
  context_->budget.release(size);
}

std::size_t partition_log::evict(offset base) {
  std::shared_ptr<const void> released;  // freed after the lock
  std::lock_guard lock(mutex_);
  const std::size_t size = tail_.evict(base, released);
  tail_.trim(settled_);
  return size;
}

// --- readers

std::optional<std::vector<bytes>> partition_log::read_tail(offset from, std::size_t max_bytes, offset limit) const {
  std::vector<bytes> batches;
  if (from >= limit) return batches;
  std::lock_guard lock(mutex_);
  if (from == end_) return batches;
  const std::size_t first = tail_.find(from);
  if (dropped_ || from < start_ || first == tail_.size() || !tail_[first].data) return std::nullopt;
  std::size_t total = 0;
  for (std::size_t i = first; i < tail_.size(); ++i) {
    const tail_entry& batch = tail_[i];
    if (!batch.data || batch.base >= limit || (total > 0 && total + batch.size > max_bytes)) break;
    total += batch.size;
    batches.push_back(batch.payload());
  }
  return batches;
}

error partition_log::out_of_range(offset from) const {
  return {errc::offset_out_of_range,
          "offset " + std::to_string(from.value) + " is outside the log, which has " + std::to_string(start_.value) +
              " to " + std::to_string(end_.value),
          "read from the start or the end"};
}

std::shared_ptr<segment> partition_log::segment_of(offset at) const {
  auto after = std::upper_bound(segments_.begin(), segments_.end(), at,
                                [](offset wanted, const auto& s) { return wanted < s->base(); });
  return after == segments_.begin() ? nullptr : *std::prev(after);
}

std::vector<batch_place> partition_log::unsettled_places(offset from, std::size_t max_bytes, offset limit) const {
  std::vector<batch_place> places;
  std::size_t total = 0;
  for (std::size_t i = tail_.find(from); i < tail_.size(); ++i) {
    const tail_entry& batch = tail_[i];
    if (batch.data || batch.base >= limit || (total > 0 && total + batch.size > max_bytes)) break;
    total += batch.size;
    places.push_back(batch.place());
  }
  return places;
}

result<bytes> partition_log::read_journal(const std::vector<batch_place>& places) const {
  std::size_t total = 0;
  for (const batch_place& place : places) total += place.size;
  std::shared_ptr<char[]> memory(new char[total]);
  if (auto r = context_->journal->copy(id_, places, memory.get()); !r) return r.error();
  const std::string_view whole{memory.get(), total};
  return bytes{std::move(memory), whole};
}

result<std::vector<bytes>> partition_log::read(offset from, std::size_t max_bytes, offset limit) {
  // A batch may settle, or a segment be dropped, between finding its place and reading it: then it is elsewhere.
  constexpr int attempts = 100;
  for (int i = 0; i < attempts; ++i) {
    if (auto batches = read_tail(from, max_bytes, limit)) {
      std::lock_guard lock(mutex_);
      if (dropped_)
        return error{errc::unknown_partition, "partition " + std::to_string(id_.value) + " was dropped", ""};
      if (from < start_) return out_of_range(from);
      return std::move(*batches);
    }
    std::shared_ptr<segment> in;
    std::vector<batch_place> places;
    offset settled;
    {
      std::lock_guard lock(mutex_);
      if (dropped_)
        return error{errc::unknown_partition, "partition " + std::to_string(id_.value) + " was dropped", ""};
      if (from < start_ || from > end_) return out_of_range(from);
      settled = settled_;
      if (from < settled_)
        in = segment_of(from);
      else
        places = unsettled_places(from, max_bytes, limit);
    }
    if (!in && places.empty()) continue;
    auto read = in ? in->read(from, max_bytes, std::min(limit, settled)) : read_journal(places);
    if (read) return std::vector<bytes>{std::move(*read)};
    if (read.code() != errc::closed) return read.error();
  }
  return error{errc::busy, "offset " + std::to_string(from.value) + " moved too often to be read", "try again"};
}

}  // namespace dohle::store
