#include "rules/transaction.hpp"

#include <algorithm>
#include <string>

#include "schema/limits.hpp"

namespace dohle::rules {

namespace {

using status = transaction_status;

error concurrent() {
  return {errc::concurrent_transactions, "the transaction before is still being decided", "the same again in a moment"};
}

std::optional<error> check_producer(const transaction_value& now, producer_id producer, std::int16_t epoch) {
  if (producer != now.producer)
    return error{errc::unknown_producer,
                 "producer " + std::to_string(producer.value) + " is not the one of this transaction, which is " +
                     std::to_string(now.producer.value),
                 "begin again with init_producer"};
  if (epoch != now.epoch)
    return error{errc::producer_fenced,
                 "epoch " + std::to_string(epoch) + " of producer " + std::to_string(producer.value) +
                     " is not its last one, " + std::to_string(now.epoch),
                 "run one instance only, or begin again with init_producer"};
  return std::nullopt;
}

std::optional<error> check_timeout(milliseconds timeout) {
  constexpr auto most = std::chrono::duration_cast<milliseconds>(limits::max_transaction_timeout);
  if (timeout.count() > 0 && timeout <= most) return std::nullopt;
  return error{errc::invalid_transaction_timeout,
               "a transaction time-out of " + std::to_string(timeout.count()) + " ms, 1 to " +
                   std::to_string(most.count()) + " are possible",
               "a time-out within these bounds"};
}

bool includes(const transaction_value& now, const transaction_parts& parts) {
  return std::ranges::includes(now.partitions, parts.partitions) && std::ranges::includes(now.groups, parts.groups);
}

transaction_value decided(transaction_value now, bool commit, bool bump, timestamp clock) {
  now.status = commit ? status::prepare_commit : status::prepare_abort;
  if (bump) ++now.epoch;
  now.updated = clock;
  return now;
}

/// A producer that goes on says who it is: the last one, or the one before when it did not hear of the last bump.
std::optional<error> check_continuation(const transaction_value& now, const init_producer_request& r) {
  if (r.id == no_producer) return std::nullopt;
  const bool last = r.id == now.producer && (r.epoch == now.epoch || r.epoch == now.epoch - 1);
  if (last) return std::nullopt;
  return error{errc::producer_fenced,
               "producer " + std::to_string(r.id.value) + " (epoch " + std::to_string(r.epoch) +
                   ") was replaced by a newer instance",
               "run one instance only"};
}

}  // namespace

result<transaction_value> begin_producer(const std::optional<transaction_value>& now, const init_producer_request& r,
                                         producer_id fresh, timestamp clock) {
  if (auto e = check_timeout(r.timeout)) return std::move(*e);
  transaction_value next;
  next.timeout = r.timeout;
  next.updated = clock;
  next.producer = fresh;
  if (!now) return next;
  if (is_deciding(*now)) return concurrent();
  if (auto e = check_continuation(*now, r)) return std::move(*e);
  if (now->status == status::ongoing) return decided(*now, false, true, clock);
  if (now->epoch + 1 >= last_epoch) return next;
  next.producer = now->producer;
  next.epoch = static_cast<std::int16_t>(now->epoch + 1);
  return next;
}

result<transaction_value> add_parts(const transaction_value& now, producer_id producer, std::int16_t epoch,
                                    const transaction_parts& parts, timestamp clock) {
  if (auto e = check_producer(now, producer, epoch)) return std::move(*e);
  if (is_deciding(now)) return concurrent();
  if (now.status == status::ongoing && includes(now, parts)) return now;
  auto next = now;
  next.partitions.insert(parts.partitions.begin(), parts.partitions.end());
  next.groups.insert(parts.groups.begin(), parts.groups.end());
  if (next.partitions.size() + next.groups.size() > limits::max_transaction_parts)
    return error{
        errc::invalid_request,
        "a transaction over more than " + std::to_string(limits::max_transaction_parts) + " partitions and groups",
        "smaller transactions"};
  if (now.status != status::ongoing) next.started = clock;
  next.status = status::ongoing;
  next.updated = clock;
  return next;
}

result<void> check_parts(const transaction_value& now, producer_id producer, std::int16_t epoch,
                         const transaction_parts& parts) {
  if (auto e = check_producer(now, producer, epoch)) return std::move(*e);
  if (now.status == status::ongoing && includes(now, parts)) return {};
  return error{errc::invalid_transaction, "a partition or group that was not added to the transaction",
               "add it to the transaction first"};
}

result<transaction_value> end_transaction(const transaction_value& now, const end_transaction_request& r,
                                          timestamp clock) {
  const auto preparing = r.commit ? status::prepare_commit : status::prepare_abort;
  const auto over = r.commit ? status::complete_commit : status::complete_abort;
  // Said again by a producer that did not hear the answer: its epoch has risen since.
  const bool again = r.bump && r.producer == now.producer && r.epoch == now.epoch - 1;
  if (again && now.status == preparing) return concurrent();
  if (again && now.status == over) return now;
  if (auto e = check_producer(now, r.producer, r.epoch)) return std::move(*e);
  if (now.status == status::ongoing) return decided(now, r.commit, r.bump, clock);
  if (now.status == preparing) return concurrent();
  if (now.status == over) return now;
  // Nothing was begun since: there is nothing to decide, unless the other decision was meant to be another one.
  if (r.bump && !is_deciding(now)) return now;
  return error{errc::invalid_transaction,
               std::string("the transaction is ") + std::string(name_of(now.status)) + " and cannot be " +
                   (r.commit ? "committed" : "aborted"),
               "begin a new one"};
}

transaction_value abort_overdue(const transaction_value& now, timestamp clock) {
  DOHLE_ASSERT(now.status == status::ongoing, "only what is open can be overdue");
  return decided(now, false, true, clock);
}

bool needs_new_producer(const transaction_value& now) { return now.epoch == last_epoch; }

transaction_value complete(const transaction_value& now, producer_id fresh, timestamp clock) {
  DOHLE_ASSERT(is_deciding(now), "only what is decided is complete");
  auto next = now;
  next.status = now.status == status::prepare_commit ? status::complete_commit : status::complete_abort;
  next.partitions.clear();
  next.groups.clear();
  next.started = no_timestamp;
  next.updated = clock;
  if (needs_new_producer(now)) next.producer = fresh, next.epoch = 0;
  return next;
}

bool is_deciding(const transaction_value& now) {
  return now.status == status::prepare_commit || now.status == status::prepare_abort;
}

bool is_forgotten(const transaction_value& now, timestamp clock) {
  constexpr auto most = std::chrono::duration_cast<milliseconds>(limits::transaction_name_expiry).count();
  return now.status != status::ongoing && !is_deciding(now) && clock.value - now.updated.value >= most;
}

std::string_view name_of(transaction_status s) {
  switch (s) {
    case status::empty: return "Empty";
    case status::ongoing: return "Ongoing";
    case status::prepare_commit: return "PrepareCommit";
    case status::prepare_abort: return "PrepareAbort";
    case status::complete_commit: return "CompleteCommit";
    case status::complete_abort: return "CompleteAbort";
  }
  return "Dead";
}

describe_transaction_response describe(std::string_view name, const transaction_value& now) {
  return {std::string(name),
          now.producer,
          now.epoch,
          std::string(name_of(now.status)),
          now.timeout,
          now.started,
          {now.partitions.begin(), now.partitions.end()},
          {now.groups.begin(), now.groups.end()}};
}

}  // namespace dohle::rules
