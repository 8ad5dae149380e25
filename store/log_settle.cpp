// Settling of a partition's log: from the journal into segments.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "store/batch_check.hpp"
#include "store/files.hpp"
#include "store/partition_log.hpp"

namespace dohle::store {

namespace {

constexpr std::size_t chunk_body = limits::max_chunk_bytes - sizeof(chunk_header);

/// Tree pages and index entries that one step usually adds. A segment may become larger by more: its map has slack.
constexpr std::size_t step_overhead = 64 * limits::kib;

/// A step fills a segment by a quarter at most, so that small segments are not all overshoot.
std::size_t step_bytes(const options& settings, std::size_t wanted) {
  const std::size_t quarter = std::max(settings.segment_bytes / 4, limits::max_chunk_bytes);
  return std::min({wanted, limits::settle_step_bytes, quarter});
}

}  // namespace

struct partition_log::move_step {
  std::vector<tail_entry> batches;  ///< copies: what is in memory stays there until they are moved
  std::size_t bytes = 0;
};

struct partition_log::producer_changes {
  std::unordered_map<std::int64_t, producer_state> producers;
  std::vector<aborted_entry> aborted;
};

partition_log::move_step partition_log::next_step(offset from, offset limit, std::size_t max_bytes) const {
  move_step step;
  std::lock_guard lock(mutex_);
  if (dropped_) return step;
  const offset until = std::min(limit, flushed_);
  for (std::size_t i = tail_.find(from); i < tail_.size(); ++i) {
    const tail_entry& batch = tail_[i];
    if (batch.end() > until || (step.bytes > 0 && step.bytes + batch.size > max_bytes)) break;
    step.bytes += batch.size;
    step.batches.push_back(batch);
  }
  return step;
}

result<std::size_t> partition_log::settle(offset limit, std::size_t max_bytes) {
  std::lock_guard one(settle_mutex_);
  return settle_some(limit, max_bytes);
}

result<std::size_t> partition_log::settle_some(offset limit, std::size_t max_bytes) {
  std::size_t moved = 0;
  for (;;) {
    move_step step = next_step(settled(), limit, step_bytes(context_->settings, max_bytes - moved));
    if (step.batches.empty()) return moved;
    auto to = segment_for(step);
    if (!to) return to.error();
    segment_meta meta = (*to)->meta;
    result<void> outcome;
    bool changed = false;
    std::uint64_t used = 0;
    do {
      segment_meta next = meta;
      outcome = (*to)->change([&](lmdb::transaction& txn) { return move(txn, step, next); });
      if (!outcome) {
        open_firsts_.reset();  // what it learnt was not written
        break;
      }
      changed = true;
      meta = next;
      moved += step.bytes;
      step = max_bytes > moved ? next_step(offset{meta.end}, limit, step_bytes(context_->settings, max_bytes - moved))
                               : move_step{};
      auto now = (*to)->used_bytes();
      if (!now)
        outcome = now.error();
      else
        used = *now;
    } while (outcome && !step.batches.empty() && used + step.bytes + step_overhead <= context_->settings.segment_bytes);
    if (changed) {
      if (auto r = (*to)->flush(); !r) return r.error();
      advance(*to, meta);
    }
    if (!outcome) return outcome.error();
    if (moved >= max_bytes) return moved;
  }
}

result<std::shared_ptr<segment>> partition_log::segment_for(const move_step& step) {
  std::shared_ptr<segment> last;
  offset start;
  {
    std::lock_guard lock(mutex_);
    if (!segments_.empty()) last = segments_.back();
    start = start_;
  }
  if (last) {
    if (last->meta.bytes == 0) return last;
    auto used = last->used_bytes();
    if (!used) return used.error();
    if (*used + step.bytes + step_overhead <= context_->settings.segment_bytes) return last;
  }
  return next_segment(step.batches.front().base, start);
}

/// A new newest segment, empty, with all producers of the one before it; it says that the log begins at `start`.
result<std::shared_ptr<segment>> partition_log::next_segment(offset base, offset start) {
  std::shared_ptr<segment> last;
  {
    std::lock_guard lock(mutex_);
    if (!segments_.empty()) last = segments_.back();
  }
  std::vector<producer_state> producers;
  if (last) {
    auto known = last->producers();
    if (!known) return known.error();
    producers = std::move(*known);
    bound_producers(producers);
  } else if (auto r = make_directory(directory()); !r) {
    return r.error();
  }
  segment_meta meta;
  meta.partition = id_.value;
  meta.folder = context_->folder;
  meta.base = meta.end = base.value;
  meta.log_start = start.value;
  meta.max_timestamp = std::numeric_limits<std::int64_t>::min();
  meta.appended = last ? last->meta.appended : -1;
  auto made = segment::create(directory(), meta, producers, context_->segment_map(), context_->segments);
  if (!made) return made;
  if (last) last->seal_off();
  std::lock_guard lock(mutex_);
  segments_.push_back(*made);
  return made;
}

result<chunk_header> partition_log::fill_chunk(char* room, const move_step& step, std::size_t first, std::size_t count,
                                               producer_changes& changes, lmdb::transaction& txn) {
  char* const body = room + sizeof(chunk_header);
  char* to = body;
  for (std::size_t i = first; i < first + count;) {
    const tail_entry& batch = step.batches[i];
    if (batch.data) {
      std::memcpy(to, batch.data, batch.size);
      to += batch.size;
      ++i;
      continue;
    }
    std::vector<batch_place> places;
    std::size_t size = 0;
    for (; i < first + count && !step.batches[i].data; ++i) {
      places.push_back(step.batches[i].place());
      size += step.batches[i].size;
    }
    if (auto r = context_->journal->copy(id_, places, to); !r) return r.error();
    to += size;
  }
  chunk_header chunk;
  chunk.base = step.batches[first].base.value;
  chunk.last = step.batches[first + count - 1].end().value - 1;
  chunk.batches = static_cast<std::uint32_t>(count);
  chunk.body_bytes = static_cast<std::uint32_t>(to - body);
  chunk.epoch = step.batches[first].epoch.value;
  chunk.min_timestamp = std::numeric_limits<std::int64_t>::max();
  chunk.max_timestamp = std::numeric_limits<std::int64_t>::min();
  const char* at = body;
  for (std::size_t i = first; i < first + count; ++i) {
    const tail_entry& batch = step.batches[i];
    // Nothing becomes history that is not what was acknowledged, whether it came from memory or from the journal.
    auto header = check_batch({at, batch.size}, batch.base, batch.epoch);
    if (!header) return error{header.code(), directory().string() + ": " + header.error().message, header.error().hint};
    chunk.min_timestamp = std::min(chunk.min_timestamp, header->base_timestamp.value);
    chunk.max_timestamp = std::max(chunk.max_timestamp, header->max_timestamp.value);
    if (auto r = note_producer({at, batch.size}, *header, changes, txn); !r) return r.error();
    at += batch.size;
  }
  return chunk;
}

result<void> partition_log::find_open(const lmdb::transaction& txn) {
  auto states = txn.open_cursor(segment::index);
  if (!states) return states.error();
  std::set<offset> firsts;
  auto more = states->seek("p");
  for (; more && *more && states->key()[0] == 'p'; more = states->next()) {
    auto state = read_producer(states->key(), states->value());
    if (!state) return state.error();
    if (state->transaction) firsts.insert(*state->transaction);
  }
  if (!more) return more.error();
  open_firsts_ = std::move(firsts);
  return {};
}

/// What a batch says of its producer, and of the transaction that it begins or ends.
result<void> partition_log::note_producer(std::string_view batch, const batch_header& header, producer_changes& changes,
                                          const lmdb::transaction& txn) {
  if (header.producer == no_producer) return {};
  auto [known, fresh] = changes.producers.try_emplace(header.producer.value);
  producer_state& state = known->second;
  if (fresh) {
    auto stored = txn.get(segment::index, producer_key(header.producer));
    if (!stored) return stored.error();
    state.id = no_producer;
    if (*stored) {
      auto read = read_producer(producer_key(header.producer), **stored);
      if (!read) return read.error();
      state = *read;
    }
  }
  if (!header.transactional()) {
    apply_batch(state, header, batch);
    return {};
  }
  // Nothing of a transaction came before in this step, so what the index says is how things are here.
  if (!open_firsts_) {
    if (auto r = find_open(txn); !r) return r;
  }
  const auto ended = apply_batch(state, header, batch);
  if (state.transaction) open_firsts_->insert(*state.transaction);
  if (!ended) return {};
  open_firsts_->erase(ended->first);
  if (ended->committed) return {};
  changes.aborted.push_back({*ended, open_firsts_->empty() ? ended->marker + 1 : *open_firsts_->begin()});
  return {};
}

result<void> partition_log::move(lmdb::transaction& txn, const move_step& step, segment_meta& meta) {
  producer_changes changes;
  for (std::size_t first = 0; first < step.batches.size();) {
    std::size_t count = 0, body = 0;
    for (std::size_t i = first; i < step.batches.size(); ++i, ++count) {
      const tail_entry& batch = step.batches[i];
      if (count > 0 && (batch.epoch != step.batches[first].epoch || body + batch.size > chunk_body)) break;
      body += batch.size;
    }
    const std::size_t size = lmdb::whole_pages(sizeof(chunk_header) + body);
    const auto key = static_cast<std::uint64_t>(step.batches[first].base.value);
    auto room = txn.append(segment::chunks, lmdb::key_of(key), size);
    if (!room) return room.error();
    auto chunk = fill_chunk(*room, step, first, count, changes, txn);
    if (!chunk) return chunk.error();
    std::memset(*room + sizeof *chunk + body, 0, size - sizeof *chunk - body);
    seal(*chunk);
    std::memcpy(*room, &*chunk, sizeof *chunk);
    if (chunk->max_timestamp > meta.max_timestamp) {
      meta.max_timestamp = chunk->max_timestamp;
      if (auto r = txn.put_new(segment::index, time_key(timestamp{chunk->max_timestamp}), bytes_of(key)); !r) return r;
    }
    if (auto r = txn.put_new(segment::index, epoch_key(step.batches[first].epoch), bytes_of(key)); !r) return r;
    meta.end = chunk->last + 1;
    meta.bytes += body;
    meta.applied_sequence = step.batches[first + count - 1].sequence;
    first += count;
  }
  auto written = context_->journal->written_at(meta.applied_sequence);
  if (!written) return written.error();
  meta.appended = written->value;
  for (const auto& [id, p] : changes.producers) {
    if (auto r = txn.put(segment::index, producer_key(p.id), to_stored(p)); !r) return r;
  }
  for (const auto& a : changes.aborted) {
    if (auto r = txn.put(segment::index, aborted_key(a.what.marker), bytes_of(to_stored(a))); !r) return r;
  }
  seal(meta);
  return txn.put(segment::index, meta_key, bytes_of(meta));
}

void partition_log::advance(const std::shared_ptr<segment>& to, const segment_meta& meta) {
  std::lock_guard lock(mutex_);
  to->meta = meta;
  appended_ = std::max(appended_, timestamp{meta.appended});
  const offset until{meta.end};
  for (std::size_t i = tail_.find(settled_); i < tail_.size() && tail_[i].end() <= until; ++i)
    unsettled_bytes_ -= tail_[i].size;
  settled_ = until;
  tail_.trim(settled_);
  while (epochs_.size() > 1 && epochs_[1].first < settled_) epochs_.erase(epochs_.begin());
}

}  // namespace dohle::store
