#include "actors/remote_link.hpp"

#include <algorithm>
#include <caf/io/middleman.hpp>
#include <caf/io/receive_policy.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/endpoint.hpp"
#include "actors/system.hpp"

namespace dohle::actors {

namespace {

using time_point = connection_state::time_point;

/// Valid until the next call into the actor: a connection's buffer may go with its connection.
std::vector<char>& out(remote_link_actor* self) {
  auto& s = self->state;
  if (s.handle) return self->wr_buf(*s.handle);
  s.nowhere.clear();
  return s.nowhere;
}

/// One timer for all that waits: deadlines of requests and of hello, and the next dialling.
void set_timer(remote_link_actor* self) {
  auto& s = self->state;
  auto at = s.connection->next_check();
  if (auto redial = s.connection->redial_at(); redial && (!at || *redial < *at)) at = redial;
  if (!at || (s.timer && *s.timer <= *at)) return;
  s.timer = at;
  send_tick(caf::actor_cast<caf::actor>(self),
            std::max<std::chrono::nanoseconds>(*at - self->clock().now(), std::chrono::nanoseconds{0}));
}

void start_dialling(remote_link_actor* self) {
  auto& s = self->state;
  s.connection->dialling();
  self->spawn<caf::detached>([link = caf::actor_cast<caf::actor>(self), addresses = s.options.addresses,
                              timeout = s.options.connect_timeout, cancel = s.cancel_dial](caf::event_based_actor* me) {
    auto d = dial(addresses, timeout, cancel.get());
    if (d)
      me->send(link, dial_outcome{std::make_shared<dialled>(std::move(*d)), {}});
    else
      me->send(link, dial_outcome{nullptr, d.error()});
  });
}

void drop_connection(remote_link_actor* self, const error& why) {
  auto& s = self->state;
  if (s.handle) {
    self->close(*s.handle);
    s.handle.reset();
  }
  s.connection->lost(why, self->clock().now());
  set_timer(self);
}

void use_connection(remote_link_actor* self, dialled& d) {
  auto& s = self->state;
  const auto address = to_string(d.address);
  s.handle = self->add_scribe(d.socket.release());
  self->configure_read(*s.handle, caf::io::receive_policy::at_most(limits::read_bytes));
  s.connection->connected(address, self->clock().now(), self->wr_buf(*s.handle));
  self->flush(*s.handle);
  set_timer(self);
}

void submit(remote_link_actor* self, request what, connection_state::completion done) {
  auto& s = self->state;
  auto& buffer = out(self);
  s.connection->submit(std::move(what), std::move(done), self->clock().now(), buffer);
  if (s.handle && !buffer.empty()) self->flush(*s.handle);
  set_timer(self);
}

void receive(remote_link_actor* self, const caf::io::new_data_msg& m) {
  auto& s = self->state;
  if (!s.handle || m.handle != *s.handle) return;
  auto& buffer = out(self);
  const auto before = buffer.size();
  auto taken = s.connection->received({m.buf.data(), m.buf.size()}, self->clock().now(), buffer);
  if (!taken) return drop_connection(self, taken.error());
  if (buffer.size() > before) self->flush(*s.handle);
  set_timer(self);
}

void tick(remote_link_actor* self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  s.timer.reset();
  if (auto next = s.connection->next_check(); next && *next <= now) {
    if (auto checked = s.connection->check(now); !checked) return drop_connection(self, checked.error());
  }
  if (auto at = s.connection->redial_at(); at && *at <= now) start_dialling(self);
  set_timer(self);
}

void end(remote_link_actor* self, caf::error reason) {
  auto& s = self->state;
  s.cancel_dial->store(true);
  s.connection->end({errc::closed, "the client was closed", "connect again"});
  if (s.handle) self->close(*s.handle);
  s.handle.reset();
  self->quit(std::move(reason));
}

}  // namespace

caf::behavior remote_link(remote_link_actor* self, remote_link_options options, std::shared_ptr<dialled> first) {
  auto& s = self->state;
  s.options = std::move(options);
  const auto& addresses = s.options.addresses;
  s.connection.emplace(s.options.client, addresses.empty() ? "nowhere" : to_string(addresses.front()),
                       s.options.request_timeout);
  self->set_exit_handler([self](caf::exit_msg& m) { end(self, std::move(m.reason)); });
  if (first)
    use_connection(self, *first);
  else
    start_dialling(self);

  auto requests = endpoint_handlers(
      self, [self](request r, connection_state::completion done) { submit(self, std::move(r), std::move(done)); });
  return requests.or_else(caf::message_handler{
      [self](const caf::io::new_data_msg& m) { receive(self, m); },
      [self](const caf::io::connection_closed_msg& m) {
        auto& st = self->state;
        if (!st.handle || m.handle != *st.handle) return;
        st.handle.reset();
        drop_connection(self,
                        {errc::connection_failed, "the broker at " + st.connection->address() + " ended the connection",
                         "look at the broker's log; the client connects again by itself"});
      },
      [self](dial_outcome& d) {
        if (d.connection)
          use_connection(self, *d.connection);
        else
          drop_connection(self, d.why);
      },
      [self](tick_atom) { tick(self); },
  });
}

caf::actor spawn_remote_link(caf::actor_system& system, remote_link_options options, std::shared_ptr<dialled> first) {
  return system.middleman().spawn_broker(remote_link, std::move(options), std::move(first));
}

}  // namespace dohle::actors
