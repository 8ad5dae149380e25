#include <algorithm>

#include "actors/group_parts.hpp"

namespace dohle::actors {

timestamp now(group_pointer self) {
  auto since = self->clock().now().time_since_epoch();
  return timestamp{std::chrono::duration_cast<milliseconds>(since).count()};
}

void persist(group_pointer self, batch_builder& builder, std::function<void(const result<void>&)> then) {
  append_records(self, self->state.setup.groups_leader, groups_topic, builder, std::move(then));
}

void arm(group_pointer self, std::optional<timestamp> deadline) {
  auto& s = self->state;
  if (!deadline || (s.armed && *s.armed <= *deadline)) return;
  s.armed = deadline;
  auto wait = std::max<std::int64_t>(1, deadline->value - now(self).value);
  self->delayed_send(self, milliseconds(wait), tick_atom::value);
}

bool exists(const group_state& s) {
  return s.consumers || s.group->member_count() > 0 || s.group->generation().value > 0 || !s.offsets.empty() ||
         !s.pending.empty();
}

error unknown(const group_state& s) {
  return {errc::unknown_group, "there is no group \"" + s.setup.id + "\"", "look at the group list"};
}

namespace {

// --- carrying out what the rules say -------------------------------------------------------------------------------

template <class Response>
void deliver(group_pointer self, rules::token t, result<Response> answer) {
  auto found = self->state.requests.find(t);
  if (found == self->state.requests.end()) return;
  found->second.deliver(std::move(answer));
  self->state.requests.erase(found);
}

void answer_all(group_pointer self, rules::group_effects& e, const result<void>& stored) {
  for (auto& [t, a] : e.joins) deliver<join_group_response>(self, t, stored || !a ? std::move(a) : stored.error());
  for (auto& [t, a] : e.syncs) deliver<sync_group_response>(self, t, stored || !a ? std::move(a) : stored.error());
}

void carry_out(group_pointer self, rules::group_effects effects) {
  arm(self, effects.next_deadline);
  if (!effects.persist) return answer_all(self, effects, {});
  batch_builder builder;
  auto& s = self->state;
  auto added = builder.add(s.setup.wall_clock(), encode_group_key(group_key{s.setup.id}),
                           encode_group_value(s.group->snapshot()));
  DOHLE_ASSERT(added.ok(), "a group's members fit a batch: limits::max_group_metadata");
  auto held = std::make_shared<rules::group_effects>(std::move(effects));
  persist(self, builder, [self, held](const result<void>& stored) { answer_all(self, *held, stored); });
}

rules::token wait_for(group_pointer self) {
  auto t = self->state.next_token++;
  self->state.requests.emplace(t, self->make_response_promise());
  return t;
}

void on_join(group_pointer self, const join_group_request& r) {
  if (auto refused = make_classic(self))
    return self->make_response_promise().deliver(result<join_group_response>{std::move(*refused)});
  auto t = wait_for(self);
  carry_out(self, self->state.group->join(t, r, self->state.setup.name_member(r.client), now(self)));
}

void on_sync(group_pointer self, const sync_group_request& r) {
  auto t = wait_for(self);
  carry_out(self, self->state.group->sync(t, r, now(self)));
}

void on_leave(group_pointer self, const leave_group_request& r) {
  if (self->state.consumers && r.member.empty()) return on_leave_by_name(self, r);
  auto promise = self->make_response_promise();
  auto left = self->state.group->leave(r, now(self));
  carry_out(self, std::move(left.effects));
  promise.deliver(std::move(left.answer));
}

// --- the whole group -----------------------------------------------------------------------------------------------

result<describe_group_response> on_describe(const group_state& s) {
  if (!exists(s)) return unknown(s);
  return s.consumers ? s.consumers->outline() : s.group->describe();
}

/// Of itself: the broker asks all.
result<list_groups_response> on_list(const group_state& s) {
  if (!exists(s)) return list_groups_response{};
  if (s.consumers) return list_groups_response{{{s.setup.id, s.consumers->describe().state, "consumer", "consumer"}}};
  return list_groups_response{
      {{s.setup.id, std::string{rules::to_string(s.group->state())}, s.group->protocol_type(), "classic"}}};
}

void on_delete(group_pointer self) {
  auto& s = self->state;
  auto promise = self->make_response_promise();
  if (!exists(s)) return promise.deliver(result<delete_group_response>{unknown(s)});
  auto may = s.consumers ? s.consumers->check_delete() : s.group->check_delete();
  if (!may) return promise.deliver(result<delete_group_response>{may.error()});
  batch_builder builder;
  auto at = s.setup.wall_clock();
  auto added = builder.add(at, encode_group_key(group_key{s.setup.id}), std::nullopt);
  if (added && s.consumers) added = builder.add(at, encode_group_key(consumer_group_key{s.setup.id}), std::nullopt);
  if (added) added = forget_offsets(s, builder);
  if (!added) return promise.deliver(result<delete_group_response>{added.error()});
  persist(self, builder, [self, promise](const result<void>& stored) mutable {
    if (!stored) return promise.deliver(result<delete_group_response>{stored.error()});
    auto& st = self->state;
    carry_out(self, st.group->close({errc::unknown_member, "the group was deleted", "join again"}));
    st.group.emplace(st.setup.id);
    st.consumers.reset();
    st.offsets.clear();
    st.pending.clear();
    promise.deliver(result<delete_group_response>{delete_group_response{}});
  });
}

}  // namespace

caf::behavior group(group_pointer self, group_setup setup) {
  auto& s = self->state;
  s.setup = std::move(setup);
  s.offsets = std::move(s.setup.stored.offsets);
  s.pending = rules::pending_offsets{std::move(s.setup.stored.pending)};
  if (s.setup.stored.members)
    s.group.emplace(rules::group::restore(s.setup.id, std::move(*s.setup.stored.members), now(self)));
  else
    s.group.emplace(s.setup.id);
  if (s.setup.stored.consumers) {
    s.consumers.emplace(rules::consumer_group::restore(s.setup.id, std::move(*s.setup.stored.consumers), now(self)));
    on_topics(self, s.setup.directory);
  }
  on_consumers_tick(self);
  carry_out(self, s.group->tick(now(self)));  // arms the sessions of restored members
  return {
      [=](const join_group_request& r) { on_join(self, r); },
      [=](const sync_group_request& r) { on_sync(self, r); },
      [=](const heartbeat_request& r) { return self->state.group->heartbeat(r, now(self)); },
      [=](const leave_group_request& r) { on_leave(self, r); },
      [=](const consumer_heartbeat_request& r) { on_consumer_heartbeat(self, r); },
      [=](const describe_consumer_group_request&) { return on_describe_consumers(self->state); },
      [=](const list_groups_request&) { return on_list(self->state); },
      [=](const directory_pointer& topics) { on_topics(self, topics); },
      [=](const commit_offsets_request& r) { on_commit(self, r); },
      [=](const fetch_offsets_request& r) { return on_fetch_offsets(self->state, r); },
      [=](const delete_offsets_request& r) { on_delete_offsets(self, r); },
      [=](const decide_part& r) { on_decide(self, r); },
      [=](const describe_group_request&) { return on_describe(self->state); },
      [=](const delete_group_request&) { on_delete(self); },
      [=](const topic_deleted_record& r) { on_topic_deleted(self, r.name); },
      [=](tick_atom) {
        self->state.armed.reset();
        on_consumers_tick(self);
        carry_out(self, self->state.group->tick(now(self)));
      },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
