// Offsets that a group's members committed within transactions that are not decided yet: they count when the
// transaction does. Pure. Owner: the group's actor. Invariant: a producer has one open transaction, that of the newest
// epoch heard of here.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "schema/error.hpp"
#include "schema/messages.hpp"
#include "schema/stored.hpp"
#include "schema/types.hpp"

namespace dohle::rules {

class pending_offsets {
 public:
  pending_offsets() = default;
  explicit pending_offsets(std::map<producer_id, pending_value> from) : all_(std::move(from)) {}

  /// What the producer has pending when these join: of one epoch the last word on a partition counts, a newer epoch
  /// forgets what an older one left. `producer_fenced` when a newer epoch was here.
  result<pending_value> joined(const in_transaction& by, const std::vector<committed_offset>& offsets) const;
  void put(producer_id by, pending_value value) { all_[by] = std::move(value); }
  /// What a decision of this epoch is about; null: nothing. The decision may carry the epoch that follows it.
  const pending_value* decided_by(producer_id by, std::int16_t epoch) const;
  /// It was decided.
  void forget(producer_id by, std::int16_t epoch);
  /// Who changed by it: with nothing left the producer's value is empty, and stays until the decision.
  std::set<producer_id> drop_topic(const std::string& topic);

  bool holds(const topic_partition& p) const;
  bool empty() const { return all_.empty(); }
  const std::map<producer_id, pending_value>& all() const { return all_; }
  void clear() { all_.clear(); }

 private:
  std::map<producer_id, pending_value> all_;
};

}  // namespace dohle::rules
