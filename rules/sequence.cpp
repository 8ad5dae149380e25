#include "rules/sequence.hpp"

#include <algorithm>
#include <iterator>
#include <string>

namespace dohle::rules {

namespace {

constexpr std::uint32_t sequence_mask = 0x7fffffff;

/// How far `to` lies after `from` on the circle of 2^31 sequence numbers.
std::uint32_t distance(std::int32_t from, std::int32_t to) {
  return (static_cast<std::uint32_t>(to) - static_cast<std::uint32_t>(from)) & sequence_mask;
}

std::string named(producer_id id, std::int16_t producer_epoch) {
  return "producer " + std::to_string(id.value) + " (epoch " + std::to_string(producer_epoch) + ")";
}

error unexpected(errc code, producer_id id, std::int16_t producer_epoch, std::int32_t sequence, std::int32_t expected) {
  return {code,
          named(id, producer_epoch) + " sent a batch with sequence " + std::to_string(sequence) + ", but " +
              std::to_string(expected) + " comes next in this partition",
          "send the batches before it first, or begin again with a new producer id"};
}

}  // namespace

std::int32_t sequence_after(std::int32_t sequence, std::int32_t n) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(n)) &
                                   sequence_mask);
}

producer_table::producer_table(std::size_t max_producers) : max_producers_(max_producers) {
  DOHLE_ASSERT(max_producers > 0, "a table without room would forget each producer at once");
}

verdict producer_table::check(producer_id id, std::int16_t producer_epoch, std::int32_t base_sequence,
                              std::int32_t count) const {
  if (id == no_producer) return fresh_batch{};
  if (id.value < 0 || producer_epoch < 0 || base_sequence < 0 || count < 1) {
    return error{errc::invalid_request,
                 named(id, producer_epoch) + " sent " + std::to_string(count) + " records with sequence " +
                     std::to_string(base_sequence) + ": none of these may be negative or empty",
                 ""};
  }
  const auto found = producers_.find(id);
  if (found == producers_.end()) {
    if (base_sequence == 0) return fresh_batch{};
    return unexpected(errc::unknown_producer, id, producer_epoch, base_sequence, 0);
  }
  const auto& batches = found->second.batches;
  const auto& last = batches.back();
  if (producer_epoch < last.epoch) {
    return error{
        errc::producer_fenced,
        named(id, producer_epoch) + " was replaced by a newer instance with epoch " + std::to_string(last.epoch),
        "run one instance only, or begin again with a new producer id"};
  }
  if (producer_epoch > last.epoch) {
    if (base_sequence == 0) return fresh_batch{};
    return unexpected(errc::out_of_order_sequence, id, producer_epoch, base_sequence, 0);
  }
  const auto next = sequence_after(last.base_sequence, last.count);
  if (base_sequence == next) return fresh_batch{};

  auto oldest = &last;  // the oldest remembered one of this epoch
  for (auto b = batches.rbegin(); b != batches.rend() && b->epoch == producer_epoch; ++b) {
    if (b->base_sequence == base_sequence && b->count == count) return duplicate_batch{b->base, b->base + count, true};
    oldest = &*b;
  }
  // Every sequence number before the oldest remembered one was appended, because only the next one ever is. Half the
  // circle of numbers is the past, the other half the future.
  const auto before = distance(base_sequence, oldest->base_sequence);
  const bool knows_the_first = oldest->count == 0;  // the epoch began there, so nothing came before
  if (!knows_the_first && before >= static_cast<std::uint32_t>(count) && before <= sequence_mask / 2) {
    return duplicate_batch{offset{-1}, oldest->base, false};
  }
  return unexpected(errc::out_of_order_sequence, id, producer_epoch, base_sequence, next);
}

void producer_table::record(producer_id id, std::int16_t producer_epoch, std::int32_t base_sequence, std::int32_t count,
                            offset base, offset flushed) {
  if (id == no_producer) return;
  DOHLE_ASSERT(count > 0 && base_sequence >= 0 && producer_epoch >= 0, "only checked batches are recorded");
  push(id, {producer_epoch, base_sequence, count, base}, flushed);
}

void producer_table::record_marker(producer_id id, std::int16_t producer_epoch, offset at, offset flushed) {
  if (const auto known = epoch_of(id); known && *known >= producer_epoch) return;
  push(id, {producer_epoch, 0, 0, at}, flushed);
}

std::optional<std::int16_t> producer_table::epoch_of(producer_id id) const {
  const auto found = producers_.find(id);
  return found == producers_.end() ? std::nullopt : std::optional{found->second.batches.back().epoch};
}

void producer_table::push(producer_id id, const batch& last, offset flushed) {
  auto [found, added] = producers_.try_emplace(id);
  auto& p = found->second;
  if (added) {
    p.place = by_silence_.insert(by_silence_.end(), id);
  } else {
    DOHLE_ASSERT(p.batches.back().base < last.base, "batches are recorded in the order of their offsets");
    by_silence_.splice(by_silence_.end(), by_silence_, p.place);
  }
  p.batches.push_back(last);
  // The newest flushed batch must survive a rollback, so the front goes only when the one behind it is flushed.
  auto surplus = std::find_if(p.batches.begin(), p.batches.end(), [&](const batch& b) { return b.base >= flushed; });
  const auto flushed_count = std::distance(p.batches.begin(), surplus);
  const auto beyond_window = std::ssize(p.batches) - std::ptrdiff_t{limits::producer_window};
  const auto dropped = std::min(flushed_count - 1, beyond_window);
  if (dropped > 0) p.batches.erase(p.batches.begin(), p.batches.begin() + dropped);
  if (producers_.size() > max_producers_) {
    producers_.erase(by_silence_.front());
    by_silence_.pop_front();
  }
}

void producer_table::rollback_from(offset from) {
  for (auto at = producers_.begin(); at != producers_.end();) {
    auto& batches = at->second.batches;
    std::erase_if(batches, [&](const batch& b) { return b.base >= from; });
    if (batches.empty()) {
      by_silence_.erase(at->second.place);
      at = producers_.erase(at);
    } else {
      ++at;
    }
  }
}

void producer_table::restore(std::vector<known_producer> producers) {
  producers_.clear();
  by_silence_.clear();
  std::ranges::sort(producers, {}, [](const known_producer& p) { return std::pair{p.last_offset, p.id}; });
  const auto surplus = producers.size() > max_producers_ ? producers.size() - max_producers_ : 0;
  for (std::size_t i = surplus; i < producers.size(); ++i) {
    const auto& from = producers[i];
    DOHLE_ASSERT(from.last_delta >= 0, "a stored producer has a last batch");
    const auto count = from.last_delta + 1;
    const auto base = from.last_offset - from.last_delta;
    producer p;
    if (from.last_sequence < 0)
      p.batches.push_back({from.epoch, 0, 0, base});
    else
      p.batches.push_back({from.epoch, sequence_after(from.last_sequence, -from.last_delta), count, base});
    p.place = by_silence_.insert(by_silence_.end(), from.id);
    producers_.insert_or_assign(from.id, std::move(p));
  }
  DOHLE_ASSERT(producers_.size() == by_silence_.size(), "a producer is restored once");
}

}  // namespace dohle::rules
