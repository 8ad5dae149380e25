#include "store/partition_log.hpp"

#include <algorithm>
#include <utility>

#include "store/files.hpp"
#include "store/journal_recovery.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

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

partition_head partition_log::head() const {
  std::lock_guard lock(mutex_);
  auto opened =
      std::find_if(epochs_.rbegin(), epochs_.rend(), [&](const auto& e) { return e.epoch <= flushed_epoch_; });
  return {flushed_, flushed_epoch_, opened == epochs_.rend() ? offset{} : opened->first, flushed_hard_, 1};
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

std::vector<epoch_start> partition_log::epochs() const {
  std::lock_guard lock(mutex_);
  return epochs_;
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

timestamp partition_log::appended() const {
  std::lock_guard lock(mutex_);
  return appended_;
}

offset partition_log::cleaned_until() const {
  std::lock_guard lock(mutex_);
  offset until = start_;
  for (const auto& s : segments_) until = std::max(until, s->cleaned_until);
  return until;
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

void partition_log::begin_epoch(epoch opened) {
  const bool cutting = !in_flight_.empty() && in_flight_.back().kind == entry_kind::truncation;
  DOHLE_ASSERT(!cutting, "a log that is being cut takes nothing");
  DOHLE_ASSERT(opened >= epoch_, "epochs only grow within a log");
  if (opened > epoch_) epochs_.push_back({opened, end_});
  epoch_ = opened;
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
  begin_epoch(header.epoch);
  entry e = next_entry(entry_kind::batch);
  e.base = header.base;
  e.last_delta = header.last_offset_delta;
  e.epoch = header.epoch;
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
  begin_epoch(opened);
  entry e = next_entry(entry_kind::mark);
  e.base = end_;
  e.epoch = opened;
  in_flight_.push_back({e.serial, e.kind, end_, opened, {}});
  return e;
}

entry partition_log::truncate(position to) {
  std::lock_guard lock(mutex_);
  DOHLE_ASSERT(in_flight_.empty(), "a log is cut while nothing of it is in flight");
  DOHLE_ASSERT(to.end >= hard_.high_watermark, "what a majority has is never cut off");
  DOHLE_ASSERT(to.end >= settled_ && to.end <= end_, "a log is cut behind what is settled, and within itself");
  const std::size_t kept = tail_.count_before(to.end);
  DOHLE_ASSERT(kept == 0 || tail_[kept - 1].end() <= to.end, "a log is cut where a batch ends");
  entry e = next_entry(entry_kind::truncation);
  e.base = to.end;
  e.epoch = to.epoch;
  const auto known = std::find_if(epochs_.begin(), epochs_.end(), [&](const auto& k) { return k.epoch == to.epoch; });
  DOHLE_ASSERT(known != epochs_.end() ? known->first <= to.end : to.epoch.value == 0,
               "a log is cut at a position of it");
  if (known != epochs_.end()) e.opened = known->first;
  in_flight_.push_back({e.serial, e.kind, to.end, to.epoch, {}});
  return e;
}

std::size_t partition_log::cut(position to, std::vector<std::shared_ptr<const void>>& released) {
  for (std::size_t i = tail_.count_before(to.end); i < tail_.size(); ++i) {
    if (tail_[i].sequence > 0) unsettled_bytes_ -= tail_[i].size;
  }
  const std::size_t held = tail_.cut(to.end, released);
  while (!epochs_.empty() && epochs_.back().epoch > to.epoch) epochs_.pop_back();
  end_ = flushed_ = to.end;
  epoch_ = flushed_epoch_ = to.epoch;
  find_max_timestamp();
  return held;
}

void partition_log::find_max_timestamp() {
  max_timestamp_ = no_timestamp;
  for (const auto& s : segments_) {
    if (s->meta.bytes > 0) max_timestamp_ = std::max(max_timestamp_, timestamp{s->meta.max_timestamp});
  }
  for (std::size_t i = 0; i < tail_.size(); ++i) max_timestamp_ = std::max(max_timestamp_, tail_[i].max_timestamp);
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
  std::vector<std::shared_ptr<const void>> released;  // freed after the lock
  std::size_t held = 0;
  {
    std::lock_guard lock(mutex_);
    for (const flushed_entry& place : places) {
      if (place.sequence == 0) continue;  // refused: drop_unflushed forgets it
      DOHLE_ASSERT(!in_flight_.empty() && in_flight_.front().serial == place.serial,
                   "the journal persists a log's entries in the order they were made");
      const in_flight& done = in_flight_.front();
      if (done.kind == entry_kind::hard)
        flushed_hard_ = done.hard;
      else if (done.kind == entry_kind::truncation)
        held += cut({done.epoch, done.end}, released);
      else
        flushed_epoch_ = done.epoch;
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
  context_->budget.release(held);
  context_->budget.flushed(weak_from_this(), evictable);
}

void partition_log::drop_unflushed() {
  std::vector<std::shared_ptr<const void>> released;  // freed after the lock
  std::size_t size = 0;
  {
    std::lock_guard lock(mutex_);
    size = cut({flushed_epoch_, flushed_}, released);
    if (!in_flight_.empty()) next_serial_ = in_flight_.front().serial;
    in_flight_.clear();
    hard_ = flushed_hard_;
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
    if (read) return read->empty() ? std::vector<bytes>{} : std::vector<bytes>{std::move(*read)};
    if (read.code() != errc::closed) return read.error();
  }
  return error{errc::busy, "offset " + std::to_string(from.value) + " moved too often to be read", "try again"};
}

}  // namespace dohle::store
