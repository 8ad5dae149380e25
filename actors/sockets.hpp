// What both socket actors (link, kafka_link) do with a connection. Their state holds `connections` by handle, each with
// `halted`, and `life`, which is gone with the state.
#pragma once

#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <cstdint>
#include <memory>
#include <string>

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

}  // namespace dohle::actors
