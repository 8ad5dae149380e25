#include "actors/delivery.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dohle::actors {

namespace {

/// Beyond the request time-out, so that a link's own answer, which knows more, comes first.
constexpr auto silence_margin = std::chrono::seconds(5);

/// Nothing was stored and the same request may succeed later.
bool refused_for_now(errc code) {
  switch (code) {
    case errc::busy:
    case errc::not_leader:
    case errc::stale_epoch:
    case errc::timeout:
    case errc::storage_full:
    case errc::loading:
    case errc::concurrent_transactions:
    case errc::connection_failed: return true;
    default: return false;
  }
}

bool sequence_broken(errc code) { return code == errc::out_of_order_sequence || code == errc::unknown_producer; }

/// Sequences count up to 2^31 - 1 and then from 0 again, as Kafka's do.
std::int32_t after(std::int32_t sequence, std::int32_t records) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(records)) &
                                   0x7fffffffU);
}

void put_big_endian(char* to, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) to[i] = static_cast<char>(value >> (8 * (size - 1 - i)));
}

}  // namespace

delivery::delivery(std::string topic, const producer_options& options, duration request_timeout, settle_function settle)
    : topic_(std::move(topic)), options_(options), request_timeout_(request_timeout), settle_(std::move(settle)) {}

void delivery::add(sealed_batch batch) {
  const auto [at, fresh] = lanes_.try_emplace(batch.partition);
  auto& l = at->second;
  if (fresh) l.identity = identity_;
  item i;
  i.deadline = batch.opened + std::min<duration>(options_.delivery_timeout, limits::max_wait);
  i.ordinal = l.next_ordinal++;
  i.batch = std::move(batch);
  l.items.push_back(std::move(i));
  ++batches_;
}

// --- sending -------------------------------------------------------------------------------------------------------

std::vector<delivery::outgoing> delivery::pump(time_point now) {
  std::vector<outgoing> out;
  for (auto& [p, l] : lanes_) {
    if (!l.items.empty()) pump_lane(p, l, now, out);
  }
  return out;
}

void delivery::pump_lane(partition_index p, lane& l, time_point now, std::vector<outgoing>& out) {
  if (l.held) {
    if (l.in_flight > 0 || now < l.hold_until) return;
    l.held = false;
  }
  if (l.broken && l.in_flight == 0) mend(l);
  if (l.broken || (options_.idempotent && l.identity.id == no_producer)) return;
  for (std::size_t k = 0; k < l.items.size(); ++k) {
    auto& i = l.items[k];
    // Counted from the oldest without outcome: the broker remembers just so many batches of a producer.
    if (i.ordinal >= l.items.front().ordinal + options_.max_requests) break;
    if (i.attempt != 0) continue;
    const auto size = i.built.empty() ? i.batch.builder.size_bytes() : i.built.size();
    if (in_flight_bytes_ > 0 && in_flight_bytes_ + size > limits::max_producer_in_flight) break;
    if (i.built.empty() && !build(l, i)) {
      fail(l, k--, std::move(i.last));
      continue;
    }
    i.attempt = ++last_attempt_;
    i.attempt_deadline = now + request_timeout_ + silence_margin;
    attempts_.emplace(i.attempt, p);
    in_flight_bytes_ += i.built.size();
    ++l.in_flight;
    out.push_back({i.attempt, request_of(i)});
  }
}

bool delivery::build(lane& l, item& i) {
  if (options_.idempotent) {
    i.stamp = {l.identity.id, l.identity.epoch, l.next_sequence, transactional_};
    l.next_sequence = after(l.next_sequence, i.batch.records);
  }
  auto built = i.batch.builder.build(options_.compression, i.stamp);
  if (!built) {
    i.last = built.error();
    if (options_.idempotent) l.next_sequence = i.stamp.base_sequence;
    return false;
  }
  i.built = std::move(*built);
  std::memcpy(i.header.data(), i.built.data(), i.header.size());
  return true;
}

produce_request delivery::request_of(item& i) {
  bytes batch = i.built;
  if (i.attempts++ > 0) {
    std::shared_ptr<char[]> memory(new char[i.built.size()]);
    std::memcpy(memory.get(), i.header.data(), i.header.size());
    std::memcpy(memory.get() + i.header.size(), i.built.data() + i.header.size(), i.built.size() - i.header.size());
    const std::string_view view{memory.get(), i.built.size()};
    batch = bytes{std::move(memory), view};
  }
  return {topic_, i.batch.partition, options_.acks, std::move(batch)};
}

// --- identity ------------------------------------------------------------------------------------------------------

void delivery::begin_transaction(producer_stamp who) {
  DOHLE_ASSERT(idle(), "the batches of one transaction have their outcomes before the next one begins");
  transactional_ = true;
  identity_ = who;
  for (auto& [p, l] : lanes_) {
    l.identity = who;
    l.next_sequence = 0;
    l.broken = false;
  }
}

bool delivery::take_identity_need(time_point now) {
  if (!options_.idempotent || identity_asked_ || now < identity_not_before_) return false;
  identity_asked_ = std::any_of(lanes_.begin(), lanes_.end(), [](const auto& entry) {
    return !entry.second.items.empty() && entry.second.identity.id == no_producer;
  });
  return identity_asked_;
}

void delivery::identified(result<init_producer_response> answer, time_point now) {
  identity_asked_ = false;
  if (answer) {
    identity_backoff_ = limits::retry_backoff;
    identity_ = {answer->id, answer->epoch, 0};
    // Each partition counts its own sequences, so those without an identity can share the new one, from 0.
    for (auto& [p, l] : lanes_) {
      if (l.identity.id != no_producer || l.items.empty()) continue;
      l.identity = identity_;
      l.next_sequence = 0;
      for (auto& i : l.items)
        if (!i.built.empty()) restamp(l, i);
    }
    return;
  }
  const auto& why = answer.error();
  identity_not_before_ = now + identity_backoff_;
  identity_backoff_ = std::min<duration>(identity_backoff_ * 2, limits::max_retry_backoff);
  for (auto& [p, l] : lanes_) {
    if (l.identity.id != no_producer) continue;
    if (is_retriable(why.code)) {
      for (auto& i : l.items) i.last = why;
    } else {
      while (!l.items.empty()) fail(l, 0, why);
    }
  }
}

/// Header bytes 43-56 hold the stamp; the checksum at 17 covers all from 21 on.
void delivery::restamp(lane& l, item& i) {
  i.stamp = {l.identity.id, l.identity.epoch, l.next_sequence};
  l.next_sequence = after(l.next_sequence, i.batch.records);
  char* h = i.header.data();
  put_big_endian(h + 43, static_cast<std::uint64_t>(i.stamp.id.value), 8);
  put_big_endian(h + 51, static_cast<std::uint64_t>(i.stamp.epoch), 2);
  put_big_endian(h + 53, static_cast<std::uint64_t>(i.stamp.base_sequence), 4);
  const auto of_header = crc32c({h + 21, batch_header_bytes - 21});
  put_big_endian(h + 17, crc32c(i.built.view().substr(batch_header_bytes), of_header), 4);
}

/// Nothing is in flight and the broker does not follow our sequence any more.
void delivery::mend(lane& l) {
  for (std::size_t k = 0; k < l.items.size();) {
    if (l.items[k].doubtful) {
      fail(l, k,
           {errc::unknown_outcome,
            "the broker lost track of this producer's sequence in " + topic_ + "[" +
                std::to_string(l.items[k].batch.partition.value) + "], so a batch may or may not be stored (" +
                l.items[k].last.message + ")",
            "read the end of the partition before you send these records again"});
    } else {
      ++k;
    }
  }
  l.broken = false;
  l.identity = {};
}

// --- answers -------------------------------------------------------------------------------------------------------

void delivery::landed(lane& l, item& i) {
  attempts_.erase(i.attempt);
  i.attempt = 0;
  in_flight_bytes_ -= i.built.size();
  --l.in_flight;
}

void delivery::answered(std::uint64_t attempt, outcome answer, time_point now) {
  const auto found = attempts_.find(attempt);
  if (found == attempts_.end()) return;  // given up meanwhile
  auto& l = lanes_[found->second];
  const auto at = std::find_if(l.items.begin(), l.items.end(), [&](const item& i) { return i.attempt == attempt; });
  DOHLE_ASSERT(at != l.items.end(), "an attempt in flight belongs to a batch");
  landed(l, *at);
  const auto index = static_cast<std::size_t>(at - l.items.begin());
  if (answer) {
    l.backoff = limits::retry_backoff;
    return settle(l, index, std::move(answer));
  }
  refused(l, index, answer.error(), now);
}

void delivery::refused(lane& l, std::size_t index, error why, time_point now) {
  auto& i = l.items[index];
  if (why.code == errc::not_leader || why.code == errc::unknown_partition) wants_metadata_ = true;
  if (refused_for_now(why.code)) return retry(l, i, std::move(why), now);
  if (why.code == errc::unknown_outcome && options_.idempotent) {
    i.doubtful = true;
    return retry(l, i, std::move(why), now);
  }
  if (options_.idempotent && sequence_broken(why.code) && !(transactional_ && index == 0)) {
    // Behind a batch without outcome that is to be expected: it comes after that one is repeated.
    if (index == 0) l.broken = true;
    return retry(l, i, std::move(why), now);
  }
  fail(l, index, std::move(why));
}

void delivery::retry(lane& l, item& i, error why, time_point now) {
  i.last = std::move(why);
  if (l.held) return;  // several batches of one mishap wait once
  l.held = true;
  l.hold_until = now + l.backoff;
  l.backoff = std::min<duration>(l.backoff * 2, limits::max_retry_backoff);
}

void delivery::fail(lane& l, std::size_t index, error why) {
  auto& i = l.items[index];
  const bool stamped = options_.idempotent && !i.built.empty();
  const bool last_stamped = index + 1 == l.items.size() || l.items[index + 1].built.empty();
  // The next batch takes the sequence of one that was certainly not stored; else the broker's answer will show.
  if (stamped && last_stamped && !i.doubtful && i.attempt == 0) l.next_sequence = i.stamp.base_sequence;
  settle(l, index, std::move(why));
}

void delivery::settle(lane& l, std::size_t index, outcome o) {
  auto at = l.items.begin() + static_cast<std::ptrdiff_t>(index);
  auto batch = std::move(at->batch);
  l.items.erase(at);
  --batches_;
  settle_(batch, std::move(o));
}

// --- time ----------------------------------------------------------------------------------------------------------

void delivery::check(time_point now) {
  for (auto& [p, l] : lanes_) expire(l, now);
}

void delivery::expire(lane& l, time_point now) {
  for (std::size_t k = 0; k < l.items.size();) {
    auto& i = l.items[k];
    const bool in_flight = i.attempt != 0;
    if (now >= i.deadline) {
      const bool doubtful = i.doubtful || in_flight;
      if (in_flight) landed(l, i);
      i.doubtful = doubtful;
      const std::string what = "a batch for " + topic_ + "[" + std::to_string(i.batch.partition.value) + "] was not ";
      const std::string because = i.last.message.empty() ? "" : " (" + to_string(i.last) + ")";
      fail(l, k,
           doubtful ? error{errc::unknown_outcome, what + "acknowledged in its delivery time-out" + because,
                            "it may or may not be stored: read the end of the partition"}
                    : error{errc::timeout, what + "stored in its delivery time-out" + because,
                            i.last.hint.empty() ? "give a longer delivery_timeout" : i.last.hint});
      continue;
    }
    if (in_flight && now >= i.attempt_deadline) {
      landed(l, i);
      refused(l, k, {errc::unknown_outcome, "the broker did not answer a produce", "look whether it still runs"}, now);
      continue;  // settled, or no longer in flight
    }
    ++k;
  }
}

std::optional<delivery::time_point> delivery::next_check(time_point now) const {
  if (batches_ == 0) return std::nullopt;
  auto at = now + std::chrono::duration_cast<time_point::duration>(limits::link_check_interval);
  for (const auto& [p, l] : lanes_) {
    if (!l.items.empty() && l.held && l.in_flight == 0) at = std::min(at, l.hold_until);
  }
  if (identity_not_before_ > now) at = std::min(at, identity_not_before_);
  return at;
}

void delivery::end(const error& why) {
  for (auto& [p, l] : lanes_) {
    while (!l.items.empty()) {
      auto& i = l.items.front();
      const bool doubtful = i.doubtful || i.attempt != 0;
      if (i.attempt != 0) landed(l, i);
      auto e = why;
      if (doubtful) e.message += ", while a batch for " + topic_ + " was on its way: it may or may not be stored";
      settle(l, 0, std::move(e));
    }
  }
}

}  // namespace dohle::actors
