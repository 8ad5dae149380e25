#include "store/segment.hpp"

#include <algorithm>
#include <cstring>

#include "store/batch_check.hpp"
#include "store/files.hpp"
#include "store/page_check.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view lock_file_suffix = "-lock";

fs::path lock_of(const fs::path& path) {
  fs::path lock = path;
  lock += lock_file_suffix;
  return lock;
}

bool is_time(std::string_view key) { return key.size() == 9 && key[0] == 't'; }

/// A run of whole batches within one chunk.
struct run {
  std::string_view bytes;
  offset first;
  offset end;
  dohle::epoch epoch;
  bool holes;
};

bool has_holes(const chunk_header& chunk) { return chunk.format >= compacted_format; }

/// The batches of `body` from the one that holds `from`, below `limit`, at most `room` bytes (0 = one batch at least).
result<run> choose(std::string_view body, const chunk_header& chunk, offset from, offset limit, std::size_t room,
                   bool at_least_one) {
  const offset end = offset{chunk.last} + 1;
  run chosen{body.substr(0, 0), offset{chunk.base}, offset{chunk.base},
             dohle::epoch{static_cast<std::int32_t>(chunk.epoch)}, has_holes(chunk)};
  if (from.value <= chunk.base && limit >= end && body.size() <= room) {
    chosen.bytes = body;
    chosen.end = end;
    return chosen;
  }
  std::size_t begin = 0, at = 0;
  offset next{chunk.base};
  while (at < body.size()) {
    auto header = read_header(body.substr(at));
    if (!header || header->base < next || (header->base != next && !has_holes(chunk)))
      return error{errc::corrupt_data, "the chunk's batch at offset " + std::to_string(next.value) + " is damaged", ""};
    if (header->base >= limit) break;
    const std::size_t size = header->size_bytes();
    if (header->end() <= from) {
      begin = at + size;
      chosen.first = header->end();
    } else {
      const bool nothing_yet = at == begin;
      if (at + size - begin > room && !(nothing_yet && at_least_one)) break;
      chosen.bytes = body.substr(begin, at + size - begin);
    }
    at += size;
    next = header->end();
  }
  chosen.end = chosen.bytes.empty() ? chosen.first : next;
  // `next` may have passed a batch that was skipped last only when nothing was chosen.
  return chosen;
}

/// Every batch of a copied run is the right one and whole.
result<void> check_run(std::string_view copy, const run& r) {
  offset next = r.first;
  while (!copy.empty()) {
    auto header = check_batch(copy, next, r.epoch, r.holes);
    if (!header) return header.error();
    next = header->end();
    copy.remove_prefix(header->size_bytes());
  }
  if (next != r.end) return error{errc::corrupt_data, "the chunk's batches do not fill it", ""};
  return {};
}

}  // namespace

const std::vector<lmdb::table>& segment::tables() {
  static const std::vector<lmdb::table> both{{"d", true}, {"x", false}};
  return both;
}

// --- opening and closing

void segment_pool::opened(segment& which) {
  std::vector<segment*> idle;
  {
    std::lock_guard lock(mutex_);
    open_.push_front(&which);
    which.in_pool_ = open_.begin();
    which.pooled_ = true;
    // The oldest idle ones go; one that is being opened or closed by its own thread is passed over.
    for (auto at = open_.end(); open_.size() > bound_ && at != open_.begin();) {
      --at;
      segment* candidate = *at;
      if (candidate == &which || !candidate->close_if_unused()) continue;
      candidate->pooled_ = false;
      at = open_.erase(at);
    }
  }
}

void segment_pool::used(segment& which) {
  std::lock_guard lock(mutex_);
  if (which.pooled_) open_.splice(open_.begin(), open_, which.in_pool_);
}

void segment_pool::closed(segment& which) {
  std::lock_guard lock(mutex_);
  if (which.pooled_) open_.erase(which.in_pool_);
  which.pooled_ = false;
}

bool segment::close_if_unused() {
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || users_ > 0 || !env_) return false;
  close_env();
  return true;
}

void segment::close_env() {
  env_.reset();
  if (open_for_writing_) static_cast<void>(remove_file(lock_of(path_)));  // left behind it would do no harm
  open_for_writing_ = false;
}

result<segment::pin> segment::open_env() {
  bool fresh = false;
  {
    std::lock_guard lock(mutex_);
    if (removed_) return error{errc::closed, path_.string() + " was removed", ""};
    if (!env_) {
      auto made =
          lmdb::environment::open(path_, newest_ ? lmdb::access::write : lmdb::access::history, map_bytes_, tables());
      if (!made) return made.error();
      env_ = std::move(*made);
      open_for_writing_ = newest_;
      fresh = true;
    }
    ++users_;
  }
  pin held(*this);
  if (fresh)
    pool_.opened(*this);
  else
    pool_.used(*this);
  return held;
}

segment::~segment() {
  pool_.closed(*this);
  std::lock_guard lock(mutex_);
  if (env_) close_env();
}

void segment::seal_off() {
  std::lock_guard lock(mutex_);
  newest_ = false;
}

result<void> segment::remove() {
  std::lock_guard lock(mutex_);
  removed_ = true;
  if (auto r = remove_file(path_); !r) return r;
  return remove_file(lock_of(path_));
}

result<std::shared_ptr<segment>> segment::create(const fs::path& directory, const segment_meta& meta,
                                                 const std::vector<producer_state>& producers, std::size_t map_bytes,
                                                 segment_pool& pool) {
  const fs::path path = directory / segment_name(offset{meta.base}, meta.generation);
  fs::path tmp = path;
  tmp += ".tmp";
  if (auto r = remove_file(tmp); !r) return r.error();
  segment_meta sealed = meta;
  seal(sealed);
  {
    auto env = lmdb::environment::open(tmp, lmdb::access::build, map_bytes, tables());
    if (!env) return env.error();
    auto txn = (*env)->begin_write();
    if (!txn) return txn.error();
    if (auto r = txn->put(index, meta_key, bytes_of(sealed)); !r) return r.error();
    for (const producer_state& p : producers) {
      if (auto r = txn->put(index, producer_key(p.id), to_stored(p)); !r) return r.error();
    }
    if (auto r = txn->commit(); !r) return r.error();
    if (auto r = (*env)->flush(); !r) return r.error();
  }
  if (auto r = rename_durably(tmp, path); !r) return r.error();
  std::shared_ptr<segment> made(new segment(path, offset{meta.base}, true, map_bytes, pool));
  made->meta = sealed;
  return made;
}

result<std::shared_ptr<segment>> segment::open(const fs::path& path, bool newest, std::size_t map_bytes,
                                               segment_pool& pool) {
  if (auto r = lmdb::check_tree(path); !r) return r.error();
  // The last commit of a killed process may be in the page cache only: what is believed is flushed first.
  if (newest) {
    if (auto r = flush_file(path); !r) return r.error();
  }
  offset base;
  std::uint32_t generation = 0;
  DOHLE_ASSERT(parse_segment_name(path.filename().string(), base, generation), "only segments are opened as such");
  std::shared_ptr<segment> made(new segment(path, base, newest, map_bytes, pool));
  auto env = made->open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_read();
  if (!txn) return txn.error();
  auto value = txn->get(index, meta_key);
  if (!value) return value.error();
  auto meta = read_meta(value->value_or(std::string_view{}));
  if (!meta) return error{meta.code(), path.string() + ": " + meta.error().message, meta.error().hint};
  if (meta->base != base.value || meta->generation != generation)
    return error{
        errc::corrupt_data,
        path.string() + " begins at offset " + std::to_string(meta->base) + ", which is not what its name says",
        "undo the renaming"};
  made->meta = *meta;
  auto said = txn->get(index, mark_key);
  if (!said) return said.error();
  if (*said) {
    auto mark = read_mark(**said);
    if (!mark) return error{mark.code(), path.string() + ": " + mark.error().message, mark.error().hint};
    made->cleaned_until = offset{mark->cleaned_until};
  }
  return made;
}

error segment::with_place(const error& e, std::uint64_t chunk, std::string_view value) const {
  return {e.code,
          path_.string() + ": chunk " + std::to_string(chunk) + " at byte " +
              std::to_string(value.size() < 4080 ? 0 : lmdb::place_of(value)) + ": " + e.message,
          e.hint.empty() ? "restore this file from where it was copied, or remove the folder if its data is replicated"
                         : e.hint};
}

// --- reading

result<bytes> segment::read(offset from, std::size_t max_bytes, offset limit) {
  auto env = open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_read();
  if (!txn) return txn.error();
  auto cursor = txn->open_cursor(chunks);
  if (!cursor) return cursor.error();
  std::vector<run> runs;
  std::vector<std::uint64_t> keys;
  std::size_t total = 0;
  bool in_hole = false;
  auto wanted = static_cast<std::uint64_t>(from.value);
  auto found = cursor->seek_back(lmdb::key_of(wanted));
  for (; found && *found && from < limit && (total < max_bytes || total == 0); found = cursor->next()) {
    std::uint64_t key = 0;
    if (cursor->key().size() == sizeof key) std::memcpy(&key, cursor->key().data(), sizeof key);
    lmdb::read_ahead(cursor->value());
    auto chunk = read_chunk(cursor->value(), key);
    if (!chunk) return with_place(chunk.error(), key, cursor->value());
    if (!runs.empty() && offset{chunk->base} != from)
      return with_place({errc::corrupt_data, "offset " + std::to_string(from.value) + " belongs here", ""}, key,
                        cursor->value());
    const std::size_t room = max_bytes > total ? max_bytes - total : 0;
    auto chosen =
        choose(cursor->value().substr(chunk->header_bytes, chunk->body_bytes), *chunk, from, limit, room, total == 0);
    if (!chosen) return with_place(chosen.error(), key, cursor->value());
    in_hole = has_holes(*chunk);  // and if nothing was chosen, the limit lies in it
    if (chosen->bytes.empty()) break;
    total += chosen->bytes.size();
    runs.push_back(*chosen);
    keys.push_back(key);
    from = chosen->end;
    if (from <= offset{chunk->last}) break;  // the limit or the room ended within the chunk
  }
  if (!found) return found.error();
  if (runs.empty() && in_hole) return bytes{};
  if (runs.empty())
    return error{errc::corrupt_data, path_.string() + ": offset " + std::to_string(from.value) + " is not there", ""};
  std::shared_ptr<char[]> memory(new char[total]);
  char* to = memory.get();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::memcpy(to, runs[i].bytes.data(), runs[i].bytes.size());
    if (auto r = check_run({to, runs[i].bytes.size()}, runs[i]); !r) return with_place(r.error(), keys[i], {});
    to += runs[i].bytes.size();
  }
  const std::string_view whole{memory.get(), total};
  return bytes{std::move(memory), whole};
}

result<std::optional<offset>> segment::chunk_of_time(timestamp at) {
  auto env = open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_read();
  if (!txn) return txn.error();
  auto cursor = txn->open_cursor(index);
  if (!cursor) return cursor.error();
  auto found = cursor->seek(time_key(at));
  if (!found) return found.error();
  if (!*found || !is_time(cursor->key())) return std::optional<offset>{};
  auto chunk = chunk_of(*txn, *cursor);
  if (!chunk) return chunk.error();
  return std::optional{offset{chunk->base}};
}

result<chunk_header> segment::chunk_of(const lmdb::transaction& txn, const lmdb::cursor& time) const {
  const error wrong{errc::corrupt_data, path_.string() + ": the index by time names a chunk of another time",
                    "restore this file from where it was copied, or remove the folder if its data is replicated"};
  if (time.value().size() != sizeof(std::uint64_t)) return wrong;
  const auto base = load_little<std::uint64_t>(time.value().data());
  auto value = txn.get(chunks, lmdb::key_of(base));
  if (!value) return value.error();
  if (!*value) return wrong;
  auto chunk = read_chunk(**value, base);
  if (!chunk) return with_place(chunk.error(), base, **value);
  if (timestamp{chunk->max_timestamp} != time_of_key(time.key())) return wrong;
  return chunk;
}

result<std::vector<time_candidate>> segment::latest_chunks(offset limit) {
  auto env = open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_read();
  if (!txn) return txn.error();
  auto times = txn->open_cursor(index);
  if (!times) return times.error();
  std::vector<time_candidate> candidates;
  auto found = times->seek_back("t\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  for (; found && *found && is_time(times->key()); found = times->previous()) {
    auto chunk = chunk_of(*txn, *times);
    if (!chunk) return chunk.error();
    if (offset{chunk->base} >= limit) continue;
    candidates.push_back({time_of_key(times->key()), offset{chunk->base}, offset{chunk->last} + 1});
    if (candidates.back().end <= limit) break;  // a chunk that reaches beyond may owe its time to what lies there
  }
  if (!found) return found.error();
  return candidates;
}

result<std::vector<producer_state>> segment::producers() {
  auto env = open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_read();
  if (!txn) return txn.error();
  auto cursor = txn->open_cursor(index);
  if (!cursor) return cursor.error();
  std::vector<producer_state> states;
  auto found = cursor->seek("p");
  for (; found && *found && cursor->key()[0] == 'p'; found = cursor->next()) {
    auto state = read_producer(cursor->key(), cursor->value());
    if (!state) return error{state.code(), path_.string() + ": " + state.error().message, state.error().hint};
    states.push_back(*state);
  }
  if (!found) return found.error();
  return states;
}

result<void> segment::look(const std::function<result<void>(const lmdb::transaction&)>& work) {
  auto env = open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_read();
  if (!txn) return txn.error();
  return work(*txn);
}

// --- writing

result<void> segment::change(const std::function<result<void>(lmdb::transaction&)>& work) {
  auto env = open_env();
  if (!env) return env.error();
  auto txn = (*env)->begin_write();
  if (!txn) return txn.error();
  if (auto r = work(*txn); !r) return r;
  return txn->commit();
}

result<void> segment::flush() {
  auto env = open_env();
  if (!env) return env.error();
  return (*env)->flush();
}

result<std::uint64_t> segment::used_bytes() {
  auto env = open_env();
  if (!env) return env.error();
  return (*env)->used_bytes();
}

}  // namespace dohle::store
