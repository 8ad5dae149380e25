// The client end of a native connection: an endpoint (messages.hpp) that passes requests on to a broker elsewhere. An
// I/O broker actor around connection_state: sockets, one timer, and a detached helper that dials anew.
#pragma once

#include <caf/actor.hpp>
#include <caf/io/broker.hpp>
#include <caf/stateful_actor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/connect.hpp"
#include "actors/connection_state.hpp"
#include "actors/messages.hpp"

namespace dohle::actors {

struct remote_link_options {
  std::string client = "dohle";
  std::vector<host_port> addresses;
  std::chrono::nanoseconds connect_timeout = limits::connect_timeout;
  std::chrono::nanoseconds request_timeout = limits::default_request_timeout;
};

/// What the dialling helper brings back. The socket closes itself when nobody takes it.
struct dial_outcome {
  std::shared_ptr<dialled> connection;  ///< none: see `why`
  error why;
};

struct remote_link_state {
  static inline const char* name = "remote_link";
  std::optional<connection_state> connection;
  remote_link_options options;
  std::optional<caf::io::connection_handle> handle;
  std::shared_ptr<std::atomic<bool>> cancel_dial = std::make_shared<std::atomic<bool>>(false);
  std::optional<connection_state::time_point> timer;  ///< the earliest tick on its way
  std::vector<char> nowhere;                          ///< stands for the write buffer while there is none
};

using remote_link_actor = caf::stateful_actor<remote_link_state, caf::io::broker>;

/// Begins with `first` when it is connected, else dials at once. Lives, and dials again whenever the connection is
/// lost, until it gets an exit message; it answers everything that waits with `closed` then.
caf::behavior remote_link(remote_link_actor* self, remote_link_options options, std::shared_ptr<dialled> first);

/// In production: on the I/O thread of the system.
caf::actor spawn_remote_link(caf::actor_system& system, remote_link_options options, std::shared_ptr<dialled> first);

}  // namespace dohle::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::dial_outcome)
