#include "tests/crash/power_workload.hpp"

#include <algorithm>

#include "schema/control_batch.hpp"
#include "schema/limits.hpp"
#include "store/compaction.hpp"

namespace dohle::crash {

namespace {

class workload {
 public:
  workload(const std::filesystem::path& place, const world& known, std::uint64_t seed, const manner& how)
      : place_(place / "data"), known_(known), chance_{seed}, large_(how.large), refusing_(!how.plan.empty()) {
    say();
  }
  /// False when the disk refused what opening needs.
  bool open();
  /// False when the disk failed: a broker's process would end.
  bool step();
  void close();
  std::vector<promise> promises;
  const world& known() const { return known_; }

 private:
  bool commit();
  bool settle();
  bool settle_all();
  bool drop_segments();
  bool delete_records();
  bool drop_log();
  bool compact();
  void forget_what_was_lost();
  store::entry batch(store::log& to, standing& at);
  store::entry hand_over(store::log& to, standing& at, dohle::bytes made, producer_stamp from, part in_transaction);
  store::entry change(store::log& to, standing& at);
  bool cut();

  /// From here on this is what was promised.
  void say() {
    promises.push_back(known_.told);
    record_mark(promises.size() - 1);
  }
  /// What is done next may be found done or not ...
  void try_for(standings next, std::uint64_t group = 0) {
    known_.told.maybe.push_back({std::move(next), group});
    say();
  }
  /// ... and now it is done.
  void done() {
    promise& told = known_.told;
    told.sure = std::move(told.maybe.back().leads_to);
    told.maybe.pop_back();
    for (const attempt& a : told.maybe) told.refused.insert(a.group);
    told.refused.erase(0);
    told.maybe.clear();
    say();
  }
  /// Refused by a disk that refuses, and nothing is harmed: true. The disk failed: false.
  bool may_go_on(const error& why, const char* doing) const;
  /// The new start counts as soon as the log says so, whether all files could be removed or not.
  bool start_moved(store::log& of, offset first, const error* why);
  std::shared_ptr<store::log> log_of(std::uint32_t id) { return must(folder_->open_log(partition_id{id}), "a log"); }
  std::uint32_t any_partition();

  const std::filesystem::path place_;
  world known_;
  generator chance_;
  std::uint64_t group_ = 0;  ///< of this life; those of earlier ones are 0 once they were found
  bool large_;               ///< a batch of the largest size is still to come
  bool refusing_;            ///< the disk may refuse something
  std::unique_ptr<store::folder> folder_;
};

bool workload::may_go_on(const error& why, const char* doing) const {
  if (refusing_ && (why.code == errc::storage_full || why.code == errc::busy)) return true;
  if (refusing_ && why.code == errc::storage_failed) return false;
  throw fault(false, std::string{doing} + ": " + to_string(why));
}

/// Earlier cuts of this life ask for everything: only at its beginning.
void workload::forget_what_was_lost() {
  for (auto& [id, batches] : known_.logs) {
    const auto at = known_.told.sure.find(id);
    const offset end = at == known_.told.sure.end() ? offset{} : at->second.end;
    std::erase_if(batches, [&](const written& w) { return w.end > end || !is_there(w, known_.told); });
  }
  known_.told.refused.clear();
  // Whoever compares with the first promise knows the groups of this life.
  known_.told.last_group = promises.front().last_group = 0;
  for (auto& [id, batches] : known_.logs) {
    for (written& w : batches) w.group = 0, w.cuts.clear();
  }
}

bool workload::open() {
  auto opened = store::folder::open(place_, power_options);
  if (!opened) return may_go_on(opened.error(), "opening") && false;
  folder_ = std::move(*opened);
  known_.told = check_world(*folder_, known_);
  if (promises.size() == 1) forget_what_was_lost();
  say();
  return true;
}

void workload::close() { folder_.reset(); }

std::uint32_t workload::any_partition() {
  constexpr std::uint32_t alive = 4;
  standings& now = known_.told.sure;
  std::vector<std::uint32_t> ids;
  for (const auto& [id, at] : now) {
    if (!at.dropped) ids.push_back(id);
  }
  while (ids.size() < alive) {  // the number of a dropped one is never used again
    ids.push_back(static_cast<std::uint32_t>(now.size()));
    now[ids.back()] = {};
    for (attempt& a : known_.told.maybe) a.leads_to[ids.back()] = {};
  }
  return ids[chance_.below(ids.size())];
}

store::entry workload::batch(store::log& to, standing& at) {
  std::uint64_t count = 1, bytes = chance_.below(100);
  const std::uint64_t kind = chance_.below(20);
  if (kind >= 10) count += chance_.below(20), bytes = chance_.below(3'000);
  if (kind >= 17) bytes = chance_.below(12'000);
  if (kind == 19) count = 1, bytes = 100'000 + chance_.below(200'000);  // around the largest packed frame
  if (large_ && chance_.once_in(20))
    large_ = false, count = 1, bytes = limits::max_batch_bytes - 100 - chance_.below(200'000);
  batch_builder builder;
  const std::string value(bytes, static_cast<char>('a' + chance_.below(26)));
  for (std::uint64_t i = 0; i < count; ++i)
    must(builder.add(timestamp{static_cast<std::int64_t>(chance_.below(1'000'000))}, std::to_string(chance_.next()),
                     value),
         "building");
  producer_stamp from;
  if (chance_.once_in(2))
    from = {producer_id{static_cast<std::int64_t>(chance_.below(5))}, static_cast<std::int16_t>(chance_.below(3)),
            static_cast<std::int32_t>(chance_.below(1'000'000))};
  auto in_transaction = part::none;
  if (chance_.once_in(2)) {  // producers of their own, whose epochs never change
    constexpr std::int64_t first = 100;
    from = {producer_id{first + static_cast<std::int64_t>(chance_.below(2))}, 0,
            static_cast<std::int32_t>(chance_.below(1'000'000))};
    in_transaction = part::data;
    if (chance_.once_in(3)) {
      in_transaction = chance_.once_in(2) ? part::abort : part::commit;
      from.base_sequence = -1;
      const auto said = in_transaction == part::commit ? marker_kind::commit : marker_kind::abort;
      return hand_over(to, at, marker_batch(from.id, from.epoch, said, timestamp{5}), from, in_transaction);
    }
  }
  auto made = must(builder.build(compression::none, from), "building");
  if (in_transaction == part::data) {  // the builder knows no transactions: the bit is set here
    auto header = must(read_header(made.view()), "building");
    header.attributes = static_cast<std::int16_t>(header.attributes | 16);
    detail::write_header(const_cast<char*>(made.data()), header, made.size());
  }
  return hand_over(to, at, std::move(made), from, in_transaction);
}

store::entry workload::hand_over(store::log& to, standing& at, dohle::bytes made, producer_stamp from,
                                 part in_transaction) {
  if (at.epoch.value == 0 || chance_.once_in(20)) ++at.epoch.value;
  stamp_batch(made, to.end(), at.epoch, std::nullopt);
  const batch_header header = must(read_header(made.view()), "building");
  at.end = header.end();
  known_.logs[to.id().value].push_back(
      {group_, header.base, header.end(), made.size(), crc32c(made.view()), from, in_transaction});
  return to.append(made, header);
}

store::entry workload::change(store::log& to, standing& at) {
  if (chance_.once_in(2)) {
    ++at.epoch.value;
    return to.open_epoch(at.epoch);
  }
  at.hard = {dohle::epoch{at.hard.epoch.value + 1}, static_cast<std::int32_t>(chance_.below(3)), at.end};
  return to.set_hard(at.hard);
}

/// One group: batches, epochs and votes of several partitions.
bool workload::commit() {
  std::vector<store::entry> group;
  std::vector<std::shared_ptr<store::log>> of;
  const std::uint64_t wanted = 1 + chance_.below(6);
  standings next;
  known_.told.last_group = ++group_;
  for (std::uint64_t i = 0; i < wanted; ++i) {
    const std::uint32_t id = any_partition();
    if (next.empty()) next = known_.told.sure;
    standing& at = next[id];
    of.push_back(log_of(id));
    group.push_back(chance_.once_in(6) ? change(*of.back(), at) : batch(*of.back(), at));
  }
  try_for(std::move(next), group_);
  const auto places = folder_->journal().commit(group);
  if (!places) {
    for (const auto& log : of) log->drop_unflushed();
    return may_go_on(places.error(), "persisting");
  }
  for (std::size_t i = 0; i < places->size(); ++i) of[i]->on_flushed({(*places)[i]});
  done();
  return true;
}

/// What a follower does whose leader knows nothing of its newest batches.
bool workload::cut() {
  const std::uint32_t id = any_partition();
  const auto log = log_of(id);
  const offset least = std::max(log->settled(), log->hard().high_watermark);
  std::vector<offset> ends{log->flushed()};
  for (const written& w : known_.logs[id]) {
    if (is_there(w, known_.told) && w.base >= least && w.base < log->flushed()) ends.push_back(w.base);
  }
  const offset end = ends[chance_.below(ends.size())];
  std::vector<epoch> fitting;  // an epoch may have opened there without a batch
  const auto epochs = log->epochs();
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    const bool goes_so_far = i + 1 == epochs.size() || epochs[i + 1].first >= end;
    if (epochs[i].first <= end && goes_so_far) fitting.push_back(epochs[i].epoch);
  }
  if (end < least || fitting.empty()) return true;
  const position to{fitting[chance_.below(fitting.size())], end};
  standings next = known_.told.sure;
  known_.told.last_group = ++group_;
  next[id].end = to.end;
  next[id].epoch = to.epoch;
  for (written& w : known_.logs[id]) {
    if (w.base >= end && is_there(w, known_.told)) w.cuts.push_back(group_);
  }
  try_for(std::move(next), group_);
  const auto places = folder_->journal().commit(std::vector{log->truncate(to)});
  if (!places) {
    log->drop_unflushed();
    return may_go_on(places.error(), "cutting a log");
  }
  log->on_flushed(*places);
  done();
  return true;
}

bool workload::settle() {
  const auto log = log_of(any_partition());
  const auto waiting = static_cast<std::uint64_t>(log->flushed() - log->settled());
  const auto moved =
      log->settle(log->settled() + static_cast<std::int64_t>(chance_.below(waiting + 1)), 1 + chance_.below(600'000));
  return moved || may_go_on(moved.error(), "settling");
}

/// What the settler does when nothing else is to be done.
bool workload::settle_all() {
  for (const auto& [id, at] : known_.told.sure) {
    if (at.dropped) continue;
    const auto moved = log_of(id)->settle(at.end, limits::settle_step_bytes);
    if (!moved && !may_go_on(moved.error(), "settling")) return false;
  }
  return true;
}

bool workload::start_moved(store::log& of, offset first, const error* why) {
  if (!why || of.start() == first) {
    done();
  } else {
    known_.told.sure.at(of.id().value).start = of.start();
    say();
  }
  return !why || may_go_on(*why, "moving a log's start");
}

bool workload::drop_segments() {
  const std::uint32_t id = any_partition();
  const auto log = log_of(id);
  const auto segments = log->segments();
  if (segments.size() < 2) return true;
  const offset first = std::max(log->start(), segments[1 + chance_.below(segments.size() - 1)].base);
  standings next = known_.told.sure;
  next[id].start = first;
  try_for(std::move(next));
  const auto dropped = log->drop_segments_before(first);
  return start_moved(*log, first, dropped ? nullptr : &dropped.error());
}

bool workload::delete_records() {
  const std::uint32_t id = any_partition();
  const auto log = log_of(id);
  const auto length = static_cast<std::uint64_t>(log->flushed() - log->start());
  const offset first = log->start() + static_cast<std::int64_t>(chance_.below(length + 1));
  standings next = known_.told.sure;
  next[id].start = first;
  try_for(std::move(next));
  const auto start = log->delete_before(first, log->flushed());
  return start_moved(*log, first, start ? nullptr : &start.error());
}

bool workload::drop_log() {
  const std::uint32_t id = any_partition();
  standings next = known_.told.sure;
  next[id] = {.dropped = true};
  try_for(std::move(next));
  for (;;) {  // what the disk refused may be repeated
    const auto dropped = folder_->drop_log(partition_id{id});
    if (dropped) break;
    if (!may_go_on(dropped.error(), "dropping a log")) return false;
  }
  done();
  return true;
}

/// A judge that drops nothing: what is read stays the same, only the files under it change.
class lenient final : public store::compaction_judge {
  void see(const batch_header&, std::string_view) override {}
  offset bound(offset end) const override { return end; }
  bool drops(const batch_header&) const override { return false; }
  bool stays(const batch_header&, const record_view&, std::optional<offset>) const override { return true; }
};

/// A pass of compaction, now and then given up halfway.
bool workload::compact() {
  const auto log = log_of(any_partition());
  store::compaction_order order;
  order.end = log->settled();
  order.segment_bytes = 100'000 + chance_.below(2'000'000);
  auto pass = log->begin_compaction(order, std::make_unique<lenient>());
  if (!pass) return may_go_on(pass.error(), "compacting");
  for (auto left = chance_.once_in(2) ? chance_.below(10) : 10'000; left > 0 && !(*pass)->done(); --left) {
    const auto gone_on = (*pass)->step(50'000 + chance_.below(500'000));
    if (!gone_on) return may_go_on(gone_on.error(), "compacting");
  }
  return true;
}

bool workload::step() {
  const std::uint64_t what = chance_.below(100);
  if (what < 54) return commit();
  if (what < 60) return cut();
  if (what < 71) return settle();
  if (what < 74) return compact();
  if (what < 78) return drop_segments();
  if (what < 80) return delete_records();
  if (what < 81) return drop_log();
  if (what < 83) {
    close();
    return open();
  }
  if (what < 88 && !settle_all()) return false;
  const auto retired = folder_->retire_journals();
  return retired || may_go_on(retired.error(), "retiring");
}

}  // namespace

life live(const std::filesystem::path& place, const world& known, std::uint64_t seed, const manner& how) {
  life made{disk_model(place), {}, {}, {}};
  start_recording(place.string(), seed);
  dohle_disk_plan(how.plan.c_str());
  try {
    workload run(place, known, seed, how);
    bool goes_on = run.open();
    for (int i = 0; goes_on && i < how.steps; ++i) goes_on = run.step();
    run.close();
    made.promises = std::move(run.promises);
    made.after = run.known();
  } catch (...) {
    stop_recording();
    dohle_disk_plan("");
    throw;
  }
  made.operations = stop_recording();
  dohle_disk_plan("");
  return made;
}

}  // namespace dohle::crash
