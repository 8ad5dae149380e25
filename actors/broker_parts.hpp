// The broker's parts, for its own .cpp files only: broker.cpp (roles and routing), topics.cpp (what changes topics).
#pragma once

#include "actors/broker.hpp"

namespace dohle::actors {

using broker_pointer = caf::stateful_actor<broker_state>*;

/// Spawns a child that `down` is watched of; detached ones get their own thread unless a test says otherwise.
template <class F, class... Ts>
caf::actor spawn_role(broker_pointer self, bool may_block, F f, Ts&&... arguments) {
  auto child = may_block && self->state.setup.detached ? self->spawn<caf::detached>(f, std::forward<Ts>(arguments)...)
                                                       : self->spawn(f, std::forward<Ts>(arguments)...);
  self->monitor(child);
  self->state.children.insert(child.address());
  return child;
}

/// Starts the leader of a partition and has it settled.
led_partition lead(broker_pointer self, const std::string& topic, partition_index index, opened_log log,
                   const rules::topic_config& config);
/// A stored topic's configs.
rules::topic_config config_of(const topic_record& topic);
/// Makes `next` what requests are routed by, here and at the link.
void publish(broker_pointer self, directory next);

/// `busy` when too many changes wait already.
std::optional<error> refuse_change(const broker_state& s);
/// Queues a change of the cluster's state; changes run one after the other. Ask `refuse_change` first.
void enqueue(broker_pointer self, broker_state::change change);
/// Appends records to `__cluster`; `then` gets the outcome when they are durable and, if so, applied.
void persist_change(broker_pointer self, cluster_record record, std::function<void(result<void>)> then);

void on_create_topic(broker_pointer self, const create_topic_request& r,
                     std::function<void(result<topic_description>)> then);
void on_alter_topic(broker_pointer self, const alter_topic_request& r,
                    std::function<void(result<topic_description>)> then);
void on_delete_topic(broker_pointer self, const delete_topic_request& r,
                     std::function<void(result<delete_topic_response>)> then);
result<topic_description> describe_topic(const broker_state& s, const std::string& name);
metadata_response describe_cluster(const broker_state& s, const metadata_request& r);

}  // namespace dohle::actors
