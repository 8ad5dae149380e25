#include "rules/epoch_history.hpp"

#include <algorithm>

#include "schema/error.hpp"

namespace dohle::rules {

position epoch_history::end() const { return {reigns_.empty() ? begin_.epoch : reigns_.back().epoch, end_}; }

offset epoch_history::start_of(reigns::const_iterator i) const { return i == reigns_.end() ? end_ : i->start; }

void epoch_history::open(epoch e) {
  DOHLE_ASSERT(e > end().epoch, "epochs rise");
  reigns_.push_back({e, end_});
  if (reigns_.size() <= max_known_epochs) return;
  begin_ = {reigns_.front().epoch, reigns_.front().start};
  reigns_.erase(reigns_.begin());
}

void epoch_history::append(epoch e, std::int64_t records) {
  DOHLE_ASSERT(records > 0 && fits(end().epoch, {e, records}), "records follow the mark of their epoch");
  end_ = end_ + records;
}

bool epoch_history::fits(epoch last, const log_entry& e) {
  if (e.records == 0) return e.epoch > last;
  return e.records > 0 && e.epoch == last && e.epoch > epoch{0};
}

void epoch_history::truncate(position at) {
  DOHLE_ASSERT(knows(at) && at.end >= begin_.end, "what is not known cannot be cut");
  const auto gone =
      std::ranges::find_if(reigns_, [&](const reign& r) { return r.epoch > at.epoch || r.start > at.end; });
  end_ = std::min(start_of(gone), at.end);
  reigns_.erase(gone, reigns_.end());
}

position epoch_history::common_point(position at) const {
  if (!knows(at)) return begin_;
  auto next = std::ranges::find_if(reigns_, [&](const reign& r) { return r.epoch > at.epoch; });
  while (next != reigns_.begin()) {
    const auto last = std::prev(next);
    if (last->epoch < at.epoch) return {last->epoch, start_of(next)};
    if (last->start <= at.end) return {last->epoch, std::min(at.end, start_of(next))};
    // No log ends in an epoch before the epoch's own mark: the sender is wrong about it, what is older may still agree.
    next = last;
    at.epoch = epoch{at.epoch.value - 1};
  }
  return {begin_.epoch, at.epoch == begin_.epoch ? std::min(at.end, start_of(next)) : start_of(next)};
}

epoch epoch_history::epoch_of(offset at) const {
  DOHLE_ASSERT(at >= begin_.end && at < end_, "only what is in the log has an epoch");
  const auto next = std::ranges::find_if(reigns_, [&](const reign& r) { return r.start > at; });
  return next == reigns_.begin() ? begin_.epoch : std::prev(next)->epoch;
}

std::vector<log_entry> epoch_history::entries_after(position from) const {
  DOHLE_ASSERT(knows(from) && common_point(from) == from, "only behind a prefix something follows");
  std::vector<log_entry> found;
  const auto add_records = [&](epoch e, offset first, offset end) {
    if (end > first) found.push_back({e, end - first});
  };
  auto next = std::ranges::find_if(reigns_, [&](const reign& r) { return r.epoch > from.epoch; });
  add_records(from.epoch, from.end, start_of(next));
  for (; next != reigns_.end(); ++next) {
    found.push_back({next->epoch, 0});
    add_records(next->epoch, next->start, start_of(std::next(next)));
  }
  return found;
}

void epoch_history::forget_before(offset start) {
  DOHLE_ASSERT(start <= end_, "what is not there yet cannot be forgotten");
  if (start <= begin_.end) return;
  const auto kept = std::ranges::find_if(reigns_, [&](const reign& r) { return r.start >= start; });
  begin_ = {kept == reigns_.begin() ? begin_.epoch : std::prev(kept)->epoch, start};
  reigns_.erase(reigns_.begin(), kept);
}

}  // namespace dohle::rules
