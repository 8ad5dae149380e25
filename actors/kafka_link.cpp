#include "actors/kafka_link.hpp"

#include <algorithm>
#include <caf/io/system_messages.hpp>
#include <caf/send.hpp>

#include "kafka/translate.hpp"

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<kafka_link_state, caf::io::broker>*;
using handle = caf::io::connection_handle;
using connection = kafka_connection;
using slot = kafka_slot;
using patience_atom = caf::atom_constant<caf::atom("patience")>;
using idle_atom = caf::atom_constant<caf::atom("idle")>;

/// A parked fetch of ours is asked anew after this long: a connection that went leaves none behind for longer.
constexpr auto watch_time = std::chrono::seconds(30);

std::chrono::steady_clock::time_point now(self_pointer self) { return self->clock().now(); }

void drop_hostile(self_pointer self, handle h, const error& why) {
  log().warn("a Kafka connection was closed: {}", why.message);
  drop(self, h);
}

slot* find_slot(connection& c, std::uint64_t id) {
  if (c.slots.empty() || id < c.slots.front().id || id > c.slots.back().id) return nullptr;
  return &c.slots[id - c.slots.front().id];
}

void step(self_pointer self, handle h, connection& c, slot& s, kafka::exchange e);
void pump(self_pointer self, handle h, std::uint64_t id);

// --- asking the actors ---------------------------------------------------------------------------------------------

/// `then` comes once with the answer or the error in its place: at once when nobody can be asked.
template <class Then>
void ask_actors(self_pointer self, request what, Then then) {
  std::visit(
      [&](auto& r) {
        auto target = self->state.options.directory->route(r);
        if (!target) return then(response{target.error()});
        ask_actor(self, *target, std::move(r), then);
      },
      what);
}

void on_part(self_pointer self, handle h, std::uint64_t id, std::uint64_t slot_id, std::size_t index, response r) {
  auto* c = find_connection(self, h, id);
  auto* s = c ? find_slot(*c, slot_id) : nullptr;
  if (!s) return;
  s->answers[index] = std::move(r);
  if (--s->missing == 0) step(self, h, *c, *s, s->then(std::move(s->answers)));
}

void ask_all(self_pointer self, handle h, connection& c, slot& s, std::vector<request> asks) {
  if (asks.empty()) return step(self, h, c, s, s.then({}));
  s.answers.assign(asks.size(), {});
  s.missing = asks.size();
  auto id = c.id, slot_id = s.id;
  for (std::size_t i = 0; i < asks.size(); ++i)
    ask_actors(self, std::move(asks[i]), [=](response r) { on_part(self, h, id, slot_id, i, std::move(r)); });
}

// --- fetches that wait ---------------------------------------------------------------------------------------------

void resume(self_pointer self, handle h, connection& c, slot& s, std::vector<response> first) {
  s.waits = false;
  step(self, h, c, s, s.then(std::move(first)));
}

void watch(self_pointer self, handle h, connection& c, dohle::fetch_request r);

/// Something came, or the parked fetch was answered empty because its time was over.
void on_watch(self_pointer self, handle h, std::uint64_t id, const dohle::fetch_request& asked, response& r) {
  auto* c = find_connection(self, h, id);
  if (!c) return;
  auto found = c->watches.find({asked.topic, asked.partition});
  if (found == c->watches.end() || found->second != asked.from) return;
  c->watches.erase(found);
  auto* empty = std::get_if<fetch_response>(&r);
  const bool more = !empty || empty->high_watermark > asked.from;
  std::vector<std::uint64_t> waiting;
  for (const auto& s : c->slots)
    if (s.waits) waiting.push_back(s.id);
  if (!more && !waiting.empty()) return watch(self, h, *c, asked);
  for (auto slot_id : waiting) {
    c = find_connection(self, h, id);
    auto* s = c ? find_slot(*c, slot_id) : nullptr;
    if (s && s->waits) resume(self, h, *c, *s, {r});
  }
}

void watch(self_pointer self, handle h, connection& c, dohle::fetch_request r) {
  auto [at, fresh] = c.watches.try_emplace({r.topic, r.partition}, r.from);
  if (!fresh && at->second == r.from) return;
  at->second = r.from;
  r.max_bytes = r.min_bytes = 1;
  r.max_wait = std::chrono::duration_cast<milliseconds>(watch_time);
  ask_actors(self, r, [=, id = c.id](response a) { on_watch(self, h, id, r, a); });
}

void wait_for_first(self_pointer self, handle h, connection& c, slot& s, kafka::exchange e) {
  if (!s.deadline) {
    s.deadline = now(self) + e.patience;
    caf::delayed_anon_send(caf::actor_cast<caf::actor>(self), std::chrono::nanoseconds(e.patience),
                           patience_atom::value, h.id(), c.id, s.id);
  }
  s.waits = true;
  if (now(self) >= *s.deadline) return resume(self, h, c, s, {});
  auto id = c.id, slot_id = s.id;
  for (const auto& r : e.asks) {
    auto* still = find_connection(self, h, id);
    auto* mine = still ? find_slot(*still, slot_id) : nullptr;
    if (!mine || !mine->waits) return;  // one was answered at once
    watch(self, h, *still, std::get<dohle::fetch_request>(r));
  }
}

void on_patience(self_pointer self, std::int64_t socket, std::uint64_t id, std::uint64_t slot_id) {
  auto h = handle::from_int(socket);
  auto* c = find_connection(self, h, id);
  auto* s = c ? find_slot(*c, slot_id) : nullptr;
  if (s && s->waits) resume(self, h, *c, *s, {});
}

// --- the way of one request ----------------------------------------------------------------------------------------

void step(self_pointer self, handle h, connection& c, slot& s, kafka::exchange e) {
  if (e.failed) return drop_hostile(self, h, {errc::invalid_request, "a request could not be answered", ""});
  s.then = std::move(e.then);
  if (!s.then) {
    s.done = true;
    s.answer = std::move(e.answer);
    return pump(self, h, c.id);
  }
  if (e.until == kafka::exchange::waiting::for_the_first) return wait_for_first(self, h, c, s, std::move(e));
  ask_all(self, h, c, s, std::move(e.asks));
}

void begin_request(self_pointer self, handle h, connection& c, bytes frame) {
  auto size = frame.size();
  c.with.now = self->state.options.wall_clock();
  auto begun = kafka::begin(c.with, std::move(frame));
  if (!begun) return drop_hostile(self, h, begun.error());
  c.greeted = true;
  auto& s = c.slots.emplace_back();
  s.id = c.next_slot++;
  s.frame_bytes = size;
  c.unanswered_bytes += size;
  step(self, h, c, s, std::move(*begun));
}

void write_answers(self_pointer self, handle h, connection& c) {
  auto& out = self->wr_buf(h);
  bool any = false;
  while (!c.slots.empty() && c.slots.front().done && out.size() < limits::connection_write_high) {
    const auto& s = c.slots.front();
    out.insert(out.end(), s.answer.begin(), s.answer.end());
    any = true;
    c.unanswered_bytes -= s.frame_bytes;
    c.slots.pop_front();
  }
  if (any) self->flush(h);
}

void count_held(connection& c) { c.held.set(c.frames.held() + c.waiting_bytes + c.unanswered_bytes); }

/// Too much of this connection is unanswered, or answered and not read: nothing more is begun for it.
bool is_over(self_pointer self, handle h, const connection& c) {
  return self->wr_buf(h).size() > limits::connection_write_high || c.slots.size() >= limits::max_connection_requests ||
         c.unanswered_bytes >= limits::max_connection_bytes;
}

/// Moves a connection on: answers out, waiting requests in, and reading stopped or begun again as the bounds say.
void pump(self_pointer self, handle h, std::uint64_t id) {
  auto* c = find_connection(self, h, id);
  if (!c || c->pumping) return;
  c->pumping = true;
  write_answers(self, h, *c);
  while (!c->waiting.empty() && !is_over(self, h, *c)) {
    auto frame = std::move(c->waiting.front());
    c->waiting.pop_front();
    c->waiting_bytes -= frame.size();
    begin_request(self, h, *c, std::move(frame));
    c = find_connection(self, h, id);
    if (!c) return;
    write_answers(self, h, *c);
  }
  c->pumping = false;
  count_held(*c);
  set_reading(self, h, *c, !c->waiting.empty() || is_over(self, h, *c));
}

// --- bounds over all connections -----------------------------------------------------------------------------------

bool is_idle(self_pointer self, const connection& c) {
  return c.slots.empty() && c.waiting.empty() && now(self) - c.heard >= self->state.options.most_idle;
}

/// Runs only while there are connections, so that a quiet broker sleeps.
void watch_idle(self_pointer self) {
  auto& s = self->state;
  if (s.connections.empty() || std::exchange(s.watching_idle, true)) return;
  const auto often = std::min<std::chrono::nanoseconds>(s.options.most_idle, std::chrono::minutes(1));
  caf::delayed_anon_send(caf::actor_cast<caf::actor>(self), often, idle_atom::value);
}

void close_idle(self_pointer self) {
  self->state.watching_idle = false;
  std::vector<handle> idle;
  for (const auto& [h, c] : self->state.connections)
    if (is_idle(self, c)) idle.push_back(h);
  for (auto h : idle) drop(self, h);
  watch_idle(self);
}

// --- connections ---------------------------------------------------------------------------------------------------

void on_data(self_pointer self, const caf::io::new_data_msg& m) {
  auto found = self->state.connections.find(m.handle);
  if (found == self->state.connections.end()) return;
  auto& c = found->second;
  std::vector<bytes> frames;
  auto fed = c.frames.feed({m.buf.data(), m.buf.size()}, frames);
  c.heard = now(self);
  for (auto& f : frames) {
    c.waiting_bytes += f.size();
    c.waiting.push_back(std::move(f));
  }
  if (!fed) return drop_hostile(self, m.handle, fed.error());
  count_held(c);
  if (*self->state.held > self->state.options.most_request_bytes)
    return drop_hostile(self, m.handle, {errc::busy, "all of them hold too much of unanswered requests", ""});
  pump(self, m.handle, c.id);
}

kafka::topic_ids ids_of(self_pointer self) {
  return {[self](const kafka::uuid& id) -> std::string {
            const auto& names = self->state.options.directory->names;
            const auto first = kafka::first_partition(id);
            auto found = first ? names.find(first->value) : names.end();
            return found == names.end() ? "" : found->second;
          },
          [self](const std::string& topic) -> kafka::uuid {
            const auto& topics = self->state.options.directory->topics;
            auto found = topics.find(topic);
            return found == topics.end() ? kafka::uuid{} : kafka::id_of(found->second.front().id);
          }};
}

void on_connection(self_pointer self, handle h) {
  auto* c = take_in(self, h);
  if (!c) return;
  c->held.join(self->state.held);
  c->heard = now(self);
  watch_idle(self);
  c->with = self->state.options.base;
  c->with.topics = ids_of(self);
  auto here = local_end(h);
  if (c->with.host.empty()) c->with.host = here.host, c->with.port = here.port;
  c->with.client_host = remote_end(h).host;
}

}  // namespace

caf::behavior kafka_link(self_pointer self, std::vector<int> sockets, kafka_link_options options) {
  self->state.options = std::move(options);
  for (auto socket : sockets) self->add_doorman(socket);
  return {
      [=](const caf::io::new_connection_msg& m) { on_connection(self, m.handle); },
      [=](caf::io::new_data_msg& m) { on_data(self, m); },
      [=](const caf::io::data_transferred_msg& m) {
        auto found = self->state.connections.find(m.handle);
        if (found != self->state.connections.end()) pump(self, m.handle, found->second.id);
      },
      [=](const caf::io::connection_closed_msg& m) { self->state.connections.erase(m.handle); },
      [=](const caf::io::acceptor_closed_msg&) { self->quit(); },
      [=](const directory_pointer& d) { self->state.options.directory = d; },
      [=](patience_atom, std::int64_t socket, std::uint64_t id, std::uint64_t slot_id) {
        on_patience(self, socket, id, slot_id);
      },
      [=](tick_atom) { close_late(self); },
      [=](idle_atom) { close_idle(self); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
