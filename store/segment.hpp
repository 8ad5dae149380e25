// One segment: settled history of a partition in a file of its own. Written by the settler while it is the newest of
// its log, read-only ever after, removed whole. Owner: its log; shared with the readers that are in it.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/lmdb.hpp"
#include "store/segment_format.hpp"

namespace dohle::store {

class segment;

/// Bounds how many segments are open at once: the one unused for longest is closed. Owner: the folder; outlives its
/// segments. Safe from any thread.
class segment_pool {
 public:
  explicit segment_pool(std::size_t bound) : bound_(bound) {}

 private:
  friend class segment;
  void opened(segment& which);
  void used(segment& which);
  void closed(segment& which);

  const std::size_t bound_;
  std::mutex mutex_;
  std::list<segment*> open_;  ///< most recently used first
};

/// A chunk that may hold the largest timestamp.
struct time_candidate {
  timestamp at;
  offset base;
  offset end;
};

class segment {
 public:
  /// Makes an empty segment durable: with all producers of the one before it.
  static result<std::shared_ptr<segment>> create(const std::filesystem::path& directory, const segment_meta& meta,
                                                 const std::vector<producer_state>& producers, std::size_t map_bytes,
                                                 segment_pool& pool);
  /// Reads the file's own record. `newest` ones may be written again.
  static result<std::shared_ptr<segment>> open(const std::filesystem::path& path, bool newest, std::size_t map_bytes,
                                               segment_pool& pool);
  ~segment();
  segment(const segment&) = delete;
  segment& operator=(const segment&) = delete;

  const std::filesystem::path& path() const { return path_; }
  offset base() const { return base_; }
  /// Guarded by the log's mutex: how far it reaches for readers.
  segment_meta meta;
  /// What compaction said when it wrote the file; 0 = it did not. Never changes.
  offset cleaned_until;

  /// It is not the newest any more.
  void seal_off();

  /// *disk*: whole batches from the one that holds `from`, copied behind each other and checked.
  result<bytes> read(offset from, std::size_t max_bytes, offset limit);
  /// *disk*: whole batches that begin before `before` and reach beyond `start`, in runs of the log's order, the newest
  /// run first; copied and checked. At most `max_bytes`, but at least one batch. Empty: there is none.
  result<std::vector<bytes>> read_back(offset before, offset start, std::size_t max_bytes);
  /// *disk*: first offset of the first chunk in which a timestamp >= `at` may be.
  result<std::optional<offset>> chunk_of_time(timestamp at);
  /// *disk*: the chunks among whose records before `limit` the largest timestamp is.
  result<std::vector<time_candidate>> latest_chunks(offset limit);
  /// *disk*
  result<std::vector<producer_state>> producers();
  /// *disk*: adds the aborted transactions whose markers lie here from `from` on and that begin before `end`, up to one
  /// more than `most` in all. True: no marker behind this segment ends one that begins before `end`.
  result<bool> aborted(offset from, offset end, std::size_t most, std::vector<ended_transaction>& found);
  /// *disk*: checks what is stored from `from` on, at most about `max_bytes`, up to the first damage.
  result<scrubbed> scrub(offset from, std::size_t max_bytes);

  /// *disk*: runs `work` in a read transaction.
  result<void> look(const std::function<result<void>(const lmdb::transaction&)>& work);
  /// *disk*, the settler's: runs `work` in a write transaction and commits it. Not flushed: see `flush`.
  result<void> change(const std::function<result<void>(lmdb::transaction&)>& work);
  /// *disk*: everything changed so far never needs the journal again.
  result<void> flush();
  result<std::uint64_t> used_bytes();

  /// *disk*: unlinks the file. Readers in it finish; new ones get `closed`.
  result<void> remove();

  static const std::vector<lmdb::table>& tables();
  static constexpr std::size_t chunks = 0;  ///< tables by number
  static constexpr std::size_t index = 1;

 private:
  friend class segment_pool;
  /// Keeps the file open while it is used.
  class pin {
   public:
    explicit pin(segment& of) : of_(&of) {}
    pin(pin&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    pin& operator=(pin&&) = delete;
    ~pin() {
      if (!of_) return;
      std::lock_guard lock(of_->mutex_);
      --of_->users_;
    }
    lmdb::environment* operator->() const { return of_->env_.get(); }

   private:
    segment* of_;
  };
  segment(std::filesystem::path path, offset base, bool newest, std::size_t map_bytes, segment_pool& pool)
      : path_(std::move(path)), base_(base), map_bytes_(map_bytes), pool_(pool), newest_(newest) {}
  result<pin> open_env();
  /// The chunk that an entry of the index by time names, checked against it.
  result<chunk_header> chunk_of(const lmdb::transaction& txn, const lmdb::cursor& time) const;
  bool close_if_unused();
  void close_env();
  error with_place(const error& e, std::uint64_t chunk, std::string_view value) const;

  const std::filesystem::path path_;
  const offset base_;
  const std::size_t map_bytes_;
  segment_pool& pool_;

  std::mutex mutex_;  ///< guards what follows; held while the file is opened or closed, not while it is read
  std::unique_ptr<lmdb::environment> env_;
  std::size_t users_ = 0;
  bool newest_;
  bool open_for_writing_ = false;
  bool removed_ = false;
  std::atomic<bool> no_aborted_{false};    ///< it knows of none and will not change: not worth another look
  std::list<segment*>::iterator in_pool_;  ///< guarded by the pool's mutex
  bool pooled_ = false;                    ///< guarded by the pool's mutex
};

}  // namespace dohle::store
