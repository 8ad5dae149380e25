#include "actors/consumer_core.hpp"

#include <algorithm>
#include <utility>

#include "schema/limits.hpp"

namespace dohle {

namespace {

std::string text(const topic_partition& p) { return p.topic + "[" + std::to_string(p.partition.value) + "]"; }

}  // namespace

consumer_core::consumer_core(const consumer_options& options, duration patience, clock now, wake waker)
    : options_(options), patience_(patience), now_(std::move(now)), wake_(std::move(waker)), last_poll_(now_()) {}

// --- polling -------------------------------------------------------------------------------------------------------

result<polled> consumer_core::poll(std::size_t max_records, duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + std::min<duration>(timeout, limits::max_wait);
  std::unique_lock poller{one_poller_, deadline};
  if (!poller) return polled{};  // another thread polls for all that time
  bool wake_up = false;
  {
    std::lock_guard lock{mutex_};
    processing_ = false;
    last_poll_ = now_();
    wake_up = std::exchange(wake_on_poll_, false);
    if (wake_up) held_ = true;  // the actor decides first, or a full queue would keep it waiting poll after poll
  }
  if (wake_up) wake_();
  std::unique_lock lock{mutex_};
  auto out = poll_locked(lock, std::max<std::size_t>(max_records, 1), deadline);
  last_poll_ = now_();
  processing_ = out.ok() && out->record_count > 0;
  const bool room = starved_ && prefetched_ <= options_.prefetch_bytes / 2;
  if (room) starved_ = false;
  wake_up = std::exchange(refetch_, false) || room;
  lock.unlock();
  if (wake_up) wake_();
  return out;
}

result<polled> consumer_core::poll_locked(std::unique_lock<std::mutex>& lock, std::size_t max_records,
                                          time_point deadline) {
  polled out;
  bool in_time = true;
  for (;;) {
    if (auto why = problem()) {
      if (out.record_count > 0) return out;  // the next poll reports it
      return *why;
    }
    if (out.record_count >= max_records) return out;
    if (auto f = paused_ || held_ ? nullptr : next_ready()) {
      if (auto done = deliver(lock, f, max_records - out.record_count, out); !done) read_again(*f, done.error());
      continue;
    }
    if (out.record_count > 0 || all_done() || !in_time) return out;
    if (starved_) {  // a range's records may all be skipped: then nothing else would ask for more
      starved_ = false;
      lock.unlock();
      wake_();
      lock.lock();
      continue;
    }
    in_time = changed_.wait_until(lock, deadline) != std::cv_status::timeout;
  }
}

consumer_core::feed_ptr consumer_core::next_ready() {
  for (std::size_t k = 0; k < order_.size(); ++k) {
    const auto& f = order_[turn_++ % order_.size()];
    if (f->ready() && !f->at.done()) return f;
  }
  return nullptr;
}

std::optional<error> consumer_core::problem() const {
  if (closed_) return error{errc::closed, "the consumer is closed", "make a new one"};
  if (problem_) return problem_;
  for (const auto& f : order_)
    if (f->broken) return f->broken;
  return std::nullopt;
}

bool consumer_core::all_done() const {
  return options_.group.empty() &&
         std::all_of(order_.begin(), order_.end(), [](const auto& f) { return f->at.done(); });
}

result<void> consumer_core::deliver(std::unique_lock<std::mutex>& lock, const feed_ptr& f, std::size_t budget,
                                    polled& out) {
  const auto version = f->version;
  const auto from = f->at;
  auto walk = std::exchange(f->partial, std::nullopt);
  bytes batch;
  if (!walk) {
    batch = std::move(f->queue.front());
    f->queue.pop_front();
    prefetched_ -= batch.size();
  }
  lock.unlock();
  auto got = decode(f->name, walk, batch, from, budget);
  lock.lock();
  changed_.wait(lock, [this] { return !held_; });
  if (f->version != version || closed_) return {};  // seeked or taken away meanwhile
  if (paused_) {  // a rebalance began: it may keep this partition, so nothing of it may get lost
    f->partial = std::move(walk);
    if (!f->partial) {
      prefetched_ += batch.size();
      f->queue.push_front(std::move(batch));
    }
    return {};
  }
  if (!got) return got.error();
  f->at.position = got->next;
  f->partial = std::move(got->rest);
  if (f->at.done()) drop_fetched(*f);
  if (got->records) {
    processing_ = true;
    out.record_count += got->records->record_count();
    out.chunks.push_back(std::move(*got->records));
  }
  return {};
}

/// A damaged batch is never stepped over: it is fetched anew, and every poll reports it until it comes whole.
void consumer_core::read_again(feed& f, const error& why) {
  drop_fetched(f);
  f.version = next_version_++;
  f.fetch_from = f.at.position;
  f.broken = why;
  f.retry_at = now_() + limits::max_retry_backoff;
  if (!f.failing_since) f.failing_since = now_();
  refetch_ = true;
}

// --- the rest of the facade ----------------------------------------------------------------------------------------

bool consumer_core::finished() const {
  std::lock_guard lock{mutex_};
  return all_done();
}

std::vector<topic_partition> consumer_core::assignment() const {
  std::lock_guard lock{mutex_};
  std::vector<topic_partition> out;
  for (const auto& [p, f] : feeds_) out.push_back(p);
  return out;
}

std::map<topic_partition, offset> consumer_core::positions() const {
  std::lock_guard lock{mutex_};
  std::map<topic_partition, offset> out;
  for (const auto& [p, f] : feeds_) out.emplace(p, f->at.position);
  return out;
}

std::map<topic_partition, std::int64_t> consumer_core::lag() const {
  std::lock_guard lock{mutex_};
  std::map<topic_partition, std::int64_t> out;
  for (const auto& [p, f] : feeds_)
    if (f->high_watermark && !f->at.backward)
      out.emplace(p, std::max<std::int64_t>(0, *f->high_watermark - f->at.position));
  return out;
}

result<void> consumer_core::seek(const topic_partition& partition, offset to) {
  if (to.value < 0)
    return error{errc::invalid_request, "offset " + std::to_string(to.value) + " is negative", "seek to 0 or later"};
  {
    std::lock_guard lock{mutex_};
    const auto i = feeds_.find(partition);
    if (i == feeds_.end())
      return error{errc::invalid_request, text(partition) + " is not assigned to this consumer",
                   "seek only what assignment() lists; in a group it is empty until the first poll"};
    auto& f = *i->second;
    drop_fetched(f);
    f.version = next_version_++;
    f.at.position = f.fetch_from = to;
    f.broken.reset();
    f.halted = false;
    f.failing_since.reset();
    f.retry_at = {};
  }
  changed_.notify_all();
  wake_();
  return {};
}

std::string consumer_core::member() const {
  std::lock_guard lock{mutex_};
  return member_;
}

dohle::generation consumer_core::generation() const {
  std::lock_guard lock{mutex_};
  return generation_;
}

void consumer_core::close() {
  {
    std::lock_guard lock{mutex_};
    closed_ = true;
    for (auto& f : order_) drop_fetched(*f);
  }
  changed_.notify_all();
}

// --- assignment ----------------------------------------------------------------------------------------------------

void consumer_core::assign(const std::vector<assigned_range>& ranges, const std::vector<topic_partition>& kept) {
  {
    std::lock_guard lock{mutex_};
    std::map<topic_partition, feed_ptr> feeds;
    for (const auto& p : kept) {
      if (const auto i = feeds_.find(p); i != feeds_.end()) feeds.insert(*i);
    }
    for (const auto& r : ranges) {
      auto f = std::make_shared<feed>();
      f->name = std::make_shared<const topic_partition>(r.partition);
      f->version = next_version_++;
      f->at = {r.from, r.backward && !r.end ? offset{} : r.end, r.backward};
      f->fetch_from = r.from;
      f->backoff = limits::retry_backoff;
      feeds[r.partition] = std::move(f);
    }
    for (auto& [p, f] : feeds_) {
      const auto i = feeds.find(p);
      if (i != feeds.end() && i->second == f) continue;
      drop_fetched(*f);
      f->version = 0;  // a poll that decodes one of its batches throws it away
    }
    feeds_ = std::move(feeds);
    order_.clear();
    for (const auto& [p, f] : feeds_) order_.push_back(f);
    processing_ = false;
  }
  changed_.notify_all();
}

void consumer_core::pause(bool paused) {
  {
    std::lock_guard lock{mutex_};
    paused_ = paused;
  }
  changed_.notify_all();
}

void consumer_core::set_member(std::string id, dohle::generation g) {
  std::lock_guard lock{mutex_};
  member_ = std::move(id);
  generation_ = g;
}

void consumer_core::set_problem(std::optional<error> why) {
  {
    std::lock_guard lock{mutex_};
    problem_ = std::move(why);
  }
  changed_.notify_all();
}

consumer_core::poll_state consumer_core::hold() {
  std::lock_guard lock{mutex_};
  held_ = true;
  return {processing_, last_poll_};
}

void consumer_core::release() {
  {
    std::lock_guard lock{mutex_};
    held_ = false;
  }
  changed_.notify_all();
}

void consumer_core::wake_on_poll() {
  std::lock_guard lock{mutex_};
  wake_on_poll_ = true;
}

void consumer_core::drop_fetched(feed& f) {
  for (const auto& b : f.queue) prefetched_ -= b.size();
  f.queue.clear();
  f.partial.reset();
}

}  // namespace dohle
