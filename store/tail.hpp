// The newest batches of one partition: where each lies, and of the most recent the bytes. No lock and no disk: its
// partition_log guards it. 64 bytes a batch, and what is held in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/record_batch.hpp"
#include "store/journal_file.hpp"

namespace dohle::store {

struct tail_entry {
  std::shared_ptr<const void> owner;  ///< of `data`
  const char* data = nullptr;         ///< nullptr: on disk only
  offset base;
  timestamp max_timestamp = no_timestamp;
  std::uint64_t sequence = 0;  ///< journal frame; 0 = on its way there
  std::uint32_t at = 0;        ///< within the frame's body
  std::uint32_t size = 0;
  std::int32_t last_delta = 0;
  dohle::epoch epoch;

  offset end() const { return base + last_delta + 1; }
  bytes payload() const { return {owner, {data, size}}; }
  batch_place place() const { return {sequence, at, size, base, epoch}; }
};
static_assert(sizeof(tail_entry) == 64);

class tail {
 public:
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const tail_entry& operator[](std::size_t i) const { return entries_[i]; }
  tail_entry& operator[](std::size_t i) { return entries_[i]; }
  offset start() const { return entries_.front().base; }

  void push(tail_entry entry) { entries_.push_back(std::move(entry)); }
  /// The entry that holds `at`, or size() when none does.
  std::size_t find(offset at) const;
  /// How many entries begin before `at`.
  std::size_t count_before(offset at) const;
  /// Removes entries from the front that are before `settled` and not in memory.
  void trim(offset settled);
  /// Removes all from `from` on; returns the bytes that were in memory.
  std::size_t cut(offset from, std::vector<std::shared_ptr<const void>>& released);
  /// The batch at `base` leaves the memory; returns its bytes, 0 = it was not there.
  std::size_t evict(offset base, std::shared_ptr<const void>& released);
  /// Everything goes; returns the bytes that were in memory.
  std::size_t clear();

 private:
  std::deque<tail_entry> entries_;  ///< by offset, without a gap
};

class partition_log;

/// What all tails of a folder may hold in memory; the batch that was flushed first goes first. Owner: the folder.
/// Safe from any thread; calls `partition_log::evict` without holding its own lock.
class tail_budget {
 public:
  explicit tail_budget(std::size_t bound) : bound_(bound) {}
  void add(std::size_t size);
  void release(std::size_t size);
  /// These batches may be evicted from now on; evicts what is too much.
  void flushed(const std::weak_ptr<partition_log>& of, const std::vector<offset>& bases);
  std::size_t used() const;

 private:
  struct candidate {
    std::weak_ptr<partition_log> of;
    offset base;
  };
  const std::size_t bound_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
  std::deque<candidate> order_;
};

}  // namespace dohle::store
