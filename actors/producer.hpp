// The producer actor: takes closed batches out of the producer's core, sends them as its delivery says, reports the
// outcomes to the core. Lives until it gets an exit message; whatever has no outcome then gets `closed`.
#pragma once

#include <caf/actor.hpp>
#include <caf/stateful_actor.hpp>
#include <memory>
#include <optional>

#include "actors/client.hpp"
#include "actors/delivery.hpp"
#include "actors/messages.hpp"
#include "actors/producer_core.hpp"

namespace dohle {

namespace actors {

/// "There is something for you": from a core to its actor.
using wake_atom = caf::atom_constant<caf::atom("wake")>;

struct producer_state {
  static inline const char* name = "producer";
  std::shared_ptr<producer_core> core;
  caf::actor endpoint;
  duration request_timeout{};
  std::optional<delivery> batches;
  std::optional<delivery::time_point> next_linger;
  std::optional<delivery::time_point> timer;  ///< the earliest tick on its way
  delivery::time_point metadata_at{};
  bool metadata_asked = false;
  bool work_due = false;  ///< a wake is on its way
};

caf::behavior producer_actor(caf::stateful_actor<producer_state>* self, std::shared_ptr<producer_core> core,
                             const producer_options& options, caf::actor endpoint, duration request_timeout);

/// Core and actor, tied together.
struct spawned_producer {
  std::shared_ptr<producer_core> core;
  caf::actor actor;
};
spawned_producer spawn_producer(caf::actor_system& system, const caf::actor& endpoint, const std::string& topic,
                                std::int32_t partitions, const producer_options& options, duration request_timeout,
                                std::uint64_t seed);

/// `invalid_config` for options that contradict themselves.
result<void> check_options(const producer_options&);

}  // namespace actors

/// Ends the actor when the last handle goes, after up to limits::drop_timeout for what is still buffered.
class producer::impl {
 public:
  impl(std::shared_ptr<client::impl> owner, actors::spawned_producer spawned)
      : owner_(std::move(owner)), spawned_(std::move(spawned)) {}
  ~impl() { (void)close(limits::drop_timeout); }
  producer_core& core() { return *spawned_.core; }
  const caf::actor& actor() const { return spawned_.actor; }
  result<void> close(duration timeout);

 private:
  std::shared_ptr<client::impl> owner_;  ///< keeps the actor system alive
  actors::spawned_producer spawned_;
  std::atomic<bool> closed_ = false;
};

}  // namespace dohle

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::producer_stamp)
