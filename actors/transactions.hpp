// The coordinator of transactions: carries requests and time to rules/transaction, one value a name, and persists the
// values as records of the internal topic `__transaction_state`, like any other data. What it answers is durable. When
// a transaction is decided it tells every partition and group that takes part, again and again until each has heard it,
// also after a restart. Owned by the broker, one actor for all names.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "actors/messages.hpp"
#include "rules/transaction.hpp"

namespace dohle::actors {

struct transactions_setup {
  std::map<std::string, transaction_value> stored;
  caf::actor broker;  ///< gives producer ids, and hands decisions on
  std::function<timestamp()> wall_clock;
};
/// Broker -> transactions, once: who takes the records of `__transaction_state`. Decisions that a crash interrupted go
/// on.
struct transactions_begin {
  caf::actor leader;
};

struct transactions_state {
  static inline const char* name = "transactions";
  using moment = std::chrono::steady_clock::time_point;
  using outcome = std::function<void(const result<void>&)>;
  using decision_handler = std::function<void(const error* failed)>;  ///< nullptr: the decision is complete

  struct entry {
    transaction_value current;  ///< with what is on its way to the disk
    transaction_value durable;
    std::uint64_t written = 0;                              ///< values sent to the disk
    std::uint64_t flushed = 0;                              ///< and answered
    bool refused = false;                                   ///< one of those on their way was not taken
    std::deque<std::pair<std::uint64_t, outcome>> waiting;  ///< for that many to be flushed
    std::optional<moment> deadline;                         ///< of the open transaction
    std::size_t unheard = 0;                                ///< parts that have not heard of the decision
    std::deque<decision_handler> when_decided;              ///< what waits for the decision to be complete
  };

  transactions_setup setup;
  caf::actor leader;
  std::map<std::string, entry> names;
  std::unordered_map<producer_id, std::string> by_producer;
  bool ticking = false;
};

caf::behavior transactions(caf::stateful_actor<transactions_state>* self, transactions_setup setup);

}  // namespace dohle::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::transactions_begin)
