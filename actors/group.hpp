// One consumer group, at its coordinator: carries requests and time to rules::group, or to
// rules::consumer_group when its members leave assigning to the broker, keeps the committed offsets, and
// persists both as records of the internal topic `__consumer_offsets`, like any other data. Answers that depend on what
// is persisted are given when it is durable. Owned by the broker, one actor a group.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/directory.hpp"
#include "actors/messages.hpp"
#include "actors/name_pattern.hpp"
#include "rules/consumer_group.hpp"
#include "rules/group.hpp"
#include "rules/pending_offsets.hpp"
#include "schema/stored.hpp"

namespace dohle::actors {

/// What the records of `__consumer_offsets` say of one group.
struct stored_group {
  std::optional<group_value> members;
  std::optional<consumer_group_value> consumers;  ///< in place of `members` when the broker assigns
  std::map<topic_partition, offset_value> offsets;
  std::map<producer_id, pending_value> pending;  ///< committed within transactions that are still open
};

struct group_setup {
  std::string id;
  stored_group stored;
  caf::actor groups_leader;     ///< takes the records
  caf::actor transactions;      ///< knows whether a producer's offsets belong to an open transaction
  directory_pointer directory;  ///< which topics there are; newer ones follow as messages
  std::function<timestamp()> wall_clock;
  std::function<std::string(const std::string& client)> name_member;  ///< a new, never used member id
};

struct group_state {
  static inline const char* name = "group";

  group_setup setup;
  std::optional<rules::group> group;
  std::optional<rules::consumer_group> consumers;  ///< then `group` has no members
  std::map<std::string, name_pattern> patterns;    ///< that those subscribe to
  std::map<topic_partition, offset_value> offsets;
  rules::pending_offsets pending;
  std::map<producer_id, std::vector<caf::response_promise>> deciding;  ///< decisions on their way to the disk
  std::unordered_map<rules::token, caf::response_promise> requests;    ///< joins and syncs that wait
  rules::token next_token = 1;
  std::optional<timestamp> armed;  ///< when the next tick comes
};

caf::behavior group(caf::stateful_actor<group_state>* self, group_setup setup);

}  // namespace dohle::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::topic_deleted_record)
