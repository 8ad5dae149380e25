// Reading a log from a place towards its start, newest first: from memory, the journal, the segments.
#include <algorithm>
#include <cstring>

#include "store/batch_check.hpp"
#include "store/partition_log.hpp"

namespace dohle::store {

namespace {

struct placed_batch {
  std::size_t at;
  std::size_t size;
  offset base;
};

/// The batches of a chunk that begin before `before` and reach beyond `start`. Holes between them are what compaction
/// leaves.
result<std::vector<placed_batch>> batches_between(std::string_view body, const chunk_header& chunk, offset start,
                                                  offset before) {
  std::vector<placed_batch> found;
  offset next{chunk.base};
  for (std::size_t at = 0; at < body.size();) {
    auto header = read_header(body.substr(at));
    if (!header || header->base < next || header->end() > offset{chunk.last} + 1)
      return error{errc::corrupt_data, "the chunk's batch behind offset " + std::to_string(next.value) + " is damaged",
                   ""};
    if (header->base >= before) break;
    if (header->end() > start) found.push_back({at, header->size_bytes(), header->base});
    at += header->size_bytes();
    next = header->end();
  }
  return found;
}

/// The last of these batches that fit into `room`, copied and checked.
result<bytes> copy_last(std::string_view body, std::span<const placed_batch> batches, epoch of, std::size_t room,
                        bool at_least_one) {
  std::size_t first = batches.size(), size = 0;
  while (first > 0 && (size + batches[first - 1].size <= room || (at_least_one && size == 0)))
    size += batches[--first].size;
  if (size == 0) return bytes{};
  std::shared_ptr<char[]> memory(new char[size]);
  std::memcpy(memory.get(), body.data() + batches[first].at, size);
  const std::string_view copy{memory.get(), size};
  for (const placed_batch& b : batches.subspan(first)) {
    if (auto r = check_batch(copy.substr(b.at - batches[first].at), b.base, of); !r) return r.error();
  }
  return bytes{std::move(memory), copy};
}

}  // namespace

result<std::vector<bytes>> segment::read_back(offset before, offset start, std::size_t max_bytes) {
  auto env = open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_read();
  if (!txn) return txn.error();
  auto cursor = txn->open_cursor(chunks);
  if (!cursor) return cursor.error();
  std::vector<bytes> runs;
  std::size_t total = 0;
  const auto newest = static_cast<std::uint64_t>(before.value - 1);
  auto found = cursor->seek_back(lmdb::key_of(newest));
  for (; found && *found && (total < max_bytes || total == 0); found = cursor->previous()) {
    std::uint64_t key = 0;
    if (cursor->key().size() == sizeof key) std::memcpy(&key, cursor->key().data(), sizeof key);
    lmdb::read_ahead(cursor->value());
    auto chunk = read_chunk(cursor->value(), key);
    if (!chunk) return with_place(chunk.error(), key, cursor->value());
    const auto body = cursor->value().substr(chunk->header_bytes, chunk->body_bytes);
    auto batches = batches_between(body, *chunk, start, before);
    if (!batches) return with_place(batches.error(), key, cursor->value());
    if (batches->empty() && offset{chunk->base} > start) continue;  // the hole before a compacted chunk's first batch
    const std::size_t room = max_bytes > total ? max_bytes - total : 0;
    auto run = copy_last(body, *batches, epoch{static_cast<std::int32_t>(chunk->epoch)}, room, total == 0);
    if (!run) return with_place(run.error(), key, cursor->value());
    if (run->empty()) break;  // no room, or the log starts in this chunk
    total += run->size();
    const bool whole = read_header(run->view())->base == batches->front().base;
    runs.push_back(std::move(*run));
    if (!whole) break;
  }
  if (!found) return found.error();
  return runs;
}

std::optional<std::vector<bytes>> partition_log::read_tail_back(offset before, std::size_t max_bytes) const {
  std::vector<bytes> batches;
  std::lock_guard lock(mutex_);
  if (before <= start_) return batches;
  const std::size_t behind = tail_.count_before(before);
  if (dropped_ || behind == 0 || !tail_[behind - 1].data) return std::nullopt;
  std::size_t total = 0;
  for (std::size_t i = behind; i-- > 0;) {
    const tail_entry& batch = tail_[i];
    if (!batch.data || batch.end() <= start_ || (total > 0 && total + batch.size > max_bytes)) break;
    total += batch.size;
    batches.push_back(batch.payload());
  }
  return batches;
}

std::vector<batch_place> partition_log::unsettled_back(offset before, std::size_t max_bytes) const {
  std::vector<batch_place> places;
  std::size_t total = 0;
  for (std::size_t i = tail_.count_before(before); i-- > 0;) {
    const tail_entry& batch = tail_[i];
    const bool elsewhere = batch.data || batch.end() <= std::max(start_, settled_);
    if (elsewhere || (total > 0 && total + batch.size > max_bytes)) break;
    total += batch.size;
    places.push_back(batch.place());
  }
  std::reverse(places.begin(), places.end());
  return places;
}

result<std::vector<bytes>> partition_log::read_back(offset before, std::size_t max_bytes) {
  // A batch may settle, or a segment be dropped, between finding its place and reading it: then it is elsewhere.
  constexpr int attempts = 100;
  for (int moved = 0; moved < attempts;) {
    auto in_memory = read_tail_back(before, max_bytes);
    std::shared_ptr<segment> in;
    std::vector<batch_place> places;
    offset start;
    {
      std::lock_guard lock(mutex_);
      if (dropped_)
        return error{errc::unknown_partition, "partition " + std::to_string(id_.value) + " was dropped", ""};
      if (before > end_) return out_of_range(before);
      if (in_memory) return std::move(*in_memory);
      start = start_;
      if (before <= start) return std::vector<bytes>{};
      if (before > settled_)
        places = unsettled_back(before, max_bytes);
      else
        in = segment_of(before - 1);
    }
    ++moved;
    if (in) {
      auto runs = in->read_back(before, start, max_bytes);
      if (runs && !runs->empty()) return runs;
      if (!runs && runs.code() != errc::closed) return runs.error();
      if (runs) before = in->base(), moved = 0;  // all of it was compacted away: on with the segment before
    } else if (!places.empty()) {
      auto run = read_journal(places);
      if (run) return std::vector<bytes>{std::move(*run)};
      if (run.code() != errc::closed) return run.error();
    }
  }
  return error{errc::busy, "offset " + std::to_string(before.value) + " moved too often to be read", "try again"};
}

}  // namespace dohle::store
