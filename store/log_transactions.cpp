// Who produced into a partition's log, which transactions were aborted there, and where its epochs end.
#include <algorithm>
#include <unordered_map>

#include "store/partition_log.hpp"

namespace dohle::store {

namespace {

constexpr int attempts = 100;

error moved_too_often() { return {errc::busy, "the log moved too often to be read", "try again"}; }

}  // namespace

result<log_history> partition_log::history() {
  for (int i = 0; i < attempts; ++i) {
    auto found = look_up_history();
    if (!found) return found.error();
    if (*found) return std::move(**found);
  }
  return moved_too_often();
}

/// nullopt: something settled meanwhile, so what was read does not fit together.
result<std::optional<log_history>> partition_log::look_up_history() {
  log_history out;
  std::shared_ptr<segment> newest;
  std::vector<tail_entry> batches;
  {
    std::lock_guard lock(mutex_);
    out.settled = settled_;
    if (!segments_.empty()) newest = segments_.back();
    for (std::size_t at = tail_.find(settled_); at < tail_.size() && tail_[at].sequence != 0; ++at)
      batches.push_back(tail_[at]);
  }
  std::unordered_map<std::int64_t, producer_state> known;
  if (newest) {
    auto stored = newest->producers();
    if (!stored && stored.code() == errc::closed) return std::optional<log_history>{};
    if (!stored) return stored.error();
    for (const producer_state& p : *stored) known.emplace(p.id.value, p);
  }
  const auto apply = [&](std::string_view batch) -> result<void> {
    auto header = read_header(batch);
    if (!header) return error{errc::corrupt_data, header.error().message, header.error().hint};
    if (header->producer == no_producer) return {};
    auto [at, fresh] = known.try_emplace(header->producer.value);
    if (fresh) at->second.id = no_producer;
    if (auto ended = apply_batch(at->second, *header, batch)) out.ended.push_back(*ended);
    return {};
  };
  for (const tail_entry& batch : batches) {
    const batch_place place = batch.place();
    auto done = batch.data ? apply(batch.payload().view())
                           : context_->journal->view(id_, {&place, 1},
                                                     [&](std::size_t, std::string_view b) { return apply(b); });
    if (!done && done.code() == errc::closed) return std::optional<log_history>{};
    if (!done) return done.error();
  }
  if (settled() != out.settled) return std::optional<log_history>{};
  for (const auto& [id, state] : known) out.producers.push_back(state);
  bound_producers(out.producers);
  std::sort(out.producers.begin(), out.producers.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return std::optional{std::move(out)};
}

void bound_producers(std::vector<producer_state>& states) {
  if (states.size() <= limits::max_producers_per_partition) return;
  std::nth_element(states.begin(), states.begin() + limits::max_producers_per_partition, states.end(),
                   [](const auto& a, const auto& b) {
                     return a.transaction.has_value() != b.transaction.has_value() ? a.transaction.has_value()
                                                                                   : a.at > b.at;
                   });
  states.resize(limits::max_producers_per_partition);
}

result<std::optional<std::vector<ended_transaction>>> partition_log::aborted(offset from, offset end,
                                                                             std::size_t most) {
  for (int i = 0; i < attempts; ++i) {
    auto found = look_up_aborted(from, end, most);
    if (found || found.code() != errc::closed) return found;
  }
  return moved_too_often();
}

result<std::optional<std::vector<ended_transaction>>> partition_log::look_up_aborted(offset from, offset end,
                                                                                     std::size_t most) {
  std::vector<std::shared_ptr<segment>> behind;
  {
    std::lock_guard lock(mutex_);
    for (const auto& s : segments_) {
      if (offset{s->meta.end} > from) behind.push_back(s);
    }
  }
  std::vector<ended_transaction> found;
  for (const auto& s : behind) {
    auto complete = s->aborted(from, end, most, found);
    if (!complete) return complete.error();
    if (found.size() > most) return std::optional<std::vector<ended_transaction>>{};
    if (*complete) break;
  }
  return std::optional{std::move(found)};
}

result<bool> segment::aborted(offset from, offset end, std::size_t most, std::vector<ended_transaction>& found) {
  if (no_aborted_) return false;
  bool complete = false, any = false;
  auto looked = look([&](const lmdb::transaction& txn) -> result<void> {
    auto cursor = txn.open_cursor(index);
    if (!cursor) return cursor.error();
    auto more = cursor->seek(aborted_key(offset{0}));
    any = more && *more && cursor->key()[0] == 'a';
    if (any) more = cursor->seek(aborted_key(std::max(from, offset{0})));
    for (; more && *more && cursor->key()[0] == 'a' && !complete && found.size() <= most; more = cursor->next()) {
      auto entry = read_aborted(cursor->key(), cursor->value());
      if (!entry) return error{entry.code(), path_.string() + ": " + entry.error().message, entry.error().hint};
      if (entry->what.first < end) found.push_back(entry->what);
      complete = entry->last_stable >= end;
    }
    return more ? result<void>{} : more.error();
  });
  if (!looked) return looked.error();
  if (!any) {
    std::lock_guard lock(mutex_);
    no_aborted_ = !newest_;
  }
  return complete;
}

result<std::optional<epoch_range>> partition_log::epoch_end(epoch asked, offset limit) {
  for (int i = 0; i < attempts; ++i) {
    auto found = look_up_epoch(asked, limit);
    if (found || found.code() != errc::closed) return found;
  }
  return moved_too_often();
}

/// From the newest batch backward: what lies behind the first one whose epoch is not above `asked` begins the next.
result<std::optional<epoch_range>> partition_log::look_up_epoch(epoch asked, offset limit) {
  std::vector<std::shared_ptr<segment>> segments;
  offset start, end;
  {
    std::lock_guard lock(mutex_);
    end = std::min(limit, end_);
    start = start_;
    for (std::size_t i = tail_.count_before(end); i-- > 0 && tail_[i].base >= settled_;) {
      if (tail_[i].epoch <= asked) return std::optional{epoch_range{tail_[i].epoch, end}};
      end = tail_[i].base;
    }
    segments = segments_;
  }
  for (auto s = segments.rbegin(); s != segments.rend() && end > start; ++s) {
    if ((*s)->base() >= end) continue;
    std::optional<dohle::epoch> found;
    auto looked = (*s)->look([&](const lmdb::transaction& txn) -> result<void> {
      auto cursor = txn.open_cursor(segment::index);
      if (!cursor) return cursor.error();
      auto more = cursor->seek("e");
      for (; more && *more && cursor->key()[0] == 'e'; more = cursor->next()) {
        auto at = read_epoch(cursor->key(), cursor->value());
        if (!at) return at.error();
        if (at->epoch > asked) end = std::min(end, at->first);
        if (at->epoch > asked || at->first >= end) break;
        found = at->epoch;
      }
      return more ? result<void>{} : more.error();
    });
    if (!looked) return looked.error();
    if (found && end > start) return std::optional{epoch_range{*found, end}};
  }
  return std::optional<epoch_range>{};
}

}  // namespace dohle::store
