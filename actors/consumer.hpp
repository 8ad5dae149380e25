// The consumer actor: fetches what the consumer's core plans, keeps the membership's conversation going, and tells each
// what the other did. Lives until it gets an exit message.
#pragma once

#include <caf/actor.hpp>
#include <caf/stateful_actor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/client.hpp"
#include "actors/consumer_core.hpp"
#include "actors/membership.hpp"
#include "actors/messages.hpp"
#include "actors/producer.hpp"

namespace dohle {

namespace actors {

/// From the facade.
struct subscribe_call {
  std::vector<std::string> topics;  ///< none: out of the group
  std::function<void()> done;       ///< when it has left the group; may be empty
};

struct consumer_state {
  static inline const char* name = "consumer";
  std::shared_ptr<consumer_core> core;
  caf::actor endpoint;
  duration request_timeout{};
  duration max_wait{};
  std::optional<membership> group;
  std::function<void()> left;
  std::optional<membership::time_point> timer;  ///< the earliest tick on its way
};

caf::behavior consumer_actor(caf::stateful_actor<consumer_state>* self, std::shared_ptr<consumer_core> core,
                             const consumer_options& options, caf::actor endpoint, std::string client,
                             duration request_timeout);

/// Core and actor, tied together.
struct spawned_consumer {
  std::shared_ptr<consumer_core> core;
  caf::actor actor;
};
spawned_consumer spawn_consumer(caf::actor_system& system, const caf::actor& endpoint, const consumer_options& options,
                                const std::string& client, duration request_timeout);

/// `invalid_config` for options that contradict themselves.
result<void> check_options(const consumer_options&);

}  // namespace actors

/// Leaves the group and ends the actor when the last handle goes.
class consumer::impl {
 public:
  impl(std::shared_ptr<client::impl> owner, consumer_options options);
  ~impl();
  consumer_core& core() { return *spawned_.core; }
  result<void> subscribe(std::vector<std::string> topics);
  result<void> assign(std::vector<assigned_range> ranges);
  result<void> commit(const std::map<topic_partition, offset>& offsets, duration timeout);
  result<std::map<topic_partition, offset>> committed(duration timeout);
  result<void> close(duration timeout);

 private:
  result<void> need_group(const std::string& what) const;

  std::shared_ptr<client::impl> owner_;  ///< keeps the actor system alive
  const consumer_options options_;
  actors::spawned_consumer spawned_;
  std::atomic<bool> closed_ = false;
};

}  // namespace dohle

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::subscribe_call)
