// The actor system with the settings this house needs, in one place. `runtime` owns it: brokers, links and clients of one
// process share one runtime, or have several side by side.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <cstddef>
#include <memory>

namespace dohle::actors {

/// Settings: the sharing scheduler (idle costs nothing), bounded reads per connection, no BASP workers.
/// `threads` 0 = by the machine.
void configure(caf::actor_system_config& cfg, std::size_t threads);

class runtime {
 public:
  explicit runtime(std::size_t threads = 0);
  /// Waits until every actor has ended: end them first.
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  caf::actor_system& system() { return system_; }

 private:
  caf::actor_system_config config_;
  caf::actor_system system_;
};

}  // namespace dohle::actors
