// What both listening actors (link, kafka_link) do with a connection, whichever protocol it speaks. Their states are
// socket_states, their connections socket_connections.
#pragma once

#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/logging.hpp"
#include "actors/request_traits.hpp"
#include "actors/system.hpp"
#include "schema/limits.hpp"

namespace dohle::actors {

/// No delay of small answers. Half-open peers are found by the kernel: probes after a minute of silence, dead after
/// half a minute without answer.
void tune_accepted(caf::io::connection_handle h);

struct end_point {
  std::string host;  ///< as numbers
  std::uint16_t port = 0;
};
end_point local_end(caf::io::connection_handle h);
end_point remote_end(caf::io::connection_handle h);

/// What every connection has, whichever protocol it speaks.
struct socket_connection {
  std::uint64_t id = 0;                            ///< handles are reused by the kernel, this is not
  bool greeted = false;                            ///< it has said something in the protocol: no stranger any more
  bool halted = false;                             ///< not read from
  std::chrono::steady_clock::time_point deadline;  ///< of a stranger, or since when it is halted
};

template <class Connection>
struct socket_state {
  std::unordered_map<caf::io::connection_handle, Connection> connections;
  std::uint64_t next_id = 1;
  std::shared_ptr<int> life = std::make_shared<int>();  ///< gone with the state: what was put off asks for it
  bool ticking = false;
};

/// The connection of that number; nullptr when it is gone, whoever has its handle now.
template <class Self>
auto* find_connection(Self* self, caf::io::connection_handle h, std::uint64_t id) {
  auto found = self->state.connections.find(h);
  return found == self->state.connections.end() || found->second.id != id ? nullptr : &found->second;
}

template <class Self>
void drop(Self* self, caf::io::connection_handle h) {
  self->state.connections.erase(h);
  self->close(h);
}

/// Ticks run only while some connection has a deadline, so that a quiet broker sleeps.
template <class Self>
void need_tick(Self* self) {
  if (!std::exchange(self->state.ticking, true)) send_tick(caf::actor_cast<caf::actor>(self), std::chrono::seconds(1));
}

/// Takes a new connection in, as a stranger; nullptr when there are too many.
template <class Self>
auto* take_in(Self* self, caf::io::connection_handle h) {
  auto& s = self->state;
  if (s.connections.size() >= limits::max_connections) {
    log().warn("refused a connection: {} are open already", s.connections.size());
    self->close(h);
    return static_cast<decltype(&s.connections[h])>(nullptr);
  }
  tune_accepted(h);
  auto& c = s.connections[h];
  c.id = s.next_id++;
  c.deadline = self->clock().now() + limits::hello_timeout;
  self->ack_writes(h, true);
  self->configure_read(h, caf::io::receive_policy::at_most(limits::read_bytes));
  need_tick(self);
  return &c;
}

/// Reads again, in the multiplexer's next round: CAF forgets a `trigger` that comes in the round of its `halt`, because
/// the halt takes effect when the round ends, and the connection would never be read again.
template <class Self>
void resume_reading(Self* self, caf::io::connection_handle h) {
  caf::strong_actor_ptr hold{self->ctrl()};
  self->parent().backend().post([self, hold, alive = std::weak_ptr<int>{self->state.life}, h] {
    if (alive.expired()) return;
    auto found = self->state.connections.find(h);
    if (found != self->state.connections.end() && !found->second.halted) self->trigger(h);
  });
}

/// Reading stops while `stop`, and begins again; who is stopped for too long is closed.
template <class Self, class Connection>
void set_reading(Self* self, caf::io::connection_handle h, Connection& c, bool stop) {
  if (stop == c.halted) return;
  c.halted = stop;
  if (!stop) return resume_reading(self, h);
  c.deadline = self->clock().now() + limits::stalled_timeout;
  self->halt(h);
  need_tick(self);
}

/// On a tick: closes strangers that say nothing and peers that stopped reading. A halted connection is not watched by
/// the kernel.
template <class Self>
void close_late(Self* self) {
  auto& s = self->state;
  s.ticking = false;
  const auto now = self->clock().now();
  std::vector<caf::io::connection_handle> late;
  bool more = false;
  for (auto& [h, c] : s.connections) {
    if (c.greeted && !c.halted) continue;
    // Long polls and slow disks are no fault of the peer: only unread answers count against it.
    if (c.greeted && self->wr_buf(h).empty()) c.deadline = now + limits::stalled_timeout;
    if (now >= c.deadline)
      late.push_back(h);
    else
      more = true;
  }
  for (auto h : late) drop(self, h);
  if (more) need_tick(self);
}

/// Asks an actor of the broker; `then` gets the answer, or the error in its place, as it would travel. No time-out:
/// these actors always answer, and when one ends its requesters get an error.
template <class Self, class Request, class Then>
void ask_actor(Self* self, const caf::actor& target, Request r, Then then) {
  self->request(target, caf::infinite, std::move(r))
      .then([then](result<typename Request::response>& a) { then(any_answer(std::move(a))); },
            [then](const caf::error&) {
              then(response{error{errc::closed, "the broker is shutting down", "connect again"}});
            });
}

}  // namespace dohle::actors
