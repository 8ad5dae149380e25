#include "store/compaction_segment.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "store/files.hpp"
#include "store/journal_recovery.hpp"
#include "store/segment.hpp"

namespace dohle::store {

namespace {

constexpr std::size_t chunk_body = limits::max_chunk_bytes - sizeof(chunk_header);
constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::min();

}  // namespace

segment_builder::segment_builder(std::filesystem::path path, std::filesystem::path tmp, const segment_meta& meta)
    : path_(std::move(path)), tmp_(std::move(tmp)), meta_(meta) {
  meta_.format = compacted_format;
  meta_.end = meta_.base;
  meta_.bytes = 0;
  meta_.max_timestamp = no_time;
}

result<std::unique_ptr<segment_builder>> segment_builder::begin(const std::filesystem::path& directory,
                                                                const segment_meta& meta, std::size_t map_bytes) {
  const auto path = directory / segment_name(offset{meta.base}, meta.generation);
  auto tmp = path;
  tmp += temporary_suffix;
  if (auto r = remove_file(tmp); !r) return r.error();
  std::unique_ptr<segment_builder> made(new segment_builder(path, tmp, meta));
  auto env = lmdb::environment::open(tmp, lmdb::access::build, map_bytes, segment::tables());
  if (!env) return env.error();
  made->env_ = std::move(*env);
  return made;
}

segment_builder::~segment_builder() {
  txn_.reset();
  env_.reset();
  static_cast<void>(remove_file(tmp_));  // gone already when it was put in its place; else the next opening removes it
}

result<lmdb::transaction*> segment_builder::writing() {
  if (!txn_) {
    auto txn = env_->begin_write();
    if (!txn) return txn.error();
    txn_.emplace(std::move(*txn));
  }
  return &*txn_;
}

result<void> segment_builder::add(const batch_header& header, std::string_view batch) {
  const bool fits = body_.size() + batch.size() <= chunk_body && chunk_.epoch == header.epoch.value;
  if (!body_.empty() && !fits) {
    if (auto r = write_chunk(); !r) return r;
  }
  if (body_.empty()) {
    chunk_ = {};
    chunk_.format = compacted_format;
    chunk_.base = meta_.end;
    first_ = static_cast<std::uint64_t>(header.base.value);
    chunk_.epoch = header.epoch.value;
    chunk_.min_timestamp = std::numeric_limits<std::int64_t>::max();
    chunk_.max_timestamp = no_time;
  }
  body_.insert(body_.end(), batch.begin(), batch.end());
  ++chunk_.batches;
  chunk_.last = header.end().value - 1;
  chunk_.min_timestamp = std::min(chunk_.min_timestamp, header.base_timestamp.value);
  if (header.record_count > 0) chunk_.max_timestamp = std::max(chunk_.max_timestamp, header.max_timestamp.value);
  return {};
}

result<void> segment_builder::add_aborted(const aborted_entry& entry) {
  auto txn = writing();
  if (!txn) return txn.error();
  return (*txn)->put(segment::index, aborted_key(entry.what.marker), bytes_of(to_stored(entry)));
}

result<void> segment_builder::write_chunk() {
  auto txn = writing();
  if (!txn) return txn.error();
  chunk_.body_bytes = static_cast<std::uint32_t>(body_.size());
  seal(chunk_);
  const std::size_t size = lmdb::whole_pages(sizeof chunk_ + body_.size());
  const auto key = static_cast<std::uint64_t>(chunk_.base);
  auto room = (*txn)->append(segment::chunks, lmdb::key_of(key), size);
  if (!room) return room.error();
  std::memcpy(*room, &chunk_, sizeof chunk_);
  std::memcpy(*room + sizeof chunk_, body_.data(), body_.size());
  std::memset(*room + sizeof chunk_ + body_.size(), 0, size - sizeof chunk_ - body_.size());
  if (chunk_.max_timestamp > meta_.max_timestamp) {
    meta_.max_timestamp = chunk_.max_timestamp;
    auto put = (*txn)->put_new(segment::index, time_key(timestamp{chunk_.max_timestamp}), bytes_of(key));
    if (!put) return put;
  }
  const dohle::epoch of{static_cast<std::int32_t>(chunk_.epoch)};
  if (auto r = (*txn)->put_new(segment::index, epoch_key(of), bytes_of(first_)); !r) return r;
  meta_.end = chunk_.last + 1;
  meta_.bytes += body_.size();
  body_.clear();
  return {};
}

result<void> segment_builder::commit() {
  if (!txn_) return {};
  auto done = txn_->commit();
  txn_.reset();
  return done;
}

result<void> segment_builder::finish(const segment_meta& last, const std::vector<producer_state>& producers,
                                     offset cleaned_until) {
  if (!body_.empty()) {
    if (auto r = write_chunk(); !r) return r;
  }
  DOHLE_ASSERT(meta_.end == last.end, "the last batch of a segment stays, if only its header");
  auto txn = writing();
  if (!txn) return txn.error();
  meta_.log_start = last.log_start;
  meta_.applied_sequence = last.applied_sequence;
  meta_.appended = last.appended;
  if (meta_.max_timestamp == no_time) meta_.max_timestamp = -1;
  seal(meta_);
  compaction_mark mark;
  mark.cleaned_until = cleaned_until.value;
  seal(mark);
  if (auto r = (*txn)->put(segment::index, meta_key, bytes_of(meta_)); !r) return r;
  if (auto r = (*txn)->put(segment::index, mark_key, bytes_of(mark)); !r) return r;
  for (const producer_state& p : producers) {
    if (auto r = (*txn)->put(segment::index, producer_key(p.id), to_stored(p)); !r) return r;
  }
  if (auto r = commit(); !r) return r;
  if (auto r = env_->flush(); !r) return r;
  env_.reset();
  return {};
}

}  // namespace dohle::store
