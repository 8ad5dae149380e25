// The broker: opens the roles, knows the topics, and hands each request to the actor that answers it. An endpoint for
// the clients of this process. What it decides itself (topics, producer ids) it first appends to `__cluster`, one
// change at a time, and applies when that is durable. Owned by whoever spawned it; ended by stop_atom, after which
// every actor it spawned has ended and the folder is closed.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "actors/connect.hpp"
#include "actors/directory.hpp"
#include "actors/disk.hpp"
#include "actors/group.hpp"
#include "actors/journal_writer.hpp"
#include "actors/kafka_link.hpp"
#include "actors/link.hpp"
#include "actors/startup.hpp"
#include "actors/transactions.hpp"
#include "rules/cluster_state.hpp"

namespace dohle::actors {

/// What a broker is made of. The clocks, names and the way to die come from outside, so that tests own them.
struct broker_setup {
  std::shared_ptr<store::folder> folder;
  loaded_folder loaded;
  broker_id me{1};
  std::optional<listening_socket> socket;
  std::vector<listening_socket> kafka_sockets;
  std::optional<host_port> kafka_advertised;
  bool kafka_auto_create = true;
  bool auto_create_topics = false;
  std::int32_t default_partitions = 1;
  bool detached = true;  ///< false under the deterministic scheduler: everything on one thread
  std::function<timestamp()> wall_clock;
  std::function<std::string(const std::string& client)> name_member;
  on_storage_failed storage_failed;
};

struct broker_state {
  static inline const char* name = "broker";

  /// A change of the cluster's state that waits for its turn. Calls `done` when it is over, either way.
  using change = std::function<void(std::function<void()> done)>;

  broker_setup setup;
  rules::cluster_state cluster;
  std::shared_ptr<journal_pressure> pressure;
  directory_pointer directory;
  caf::actor journal_writer;
  caf::actor settler;
  caf::actor janitor;
  caf::actor transactions;
  std::vector<caf::actor> readers;
  std::size_t next_reader = 0;
  std::vector<caf::actor> links;  ///< the listening ends, one a protocol
  std::map<std::string, caf::actor> groups;
  std::deque<change> changes;
  bool changing = false;
  producer_id next_producer;  ///< the next to give out
  producer_id producers_end;  ///< end of the block that is durable
  std::set<caf::actor_addr> children;
  bool stopping = false;
};

caf::behavior broker(caf::stateful_actor<broker_state>* self, std::shared_ptr<broker_setup> setup);

}  // namespace dohle::actors
