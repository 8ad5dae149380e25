// What the facade classes of client.hpp hold; shared by client.cpp (clients) and embedded.cpp (brokers in this process).
#pragma once

#include <caf/actor.hpp>
#include <memory>
#include <string>

#include "actors/client.hpp"
#include "actors/system.hpp"

namespace dohle {

/// A client is an endpoint actor and a name for it. For a connection it owns the link and its runtime; for an embedded
/// broker it keeps the broker's runtime alive and ends nothing.
class client::impl {
 public:
  impl(std::shared_ptr<actors::runtime> rt, caf::actor endpoint, std::string address, client_options options,
       bool owns_endpoint);
  ~impl();
  std::shared_ptr<actors::runtime> rt;
  caf::actor endpoint;  ///< answers every request; also blocking_call
  std::string address;
  client_options options;
  bool owns_endpoint;
};

}  // namespace dohle
