// Groups that the broker assigns (KIP-848): heartbeats and topics are carried to rules::consumer_group. A group speaks
// one protocol at a time; who comes with the other one takes it over when nobody is left.
#include <algorithm>

#include "actors/group_parts.hpp"
#include "rules/topic_config.hpp"

namespace dohle::actors {

namespace {

using outcome = result<consumer_heartbeat_response>;

/// What there is to read, in the words of these patterns. Compiled ones are kept while they are in use.
rules::known_topics topics_for(group_state& s, const std::set<std::string>& patterns) {
  rules::known_topics known;
  std::erase_if(s.patterns, [&](const auto& entry) { return !patterns.contains(entry.first); });
  for (const auto& text : patterns) {
    known.matches[text];
    if (s.patterns.contains(text)) continue;
    if (auto compiled = name_pattern::compile(text)) s.patterns.emplace(text, std::move(*compiled));
  }
  if (!s.setup.directory) return known;
  for (const auto& [name, partitions] : s.setup.directory->topics) {
    if (name == cluster_topic) continue;  // it is the broker's alone
    known.counts[name] = static_cast<std::int32_t>(partitions.size());
    for (const auto& [text, pattern] : s.patterns)
      if (pattern.matches(name)) known.matches[text].insert(name);
  }
  return known;
}

/// Adds what the group is now; `replaced` takes the place of the classic group's record.
result<void> add_snapshot(const group_state& s, batch_builder& builder, bool replaced) {
  const auto at = s.setup.wall_clock();
  if (replaced) {
    if (auto added = builder.add(at, encode_group_key(group_key{s.setup.id}), std::nullopt); !added) return added;
  }
  return builder.add(at, encode_group_key(consumer_group_key{s.setup.id}),
                     encode_consumer_group_value(s.consumers->snapshot()));
}

void carry_out(group_pointer self, rules::consumer_effects e, bool replaced, std::function<void(outcome)> then) {
  arm(self, e.next_deadline);
  if (!e.persist && !replaced) return then(std::move(e.answer));
  batch_builder builder;
  if (auto added = add_snapshot(self->state, builder, replaced); !added)
    return then(
        error{errc::busy, "group " + self->state.setup.id + " became too large to be kept", "fewer members or topics"});
  persist(self, builder, [answer = std::move(e.answer), then](const result<void>& stored) {
    then(stored || !answer ? answer : outcome{stored.error()});
  });
}

void ignore(const outcome&) {}

}  // namespace

void on_consumer_heartbeat(group_pointer self, const consumer_heartbeat_request& r) {
  auto& s = self->state;
  auto promise = self->make_response_promise();
  const bool begins = !s.consumers;
  if (begins && (r.member_epoch != 0 || s.group->member_count() > 0))
    return promise.deliver(outcome{error{errc::unknown_group, "group " + s.setup.id + " is no such consumer group",
                                         "end the consumers of the classic protocol first"}});
  const auto pattern = r.pattern.value_or("");
  if (!pattern.empty()) {
    if (auto compiled = name_pattern::compile(pattern); !compiled) return promise.deliver(outcome{compiled.error()});
  }
  if (begins) s.consumers.emplace(s.setup.id);
  bool learned = false;
  if (r.topics || r.pattern) {
    auto patterns = s.consumers->patterns();
    if (!pattern.empty()) patterns.insert(pattern);
    learned = s.consumers->learn(topics_for(s, patterns));
  }
  auto effects = s.consumers->heartbeat(r, s.setup.name_member(r.client), now(self));
  effects.persist |= learned;
  if (begins && !effects.answer) {
    s.consumers.reset();
    return promise.deliver(std::move(effects.answer));
  }
  const bool replaced = begins && s.group->generation().value > 0;
  if (replaced) s.group.emplace(s.setup.id);
  carry_out(self, std::move(effects), replaced, [promise](outcome a) mutable { promise.deliver(std::move(a)); });
}

result<describe_consumer_group_response> on_describe_consumers(const group_state& s) {
  if (!s.consumers) return unknown(s);
  return s.consumers->describe();
}

void on_topics(group_pointer self, directory_pointer topics) {
  auto& s = self->state;
  s.setup.directory = std::move(topics);
  if (!s.consumers || !s.consumers->learn(topics_for(s, s.consumers->patterns()))) return;
  auto effects = s.consumers->tick(now(self));
  effects.persist = true;
  carry_out(self, std::move(effects), false, ignore);
}

void on_consumers_tick(group_pointer self) {
  if (self->state.consumers) carry_out(self, self->state.consumers->tick(now(self)), false, ignore);
}

void on_leave_by_name(group_pointer self, const leave_group_request& r) {
  auto promise = self->make_response_promise();
  carry_out(self, self->state.consumers->remove_instance(r.instance, now(self)), false,
            [promise](const outcome& a) mutable {
              promise.deliver(a ? result<leave_group_response>{leave_group_response{}} : a.error());
            });
}

std::optional<error> make_classic(group_pointer self) {
  auto& s = self->state;
  if (!s.consumers) return std::nullopt;
  if (s.consumers->member_count() > 0)
    return error{errc::inconsistent_protocol, "the members of group " + s.setup.id + " leave assigning to the broker",
                 "group.protocol=consumer, or end them first"};
  batch_builder builder;
  auto added = builder.add(s.setup.wall_clock(), encode_group_key(consumer_group_key{s.setup.id}), std::nullopt);
  DOHLE_ASSERT(added.ok(), "a key fits a batch");
  persist(self, builder, [](const result<void>&) {});
  s.consumers.reset();
  s.patterns.clear();
  return std::nullopt;
}

}  // namespace dohle::actors
