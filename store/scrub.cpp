// The scrub: every checksum of what is settled, chunk by chunk, without giving anything out.
#include <limits>

#include "store/batch_check.hpp"
#include "store/partition_log.hpp"

namespace dohle::store {

namespace {

/// What is wrong with a chunk, or `ok`.
error check_chunk(std::string_view value, std::uint64_t key) {
  lmdb::read_ahead(value);
  auto chunk = read_chunk(value, key);
  if (!chunk) return chunk.error();
  const dohle::epoch of{static_cast<std::int32_t>(chunk->epoch)};
  std::string_view body = value.substr(chunk->header_bytes, chunk->body_bytes);
  for (offset next{chunk->base}; !body.empty();) {
    auto batch = check_batch(body, next, of, chunk->format >= compacted_format);
    if (!batch) return batch.error();
    next = batch->end();
    body.remove_prefix(batch->size_bytes());
  }
  return {errc::ok, "", ""};
}

}  // namespace

result<scrubbed> segment::scrub(offset from, std::size_t max_bytes) {
  const auto key_of = [](const lmdb::cursor& at) {
    std::uint64_t key = 0;
    if (at.key().size() == sizeof key) std::memcpy(&key, at.key().data(), sizeof key);
    return key;
  };
  scrubbed step{from, 0, std::nullopt};
  auto looked = look([&](const lmdb::transaction& txn) -> result<void> {
    auto cursor = txn.open_cursor(chunks);
    if (!cursor) return cursor.error();
    const auto wanted = static_cast<std::uint64_t>(from.value);
    auto found = cursor->seek_back(lmdb::key_of(wanted));
    for (; found && *found && step.bytes < max_bytes && !step.damage; found = cursor->next()) {
      const std::uint64_t key = key_of(*cursor);
      step.bytes += cursor->value().size();
      const error wrong = check_chunk(cursor->value(), key);
      if (wrong.code != errc::ok) step.damage = with_place(wrong, key, cursor->value());
    }
    if (!found) return found.error();
    step.next = offset{*found ? static_cast<std::int64_t>(key_of(*cursor)) : std::numeric_limits<std::int64_t>::max()};
    return {};
  });
  if (!looked) return looked.error();
  return step;
}

result<scrubbed> partition_log::scrub(offset from, std::size_t max_bytes) {
  std::shared_ptr<segment> in;
  offset settled, end;
  {
    std::lock_guard lock(mutex_);
    from = std::max(from, start_);
    settled = settled_;
    if (!dropped_ && from < settled) in = segment_of(from);
    if (in) end = offset{in->meta.end};
  }
  if (!in) return scrubbed{settled, 0, std::nullopt};
  auto step = in->scrub(from, max_bytes);
  if (!step && step.code() == errc::closed) return scrubbed{from, 0, std::nullopt};  // it goes on in what replaced it
  if (!step) return scrubbed{end, 0, step.error()};
  step->next = std::min(step->next, end);
  return step;
}

}  // namespace dohle::store
