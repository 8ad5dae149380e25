// Looking up a partition's log by time, and who produced into it.
#include <algorithm>
#include <unordered_map>

#include "store/partition_log.hpp"

namespace dohle::store {

namespace {

/// Bytes read at once while records are walked.
constexpr std::size_t walk_bytes = 256 * limits::kib;

/// Shows the records of [first, until) whose batch may hold `at` or later; `each` returns true to end the walk.
template <class Each>
result<void> walk(partition_log& log, offset first, offset until, timestamp at, Each&& each) {
  for (offset from = first; from < until;) {
    auto parts = log.read(from, walk_bytes, until);
    if (!parts) return parts.error();
    if (parts->empty()) return {};
    for (const bytes& part : *parts) {
      for (std::size_t begin = 0; begin < part.size();) {
        auto header = read_header(part.view().substr(begin));
        if (!header) return error{errc::corrupt_data, header.error().message, header.error().hint};
        if (header->max_timestamp >= at) {
          auto reader = batch_reader::open(part.part(begin, header->size_bytes()));
          if (!reader) return error{errc::corrupt_data, reader.error().message, reader.error().hint};
          auto record = reader->next();
          for (; record && *record; record = reader->next()) {
            if ((*record)->offset >= until) return {};
            if ((*record)->offset < first) continue;
            if (each(found_record{(*record)->offset, (*record)->timestamp})) return {};
          }
          if (!record) return error{errc::corrupt_data, record.error().message, record.error().hint};
        }
        begin += header->size_bytes();
        from = header->end();
      }
    }
  }
  return {};
}

/// Looks again when a segment went away meanwhile, or the start moved: then the answer may be elsewhere.
template <class Look>
result<std::optional<found_record>> while_it_moves(Look&& look) {
  constexpr int attempts = 100;
  for (int i = 0; i < attempts; ++i) {
    auto found = look();
    if (found || (found.code() != errc::closed && found.code() != errc::offset_out_of_range)) return found;
  }
  return error{errc::busy, "the log moved too often to be searched", "try again"};
}

}  // namespace

result<std::optional<found_record>> partition_log::scan_time(offset from, timestamp at, offset limit, bool exact_max) {
  std::optional<found_record> found;
  auto walked = walk(*this, from, limit, at, [&](const found_record& record) {
    if (exact_max) {
      if (!found || record.at > found->at) found = record;
      return false;
    }
    if (record.at >= at) found = record;
    return found.has_value();
  });
  if (!walked) return walked.error();
  return found;
}

result<std::optional<found_record>> partition_log::find_time(timestamp at, offset limit) {
  return while_it_moves([&] { return look_up_time(at, limit); });
}

result<std::optional<found_record>> partition_log::find_max_time(offset limit) {
  return while_it_moves([&] { return look_up_max_time(limit); });
}

result<std::optional<found_record>> partition_log::look_up_time(timestamp at, offset limit) {
  std::vector<std::shared_ptr<segment>> candidates;
  std::optional<offset> in_tail;
  {
    std::lock_guard lock(mutex_);
    limit = std::min(limit, end_);
    for (const auto& s : segments_) {
      if (s->meta.bytes > 0 && timestamp{s->meta.max_timestamp} >= at) candidates.push_back(s);
    }
    for (std::size_t i = tail_.find(settled_); i < tail_.size() && !in_tail; ++i) {
      if (tail_[i].max_timestamp >= at) in_tail = tail_[i].base;
    }
  }
  for (const auto& s : candidates) {
    auto chunk = s->chunk_of_time(at);
    if (!chunk) return chunk.error();
    if (!*chunk || **chunk >= limit) continue;
    offset from, until;
    {
      std::lock_guard lock(mutex_);
      from = std::max(**chunk, start_);
      until = std::min(limit, offset{s->meta.end});
    }
    if (from >= until) continue;  // deleted
    auto found = scan_time(from, at, until, false);
    if (!found || *found) return found;
  }
  if (!in_tail) return std::optional<found_record>{};
  return scan_time(*in_tail, at, limit, false);
}

result<std::optional<found_record>> partition_log::look_up_max_time(offset limit) {
  std::vector<time_candidate> candidates;
  std::vector<std::shared_ptr<segment>> segments;
  {
    std::lock_guard lock(mutex_);
    limit = std::min(limit, end_);
    for (const auto& s : segments_) {
      if (s->meta.bytes == 0 || s->base() >= limit) continue;
      // What its index knows may be owed to records before the start: then what is left of it is walked.
      if (s->base() < start_)
        candidates.push_back({timestamp{s->meta.max_timestamp}, start_, offset{s->meta.end}});
      else
        segments.push_back(s);
    }
    for (std::size_t i = tail_.find(settled_); i < tail_.size() && tail_[i].base < limit; ++i)
      candidates.push_back({tail_[i].max_timestamp, tail_[i].base, tail_[i].end()});
  }
  for (const auto& s : segments) {
    auto latest = s->latest_chunks(limit);
    if (!latest) return latest.error();
    candidates.insert(candidates.end(), latest->begin(), latest->end());
  }
  std::sort(candidates.begin(), candidates.end(), [](const time_candidate& a, const time_candidate& b) {
    return a.at != b.at ? a.at > b.at : a.base < b.base;
  });
  std::optional<found_record> best;
  for (const time_candidate& c : candidates) {
    if (best && best->at > c.at) break;  // none that follows can have a later one
    // A whole candidate has its time for certain; one that reaches beyond the limit may owe it to what lies there.
    auto found = scan_time(c.base, best ? best->at : timestamp{std::numeric_limits<std::int64_t>::min()},
                           std::min(limit, c.end), true);
    if (!found) return found.error();
    if (*found && (!best || (*found)->at > best->at || ((*found)->at == best->at && (*found)->offset < best->offset)))
      best = **found;
  }
  return best;
}

result<std::vector<producer_state>> partition_log::producers() {
  constexpr int attempts = 100;
  for (int i = 0; i < attempts; ++i) {
    std::shared_ptr<segment> newest;
    std::vector<tail_entry> batches;
    {
      std::lock_guard lock(mutex_);
      if (!segments_.empty()) newest = segments_.back();
      for (std::size_t at = tail_.find(settled_); at < tail_.size() && tail_[at].sequence != 0; ++at)
        batches.push_back(tail_[at]);
    }
    std::unordered_map<std::int64_t, producer_state> known;
    if (newest) {
      auto stored = newest->producers();
      if (!stored && stored.code() == errc::closed) continue;
      if (!stored) return stored.error();
      for (const producer_state& p : *stored) known.emplace(p.id.value, p);
    }
    const auto apply = [&](std::string_view batch) -> result<void> {
      auto header = read_header(batch);
      if (!header) return error{errc::corrupt_data, header.error().message, header.error().hint};
      if (header->producer == no_producer) return {};
      auto [at, fresh] = known.try_emplace(header->producer.value);
      if (fresh) at->second.id = no_producer;
      apply_batch(at->second, *header);
      return {};
    };
    result<void> outcome;
    for (const tail_entry& batch : batches) {
      const batch_place place = batch.place();
      outcome = batch.data ? apply(batch.payload().view())
                           : context_->journal->view(id_, {&place, 1},
                                                     [&](std::size_t, std::string_view b) { return apply(b); });
      if (!outcome) break;
    }
    if (!outcome && outcome.code() == errc::closed) continue;  // settled since: the segment knows
    if (!outcome) return outcome.error();
    std::vector<producer_state> states;
    states.reserve(known.size());
    for (const auto& [id, state] : known) states.push_back(state);
    bound_producers(states);
    std::sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return states;
  }
  return error{errc::busy, "the log moved too often to be read", "try again"};
}

void bound_producers(std::vector<producer_state>& states) {
  if (states.size() <= limits::max_producers_per_partition) return;
  std::nth_element(states.begin(), states.begin() + limits::max_producers_per_partition, states.end(),
                   [](const auto& a, const auto& b) { return a.at > b.at; });
  states.resize(limits::max_producers_per_partition);
}

}  // namespace dohle::store
