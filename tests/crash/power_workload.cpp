#include "tests/crash/power_workload.hpp"

#include <algorithm>

#include "schema/limits.hpp"

namespace dohle::crash {

namespace {

class workload {
 public:
  workload(const std::filesystem::path& place, const world& known, std::uint64_t seed, bool large)
      : place_(place / "data"), known_(known), chance_{seed}, large_(large) {
    say();
  }
  void open();
  void step();
  void close();
  std::vector<promise> promises;
  const world& known() const { return known_; }

 private:
  void commit();
  void settle();
  void drop_segments();
  void delete_records();
  void drop_log();
  store::entry batch(store::log& to, standing& at);
  store::entry change(store::log& to, standing& at);

  /// From here on this is what was promised.
  void say() {
    promises.push_back(known_.told);
    record_mark(promises.size() - 1);
  }
  /// What is done next may be found done or not ...
  void try_for(standings next) {
    known_.told.maybe = std::move(next);
    say();
  }
  /// ... and now it is done.
  void done() {
    known_.told.sure = known_.told.maybe;
    say();
  }
  std::shared_ptr<store::log> log_of(std::uint32_t id) { return must(folder_->open_log(partition_id{id}), "a log"); }
  std::uint32_t any_partition();

  const std::filesystem::path place_;
  world known_;
  generator chance_;
  bool large_;  ///< a batch of the largest size is still to come
  std::unique_ptr<store::folder> folder_;
};

void workload::open() {
  folder_ = must(store::folder::open(place_, power_options), "opening");
  const standings found = check_world(*folder_, known_);
  for (auto& [id, batches] : known_.logs) {
    const auto at = found.find(id);
    if (at != found.end() && at->second.dropped) continue;  // an earlier cut of this life still asks for it
    const offset end = at == found.end() ? offset{} : at->second.end;
    std::erase_if(batches, [&](const written& w) { return w.end > end; });
  }
  known_.told = {folder_->identity(), found, found};
  say();
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
    now[ids.back()] = known_.told.maybe[ids.back()] = {};
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
  dohle::bytes made = must(builder.build(compression::none, from), "building");
  if (at.epoch.value == 0 || chance_.once_in(20)) ++at.epoch.value;
  stamp_batch(made, to.end(), at.epoch, std::nullopt);
  const batch_header header = must(read_header(made.view()), "building");
  at.end = header.end();
  known_.logs[to.id().value].push_back({header.base, header.end(), made.size(), crc32c(made.view()), from});
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
void workload::commit() {
  std::vector<store::entry> group;
  std::vector<std::shared_ptr<store::log>> of;
  const std::uint64_t wanted = 1 + chance_.below(6);
  standings next;
  for (std::uint64_t i = 0; i < wanted; ++i) {
    const std::uint32_t id = any_partition();
    if (next.empty()) next = known_.told.sure;
    standing& at = next[id];
    of.push_back(log_of(id));
    group.push_back(chance_.once_in(6) ? change(*of.back(), at) : batch(*of.back(), at));
  }
  try_for(std::move(next));
  const auto places = must(folder_->journal().commit(group), "persisting");
  for (std::size_t i = 0; i < places.size(); ++i) of[i]->on_flushed({places[i]});
  done();
}

void workload::settle() {
  const auto log = log_of(any_partition());
  const auto waiting = static_cast<std::uint64_t>(log->flushed() - log->settled());
  must(log->settle(log->settled() + static_cast<std::int64_t>(chance_.below(waiting + 1)), 1 + chance_.below(600'000)),
       "settling");
}

void workload::drop_segments() {
  const std::uint32_t id = any_partition();
  const auto log = log_of(id);
  const auto segments = log->segments();
  if (segments.size() < 2) return;
  const offset first = segments[1 + chance_.below(segments.size() - 1)].base;
  standings next = known_.told.sure;
  next[id].start = std::max(log->start(), first);
  try_for(std::move(next));
  must(log->drop_segments_before(first), "dropping segments");
  done();
}

void workload::delete_records() {
  const std::uint32_t id = any_partition();
  const auto log = log_of(id);
  const offset first = log->start() + static_cast<std::int64_t>(
                                          chance_.below(static_cast<std::uint64_t>(log->flushed() - log->start()) + 1));
  standings next = known_.told.sure;
  next[id].start = first;
  try_for(std::move(next));
  must(log->delete_before(first, log->flushed()), "deleting records");
  done();
}

void workload::drop_log() {
  const std::uint32_t id = any_partition();
  standings next = known_.told.sure;
  next[id] = {.dropped = true};
  try_for(std::move(next));
  must(folder_->drop_log(partition_id{id}), "dropping a log");
  done();
}

void workload::step() {
  const std::uint64_t what = chance_.below(100);
  if (what < 60) return commit();
  if (what < 74) return settle();
  if (what < 78) return drop_segments();
  if (what < 80) return delete_records();
  if (what < 81) return drop_log();
  if (what < 83) {
    close();
    return open();
  }
  if (what < 88) {  // what the settler does when nothing else is to be done
    for (const auto& [id, at] : known_.told.sure) {
      if (!at.dropped) must(log_of(id)->settle(at.end, limits::settle_step_bytes), "settling");
    }
  }
  must(folder_->retire_journals(), "retiring");
}

}  // namespace

life live(const std::filesystem::path& place, const world& known, std::uint64_t seed, int steps, bool large) {
  life made{disk_model(place), {}, {}, {}};
  start_recording(place.string(), seed);
  try {
    workload run(place, known, seed, large);
    run.open();
    for (int i = 0; i < steps; ++i) run.step();
    run.close();
    made.promises = std::move(run.promises);
    made.after = run.known();
  } catch (...) {
    stop_recording();
    throw;
  }
  made.operations = stop_recording();
  return made;
}

}  // namespace dohle::crash
