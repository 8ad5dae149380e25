// The journal: where events become durable. One LMDB environment takes the group commits of all partitions of a broker;
// one transaction and one flush a group; rolled at options::journal_file_bytes.
// What is true when `commit` returns ok: every entry of the group is flushed to disk and will be found by recovery,
// whole group or nothing. Format and protocol: docs/storage-format.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle::store {

enum class entry_kind : std::uint8_t {
  batch = 1,       ///< payload is a record batch
  truncation = 2,  ///< the log ends at `base` again: what was behind it never was
  hard = 3,        ///< epoch, vote, high watermark of a partition
  mark = 6,        ///< an epoch opens at `base`
};

/// One thing to persist. Made by `log`, carried to the journal's owner, never changed on the way.
struct entry {
  partition_id partition;
  entry_kind kind = entry_kind::batch;
  offset base;  ///< batch: first offset; mark: where the epoch opens; truncation: the end; hard: the high watermark
  std::int32_t last_delta = 0;  ///< batch: last offset - base
  dohle::epoch epoch;
  timestamp max_timestamp = no_timestamp;
  std::int32_t vote = -1;    ///< hard only
  offset opened;             ///< truncation only: where `epoch`, that of the last entry left, opened
  bytes payload;             ///< batch only
  std::uint64_t serial = 0;  ///< the log's own count of its entries, for on_flushed
  std::size_t size_bytes() const { return payload.size() + 56; }
};

/// Where an entry came to lie: journal sequence of its frame, byte within the frame's body.
/// Sequence 0 = not persisted, because an earlier entry of its log was refused (a full disk) while this one was already
/// on the way, or its log was dropped. `log::on_flushed` takes it and does nothing: `drop_unflushed` has forgotten it.
struct flushed_entry {
  std::uint64_t serial = 0;
  std::uint64_t sequence = 0;
  std::uint32_t at = 0;
};

class journal {
 public:
  virtual ~journal() = default;
  /// Persists all entries as one group: one transaction, one flush. Only one thread may call it (LMDB write
  /// transactions belong to a thread). On `storage_full`, and on `busy` (too many open files), nothing of the group
  /// counts and reading goes on; on `storage_failed` the caller ends the process, because a flush that failed once
  /// proves nothing when repeated. Returns one place per entry, in order.
  virtual result<std::vector<flushed_entry>> commit(std::span<const entry> entries) = 0;
  /// Journal files that hold something not yet settled, the current one included.
  virtual std::size_t file_count() const = 0;
};

}  // namespace dohle::store
