#include "actors/link.hpp"

#include <algorithm>
#include <caf/io/system_messages.hpp>

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<link_state, caf::io::broker>*;
using handle = caf::io::connection_handle;
using connection = link_connection;

/// Too much of this connection is unanswered, or answered and not read: nothing more is begun for it.
bool is_over(self_pointer self, handle h, const connection& c) {
  return self->wr_buf(h).size() > limits::connection_write_high || !c.answers.empty() ||
         c.requests >= limits::max_connection_requests || c.fetches >= limits::max_connection_fetches ||
         c.bytes >= limits::max_connection_bytes;
}

void write(self_pointer self, handle h, std::uint64_t correlation, const response& what) {
  encode(correlation, what, self->wr_buf(h));
  self->flush(h);
}

/// Copies held answers to the socket's buffer, as far as the peer keeps up.
void write_answers(self_pointer self, handle h, connection& c) {
  while (!c.answers.empty() && self->wr_buf(h).size() < limits::connection_write_high) {
    write(self, h, c.answers.front().correlation, c.answers.front().what);
    c.answers.pop_front();
  }
}

bool on_frame(self_pointer self, handle h, connection& c, const frame& f);

/// Closes a connection whose bytes are not the protocol; what was written is still sent.
void drop_hostile(self_pointer self, handle h) {
  log().warn("a connection sent bytes that are not the protocol and was closed");
  drop(self, h);
}

/// Moves a connection on: answers out, waiting requests in, and reading stopped or begun again as the bounds say.
void pump(self_pointer self, handle h) {
  auto& c = self->state.connections.at(h);
  write_answers(self, h, c);
  while (!c.waiting.empty() && !is_over(self, h, c)) {
    auto f = std::move(c.waiting.front());
    c.waiting.pop_front();
    if (!on_frame(self, h, c, f)) return drop_hostile(self, h);
  }
  set_reading(self, h, c, !c.waiting.empty() || is_over(self, h, c));
}

/// The answer of a request, whenever it comes; its connection may be gone by then.
void on_answer(self_pointer self, handle h, std::uint64_t id, std::uint64_t correlation, std::size_t bytes, bool fetch,
               response what) {
  auto* c = find_connection(self, h, id);
  if (!c) return;
  --c->requests;
  if (fetch) --c->fetches;
  c->bytes -= bytes;
  c->answers.push_back({correlation, std::move(what)});
  pump(self, h);
}

/// What one more fetch may bring: a connection's fetches share a bound, however many it sends ahead.
std::uint32_t fetch_share(const connection& c) {
  return static_cast<std::uint32_t>(std::max(limits::max_connection_fetch_bytes / c.fetches, limits::read_bytes));
}

template <class Request>
void hand_on(self_pointer self, handle h, connection& c, std::uint64_t correlation, std::size_t bytes, Request& r) {
  auto target = self->state.directory->route(r);
  if (!target) return write(self, h, correlation, target.error());
  constexpr bool fetch = std::is_same_v<Request, fetch_request>;
  ++c.requests;
  c.bytes += bytes;
  if constexpr (fetch) {
    ++c.fetches;
    r.max_bytes = std::min(r.max_bytes, fetch_share(c));
  }
  if constexpr (requires { r.client_host; }) r.client_host = remote_end(h).host;
  auto id = c.id;
  ask_actor(self, *target, std::move(r),
            [=](response a) { on_answer(self, h, id, correlation, bytes, fetch, std::move(a)); });
}

/// True when the connection may go on.
bool on_hello(self_pointer self, handle h, connection& c, std::uint64_t correlation, const hello_request& r) {
  if (protocol_version < r.min_version || protocol_version > r.max_version) {
    write(self, h, correlation,
          error{errc::unsupported_version,
                "this broker speaks protocol version " + std::to_string(protocol_version) + ", the client " +
                    std::to_string(r.min_version) + " to " + std::to_string(r.max_version),
                "a client of the same release"});
    return false;
  }
  c.greeted = true;
  c.frames.set_max_body(limits::max_frame_bytes);
  auto answer = self->state.greeting;
  answer.version = protocol_version;
  answer.max_frame_bytes = limits::max_frame_bytes;
  std::erase_if(answer.features,
                [&](const auto& f) { return std::find(r.features.begin(), r.features.end(), f) == r.features.end(); });
  write(self, h, correlation, answer);
  return true;
}

bool on_frame(self_pointer self, handle h, connection& c, const frame& f) {
  auto m = f.kind == frame_kind::request ? decode_request(f)
                                         : error{errc::invalid_request, "a client sent an answer", "requests only"};
  if (!m) {
    write(self, h, 0, m.error());
    return false;
  }
  auto correlation = m->correlation;
  if (auto* hello = std::get_if<hello_request>(&m->message)) return on_hello(self, h, c, correlation, *hello);
  if (!c.greeted) {
    write(self, h, correlation, error{errc::invalid_request, "the first message of a connection is hello", ""});
    return false;
  }
  std::visit([&](auto& r) { hand_on(self, h, c, correlation, f.body.size(), r); }, m->message);
  return true;
}

void on_data(self_pointer self, caf::io::new_data_msg& m) {
  auto found = self->state.connections.find(m.handle);
  if (found == self->state.connections.end()) return;
  auto& c = found->second;
  std::vector<frame> frames;
  auto fed = c.frames.feed({m.buf.data(), m.buf.size()}, frames);
  for (auto& f : frames) c.waiting.push_back(std::move(f));
  if (fed) return pump(self, m.handle);
  write(self, m.handle, 0, fed.error());
  drop_hostile(self, m.handle);
}

}  // namespace

caf::behavior link(self_pointer self, int socket, link_options options) {
  self->state.greeting = std::move(options.greeting);
  self->state.directory = std::move(options.directory);
  self->add_doorman(socket);
  return {
      [=](const caf::io::new_connection_msg& m) { take_in(self, m.handle); },
      [=](caf::io::new_data_msg& m) { on_data(self, m); },
      [=](const caf::io::data_transferred_msg& m) {
        if (self->state.connections.contains(m.handle)) pump(self, m.handle);
      },
      [=](const caf::io::connection_closed_msg& m) { self->state.connections.erase(m.handle); },
      [=](const caf::io::acceptor_closed_msg&) { self->quit(); },
      [=](const directory_pointer& d) { self->state.directory = d; },
      [=](tick_atom) { close_late(self); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
