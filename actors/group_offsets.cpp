// What a group's members committed: at once, or within a transaction, where it is kept ready until that is decided.
#include <algorithm>

#include "actors/group_parts.hpp"

namespace dohle::actors {

namespace {

std::string key_of(const group_state& s, const std::string& topic, partition_index partition) {
  return encode_group_key(offset_key{s.setup.id, topic, partition});
}

offset_value value_of(const committed_offset& o, timestamp at) { return {o.offset, o.metadata, at, o.leader_epoch}; }

result<void> add_offsets(const group_state& s, batch_builder& builder, const std::vector<committed_offset>& offsets) {
  const auto at = s.setup.wall_clock();
  for (const auto& o : offsets) {
    auto added = builder.add(at, key_of(s, o.topic, o.partition), encode_offset_value(value_of(o, at)));
    if (!added) return added;
  }
  return {};
}

void set_offsets(group_state& s, const std::vector<committed_offset>& offsets) {
  const auto at = s.setup.wall_clock();
  for (const auto& o : offsets) s.offsets[{o.topic, o.partition}] = value_of(o, at);
}

/// The records of a decision: they count together or not at all.
result<void> add_decision(const group_state& s, batch_builder& builder, producer_id by, const pending_value& value,
                          bool commit) {
  if (commit) {
    if (auto added = add_offsets(s, builder, value.offsets); !added) return added;
  }
  return builder.add(s.setup.wall_clock(), encode_group_key(pending_key{s.setup.id, by}), std::nullopt);
}

using commit_outcome = result<commit_offsets_response>;

void commit_now(group_pointer self, const commit_offsets_request& r, caf::response_promise promise) {
  batch_builder builder;
  if (auto added = add_offsets(self->state, builder, r.offsets); !added)
    return promise.deliver(commit_outcome{added.error()});
  persist(self, builder, [self, promise, offsets = r.offsets](const result<void>& stored) mutable {
    if (!stored) return promise.deliver(commit_outcome{stored.error()});
    set_offsets(self->state, offsets);
    promise.deliver(commit_outcome{commit_offsets_response{}});
  });
}

/// In memory at once, so that the next one joins it. Should persisting fail, the producer learns of it and the decision
/// takes it away again.
void stage(group_pointer self, const commit_offsets_request& r, caf::response_promise promise) {
  auto& s = self->state;
  auto value = s.pending.joined(*r.within, r.offsets);
  if (!value) return promise.deliver(commit_outcome{value.error()});
  const auto by = r.within->producer;
  batch_builder builder, decision;
  auto added =
      builder.add(s.setup.wall_clock(), encode_group_key(pending_key{s.setup.id, by}), encode_pending_value(*value));
  if (added) added = add_decision(s, decision, by, *value, true);  // what is too large to be decided is not begun
  if (!added) return promise.deliver(commit_outcome{added.error()});
  s.pending.put(by, std::move(*value));
  persist(self, builder, [promise](const result<void>& stored) mutable {
    promise.deliver(stored ? commit_outcome{commit_offsets_response{}} : commit_outcome{stored.error()});
  });
}

void enlist(group_pointer self, const commit_offsets_request& r, caf::response_promise promise) {
  auto& s = self->state;
  if (!s.setup.transactions)
    return promise.deliver(commit_outcome{error{errc::invalid_transaction, "this broker takes no transactions", ""}});
  enlist_part ask{r.within->producer, r.within->epoch, std::nullopt, s.setup.id, r.within->enlist};
  self->request(s.setup.transactions, caf::infinite, std::move(ask))
      .then(
          [self, r, promise](const result<part_enlisted>& may) mutable {
            if (!may) return promise.deliver(commit_outcome{may.error()});
            if (r.offsets.empty()) return promise.deliver(commit_outcome{commit_offsets_response{}});
            stage(self, r, promise);
          },
          [promise](const caf::error&) mutable { promise.deliver(commit_outcome{shutting_down()}); });
}

}  // namespace

void on_commit(group_pointer self, const commit_offsets_request& r) {
  auto promise = self->make_response_promise();
  auto& s = self->state;
  auto may = s.consumers ? s.consumers->check_commit(r) : s.group->check_commit(r, now(self));
  if (!may) return promise.deliver(commit_outcome{may.error()});
  if (r.within) return enlist(self, r, promise);
  if (r.offsets.empty()) return promise.deliver(commit_outcome{commit_offsets_response{}});
  commit_now(self, r, promise);
}

void on_decide(group_pointer self, const decide_part& d) {
  auto& s = self->state;
  auto promise = self->make_response_promise();
  const auto* value = s.pending.decided_by(d.producer, d.epoch);
  if (value == nullptr) return promise.deliver(result<part_decided>{part_decided{}});
  auto& waiting = s.deciding[d.producer];
  waiting.push_back(promise);
  if (waiting.size() > 1) return;  // the same again: applied twice it could undo a later commit
  batch_builder builder;
  auto added = add_decision(s, builder, d.producer, *value, d.commit);
  DOHLE_ASSERT(added.ok(), "what was staged can be decided");
  persist(self, builder, [self, d](const result<void>& stored) {
    auto& st = self->state;
    if (stored) {
      if (const auto* decided = st.pending.decided_by(d.producer, d.epoch); decided != nullptr && d.commit)
        set_offsets(st, decided->offsets);
      st.pending.forget(d.producer, d.epoch);
    }
    for (auto& waits : std::exchange(st.deciding[d.producer], {}))
      waits.deliver(stored ? result<part_decided>{part_decided{}} : result<part_decided>{stored.error()});
    st.deciding.erase(d.producer);
  });
}

result<fetch_offsets_response> on_fetch_offsets(const group_state& s, const fetch_offsets_request& r) {
  if (r.require_stable) {
    auto unstable = std::ranges::find_if(r.partitions, [&](const auto& p) { return s.pending.holds(p); });
    if (unstable != r.partitions.end() || (r.partitions.empty() && !s.pending.empty()))
      return error{errc::unstable_offset, "an open transaction commits offsets of group " + s.setup.id,
                   "ask again in a moment"};
  }
  fetch_offsets_response out;
  auto add = [&](const topic_partition& p, const offset_value& o) {
    out.offsets.push_back({p.topic, p.partition, o.offset, o.metadata, o.leader_epoch});
  };
  if (r.partitions.empty()) {
    for (const auto& [p, o] : s.offsets) add(p, o);
  }
  for (const auto& p : r.partitions)
    if (auto found = s.offsets.find(p); found != s.offsets.end()) add(p, found->second);
  return out;
}

void on_delete_offsets(group_pointer self, const delete_offsets_request& r) {
  using outcome = result<delete_offsets_response>;
  auto& s = self->state;
  auto promise = self->make_response_promise();
  if (!exists(s)) return promise.deliver(outcome{unknown(s)});
  auto read = s.consumers ? result{s.consumers->subscribed_topics()} : s.group->subscribed_topics();
  if (!read) return promise.deliver(outcome{read.error()});
  delete_offsets_response out;
  std::vector<topic_partition> gone;
  batch_builder builder;
  for (const auto& p : r.partitions) {
    if (read->contains(p.topic)) {
      out.subscribed.push_back(p);
    } else if (s.offsets.contains(p)) {
      auto added = builder.add(s.setup.wall_clock(), key_of(s, p.topic, p.partition), std::nullopt);
      if (!added) return promise.deliver(outcome{added.error()});
      gone.push_back(p);
    }
  }
  if (gone.empty()) return promise.deliver(outcome{std::move(out)});
  persist(self, builder, [self, promise, out, gone](const result<void>& stored) mutable {
    if (!stored) return promise.deliver(outcome{stored.error()});
    for (const auto& p : gone) self->state.offsets.erase(p);
    promise.deliver(outcome{std::move(out)});
  });
}

void on_topic_deleted(group_pointer self, const std::string& topic) {
  auto& s = self->state;
  std::set<partition_index> partitions;
  for (const auto& [p, o] : s.offsets)
    if (p.topic == topic) partitions.insert(p.partition);
  for (const auto& [by, value] : s.pending.all())  // a decision may be on its way to the disk
    for (const auto& o : value.offsets)
      if (o.topic == topic) partitions.insert(o.partition);
  const auto at = s.setup.wall_clock();
  batch_builder builder;
  for (auto p : partitions) {
    auto added = builder.add(at, key_of(s, topic, p), std::nullopt);
    DOHLE_ASSERT(added.ok(), "the keys of one topic's offsets fit a batch: limits::max_partitions_per_topic");
    s.offsets.erase({topic, p});
  }
  if (!builder.empty()) persist(self, builder, [](const result<void>&) {});
  for (auto by : s.pending.drop_topic(topic)) {
    if (s.deciding.contains(by)) continue;  // its record is gone already
    batch_builder changed;
    auto added =
        changed.add(at, encode_group_key(pending_key{s.setup.id, by}), encode_pending_value(s.pending.all().at(by)));
    DOHLE_ASSERT(added.ok(), "it became smaller");
    persist(self, changed, [](const result<void>&) {});
  }
}

result<void> forget_offsets(const group_state& s, batch_builder& builder) {
  const auto at = s.setup.wall_clock();
  result<void> added;
  for (const auto& [p, o] : s.offsets)
    if (added) added = builder.add(at, key_of(s, p.topic, p.partition), std::nullopt);
  for (const auto& [by, value] : s.pending.all())
    if (added) added = builder.add(at, encode_group_key(pending_key{s.setup.id, by}), std::nullopt);
  return added;
}

}  // namespace dohle::actors
