// The log of one partition: `log` over the journal, segments and a tail in memory.
// One mutex guards the marks and the tail and is never held over a disk access; another one lets one settler in at a
// time.
#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "store/compaction_segment.hpp"
#include "store/folder.hpp"
#include "store/journal_store.hpp"
#include "store/log.hpp"
#include "store/segment.hpp"
#include "store/tail.hpp"

namespace dohle::store {

/// What the logs of a folder share. Outlives them: they hold it.
struct log_context {
  std::filesystem::path path;
  folder_uuid folder;
  options settings;
  segment_pool segments{limits::max_open_segments};
  tail_budget budget;
  std::unique_ptr<journal_store> journal;

  explicit log_context(const options& o) : settings(o), budget(o.tail_cache_bytes) {}
  std::size_t segment_map() const { return settings.segment_bytes + limits::map_slack_bytes; }
};

/// What the journal says of a partition after a restart.
struct recovered_partition {
  std::deque<tail_entry> batches;  ///< not in memory
  bool known_end = false;          ///< a head said where the partition stood: `head.end` counts
  partition_head head;
  std::vector<epoch_start> epochs;    ///< as far as the journal goes back
  timestamp appended = no_timestamp;  ///< of the last batch's frame
};

class partition_log final : public log, public std::enable_shared_from_this<partition_log> {
 public:
  /// *disk*: joins the segments with what the journal says. `corrupt_data` when something between is missing.
  static result<std::shared_ptr<partition_log>> open(std::shared_ptr<log_context> context, partition_id id,
                                                     recovered_partition from);
  ~partition_log() override;

  partition_id id() const override { return id_; }
  offset start() const override;
  offset settled() const override;
  offset flushed() const override;
  offset end() const override;
  position flushed_position() const override;
  hard_state hard() const override;
  std::uint64_t size_bytes() const override;
  timestamp max_timestamp() const override;
  std::vector<segment_info> segments() const override;
  timestamp appended() const override;
  offset cleaned_until() const override;

  entry append(bytes batch, const batch_header& header) override;
  entry open_epoch(epoch) override;
  entry truncate(position to) override;
  std::vector<epoch_start> epochs() const override;
  entry set_hard(const hard_state&) override;
  void on_flushed(const std::vector<flushed_entry>&) override;
  void drop_unflushed() override;

  std::optional<std::vector<bytes>> read_tail(offset from, std::size_t max_bytes, offset limit) const override;
  result<std::vector<bytes>> read(offset from, std::size_t max_bytes, offset limit) override;
  std::optional<std::vector<bytes>> read_tail_back(offset before, std::size_t max_bytes) const override;
  result<std::vector<bytes>> read_back(offset before, std::size_t max_bytes) override;
  result<std::optional<found_record>> find_time(timestamp at, offset limit) override;
  result<std::optional<found_record>> find_max_time(offset limit) override;
  result<log_history> history() override;
  result<std::optional<std::vector<ended_transaction>>> aborted(offset from, offset end, std::size_t most) override;
  result<std::optional<epoch_range>> epoch_end(epoch asked, offset limit) override;

  result<std::size_t> settle(offset limit, std::size_t max_bytes) override;
  std::size_t unsettled_bytes() const override;
  result<std::size_t> drop_segments_before(offset first) override;
  result<offset> delete_before(offset first, offset limit) override;
  result<std::unique_ptr<compaction>> begin_compaction(const compaction_order& order,
                                                       std::unique_ptr<compaction_judge> judge) override;
  result<scrubbed> scrub(offset from, std::size_t max_bytes) override;

  /// *disk*, a pass of compaction's: a finished file takes the place of `old`, which lie side by side. `closed` when
  /// they are not all there any more.
  result<void> replace(const std::vector<std::shared_ptr<segment>>& old, const segment_builder& by);
  /// Takes the batch at `base` out of memory; returns its bytes, 0 = it was not there.
  std::size_t evict(offset base);
  /// What the journal's next file must say of it, at recovery.
  partition_head head() const;
  /// *disk*: unlinks everything; from now on every reader gets `unknown_partition`.
  result<void> drop();

 private:
  /// An entry on its way to the journal.
  struct in_flight {
    std::uint64_t serial;
    entry_kind kind;
    offset end;  ///< of the log with it
    dohle::epoch epoch;
    hard_state hard;
  };
  /// Batches on their way into a segment.
  struct move_step;
  /// What a step has learnt of producers: written behind its batches.
  struct producer_changes;

  partition_log(std::shared_ptr<log_context> context, partition_id id) : context_(std::move(context)), id_(id) {}
  std::filesystem::path directory() const;
  /// The files of segments, in the order of their offsets, then of their generations; what is half-made is removed.
  result<std::vector<std::filesystem::path>> find_segments() const;
  result<void> remove_superseded();
  result<void> open_segments();
  result<void> join(recovered_partition from);
  entry next_entry(entry_kind kind);
  void begin_epoch(epoch opened);
  /// What lies behind the position goes, in memory; returns the bytes of batches that were held.
  std::size_t cut(position to, std::vector<std::shared_ptr<const void>>& released);
  void find_max_timestamp();
  error out_of_range(offset from) const;
  std::shared_ptr<segment> segment_of(offset at) const;
  std::vector<batch_place> unsettled_places(offset from, std::size_t max_bytes, offset limit) const;
  std::vector<batch_place> unsettled_back(offset before, std::size_t max_bytes) const;
  result<bytes> read_journal(const std::vector<batch_place>& places) const;

  result<std::optional<found_record>> look_up_time(timestamp at, offset limit);
  result<std::optional<found_record>> look_up_max_time(offset limit);
  result<std::optional<found_record>> scan_time(offset from, timestamp at, offset limit, bool exact_max);

  move_step next_step(offset from, offset limit, std::size_t max_bytes) const;
  result<std::shared_ptr<segment>> segment_for(const move_step& step);
  result<void> move(lmdb::transaction& txn, const move_step& step, segment_meta& meta);
  result<chunk_header> fill_chunk(char* room, const move_step& step, std::size_t first, std::size_t count,
                                  producer_changes& changes, lmdb::transaction& txn);
  result<void> note_producer(std::string_view batch, const batch_header& header, producer_changes& changes,
                             const lmdb::transaction& txn);
  result<void> find_open(const lmdb::transaction& txn);
  result<std::optional<log_history>> look_up_history();
  result<std::optional<epoch_range>> look_up_epoch(epoch asked, offset limit);
  result<std::optional<std::vector<ended_transaction>>> look_up_aborted(offset from, offset end, std::size_t most);
  void advance(const std::shared_ptr<segment>& to, const segment_meta& meta);
  result<std::size_t> settle_some(offset limit, std::size_t max_bytes);
  result<std::shared_ptr<segment>> next_segment(offset base, offset start);
  result<std::size_t> start_at(offset start);

  const std::shared_ptr<log_context> context_;
  const partition_id id_;

  std::mutex settle_mutex_;  ///< one settler or retention pass at a time; guards `open_firsts_`
  /// Where the transactions begin that are open at `settled_`; read when the first batch of one settles.
  std::optional<std::set<offset>> open_firsts_;
  mutable std::mutex mutex_;                        ///< guards what follows
  std::vector<std::shared_ptr<segment>> segments_;  ///< by base; the last one is the newest
  tail tail_;
  std::deque<in_flight> in_flight_;
  offset start_, settled_, flushed_, end_;
  dohle::epoch flushed_epoch_, epoch_;
  std::vector<epoch_start> epochs_;  ///< that reach behind `settled_`, by epoch; those not flushed yet included
  hard_state hard_, flushed_hard_;
  std::uint64_t next_serial_ = 1;
  std::size_t unsettled_bytes_ = 0;
  timestamp max_timestamp_ = no_timestamp;
  timestamp appended_ = no_timestamp;
  bool dropped_ = false;
};

/// At most limits::max_producers_per_partition remain: the longest silent ones go, but none with an open transaction.
void bound_producers(std::vector<producer_state>& states);

}  // namespace dohle::store
