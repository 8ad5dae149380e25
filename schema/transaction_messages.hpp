// The conversation about producers' identities and transactions, as plain values (messages.hpp has the rest). A
// transaction joins batches in many partitions and the offsets that groups committed: all of it counts, or nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/types.hpp"

namespace dohle {

using milliseconds = std::chrono::milliseconds;

struct init_producer_response {
  producer_id id;
  std::int16_t epoch = 0;
  friend bool operator==(const init_producer_response&, const init_producer_response&) = default;
};
/// Without the name of a transaction: a new identity for an idempotent producer, never given twice. With one: the
/// identity of its only producer from now on; former ones are fenced and what they left open is aborted first.
struct init_producer_request {
  using response = init_producer_response;
  std::string transaction;       ///< Kafka's transactional id; empty = none
  milliseconds timeout{60'000};  ///< a transaction that is open for longer is aborted
  producer_id id = no_producer;  ///< a producer that goes on after an error says who it is
  std::int16_t epoch = -1;
  friend bool operator==(const init_producer_request&, const init_producer_request&) = default;
};

/// Who commits offsets within its transaction.
struct in_transaction {
  producer_id producer;
  std::int16_t epoch = 0;
  bool enlist = true;  ///< adds the group to the transaction; false: refused when it was not added
  friend bool operator==(const in_transaction&, const in_transaction&) = default;
};

struct add_to_transaction_response {
  friend bool operator==(const add_to_transaction_response&, const add_to_transaction_response&) = default;
};
/// These partitions and groups take part from now on; the first ones open the transaction.
struct add_to_transaction_request {
  using response = add_to_transaction_response;
  std::string transaction;
  producer_id producer;
  std::int16_t epoch = 0;
  std::vector<topic_partition> partitions;
  std::vector<std::string> groups;
  friend bool operator==(const add_to_transaction_request&, const add_to_transaction_request&) = default;
};

struct end_transaction_response {
  producer_id producer;  ///< who the producer is from now on
  std::int16_t epoch = 0;
  friend bool operator==(const end_transaction_response&, const end_transaction_response&) = default;
};
/// Decides the open transaction: answered when the decision is durable and every partition and group has heard of it.
/// The same again is answered the same.
struct end_transaction_request {
  using response = end_transaction_response;
  std::string transaction;
  producer_id producer;
  std::int16_t epoch = 0;
  bool commit = true;
  bool bump = true;  ///< the producer's epoch rises with the decision, so that what is late counts to no transaction
  friend bool operator==(const end_transaction_request&, const end_transaction_request&) = default;
};

struct listed_transaction {
  std::string transaction;
  producer_id producer;
  std::string state;  ///< Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort: Kafka's names
  timestamp started = no_timestamp;  ///< of the open transaction
  friend bool operator==(const listed_transaction&, const listed_transaction&) = default;
};
struct list_transactions_response {
  std::vector<listed_transaction> transactions;
  friend bool operator==(const list_transactions_response&, const list_transactions_response&) = default;
};
/// `invalid_pattern`
struct list_transactions_request {
  using response = list_transactions_response;
  std::string pattern;  ///< a regular expression (RE2) that names match as a whole; empty = all
  friend bool operator==(const list_transactions_request&, const list_transactions_request&) = default;
};
struct describe_transaction_response {
  std::string transaction;
  producer_id producer;
  std::int16_t epoch = 0;
  std::string state;
  milliseconds timeout{0};
  timestamp started = no_timestamp;
  std::vector<topic_partition> partitions;
  std::vector<std::string> groups;
  friend bool operator==(const describe_transaction_response&, const describe_transaction_response&) = default;
};
/// `unknown_transaction`
struct describe_transaction_request {
  using response = describe_transaction_response;
  std::string transaction;
  friend bool operator==(const describe_transaction_request&, const describe_transaction_request&) = default;
};

struct write_marker_response {
  friend bool operator==(const write_marker_response&, const write_marker_response&) = default;
};
/// Ends by hand what a producer left open in one partition, when its coordinator does not. Answered when that is
/// durable; where nothing is open nothing happens.
struct write_marker_request {
  using response = write_marker_response;
  std::string topic;
  partition_index partition;
  producer_id producer;
  std::int16_t epoch = 0;
  bool commit = false;
  friend bool operator==(const write_marker_request&, const write_marker_request&) = default;
};

}  // namespace dohle
