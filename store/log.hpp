// One partition's log: settled history in segments, the rest in the journal tail, the newest of it in memory.
//
//   start ........ settled ........ flushed ........ end
//   |  segments    |  journal       |  on the way to |
//   |  (LMDB)      |  (+ memory)    |  the journal   |
//
// Owner: the folder that opened it; shared by the leader (appends, advances), the readers and the settler. Appending
// and the marks belong to the leader alone; every call is safe from any thread. Calls marked *memory* never touch the
// disk and never wait for it; calls marked *disk* may, and are for detached actors. Batches handed in were validated
// and stamped (schema/record_batch.hpp) and are immutable from then on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/error.hpp"
#include "schema/record_batch.hpp"
#include "schema/types.hpp"
#include "store/compaction.hpp"
#include "store/journal.hpp"

namespace dohle::store {

/// What a replica must not forget between lives: its epoch, whom it voted for in it, how far it knew all committed.
struct hard_state {
  dohle::epoch epoch;
  std::int32_t vote = -1;  ///< broker id, -1 = none
  offset high_watermark;
  friend bool operator==(const hard_state&, const hard_state&) = default;
};

/// Where an idempotent producer stands in this partition.
struct producer_state {
  producer_id id;
  std::int16_t epoch = 0;
  std::int32_t last_sequence = -1;
  offset last_offset;           ///< of the record with `last_sequence`
  std::int32_t last_delta = 0;  ///< the last batch's record count - 1
  timestamp at;
  std::optional<offset> transaction = std::nullopt;  ///< where its open transaction begins here
  friend bool operator==(const producer_state&, const producer_state&) = default;
};

/// A transaction that a marker has decided.
struct ended_transaction {
  producer_id producer;
  offset first;   ///< of its records
  offset marker;  ///< the marker's own
  bool committed = false;
  friend bool operator==(const ended_transaction&, const ended_transaction&) = default;
};

/// What the log tells of its producers, as of the flushed end.
struct log_history {
  std::vector<producer_state> producers;  ///< by id
  std::vector<ended_transaction> ended;   ///< those whose marker is not settled, by marker
  offset settled;
};

/// One epoch's part of a log.
struct epoch_range {
  dohle::epoch epoch;
  offset end;
  friend bool operator==(const epoch_range&, const epoch_range&) = default;
};

/// Where an epoch began: its first batch, or its mark, which takes no offset.
struct epoch_start {
  dohle::epoch epoch;
  offset first;
  friend bool operator==(const epoch_start&, const epoch_start&) = default;
};

struct segment_info {
  offset base;
  offset end;
  std::uint64_t size_bytes = 0;
  timestamp max_timestamp = no_timestamp;
  timestamp appended = no_timestamp;  ///< broker's time of the last append in it (from the journal's frames)
  bool sealed = false;
};

/// What a step of the scrub found.
struct scrubbed {
  offset next;                  ///< where the next step goes on: behind the damage, if there was some
  std::size_t bytes = 0;        ///< read
  std::optional<error> damage;  ///< names the file and the place
};

struct found_record {
  dohle::offset offset;
  timestamp at;
};

class log {
 public:
  virtual ~log() = default;

  // --- marks, memory
  virtual partition_id id() const = 0;
  virtual offset start() const = 0;    ///< first record still there
  virtual offset settled() const = 0;  ///< all before is in segments
  virtual offset flushed() const = 0;  ///< all before is on this disk
  virtual offset end() const = 0;      ///< where the next batch goes
  /// Position of what is flushed: (epoch of the last flushed entry or mark, flushed end).
  virtual position flushed_position() const = 0;
  /// The epochs that reach behind `settled`, by epoch; the first may have begun before. Empty: none was opened.
  virtual std::vector<epoch_start> epochs() const = 0;
  virtual hard_state hard() const = 0;
  virtual std::uint64_t size_bytes() const = 0;
  virtual timestamp max_timestamp() const = 0;
  virtual std::vector<segment_info> segments() const = 0;
  /// This broker's time of the last append before the log was opened, or of a later one that has settled.
  virtual timestamp appended() const = 0;
  /// Compaction left one record a key before it, as of its last pass.
  virtual offset cleaned_until() const = 0;

  // --- the leader's, memory
  /// Takes the batch as the log's new end and returns the journal entry that makes it durable. Readable with
  /// `read_tail` at once; the leader bounds readers by its watermark.
  virtual entry append(bytes batch, const batch_header& header) = 0;
  /// An epoch opens at the log's end (zero width: takes no offset).
  virtual entry open_epoch(epoch) = 0;
  /// What lies behind `to` never was: a follower has it and its leader has not. `to` is a position of this log where a
  /// batch ends, not below the watermark nor what is settled. Only while nothing is in flight; the log stays as it is,
  /// and takes no appends, until the entry is flushed.
  virtual entry truncate(position to) = 0;
  virtual entry set_hard(const hard_state&) = 0;
  /// The journal persisted these entries of this log, in the order they were made.
  virtual void on_flushed(const std::vector<flushed_entry>&) = 0;
  /// The journal refused: everything after the flushed end is forgotten, as if it had never been appended.
  virtual void drop_unflushed() = 0;

  // --- readers
  /// *memory*: whole batches from the one that holds `from`, at most `max_bytes` (but at least one), none that begins
  /// at or after `limit`. nullopt when they are not in memory: ask `read`. Empty when `from` >= `limit`.
  virtual std::optional<std::vector<bytes>> read_tail(offset from, std::size_t max_bytes, offset limit) const = 0;
  /// *disk*: the same from wherever they are. `corrupt_data` names file and place; `offset_out_of_range` below start.
  virtual result<std::vector<bytes>> read(offset from, std::size_t max_bytes, offset limit) = 0;
  /// *memory*: the other way: whole batches that begin before `before`, at most `max_bytes` (but at least one), in runs
  /// of the log's order, the newest run first; the first may reach beyond `before`. Between batches there may be holes.
  /// Empty: nothing before it is left. nullopt when they are not in memory: ask `read_back`. The caller keeps `before`
  /// within what readers may see.
  virtual std::optional<std::vector<bytes>> read_tail_back(offset before, std::size_t max_bytes) const = 0;
  /// *disk*: the same from wherever they are. `offset_out_of_range` beyond the end.
  virtual result<std::vector<bytes>> read_back(offset before, std::size_t max_bytes) = 0;
  /// *disk*: first record before `limit` with a timestamp >= `at`, exact to the record.
  virtual result<std::optional<found_record>> find_time(timestamp at, offset limit) = 0;
  /// *disk*: the record with the largest timestamp before `limit` (the first of equals).
  virtual result<std::optional<found_record>> find_max_time(offset limit) = 0;
  /// *disk*: from the segments and the tail's batches.
  virtual result<log_history> history() = 0;
  /// *disk*: the settled ones of the aborted transactions that reach into [from, end), by their markers. nullopt: they
  /// are more than `most`.
  virtual result<std::optional<std::vector<ended_transaction>>> aborted(offset from, offset end, std::size_t most) = 0;
  /// *disk*: the largest epoch up to `asked` that has batches before `limit`, and where they end; nullopt: none has.
  virtual result<std::optional<epoch_range>> epoch_end(epoch asked, offset limit) = 0;

  // --- the settler's, disk
  /// Moves whole batches before `limit` (the high watermark), at most about `max_bytes`, from the tail into segments
  /// and flushes them. Returns the bytes moved; 0 = nothing was due. Idempotent over a crash at any point.
  virtual result<std::size_t> settle(offset limit, std::size_t max_bytes) = 0;
  virtual std::size_t unsettled_bytes() const = 0;
  /// Drops sealed segments that lie wholly before `first`; start() is then the first remaining one's base. Returns how
  /// many.
  virtual result<std::size_t> drop_segments_before(offset first) = 0;
  /// Forgets the records before `first`, at most those before `limit` (the high watermark), for good: what is needed
  /// settles first, then the new start is flushed, then the files that lie wholly before it are unlinked. Returns
  /// start(): exactly `first` unless that lies outside [start, limit].
  virtual result<offset> delete_before(offset first, offset limit) = 0;
  /// Begins a pass of compaction over what is settled before `order.end`; the newest segment is closed if it takes
  /// part. The log, of which there are no two passes at a time, may go on in every way.
  virtual result<std::unique_ptr<compaction>> begin_compaction(const compaction_order& order,
                                                               std::unique_ptr<compaction_judge> judge) = 0;
  /// Checks what is settled from `from` on, about `max_bytes`, up to the first damage. At settled() all is checked.
  virtual result<scrubbed> scrub(offset from, std::size_t max_bytes) = 0;
};

}  // namespace dohle::store
