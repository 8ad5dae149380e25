// For programs that run actors themselves: a broker in your own caf::actor_system. The blocking face is client.hpp.
//
//   caf::actor_system_config cfg;
//   dohle::actors::configure(cfg, 0);            // the settings Dohle is measured with
//   caf::actor_system sys{cfg};
//   auto broker = dohle::actors::spawn_broker(sys, {.path = "data"});
//   self->request(broker->endpoint, caf::infinite, dohle::produce_request{...}).then(...);
//   dohle::actors::stop(*broker);                // ends it; wait for its end before the system goes
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <string>

#include "actors/client.hpp"
#include "actors/messages.hpp"
#include "actors/system.hpp"

namespace dohle::actors {

struct spawned_broker {
  caf::actor endpoint;    ///< answers every request of schema/messages.hpp
  std::string listening;  ///< "host:port", or empty
  std::string kafka;      ///< the same for Kafka's clients
  std::string path;       ///< the data folder
};

/// Opens the folder (waits for the disk, on the calling thread), recovers it and spawns the broker. `options.path` must
/// be given here: temporary folders are the facade's. When the answer is ok the broker serves.
result<spawned_broker> spawn_broker(caf::actor_system& system, const broker_options& options);

/// Ends the broker and everything it spawned; its folder is closed when `endpoint` is down.
void stop(const spawned_broker& broker);

/// The blocking face of an endpoint, for threads beside your actors. The system must outlive the client.
dohle::client client_of(caf::actor_system& system, const spawned_broker& broker);

}  // namespace dohle::actors
