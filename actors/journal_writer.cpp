#include "actors/journal_writer.hpp"

#include <cstdio>
#include <cstdlib>

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<journal_writer_state>*;
using flush_atom = caf::atom_constant<caf::atom("flush")>;

std::size_t size_of(const append& a) {
  std::size_t n = 0;
  for (const auto& e : a.entries) n += e.size_bytes();
  return n;
}

void refuse(self_pointer self, const journal_writer_state::waiting& w, const error& why) {
  self->state.pressure->bytes_in_flight -= size_of(w.what);
  self->send(w.leader, refused{w.what.attempt, why});
}

bool was_refused(const journal_writer_state& s, const append& a) {
  if (a.entries.empty()) return false;
  auto found = s.refusals.find(a.entries.front().partition);
  return found != s.refusals.end() && a.attempt <= found->second;
}

void on_append(self_pointer self, append& a) {
  auto& s = self->state;
  auto leader = caf::actor_cast<caf::actor>(self->current_sender());
  if (was_refused(s, a)) {
    refuse(self, {leader, std::move(a)}, {errc::busy, "an earlier batch of this partition was refused", ""});
    return;
  }
  s.queue.push_back({std::move(leader), std::move(a)});
  if (!s.flush_due) {
    s.flush_due = true;
    self->send(self, flush_atom::value);  // lands behind everything that is waiting: that is the group
  }
}

/// How many of the queue's appends make the next group.
std::size_t group_length(const std::deque<journal_writer_state::waiting>& queue) {
  std::size_t bytes = 0;
  std::size_t n = 0;
  while (n < queue.size() && (n == 0 || bytes < limits::max_group_bytes)) bytes += size_of(queue[n++].what);
  return n;
}

void on_group_flushed(self_pointer self, std::size_t n, std::span<const store::flushed_entry> places) {
  auto& s = self->state;
  std::size_t at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    auto& w = s.queue.front();
    auto count = w.what.entries.size();
    appended done;
    done.entries.assign(places.begin() + static_cast<std::ptrdiff_t>(at),
                        places.begin() + static_cast<std::ptrdiff_t>(at + count));
    at += count;
    s.pressure->bytes_in_flight -= size_of(w.what);
    self->send(w.leader, std::move(done));
    s.queue.pop_front();
  }
}

/// Everything waiting is refused, not only the group: later entries build on the earlier ones.
void on_group_refused(self_pointer self, const error& why) {
  auto& s = self->state;
  for (auto& w : s.queue) {
    if (!w.what.entries.empty()) s.refusals[w.what.entries.front().partition] = w.what.attempt;
    refuse(self, w, why);
  }
  s.queue.clear();
}

void on_flush(self_pointer self) {
  auto& s = self->state;
  s.flush_due = false;
  if (s.queue.empty()) return;
  auto n = group_length(s.queue);
  std::vector<store::entry> group;
  for (std::size_t i = 0; i < n; ++i)
    group.insert(group.end(), s.queue[i].what.entries.begin(), s.queue[i].what.entries.end());
  auto places = s.journal->commit(group);
  s.pressure->files = s.journal->file_count();
  if (places) {
    on_group_flushed(self, n, *places);
  } else if (places.code() == errc::storage_full || places.code() == errc::busy) {  // busy: too many open files
    on_group_refused(self, places.error());
  } else {
    s.failed(places.error());
  }
  if (!s.queue.empty()) {
    s.flush_due = true;
    self->send(self, flush_atom::value);
  }
}

}  // namespace

on_storage_failed end_process_on_failure() {
  return [](const error& e) {
    std::fprintf(stderr, "dohle: the disk failed under a flush, ending at once: %s\n", to_string(e).c_str());
    std::_Exit(74);  // EX_IOERR
  };
}

caf::behavior journal_writer(self_pointer self, store::journal* journal, std::shared_ptr<journal_pressure> pressure,
                             on_storage_failed failed) {
  self->state.journal = journal;
  self->state.pressure = std::move(pressure);
  self->state.failed = std::move(failed);
  return {
      [=](append& a) { on_append(self, a); },
      [=](flush_atom) { on_flush(self); },
      [=](stop_atom) {
        while (!self->state.queue.empty()) on_flush(self);
        self->quit();
      },
  };
}

}  // namespace dohle::actors
