// One name of a transaction (Kafka's transactional id) at its coordinator: who its producer is, what takes part in the
// open transaction, what was decided. Kafka's state machine (KIP-98, KIP-360, KIP-890), pure: the value as it is and a
// request go in, the value as it should be comes out; the caller persists it before it acts or answers.
//
//            add                end, or time is up        every part has heard of it
//   empty ----------> ongoing --------------------> prepare_* -----------------> complete_* ----- add --> ongoing
//     ^                                                                              |
//     +------------------------- begin_producer -------------------------------------+
//
// Invariants: a name has one producer, and its epoch only rises; what is decided is never decided otherwise; while no
// transaction is open the epoch leaves room for one more, so that a decision can always fence.
#pragma once

#include <optional>
#include <string_view>

#include "schema/error.hpp"
#include "schema/messages.hpp"
#include "schema/stored.hpp"

namespace dohle::rules {

/// A decision raises the epoch at most to this; then the producer gets a new id.
inline constexpr std::int16_t last_epoch = 32'767;

/// What takes part: a partition, or a group's offsets.
struct transaction_parts {
  std::set<topic_partition> partitions;
  std::set<std::string> groups;
};

/// The value of the name for a new instance of its producer: one epoch higher than any before, or `fresh`, an id that
/// was never given out, when there is none or its epochs are used up. The open transaction of a former instance must be
/// aborted first: then the value is that decision (prepare_abort), and `begin_producer` is to be asked again when it is
/// complete. `concurrent_transactions` while a decision is carried out; `producer_fenced` for a producer that says who
/// it is and is not the last one; `invalid_transaction_timeout`.
result<transaction_value> begin_producer(const std::optional<transaction_value>& now, const init_producer_request& r,
                                         producer_id fresh, timestamp clock);

/// The parts take part from now on. The same value back: they did already. `unknown_producer`, `producer_fenced`,
/// `concurrent_transactions` while the one before is being decided, `invalid_request` when there are too many.
result<transaction_value> add_parts(const transaction_value& now, producer_id producer, std::int16_t epoch,
                                    const transaction_parts& parts, timestamp clock);

/// They take part in the open transaction of this producer: else `invalid_transaction`, or as above.
result<void> check_parts(const transaction_value& now, producer_id producer, std::int16_t epoch,
                         const transaction_parts& parts);

/// The decision (prepare_*). The same value back: it was decided so before and is carried out, or nothing was open and
/// nothing has to be. `concurrent_transactions` while it is carried out, `invalid_transaction` when it was decided
/// otherwise; `unknown_producer`, `producer_fenced`.
result<transaction_value> end_transaction(const transaction_value& now, const end_transaction_request& r,
                                          timestamp clock);

/// The decision for a transaction that was open for too long: aborted, its producer fenced.
transaction_value abort_overdue(const transaction_value& now, timestamp clock);

/// After the decision every epoch of this producer is used up: `complete` needs a new id.
bool needs_new_producer(const transaction_value& now);
/// Every part has heard of the decision. `fresh` counts only if a new producer is needed.
transaction_value complete(const transaction_value& now, producer_id fresh, timestamp clock);

bool is_deciding(const transaction_value& now);
/// Nothing is open and nobody used the name for limits::transaction_name_expiry.
bool is_forgotten(const transaction_value& now, timestamp clock);

/// Kafka's name of a state.
std::string_view name_of(transaction_status status);
describe_transaction_response describe(std::string_view name, const transaction_value& now);

}  // namespace dohle::rules
