// Where a partition's log begins: whole segments, or records up to an offset, go from its front; or all of it goes.
#include <algorithm>

#include "store/partition_log.hpp"

namespace dohle::store {

result<std::size_t> partition_log::drop_segments_before(offset first) {
  std::lock_guard one(settle_mutex_);
  offset start;
  {
    std::lock_guard lock(mutex_);
    start = start_;
    for (std::size_t i = 0; i + 1 < segments_.size() && offset{segments_[i]->meta.end} <= first; ++i)
      start = std::max(start, offset{segments_[i]->meta.end});
  }
  return start_at(start);
}

result<offset> partition_log::delete_before(offset first, offset limit) {
  std::lock_guard one(settle_mutex_);
  first = std::min(first, limit);
  if (first <= start()) return start();
  // The start is said by a segment, so what lies before it has to be in one.
  while (settled() < first) {
    auto moved = settle_some(limit, limits::settle_step_bytes);
    if (!moved) return moved.error();
    if (*moved == 0) break;
  }
  first = std::min(first, settled());
  if (auto r = start_at(first); !r) return r.error();
  return start();
}

/// Everything before `start`, which is settled, is gone when this returns; the count of segments that went.
result<std::size_t> partition_log::start_at(offset start) {
  std::shared_ptr<segment> newest;
  {
    std::lock_guard lock(mutex_);
    if (dropped_ || start <= start_) return std::size_t{0};
    newest = segments_.back();
  }
  // Said durably before anything is unlinked, so that a later opening can tell dropped from missing.
  if (offset{newest->meta.end} == start && newest->meta.bytes > 0) {
    if (auto made = next_segment(start, start); !made) return made.error();
  } else {
    segment_meta meta = newest->meta;
    meta.log_start = start.value;
    seal(meta);
    auto said =
        newest->change([&](lmdb::transaction& txn) { return txn.put(segment::index, meta_key, bytes_of(meta)); });
    if (!said) return said.error();
    if (auto r = newest->flush(); !r) return r.error();
    std::lock_guard lock(mutex_);
    newest->meta = meta;
  }
  std::vector<std::shared_ptr<segment>> gone;
  {
    std::lock_guard lock(mutex_);
    start_ = start;
    while (segments_.size() > 1 && offset{segments_.front()->meta.end} <= start) {
      gone.push_back(std::move(segments_.front()));
      segments_.erase(segments_.begin());
    }
  }
  for (const auto& s : gone) {
    if (auto r = s->remove(); !r) return r.error();
  }
  return gone.size();
}

result<void> partition_log::drop() {
  std::lock_guard one(settle_mutex_);
  std::vector<std::shared_ptr<segment>> gone;
  std::size_t size = 0;
  {
    std::lock_guard lock(mutex_);
    dropped_ = true;
    gone.swap(segments_);
    size = tail_.clear();
    in_flight_.clear();
    unsettled_bytes_ = 0;
    start_ = settled_ = flushed_ = end_;
  }
  context_->budget.release(size);
  for (const auto& s : gone) {
    if (auto r = s->remove(); !r) return r;
  }
  return {};
}

}  // namespace dohle::store
