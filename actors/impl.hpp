// What the facade classes of client.hpp hold; shared by client.cpp (clients) and embedded.cpp (brokers in this
// process).
#pragma once

#include <atomic>
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
  std::atomic<bool> closed = false;  ///< after client::close every call is answered `closed`

  /// What a topic that must exist looks like; `unknown_topic` with a hint that lists names like it.
  result<topic_info> find_topic(const std::string& topic, duration timeout) const;
  result<response> call(request r, duration timeout) const;
  void end();
};

/// A producer of a topic that must be there.
result<std::shared_ptr<producer::impl>> spawn_producer_of(const std::shared_ptr<client::impl>& owner,
                                                          const std::string& topic, const producer_options& options);

}  // namespace dohle
