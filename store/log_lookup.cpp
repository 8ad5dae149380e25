// Looking up a partition's log by time.
#include <algorithm>

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

}  // namespace dohle::store
