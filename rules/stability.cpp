#include "rules/stability.hpp"

#include <algorithm>

#include "schema/error.hpp"

namespace dohle::rules {

void open_transactions::begin(producer_id producer, std::int16_t epoch, offset base) {
  if (by_producer_.try_emplace(producer, open_transaction{epoch, base}).second) by_first_.emplace(base, producer);
}

std::optional<open_transaction> open_transactions::end(producer_id producer) {
  const auto found = by_producer_.find(producer);
  if (found == by_producer_.end()) return std::nullopt;
  const auto was = found->second;
  by_first_.erase(was.first);
  by_producer_.erase(found);
  return was;
}

std::optional<open_transaction> open_transactions::find(producer_id producer) const {
  const auto found = by_producer_.find(producer);
  return found == by_producer_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<offset> open_transactions::first() const {
  return by_first_.empty() ? std::nullopt : std::optional{by_first_.begin()->first};
}

void open_transactions::rollback_from(offset from) {
  for (auto at = by_first_.lower_bound(from); at != by_first_.end(); at = by_first_.erase(at))
    by_producer_.erase(at->second);
}

void stability::on_data(producer_id producer, std::int16_t epoch, offset base) { open_.begin(producer, epoch, base); }

void stability::on_marker(producer_id producer, offset marker, bool committed) {
  const auto was = open_.end(producer);
  if (!was) return;
  recent_.push_back({producer, was->epoch, was->first, marker, committed});
  if (!committed) aborted_.push_back(recent_.back());
}

void stability::rollback_from(offset from) {
  while (!aborted_.empty() && aborted_.back().marker >= from) aborted_.pop_back();
  // Newest first: a producer may have opened and ended several since, and the oldest of these is what stays open.
  open_.rollback_from(from);
  for (; !recent_.empty() && recent_.back().marker >= from; recent_.pop_back()) {
    const auto& back = recent_.back();
    if (back.first < from) open_.begin(back.producer, back.epoch, back.first);
  }
}

void stability::advance(offset high_watermark, offset settled, offset start) {
  while (!recent_.empty() && recent_.front().marker < high_watermark) recent_.pop_front();
  // Only what is kept on disk too, or concerns nobody, is forgotten.
  while (!aborted_.empty()) {
    const auto marker = aborted_.front().marker;
    const bool surplus = aborted_.size() > max_settled_ && marker < settled;
    if (!surplus && marker >= start) break;
    complete_from_ = marker + 1;
    aborted_.pop_front();
  }
}

void stability::restore(const std::map<producer_id, open_transaction>& open,
                        const std::vector<ended_transaction>& ended, offset settled) {
  open_ = {};
  for (const auto& [producer, transaction] : open) open_.begin(producer, transaction.epoch, transaction.first);
  DOHLE_ASSERT(std::ranges::is_sorted(ended, {}, &ended_transaction::marker), "a log tells its markers in order");
  recent_.assign(ended.begin(), ended.end());
  aborted_.clear();
  std::ranges::copy_if(ended, std::back_inserter(aborted_), [](const auto& e) { return !e.committed; });
  complete_from_ = settled;
}

offset stability::last_stable(offset high_watermark, offset start) const {
  auto stable = high_watermark;
  if (const auto first = open_.first()) stable = std::min(stable, *first);
  for (const auto& e : recent_) {
    if (e.marker >= high_watermark) stable = std::min(stable, e.first);
  }
  return std::max(stable, std::min(start, high_watermark));
}

std::optional<std::vector<ended_transaction>> stability::aborted(offset from, offset end, std::size_t most) const {
  if (from < complete_from_) return std::nullopt;
  auto found = aborted_behind(from, from, end);
  if (found.size() > most) return std::nullopt;
  return found;
}

bool stability::none_aborted(offset from) const {
  return from >= complete_from_ && (aborted_.empty() || aborted_.back().marker < from);
}

std::vector<ended_transaction> stability::aborted_behind(offset settled, offset from, offset end) const {
  std::vector<ended_transaction> found;
  auto at = std::ranges::lower_bound(aborted_, std::max(settled, from), {}, &ended_transaction::marker);
  std::copy_if(at, aborted_.end(), std::back_inserter(found), [&](const auto& e) { return e.first < end; });
  std::ranges::sort(found, {}, &ended_transaction::first);
  return found;
}

}  // namespace dohle::rules
