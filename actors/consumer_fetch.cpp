// The fetching half of consumer_core: what to ask for, within which bounds, and what an answer means.
#include <algorithm>
#include <utility>

#include "actors/consumer_core.hpp"
#include "schema/limits.hpp"

namespace dohle {

namespace {

std::string text(const topic_partition& p) { return p.topic + "[" + std::to_string(p.partition.value) + "]"; }

/// A broker that heals is asked again; these only change when the reader goes elsewhere.
bool needs_seek(errc code) { return code == errc::offset_out_of_range || code == errc::closed; }

}  // namespace

std::size_t consumer_core::request_bytes() const {
  const auto share = options_.prefetch_bytes / std::max<std::size_t>(1, order_.size());
  return std::min(options_.fetch_bytes, std::max(share, limits::min_fetch_bytes));
}

std::vector<consumer_core::plan_item> consumer_core::plan(time_point now) {
  std::lock_guard lock{mutex_};
  std::vector<plan_item> out;
  starved_ = false;
  if (paused_ || closed_) return out;
  const auto ask = request_bytes();
  for (std::size_t k = 0; k < order_.size(); ++k) {
    auto& f = *order_[plan_turn_ % order_.size()];
    const bool wanted = f.asked != f.version && !f.halted && f.retry_at <= now && !f.all_fetched();
    if (wanted) {
      const auto held = prefetched_ + in_flight_bytes_;
      if ((held > 0 && held + ask > options_.prefetch_bytes) || in_flight_.size() >= limits::max_consumer_fetches) {
        starved_ = true;
        break;  // this one is first when there is room
      }
      f.asked = f.version;
      in_flight_.emplace(f.version, ask);
      in_flight_bytes_ += ask;
      const auto wait =
          std::chrono::duration_cast<milliseconds>(std::min<duration>(options_.max_wait, limits::max_fetch_wait));
      out.push_back({*f.name,
                     f.version,
                     {f.name->topic, f.name->partition, f.fetch_from, static_cast<std::uint32_t>(ask),
                      options_.min_bytes, wait, f.at.backward, options_.isolation}});
    }
    ++plan_turn_;
  }
  return out;
}

void consumer_core::fetched(const plan_item& asked, result<fetch_response> answer, time_point now) {
  {
    std::lock_guard lock{mutex_};
    if (const auto i = in_flight_.find(asked.version); i != in_flight_.end()) {
      in_flight_bytes_ -= i->second;
      in_flight_.erase(i);
    }
    const auto i = feeds_.find(asked.partition);
    if (i == feeds_.end() || i->second->version != asked.version || closed_) return;
    auto& f = *i->second;
    f.asked.reset();
    result<void> taken;
    if (answer) taken = f.at.backward ? take_backwards(f, *answer) : take_batches(f, *answer);
    if (!answer || !taken) {
      fetch_failed(f, answer ? taken.error() : answer.error(), now);
    } else {
      f.high_watermark = answer->high_watermark;
      f.broken.reset();
      f.failing_since.reset();
      f.backoff = limits::retry_backoff;
    }
  }
  changed_.notify_all();
}

/// Shows an answer's batches one by one, in the order of the log within each of its runs.
template <class Each>
result<void> consumer_core::each_batch(const feed& f, const fetch_response& answer, Each each) {
  for (const auto& run : answer.batches) {
    for (std::size_t at = 0; at < run.size();) {
      auto h = read_header(run.view().substr(at));
      if (!h) {
        return error{errc::corrupt_batch,
                     "a fetch of " + text(*f.name) + " at offset " + std::to_string(f.fetch_from.value) +
                         " brought bytes that are no batch: " + h.error().message,
                     "verify the broker's data folder with `dohle log verify`"};
      }
      each(*h, run.part(at, h->size_bytes()));
      at += h->size_bytes();
    }
  }
  return {};
}

/// Cuts the answer into single batches and finds where the next fetch begins: behind the last one, whatever records it
/// holds, so that holes that compaction left are stepped over.
result<void> consumer_core::take_batches(feed& f, const fetch_response& answer) {
  aborted_filter aborted{answer.aborted};
  return each_batch(f, answer, [&](const batch_header& h, bytes batch) {
    const bool drops = aborted.drops(h);
    if (h.end() <= f.fetch_from) return;  // before what was asked for
    if (drops) batch = empty_batch(h);    // read like any other, but there is nothing in it
    f.fetch_from = h.end();
    prefetched_ += batch.size();
    f.queue.push_back(std::move(batch));
  });
}

/// The same towards the start: the newest run comes first, and the next fetch begins before the oldest batch. Where
/// nothing is left the read is over, even above the end that was asked for: what was there is gone.
result<void> consumer_core::take_backwards(feed& f, const fetch_response& answer) {
  std::vector<std::pair<offset, bytes>> batches;
  auto cut = each_batch(f, answer, [&](const batch_header& h, bytes b) { batches.emplace_back(h.base, std::move(b)); });
  if (!cut) return cut;
  std::sort(batches.begin(), batches.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (!batches.empty() && batches.front().first >= f.fetch_from)
    return error{errc::unsupported_version, "the broker reads " + text(*f.name) + " forward only", "a newer broker"};
  aborted_filter aborted{answer.aborted};
  for (auto b = batches.rbegin(); b != batches.rend(); ++b) {
    auto h = read_header(b->second.view());
    if (h && aborted.drops(*h)) b->second = empty_batch(*h);
  }
  f.at.end = std::max(*f.at.end, batches.empty() ? f.fetch_from : answer.start);
  for (auto& [base, batch] : batches) {
    f.fetch_from = base;
    prefetched_ += batch.size();
    f.queue.push_back(std::move(batch));
  }
  return {};
}

void consumer_core::fetch_failed(feed& f, const error& why, time_point now) {
  f.retry_at = now + f.backoff;
  f.backoff = std::min<duration>(f.backoff * 2, limits::max_retry_backoff);
  if (!f.failing_since) f.failing_since = now;
  const bool lasting = !is_retriable(why.code) || now - *f.failing_since >= patience_;
  if (!lasting) return;
  f.broken = why;
  f.halted = needs_seek(why.code);
  if (why.code == errc::offset_out_of_range && f.broken->hint.empty())
    f.broken->hint = "seek to an offset that is still there, or begin at the earliest one";
}

std::optional<consumer_core::time_point> consumer_core::next_retry() const {
  std::lock_guard lock{mutex_};
  std::optional<time_point> at;
  if (paused_ || closed_) return at;
  for (const auto& f : order_) {
    if (f->halted || !f->failing_since || f->asked == f->version) continue;
    if (!at || f->retry_at < *at) at = f->retry_at;
  }
  return at;
}

}  // namespace dohle
