#include "store/tail.hpp"

#include <algorithm>

#include "store/partition_log.hpp"

namespace dohle::store {

std::size_t tail::find(offset at) const {
  auto after = std::upper_bound(entries_.begin(), entries_.end(), at,
                                [](offset wanted, const tail_entry& e) { return wanted < e.base; });
  if (after == entries_.begin()) return entries_.size();
  const auto found = std::prev(after);
  return at < found->end() ? static_cast<std::size_t>(found - entries_.begin()) : entries_.size();
}

std::size_t tail::count_before(offset at) const {
  const auto from =
      std::lower_bound(entries_.begin(), entries_.end(), at, [](const tail_entry& e, offset o) { return e.base < o; });
  return static_cast<std::size_t>(from - entries_.begin());
}

void tail::trim(offset settled) {
  while (!entries_.empty() && !entries_.front().data && entries_.front().end() <= settled) entries_.pop_front();
}

std::size_t tail::cut(offset from, std::vector<std::shared_ptr<const void>>& released) {
  std::size_t size = 0;
  while (!entries_.empty() && entries_.back().base >= from) {
    if (entries_.back().data) size += entries_.back().size;
    released.push_back(std::move(entries_.back().owner));
    entries_.pop_back();
  }
  return size;
}

std::size_t tail::evict(offset base, std::shared_ptr<const void>& released) {
  const std::size_t i = find(base);
  if (i == entries_.size() || !entries_[i].data || entries_[i].base != base || entries_[i].sequence == 0) return 0;
  released = std::move(entries_[i].owner);
  entries_[i].data = nullptr;
  return entries_[i].size;
}

std::size_t tail::clear() {
  std::size_t size = 0;
  for (const tail_entry& e : entries_) size += e.data ? e.size : 0;
  entries_.clear();
  return size;
}

void tail_budget::add(std::size_t size) {
  std::lock_guard lock(mutex_);
  used_ += size;
}

void tail_budget::release(std::size_t size) {
  std::lock_guard lock(mutex_);
  used_ -= std::min(used_, size);
}

std::size_t tail_budget::used() const {
  std::lock_guard lock(mutex_);
  return used_;
}

void tail_budget::flushed(const std::weak_ptr<partition_log>& of, const std::vector<offset>& bases) {
  std::unique_lock lock(mutex_);
  for (offset base : bases) order_.push_back({of, base});
  while (used_ > bound_ && !order_.empty()) {
    const candidate oldest = std::move(order_.front());
    order_.pop_front();
    lock.unlock();
    std::size_t freed = 0;
    if (auto log = oldest.of.lock()) freed = log->evict(oldest.base);
    lock.lock();
    used_ -= std::min(used_, freed);
  }
}

}  // namespace dohle::store
