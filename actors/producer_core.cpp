#include "actors/producer_core.hpp"

#include <algorithm>
#include <utility>

#include "actors/wall_clock.hpp"
#include "rules/partitioner.hpp"
#include "schema/limits.hpp"

namespace dohle {

namespace {

/// What a record takes beside its key and value, at most: lengths, deltas, attributes.
constexpr std::size_t record_overhead = 32;

std::size_t estimate(const outgoing_record& r) {
  std::size_t sum = record_overhead;
  if (r.key) sum += r.key->size();
  if (r.value) sum += r.value->size();
  for (const auto& h : r.headers) sum += h.key.size() + (h.value ? h.value->size() : 0) + record_overhead;
  return sum;
}

}  // namespace

// --- acks ----------------------------------------------------------------------------------------------------------

bool batch_completion::wait(duration timeout) {
  if (ready()) return true;
  if (timeout <= duration::zero()) return false;
  if (auto core = core_.lock()) core->hurry(partition_, ticket_);
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, timeout, [this] { return outcome_.has_value(); });
}

void batch_completion::finish(outcome o) {
  {
    std::lock_guard lock{mutex_};
    DOHLE_ASSERT(!outcome_, "a batch gets one outcome");
    outcome_ = std::move(o);
    done_.store(true, std::memory_order_release);
  }
  changed_.notify_all();
}

ack::ack(std::shared_ptr<batch_completion> batch, std::int32_t delta, timestamp at)
    : batch_(std::move(batch)), delta_(delta), at_(at) {}

bool ack::ready() const { return batch_ && batch_->ready(); }

result<receipt> ack::wait(duration timeout) const {
  if (!batch_) return error{errc::invalid_request, "this ack belongs to no record", "keep what send returned"};
  if (!batch_->wait(timeout))
    return error{errc::timeout, "the record is not acknowledged yet; it is still on its way",
                 "wait again, or look whether the broker is reachable"};
  const auto& got = batch_->get();
  if (!got) return got.error();
  const bool placed = got->level != ack_level::none && got->base.value >= 0;
  return receipt{batch_->partition(), placed ? got->base + delta_ : dohle::offset{-1},
                 got->append_time == no_timestamp ? at_ : got->append_time, got->level};
}

// --- sending -------------------------------------------------------------------------------------------------------

producer_core::producer_core(std::string topic, const producer_options& options, std::int32_t partitions,
                             std::uint64_t seed, clock now, wake waker)
    : topic_(std::move(topic)),
      options_(options),
      seed_(seed),
      now_(std::move(now)),
      wake_(std::move(waker)),
      lanes_(static_cast<std::size_t>(partitions)),
      sticky_(rules::sticky_partition(seed, 0, partitions)) {}

result<partition_index> producer_core::choose(const outgoing_record& r) const {
  const auto count = static_cast<std::int32_t>(lanes_.size());
  if (r.partition) {
    if (r.partition->value >= 0 && r.partition->value < count) return *r.partition;
    return error{
        errc::unknown_partition,
        topic_ + " has no partition " + std::to_string(r.partition->value) + ", it has " + std::to_string(count),
        "give one from 0 to " + std::to_string(count - 1) + ", or none"};
  }
  if (r.key) return rules::partition_of_key(*r.key, count);
  return sticky_;
}

result<ack> producer_core::send(const outgoing_record& record, duration timeout) {
  const auto need = estimate(record);
  if (need > std::min(options_.buffer_bytes, limits::max_batch_bytes - batch_header_bytes)) {
    return error{errc::record_too_large,
                 "a record of about " + std::to_string(need) +
                     " bytes is more than a batch or this producer's buffer (" + std::to_string(options_.buffer_bytes) +
                     ") holds",
                 "split it, or store it elsewhere and send its address"};
  }
  const auto at = record.at == no_timestamp ? actors::wall_clock() : record.at;
  bool wake_up = false;
  auto answer = [&]() -> result<ack> {
    std::unique_lock lock{mutex_};
    if (buffered_ > 0 && buffered_ + need > options_.buffer_bytes) [[unlikely]] {
      if (auto room = await_room(lock, need, timeout, wake_up); !room) return room.error();
    }
    if (closed_) [[unlikely]]
      return error{errc::closed, "the producer of " + topic_ + " is closed", "make a new one"};
    if (held_) [[unlikely]]
      return error{errc::invalid_transaction, "no transaction is open that a record for " + topic_ + " could belong to",
                   "begin a transaction first"};
    auto partition = choose(record);
    if (!partition) [[unlikely]]
      return partition.error();
    auto& l = lanes_[static_cast<std::size_t>(partition->value)];
    if (l.open && l.open->builder.size_bytes() + need > options_.batch_bytes) {
      seal(*partition);
      wake_up = announce() || wake_up;
    }
    auto& batch = l.open ? *l.open : open_batch(*partition, wake_up);
    const auto before = batch.records == 0 ? 0 : batch.builder.size_bytes();
    if (auto added = batch.builder.add(at, record.key, record.value, record.headers); !added) [[unlikely]] {
      if (batch.records == 0) drop_empty(*partition);
      return added.error();
    }
    const auto grown = batch.builder.size_bytes() - before;
    batch.charged += grown;
    buffered_ += grown;
    ack out{batch.completion, batch.records++, at};
    if (batch.builder.size_bytes() >= options_.batch_bytes)
      seal(*partition);
    else if (options_.linger <= duration::zero() && l.unsettled == 0)
      make_due(*partition);
    if (!ready_.empty()) wake_up = announce() || wake_up;
    return out;
  }();
  if (wake_up) wake_();
  return answer;
}

result<void> producer_core::await_room(std::unique_lock<std::mutex>& lock, std::size_t need, duration timeout,
                                       bool& wake_up) {
  const auto fits = [&] { return closed_ || buffered_ == 0 || buffered_ + need <= options_.buffer_bytes; };
  const auto deadline = std::chrono::steady_clock::now() + std::min<duration>(timeout, limits::max_wait);
  ++waiting_;
  // Nothing lingers while somebody waits: what is open goes out, or the room would never come.
  make_all_due();
  if (announce() || wake_up) {
    wake_up = false;
    lock.unlock();
    wake_();
    lock.lock();
  }
  const bool ok = room_.wait_until(lock, deadline, fits);
  --waiting_;
  if (ok) return {};
  return error{errc::buffer_full,
               "the buffer of the producer of " + topic_ + " holds " + std::to_string(buffered_) + " of " +
                   std::to_string(options_.buffer_bytes) + " bytes that the broker has not acknowledged",
               "send slower, wait longer, or give a larger buffer_bytes"};
}

sealed_batch& producer_core::open_batch(partition_index p, bool& wake_up) {
  auto& l = lanes_[static_cast<std::size_t>(p.value)];
  const auto ticket = next_ticket_++;
  done_.push_back(false);
  auto completion = std::make_shared<batch_completion>(weak_from_this(), p, ticket);
  l.open.emplace(sealed_batch{ticket, p, batch_builder{std::min(options_.batch_bytes, l.last_bytes)}, 0, 0, now_(),
                              std::move(completion)});
  lingering_batches_.emplace(ticket, p);
  if (!lingering_ && options_.linger > duration::zero()) {
    lingering_ = true;
    wake_up = announce() || wake_up;
  }
  return *l.open;
}

/// A partition's bound is the broker's memory of a producer; all partitions' is what a broker does well at once.
bool producer_core::may_go(const lane& l) const {
  return l.unsettled < options_.max_requests && unsettled_ < limits::max_producer_batches;
}

void producer_core::seal(partition_index p) {
  auto& l = lanes_[static_cast<std::size_t>(p.value)];
  lingering_batches_.erase(l.open->ticket);
  due_.erase(l.open->ticket);
  l.last_bytes = l.open->builder.size_bytes();
  ++l.unsettled;
  ++unsettled_;
  ready_.push_back(std::move(*l.open));
  l.open.reset();
  if (p == sticky_)
    sticky_ = rules::sticky_partition(seed_, ++sticky_batches_, static_cast<std::int32_t>(lanes_.size()));
}

void producer_core::make_due(partition_index p) {
  const auto& l = lanes_[static_cast<std::size_t>(p.value)];
  if (may_go(l)) return seal(p);
  lingering_batches_.erase(l.open->ticket);
  due_.emplace(l.open->ticket, p);
}

void producer_core::make_all_due() {
  while (!lingering_batches_.empty()) make_due(lingering_batches_.begin()->second);
}

void producer_core::seal_due() {
  for (auto at = due_.begin(); at != due_.end() && unsettled_ < limits::max_producer_batches;) {
    const auto p = (at++)->second;  // sealing removes it
    if (may_go(lanes_[static_cast<std::size_t>(p.value)])) seal(p);
  }
}

void producer_core::drop_empty(partition_index p) {
  auto& open = lanes_[static_cast<std::size_t>(p.value)].open;
  lingering_batches_.erase(open->ticket);
  finish_ticket(open->ticket);
  open.reset();
}

bool producer_core::announce() { return !std::exchange(announced_, true); }

void producer_core::hurry(partition_index partition, std::uint64_t ticket) {
  {
    std::lock_guard lock{mutex_};
    const auto& open = lanes_[static_cast<std::size_t>(partition.value)].open;
    if (!open || open->ticket != ticket) return;
    make_due(partition);
    if (ready_.empty() || !announce()) return;
  }
  wake_();
}

result<void> producer_core::flush(duration timeout) {
  std::unique_lock lock{mutex_};
  make_all_due();
  const auto target = next_ticket_;
  if (!ready_.empty() && announce()) {
    lock.unlock();
    wake_();
    lock.lock();
  }
  const auto deadline = std::chrono::steady_clock::now() + std::min<duration>(timeout, limits::max_wait);
  if (!settled_.wait_until(lock, deadline, [&] { return settled_before_ >= target; })) {
    return error{
        errc::timeout,
        std::to_string(buffered_) + " bytes for " + topic_ + " are not acknowledged yet; they are still on their way",
        "flush again, or look whether the broker is reachable"};
  }
  if (flush_error_) return std::move(*std::exchange(flush_error_, std::nullopt));
  return {};
}

producer::outcome producer_core::take_outcome() {
  std::lock_guard lock{mutex_};
  auto out = outcome_;
  outcome_.failed = 0;
  outcome_.errors.clear();
  return out;
}

std::size_t producer_core::buffered_bytes() const {
  std::lock_guard lock{mutex_};
  return buffered_;
}

void producer_core::refuse_sends() {
  {
    std::lock_guard lock{mutex_};
    closed_ = true;
  }
  room_.notify_all();
}

void producer_core::hold_sends(bool hold) {
  std::lock_guard lock{mutex_};
  held_ = hold;
}

// --- the actor's side ----------------------------------------------------------------------------------------------

producer_core::taken producer_core::take(time_point now) {
  std::lock_guard lock{mutex_};
  announced_ = false;
  taken out;
  // Without linger an open batch waits for those before it, not for a time: settle() closes it.
  while (options_.linger > duration::zero() && !lingering_batches_.empty()) {
    const auto p = lingering_batches_.begin()->second;
    const auto due = lanes_[static_cast<std::size_t>(p.value)].open->opened + options_.linger;
    if (due > now) {
      out.next_linger = due;
      break;
    }
    make_due(p);
  }
  lingering_ = out.next_linger.has_value();
  out.batches.swap(ready_);
  return out;
}

void producer_core::settle(sealed_batch& batch, batch_completion::outcome outcome) {
  const bool failed = !outcome.ok();
  {
    std::lock_guard lock{mutex_};
    auto& l = lanes_[static_cast<std::size_t>(batch.partition.value)];
    --l.unsettled;
    --unsettled_;
    // Without linger what gathered meanwhile goes now.
    if (options_.linger <= duration::zero() && l.unsettled == 0 && l.open) make_due(batch.partition);
    seal_due();
    buffered_ -= batch.charged;
    if (failed) {
      outcome_.failed += static_cast<std::uint64_t>(batch.records);
      if (outcome_.errors.size() < limits::max_kept_errors) outcome_.errors.push_back(outcome.error());
      if (!flush_error_) flush_error_ = outcome.error();
    } else {
      outcome_.acknowledged += static_cast<std::uint64_t>(batch.records);
    }
    // Before flush may return: who flushed may rely on every ack being ready.
    batch.completion->finish(std::move(outcome));
    finish_ticket(batch.ticket);
  }
  room_.notify_all();
}

std::vector<sealed_batch> producer_core::take_all() {
  std::lock_guard lock{mutex_};
  make_all_due();
  while (!due_.empty()) seal(due_.begin()->second);
  return std::exchange(ready_, {});
}

void producer_core::finish_ticket(std::uint64_t ticket) {
  done_[static_cast<std::size_t>(ticket - settled_before_)] = true;
  const auto before = settled_before_;
  while (!done_.empty() && done_.front()) {
    done_.pop_front();
    ++settled_before_;
  }
  if (settled_before_ != before) settled_.notify_all();
}

void producer_core::set_partitions(std::int32_t count) {
  std::lock_guard lock{mutex_};
  if (count > static_cast<std::int32_t>(lanes_.size())) lanes_.resize(static_cast<std::size_t>(count));
}

std::int32_t producer_core::partitions() const {
  std::lock_guard lock{mutex_};
  return static_cast<std::int32_t>(lanes_.size());
}

}  // namespace dohle
