#include "actors/group.hpp"

#include <algorithm>

#include "schema/record_batch.hpp"

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<group_state>*;

/// Group time-outs run on the actor clock, which never goes back.
timestamp now(self_pointer self) {
  auto since = self->clock().now().time_since_epoch();
  return timestamp{std::chrono::duration_cast<milliseconds>(since).count()};
}

// --- records -------------------------------------------------------------------------------------------------------

/// Appends one batch to `__groups`; `then` gets the outcome when it is durable.
template <class F>
void persist(self_pointer self, batch_builder& builder, F then) {
  auto batch = builder.build();
  if (!batch) return then(batch.error());
  produce_request r{std::string(groups_topic), partition_index{0}, ack_level::majority, std::move(*batch)};
  self->request(self->state.setup.groups_leader, caf::infinite, std::move(r))
      .then([then](result<produce_response>& a) mutable { then(a ? result<void>{} : result<void>{a.error()}); },
            [then](const caf::error&) mutable {
              then(error{errc::closed, "the broker is shutting down", ""});
            });
}

// --- carrying out what the rules say -------------------------------------------------------------------------------

template <class Response>
void deliver(self_pointer self, rules::token t, result<Response> answer) {
  auto found = self->state.requests.find(t);
  if (found == self->state.requests.end()) return;
  found->second.deliver(std::move(answer));
  self->state.requests.erase(found);
}

void arm(self_pointer self, std::optional<timestamp> deadline) {
  auto& s = self->state;
  if (!deadline || (s.armed && *s.armed <= *deadline)) return;
  s.armed = deadline;
  auto wait = std::max<std::int64_t>(1, deadline->value - now(self).value);
  self->delayed_send(self, milliseconds(wait), tick_atom::value);
}

void answer_all(self_pointer self, rules::group_effects& e, const result<void>& stored) {
  for (auto& [t, a] : e.joins) deliver<join_group_response>(self, t, stored || !a ? std::move(a) : stored.error());
  for (auto& [t, a] : e.syncs) deliver<sync_group_response>(self, t, stored || !a ? std::move(a) : stored.error());
}

void carry_out(self_pointer self, rules::group_effects effects) {
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

rules::token wait_for(self_pointer self) {
  auto t = self->state.next_token++;
  self->state.requests.emplace(t, self->make_response_promise());
  return t;
}

void on_join(self_pointer self, const join_group_request& r) {
  auto t = wait_for(self);
  carry_out(self, self->state.group->join(t, r, self->state.setup.name_member(r.client), now(self)));
}

void on_sync(self_pointer self, const sync_group_request& r) {
  auto t = wait_for(self);
  carry_out(self, self->state.group->sync(t, r, now(self)));
}

result<leave_group_response> on_leave(self_pointer self, const leave_group_request& r) {
  auto left = self->state.group->leave(r, now(self));
  carry_out(self, std::move(left.effects));
  return left.answer;
}

// --- offsets -------------------------------------------------------------------------------------------------------

std::optional<error> refuse_commit(self_pointer self, const commit_offsets_request& r) {
  if (auto may = self->state.group->check_commit(r, now(self)); !may) return may.error();
  for (const auto& o : r.offsets)
    if (o.metadata.size() > limits::max_commit_metadata)
      return error{errc::invalid_request,
                   "metadata of " + std::to_string(o.metadata.size()) + " bytes at a committed offset, " +
                       std::to_string(limits::max_commit_metadata) + " are taken",
                   "shorter metadata"};
  return std::nullopt;
}

void on_commit(self_pointer self, const commit_offsets_request& r) {
  auto& s = self->state;
  auto promise = self->make_response_promise();
  if (auto e = refuse_commit(self, r)) return promise.deliver(result<commit_offsets_response>{std::move(*e)});
  if (r.offsets.empty()) return promise.deliver(result<commit_offsets_response>{commit_offsets_response{}});
  batch_builder builder;
  auto at = s.setup.wall_clock();
  for (const auto& o : r.offsets) {
    auto added = builder.add(at, encode_group_key(offset_key{s.setup.id, o.topic, o.partition}),
                             encode_offset_value(offset_value{o.offset, o.metadata, at}));
    if (!added) return promise.deliver(result<commit_offsets_response>{added.error()});
  }
  persist(self, builder, [self, promise, offsets = r.offsets](const result<void>& stored) mutable {
    if (!stored) return promise.deliver(result<commit_offsets_response>{stored.error()});
    for (auto& o : offsets) self->state.offsets[{o.topic, o.partition}] = {o.offset, std::move(o.metadata)};
    promise.deliver(result<commit_offsets_response>{commit_offsets_response{}});
  });
}

result<fetch_offsets_response> on_fetch_offsets(const group_state& s, const fetch_offsets_request& r) {
  fetch_offsets_response out;
  auto add = [&](const topic_partition& p, const stored_offset& o) {
    out.offsets.push_back({p.topic, p.partition, o.offset, o.metadata});
  };
  if (r.partitions.empty()) {
    for (const auto& [p, o] : s.offsets) add(p, o);
  }
  for (const auto& p : r.partitions)
    if (auto found = s.offsets.find(p); found != s.offsets.end()) add(p, found->second);
  return out;
}

/// A group that nobody ever joined or committed in (or that was deleted) is none.
bool exists(const group_state& s) {
  return s.group->member_count() > 0 || s.group->generation().value > 0 || !s.offsets.empty();
}

error unknown(const group_state& s) {
  return {errc::unknown_group, "there is no group \"" + s.setup.id + "\"", "look at the group list"};
}

result<describe_group_response> on_describe(const group_state& s) {
  if (!exists(s)) return unknown(s);
  return s.group->describe();
}

void on_delete(self_pointer self) {
  auto& s = self->state;
  auto promise = self->make_response_promise();
  if (!exists(s)) return promise.deliver(result<delete_group_response>{unknown(s)});
  if (auto may = s.group->check_delete(); !may) return promise.deliver(result<delete_group_response>{may.error()});
  batch_builder builder;
  auto at = s.setup.wall_clock();
  auto added = builder.add(at, encode_group_key(group_key{s.setup.id}), std::nullopt);
  for (const auto& [p, o] : s.offsets)
    if (added) added = builder.add(at, encode_group_key(offset_key{s.setup.id, p.topic, p.partition}), std::nullopt);
  if (!added) return promise.deliver(result<delete_group_response>{added.error()});
  persist(self, builder, [self, promise](const result<void>& stored) mutable {
    if (!stored) return promise.deliver(result<delete_group_response>{stored.error()});
    auto& st = self->state;
    carry_out(self, st.group->close({errc::unknown_member, "the group was deleted", "join again"}));
    st.group.emplace(st.setup.id);
    st.offsets.clear();
    promise.deliver(result<delete_group_response>{delete_group_response{}});
  });
}

/// Offsets of a topic that is gone would point into another one of the same name.
void on_topic_deleted(self_pointer self, const std::string& topic) {
  auto& s = self->state;
  batch_builder builder;
  for (auto i = s.offsets.begin(); i != s.offsets.end();) {
    if (i->first.topic != topic) {
      ++i;
      continue;
    }
    auto key = encode_group_key(offset_key{s.setup.id, topic, i->first.partition});
    auto added = builder.add(s.setup.wall_clock(), key, std::nullopt);
    DOHLE_ASSERT(added.ok(), "the keys of one topic's offsets fit a batch: limits::max_partitions_per_topic");
    i = s.offsets.erase(i);
  }
  if (!builder.empty()) persist(self, builder, [](const result<void>&) {});
}

}  // namespace

caf::behavior group(self_pointer self, group_setup setup) {
  auto& s = self->state;
  s.setup = std::move(setup);
  s.offsets = std::move(s.setup.stored.offsets);
  if (s.setup.stored.members)
    s.group.emplace(rules::group::restore(s.setup.id, std::move(*s.setup.stored.members), now(self)));
  else
    s.group.emplace(s.setup.id);
  carry_out(self, s.group->tick(now(self)));  // arms the sessions of restored members
  return {
      [=](const join_group_request& r) { on_join(self, r); },
      [=](const sync_group_request& r) { on_sync(self, r); },
      [=](const heartbeat_request& r) { return self->state.group->heartbeat(r, now(self)); },
      [=](const leave_group_request& r) { return on_leave(self, r); },
      [=](const commit_offsets_request& r) { on_commit(self, r); },
      [=](const fetch_offsets_request& r) { return on_fetch_offsets(self->state, r); },
      [=](const describe_group_request&) { return on_describe(self->state); },
      [=](const delete_group_request&) { on_delete(self); },
      [=](const topic_deleted_record& r) { on_topic_deleted(self, r.name); },
      [=](tick_atom) {
        self->state.armed.reset();
        carry_out(self, self->state.group->tick(now(self)));
      },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
