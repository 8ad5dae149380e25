// The group actor's parts, for its own .cpp files only: group.cpp (members), group_consumers.cpp (members that
// the broker assigns), group_offsets.cpp (what they committed).
#pragma once

#include <functional>

#include "actors/group.hpp"
#include "actors/internal_topics.hpp"

namespace dohle::actors {

using group_pointer = caf::stateful_actor<group_state>*;

/// Group time-outs run on the actor clock, which never goes back.
timestamp now(group_pointer self);
/// Appends one batch to `__consumer_offsets`; `then` gets the outcome when it is durable.
void persist(group_pointer self, batch_builder& builder, std::function<void(const result<void>&)> then);

/// A tick comes at this time or before.
void arm(group_pointer self, std::optional<timestamp> deadline);

/// A group that nobody ever joined or committed in (or that was deleted) is none.
bool exists(const group_state& s);
error unknown(const group_state& s);

void on_consumer_heartbeat(group_pointer self, const consumer_heartbeat_request& r);
result<describe_consumer_group_response> on_describe_consumers(const group_state& s);
/// Topics changed.
void on_topics(group_pointer self, directory_pointer topics);
void on_consumers_tick(group_pointer self);
/// A static member is sent away from outside.
void on_leave_by_name(group_pointer self, const leave_group_request& r);
/// Before somebody joins in the classic way: refused while others are there who do not.
std::optional<error> make_classic(group_pointer self);

void on_commit(group_pointer self, const commit_offsets_request& r);
result<fetch_offsets_response> on_fetch_offsets(const group_state& s, const fetch_offsets_request& r);
void on_delete_offsets(group_pointer self, const delete_offsets_request& r);
void on_decide(group_pointer self, const decide_part& d);
/// Offsets of a topic that is gone would point into another one of the same name.
void on_topic_deleted(group_pointer self, const std::string& topic);
/// Adds the tombstones of everything that was committed.
result<void> forget_offsets(const group_state& s, batch_builder& builder);

}  // namespace dohle::actors
