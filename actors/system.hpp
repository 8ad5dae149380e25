// The actor system with the settings this house needs, in one place. A `runtime` is what brokers, links and clients of
// one process share; a process may have several side by side.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <chrono>
#include <cstddef>
#include <memory>

namespace dohle::actors {

/// Settings: the sharing scheduler (idle costs nothing), bounded reads per connection, no BASP workers.
/// `threads` 0 = by the machine.
void configure(caf::actor_system_config& cfg, std::size_t threads);

class runtime {
 public:
  /// A system of its own.
  explicit runtime(std::size_t threads = 0);
  /// Somebody else's system, which outlives this object.
  explicit runtime(caf::actor_system& borrowed);
  /// Waits until every actor of an own system has ended: end them first.
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  caf::actor_system& system() { return *system_; }

 private:
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> own_;
  caf::actor_system* system_;
};

/// Sends an I/O actor its tick after `wait`. Anonymous, because CAF leaves the mailbox of an ended I/O actor open: a
/// message from the actor itself would keep it in memory for ever.
void send_tick(const caf::actor& io_actor, std::chrono::nanoseconds wait);

/// From now on the calling thread, which belongs to one detached actor, gets the processor after everybody who is in a
/// hurry: reading history in bulk must not hold up those who wait for an acknowledgement.
void stand_back();

/// Waits, on a thread that is no actor's, until `a` has ended. False when it still lives after `timeout`.
bool wait_for_end(const caf::actor& a, std::chrono::nanoseconds timeout);

}  // namespace dohle::actors
