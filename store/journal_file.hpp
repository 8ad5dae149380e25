// One journal file: made whole under a temporary name, written by one thread, read by any, never written again after
// the process that made it is gone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/journal_format.hpp"
#include "store/lmdb.hpp"

namespace dohle::store {

/// A record on its way into a frame.
struct pending_record {
  record_header header;
  std::string_view payload;
  std::uint32_t entry = 0;  ///< the caller's number for it
};

/// Where it came to lie.
struct record_place {
  std::uint64_t sequence = 0;
  std::uint32_t at = 0;
};

/// Which batch to read, and where it is.
struct batch_place {
  std::uint64_t sequence = 0;
  std::uint32_t at = 0;
  std::uint32_t size = 0;
  offset base;
  dohle::epoch epoch;
};

/// A group laid out: which records go into which frame.
class group_layout {
 public:
  explicit group_layout(std::span<const pending_record> records);
  std::size_t frames() const { return frames_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// Writes the frames `first_sequence`... into the transaction. Places are by position in `records`.
  result<std::vector<record_place>> put(lmdb::transaction& txn, std::uint64_t first_sequence, std::uint64_t group,
                                        std::uint64_t file_epoch) const;

 private:
  struct frame {
    std::size_t first, count, body;
  };
  std::span<const pending_record> records_;
  std::vector<frame> frames_;
  std::size_t bytes_ = 0;
};

/// What a new file begins with.
struct file_beginning {
  std::uint64_t first_sequence = 1;
  std::uint64_t last_group = 0;        ///< before the first frame below
  std::vector<std::string> recovered;  ///< frames rolled forward from the file before, byte for byte
  std::vector<pending_record> heads;   ///< where every live partition stands
  std::uint64_t head_group = 0;        ///< the number of the heads' group
};

class journal_file {
 public:
  /// Makes `directory`/j-<first sequence>.l0 durable with its beginning and opens it for writing. A file of that name,
  /// closed by the caller, is replaced. `spare` is a retired file to write over, or empty.
  static result<std::shared_ptr<journal_file>> create(const std::filesystem::path& directory, std::size_t map_bytes,
                                                      const folder_uuid& folder, const file_beginning& beginning,
                                                      const std::filesystem::path& spare);
  /// Opens a file of an earlier life, for reading only. Its frames are not checked yet.
  static result<std::shared_ptr<journal_file>> open(const std::filesystem::path& path, const folder_uuid& folder);

  static std::string name_of(std::uint64_t first_sequence);
  /// False when `name` is no journal file's.
  static bool parse_name(std::string_view name, std::uint64_t& first_sequence);

  const file_head& head() const { return head_; }
  const std::filesystem::path& path() const { return env_->path(); }
  lmdb::environment& env() { return *env_; }
  std::uint64_t first_sequence() const { return head_.first_sequence; }

  /// *disk*: checks every frame and its records' frame of order; calls each(frame_header, frame bytes, byte in file).
  template <class Each>
  result<void> walk(Each&& each) const;

  /// *disk*: copies the batches at these places one behind the other to `to`, each checked. All lie in this file.
  result<void> copy(partition_id of, std::span<const batch_place> places, char* to) const;
  /// *disk*: the wall clock in the frame's header.
  result<timestamp> written_at(std::uint64_t sequence) const;
  /// *disk*: shows the batches' bytes in place, unchecked but for the record's header: each(index, bytes).
  template <class Each>
  result<void> view(partition_id of, std::span<const batch_place> places, Each&& each) const;

  /// Per partition the end of its last batch in this file: guarded by the journal's mutex.
  std::unordered_map<std::uint32_t, std::int64_t> ends;

 private:
  journal_file(std::unique_ptr<lmdb::environment> env, const file_head& head) : env_(std::move(env)), head_(head) {}
  result<std::string_view> frame_at(const lmdb::transaction& txn, std::uint64_t sequence) const;
  /// The batch at `place`; `frame` is the frame of `sequence` found last, since batches of one come together.
  result<std::string_view> locate(const lmdb::transaction& txn, partition_id of, const batch_place& place,
                                  std::uint64_t& sequence, std::string_view& frame) const;
  error at_frame(const error& e, std::uint64_t sequence, std::string_view value) const;

  std::unique_ptr<lmdb::environment> env_;
  file_head head_;
};

template <class Each>
result<void> journal_file::walk(Each&& each) const {
  auto txn = env_->begin_read();
  if (!txn) return txn.error();
  auto cursor = txn->open_cursor(0);
  if (!cursor) return cursor.error();
  std::uint64_t expected = head_.first_sequence, group = head_.last_group;
  auto more = cursor->first();
  if (more && *more) more = cursor->next();  // key 0 is the head, checked at open
  for (; more && *more; more = cursor->next()) {
    std::uint64_t key = 0;
    if (cursor->key().size() == sizeof key) std::memcpy(&key, cursor->key().data(), sizeof key);
    const std::string_view value = cursor->value();
    if (value.size() < lmdb::page_bytes - lmdb::page_header_bytes)
      return in_place({errc::corrupt_data, "a frame is too small", ""}, path().string(), key, 0);
    auto header = read_frame(value, true);
    if (!header) return at_frame(header.error(), key, value);
    if (key != expected || header->sequence != key || header->group < group)
      return at_frame({errc::corrupt_data, "frame " + std::to_string(expected) + " is not there", ""}, key, value);
    expected = key + 1;
    group = header->group;
    if (auto r = each(*header, value, lmdb::place_of(value)); !r) return at_frame(r.error(), key, value);
  }
  if (!more) return more.error();
  return {};
}

template <class Each>
result<void> journal_file::view(partition_id of, std::span<const batch_place> places, Each&& each) const {
  auto txn = env_->begin_read();
  if (!txn) return txn.error();
  std::uint64_t sequence = 0;
  std::string_view frame;
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto payload = locate(*txn, of, places[i], sequence, frame);
    if (!payload) return payload.error();
    if (auto r = each(i, *payload); !r) return r;
  }
  return {};
}

}  // namespace dohle::store
