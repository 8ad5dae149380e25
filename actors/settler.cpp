#include "actors/disk.hpp"
#include "actors/logging.hpp"

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<settler_state>*;
using round_atom = caf::atom_constant<caf::atom("round")>;

/// Settling writes every byte a second time, so it waits for one of three reasons: the journal has rolled (an older
/// file can be retired), the partition is quiet, or so much waits that recovery would take long.
bool is_due(const settler_state& s, const settler_state::watched& w, std::int64_t mark) {
  auto waiting = w.what.log->unsettled_bytes();
  if (waiting == 0) return false;
  if (s.pressure->files.load() > 1) return true;
  return waiting >= limits::settle_due_bytes && mark == w.last_mark;
}

/// A disk that fails ends the process; everything else is tried again.
void on_failure(settler_state& s, const std::string& what, const error& why) {
  if (why.code == errc::storage_failed) s.failed(why);
  log().warn("{}: {}", what, to_string(why));
}

void on_failure(settler_state& s, partition_id id, const error& why) {
  on_failure(s, "settling partition " + std::to_string(id.value) + " has to wait", why);
}

/// One bounded step of one log. True = there is more to do.
bool settle_step(settler_state& s, settler_state::watched& w) {
  auto mark = w.what.marks->high_watermark.load();
  if (!is_due(s, w, mark)) {
    w.last_mark = mark;
    return false;
  }
  auto moved = w.what.log->settle(offset{mark}, limits::settle_step_bytes);
  if (!moved) {
    on_failure(s, w.what.log->id(), moved.error());
    return false;
  }
  return *moved > 0;
}

/// A round goes once over all logs, one step each, so that no log waits for a long one; then the next message is looked
/// at. Rounds follow each other at once while there is work, else after an interval.
void on_round(self_pointer self) {
  auto& s = self->state;
  if (s.stopping) return;
  bool more = false;
  for (auto& [id, w] : s.logs) more |= settle_step(s, w);
  if (!more) {
    auto retired = s.folder->retire_journals();
    if (!retired) on_failure(s, "journal files cannot be retired yet", retired.error());
    s.pressure->files = s.folder->journal().file_count();
  }
  if (more)
    self->send(self, round_atom::value);
  else
    self->delayed_send(self, limits::settle_interval, round_atom::value);
}

result<opened_logs> on_open(settler_state& s, const open_logs& m) {
  opened_logs out;
  for (auto id : m.partitions) {
    auto opened = s.folder->open_log(id);
    if (!opened) return opened.error();
    out.logs.push_back(std::move(*opened));
  }
  return out;
}

void on_drop(settler_state& s, const drop_logs& m) {
  for (auto id : m.partitions) {
    s.logs.erase(id);
    auto done = s.folder->drop_log(id);
    // The next start drops it again: a partition that no topic names is removed there.
    if (!done)
      on_failure(s, "files of partition " + std::to_string(id.value) + " stay until the next start", done.error());
  }
}

result<delete_records_response> on_forget(settler_state& s, const forget_records& m) {
  auto start = m.log->delete_before(m.before, m.limit);
  if (start) return delete_records_response{*start};
  if (start.code() == errc::storage_failed) s.failed(start.error());
  return start.error();
}

}  // namespace

caf::behavior settler(self_pointer self, store::folder* folder, std::shared_ptr<journal_pressure> pressure,
                      on_storage_failed failed) {
  self->state.folder = folder;
  self->state.pressure = std::move(pressure);
  self->state.failed = std::move(failed);
  self->delayed_send(self, limits::settle_interval, round_atom::value);
  return {
      [=](watch_log& w) {
        auto id = w.log->id();
        self->state.logs.insert_or_assign(id, settler_state::watched{std::move(w), -1});
      },
      [=](const open_logs& m) { return on_open(self->state, m); },
      [=](const forget_records& m) { return on_forget(self->state, m); },
      [=](const drop_logs& m) { on_drop(self->state, m); },
      [=](round_atom) { on_round(self); },
      [=](stop_atom) {
        self->state.stopping = true;
        self->quit();
      },
  };
}

}  // namespace dohle::actors
