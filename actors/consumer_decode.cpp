#include "actors/consumer_decode.hpp"

#include <algorithm>
#include <utility>

namespace dohle {

namespace {

/// The cursor's position when all of a batch was looked at.
offset past(const batch_header& h, const read_cursor& from) {
  if (from.backward) return std::min(from.end ? std::max(h.base, *from.end) : h.base, from.position);
  return std::max(from.end ? std::min(h.end(), *from.end) : h.end(), from.position);
}

}  // namespace

result<batch_walk> batch_walk::open(bytes batch, bool backward) {
  auto reader = batch_reader::open(std::move(batch));
  if (!reader) return reader.error();
  batch_walk walk;
  walk.reader_ = std::move(*reader);
  walk.backward_ = backward;
  if (!backward) return walk;
  walk.left_.reserve(static_cast<std::size_t>(walk.header().record_count));
  for (;;) {
    auto r = walk.reader_.next();
    if (!r) return r.error();
    if (!r->has_value()) return walk;
    walk.left_.push_back(**r);
  }
}

result<std::optional<record_view>> batch_walk::next() {
  if (!backward_) return reader_.next();
  std::optional<record_view> last;
  if (left_.empty()) return last;
  last = left_.back();
  left_.pop_back();
  return last;
}

bool aborted_filter::drops(const batch_header& header) {
  for (; next_ < aborted_->size() && (*aborted_)[next_].first <= header.base; ++next_)
    active_.insert((*aborted_)[next_].producer);
  if (header.control()) {
    active_.erase(header.producer);
    return false;
  }
  return header.transactional() && active_.contains(header.producer);
}

result<decoded> decode(const std::shared_ptr<const topic_partition>& source, std::optional<batch_walk> walk,
                       bytes batch, const read_cursor& from, std::size_t budget) {
  const auto damaged = [&](const std::string& why) {
    return error{errc::corrupt_batch,
                 "a batch of " + source->topic + "[" + std::to_string(source->partition.value) + "] at offset " +
                     std::to_string(from.position.value) + " arrived damaged: " + why,
                 "read again; if it stays so, verify the broker's data folder with `dohle log verify`"};
  };
  if (!walk) {
    auto opened = batch_walk::open(std::move(batch), from.backward);
    if (!opened) return damaged(opened.error().message);
    if (opened->header().control()) return decoded{std::nullopt, past(opened->header(), from), std::nullopt};
    walk = std::move(*opened);
  }
  std::vector<record_view> records;
  records.reserve(std::min<std::size_t>(budget, static_cast<std::size_t>(walk->header().record_count)));
  offset next = from.position;
  bool more = true;
  while (records.size() < budget) {
    auto r = walk->next();
    if (!r) return damaged(r.error().message);
    more = r->has_value() && !from.beyond((*r)->offset);
    if (!more) break;
    if (from.behind((*r)->offset)) continue;
    next = from.backward ? (*r)->offset : (*r)->offset + 1;
    records.push_back(**r);
  }
  decoded out;
  out.next = more ? next : past(walk->header(), from);
  if (!records.empty()) out.records.emplace(source, walk->memory(), std::move(records));
  if (more) out.rest = std::move(walk);
  return out;
}

}  // namespace dohle
