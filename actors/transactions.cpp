#include "actors/transactions.hpp"

#include <algorithm>

#include "actors/internal_topics.hpp"
#include "actors/logging.hpp"
#include "actors/name_pattern.hpp"

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<transactions_state>*;
using entry = transactions_state::entry;
using outcome = transactions_state::outcome;
using decision_handler = transactions_state::decision_handler;
using again_atom = caf::atom_constant<caf::atom("again")>;

error unknown(const std::string& name) {
  return {errc::unknown_transaction, "there is no transaction \"" + name + "\"", "begin with init_producer"};
}

entry* find(self_pointer self, const std::string& name) {
  auto found = self->state.names.find(name);
  return found == self->state.names.end() ? nullptr : &found->second;
}

void need_tick(self_pointer self) {
  if (std::exchange(self->state.ticking, true)) return;
  self->delayed_send(self, limits::transaction_check_interval, tick_atom::value);
}

// --- persisting ----------------------------------------------------------------------------------------------------

void set_deadline(self_pointer self, entry& e) {
  if (e.current.status != transaction_status::ongoing) return e.deadline.reset();
  if (!e.deadline) e.deadline = self->clock().now() + e.current.timeout;
  need_tick(self);
}

void on_persisted(self_pointer self, const std::string& name, const transaction_value& value,
                  const result<void>& stored) {
  auto& e = self->state.names.at(name);
  ++e.flushed;
  if (stored)
    e.durable = value;
  else
    e.refused = true;
  std::deque<decision_handler> undecided;
  // What was built on a value that was not taken is as good as not asked: only the durable one counts.
  if (e.flushed == e.written && std::exchange(e.refused, false)) {
    e.current = e.durable;
    set_deadline(self, e);
    if (!rules::is_deciding(e.current)) undecided.swap(e.when_decided);
  }
  std::vector<outcome> over;
  while (!e.waiting.empty() && e.waiting.front().first <= e.flushed) {
    over.push_back(std::move(e.waiting.front().second));
    e.waiting.pop_front();
  }
  for (auto& then : over) then(stored);
  for (auto& then : undecided) then(&stored.error());
}

void write(self_pointer self, const std::string& name, std::optional<std::string> value, outcome then) {
  auto& s = self->state;
  batch_builder builder;
  auto added = builder.add(s.setup.wall_clock(), name, value);
  DOHLE_ASSERT(added.ok(), "a transaction's value fits a batch: limits::max_transaction_parts");
  append_records(self, s.leader, transactions_topic, builder, std::move(then));
}

/// Makes `next` the value of the name; `then` when that is durable, or was not taken.
void become(self_pointer self, const std::string& name, const transaction_value& next, outcome then) {
  auto& e = self->state.names.at(name);
  const bool same = next == e.current;
  if (!same) {
    e.current = next;
    ++e.written;
  }
  // The same value again may still be on its way: the answer waits for it all the same.
  if (e.written == e.flushed && same) return then({});
  e.waiting.emplace_back(e.written, std::move(then));
  if (same) return;
  self->state.by_producer[next.producer] = name;
  set_deadline(self, e);
  write(self, name, encode_transaction_value(next),
        [=](const result<void>& stored) { on_persisted(self, name, next, stored); });
}

/// While a refused value is on its way nothing is built on it.
std::optional<error> refuse(const entry& e) {
  if (!e.refused) return std::nullopt;
  return error{errc::busy, "the disk refused a change of this transaction", "the same again in a moment"};
}

// --- deciding ------------------------------------------------------------------------------------------------------

void try_again(self_pointer self, const std::string& name, const error& why) {
  if (why.code != errc::closed) self->delayed_send(self, limits::max_retry_backoff, again_atom::value, name);
}

void finish(self_pointer self, const std::string& name, producer_id fresh) {
  auto& e = self->state.names.at(name);
  auto next = rules::complete(e.current, fresh, self->state.setup.wall_clock());
  const bool renamed = next.producer != e.current.producer;
  if (renamed) self->state.by_producer.erase(e.current.producer);
  const auto answer = [self, name] {
    auto waiting = std::exchange(self->state.names.at(name).when_decided, {});
    for (auto& then : waiting) then(nullptr);
  };
  become(self, name, next, [=](const result<void>& stored) {
    if (!stored) return try_again(self, name, stored.error());
    if (renamed) answer();
  });
  // The decision is durable and carried out: after a crash it would be found complete again. A new id would be another.
  if (!renamed) answer();
}

void with_new_producer(self_pointer self, std::function<void(result<producer_id>)> then) {
  self->request(self->state.setup.broker, caf::infinite, init_producer_request{})
      .then([then](const result<init_producer_response>& a) { then(a ? result<producer_id>{a->id} : a.error()); },
            [then](const caf::error&) { then(shutting_down()); });
}

void all_heard(self_pointer self, const std::string& name) {
  auto& e = self->state.names.at(name);
  if (!rules::is_deciding(e.current)) return;
  if (!rules::needs_new_producer(e.current)) return finish(self, name, no_producer);
  with_new_producer(self, [self, name](const result<producer_id>& fresh) {
    if (fresh) return finish(self, name, *fresh);
    try_again(self, name, fresh.error());
  });
}

void on_heard(self_pointer self, const std::string& name, const decide_part& what, const result<part_decided>& answer) {
  if (!answer) {
    if (answer.code() == errc::closed) return;
    // A partition that cannot take its marker now (a full disk) will: readers wait for it.
    log().warn("transaction {}: a part has not heard of the decision yet: {}", name, to_string(answer.error()));
    self->delayed_send(self, limits::max_retry_backoff, name, what);
    return;
  }
  if (--self->state.names.at(name).unheard == 0) all_heard(self, name);
}

void tell(self_pointer self, const std::string& name, decide_part what) {
  self->request(self->state.setup.broker, caf::infinite, what)
      .then([=](const result<part_decided>& a) { on_heard(self, name, what, a); }, [](const caf::error&) {});
}

/// The decision of the name is durable: everybody hears of it.
void carry_out(self_pointer self, const std::string& name) {
  auto& e = self->state.names.at(name);
  const auto& v = e.current;
  decide_part what{v.producer, v.epoch, v.status == transaction_status::prepare_commit, std::nullopt, {}};
  std::vector<decide_part> all;
  for (const auto& p : v.partitions) all.push_back(what), all.back().partition = p;
  for (const auto& g : v.groups) all.push_back(what), all.back().group = g;
  e.unheard = all.size();
  if (all.empty()) return all_heard(self, name);
  for (auto& one : all) tell(self, name, std::move(one));
}

void decide(self_pointer self, const std::string& name, const transaction_value& decision, decision_handler then) {
  become(self, name, decision, [=](const result<void>& stored) {
    if (!stored) return then(&stored.error());
    self->state.names.at(name).when_decided.push_back(then);
    carry_out(self, name);
  });
}

/// Names that nobody used for long go; their records too.
void forget_unused(self_pointer self) {
  auto& s = self->state;
  const auto clock = s.setup.wall_clock();
  for (auto i = s.names.begin(); i != s.names.end();) {
    const auto& e = i->second;
    if (e.written != e.flushed || !rules::is_forgotten(e.current, clock)) {
      ++i;
      continue;
    }
    s.by_producer.erase(e.current.producer);
    write(self, i->first, std::nullopt, [](const result<void>&) {});
    i = s.names.erase(i);
  }
}

// --- requests ------------------------------------------------------------------------------------------------------

void begin_with(self_pointer self, const init_producer_request& r, producer_id fresh, caf::response_promise promise) {
  using answer = result<init_producer_response>;
  auto& s = self->state;
  auto* e = find(self, r.transaction);
  if (!e && s.names.size() >= limits::max_transactions) forget_unused(self);
  if (!e && s.names.size() >= limits::max_transactions)
    return promise.deliver(answer{error{errc::busy, "there are too many names of transactions",
                                        "fewer names: unused ones are forgotten after a week"}});
  if (e) {
    if (auto refused = refuse(*e)) return promise.deliver(answer{std::move(*refused)});
    if (rules::is_deciding(e->current))
      return e->when_decided.push_back([=](const error* failed) mutable {
        if (failed) return promise.deliver(answer{*failed});
        begin_with(self, r, fresh, promise);
      });
  }
  auto now = e ? std::optional{e->current} : std::nullopt;
  auto next = rules::begin_producer(now, r, fresh, s.setup.wall_clock());
  if (!next) return promise.deliver(answer{next.error()});
  if (rules::is_deciding(*next))
    return decide(self, r.transaction, *next, [=](const error* failed) mutable {
      if (failed) return promise.deliver(answer{*failed});
      begin_with(self, r, fresh, promise);
    });
  if (now && now->producer != next->producer) s.by_producer.erase(now->producer);
  s.names[r.transaction];
  become(self, r.transaction, *next,
         [=, made = init_producer_response{next->producer, next->epoch}](const result<void>& stored) mutable {
           promise.deliver(stored ? answer{made} : answer{stored.error()});
         });
}

void on_begin(self_pointer self, const init_producer_request& r) {
  auto promise = self->make_response_promise();
  with_new_producer(self, [=](const result<producer_id>& fresh) mutable {
    if (!fresh) return promise.deliver(result<init_producer_response>{fresh.error()});
    begin_with(self, r, *fresh, promise);
  });
}

/// Adds parts, or checks that they are there; `Answer` when it is durable.
template <class Answer>
void take_part(self_pointer self, const std::string* name, producer_id producer, std::int16_t epoch,
               const rules::transaction_parts& parts, bool may_add) {
  auto promise = self->make_response_promise();
  auto deliver = [promise](const result<void>& done) mutable {
    promise.deliver(done ? result<Answer>{Answer{}} : result<Answer>{done.error()});
  };
  auto* e = name ? find(self, *name) : nullptr;
  if (!e)
    return deliver(error{errc::unknown_producer,
                         "producer " + std::to_string(producer.value) + " belongs to no transaction that is known here",
                         "begin with init_producer"});
  if (auto refused = refuse(*e)) return deliver(std::move(*refused));
  auto next = e->current;
  if (may_add) {
    auto added = rules::add_parts(e->current, producer, epoch, parts, self->state.setup.wall_clock());
    if (!added) return deliver(added.error());
    next = std::move(*added);
  } else if (auto there = rules::check_parts(e->current, producer, epoch, parts); !there) {
    return deliver(there);
  }
  become(self, *name, next, deliver);
}

void on_add(self_pointer self, const add_to_transaction_request& r) {
  rules::transaction_parts parts{{r.partitions.begin(), r.partitions.end()}, {r.groups.begin(), r.groups.end()}};
  take_part<add_to_transaction_response>(self, &r.transaction, r.producer, r.epoch, parts, true);
}

void on_enlist(self_pointer self, const enlist_part& m) {
  rules::transaction_parts parts;
  if (m.partition)
    parts.partitions.insert(*m.partition);
  else
    parts.groups.insert(m.group);
  auto found = self->state.by_producer.find(m.producer);
  const auto* name = found == self->state.by_producer.end() ? nullptr : &found->second;
  take_part<part_enlisted>(self, name, m.producer, m.epoch, parts, m.may_add);
}

void on_end(self_pointer self, const end_transaction_request& r) {
  using answer = result<end_transaction_response>;
  auto promise = self->make_response_promise();
  auto* e = find(self, r.transaction);
  if (!e) return promise.deliver(answer{unknown(r.transaction)});
  if (auto refused = refuse(*e)) return promise.deliver(answer{std::move(*refused)});
  auto next = rules::end_transaction(e->current, r, self->state.setup.wall_clock());
  if (!next) return promise.deliver(answer{next.error()});
  const auto name = r.transaction;
  auto deliver = [self, name, promise](const error* failed) mutable {
    if (failed) return promise.deliver(answer{*failed});
    const auto& v = self->state.names.at(name).current;
    promise.deliver(answer{end_transaction_response{v.producer, v.epoch}});
  };
  if (*next != e->current) return decide(self, name, *next, deliver);
  become(self, name, *next,
         [deliver](const result<void>& stored) mutable { deliver(stored ? nullptr : &stored.error()); });
}

result<list_transactions_response> on_list(const transactions_state& s, const list_transactions_request& r) {
  list_transactions_response out;
  auto pattern = name_pattern::compile(r.pattern);
  if (!pattern) return pattern.error();
  for (const auto& [name, e] : s.names) {
    if (!r.pattern.empty() && !pattern->matches(name)) continue;
    out.transactions.push_back(
        {name, e.durable.producer, std::string(rules::name_of(e.durable.status)), e.durable.started});
  }
  return out;
}

result<describe_transaction_response> on_describe(const transactions_state& s, const std::string& name) {
  auto found = s.names.find(name);
  if (found == s.names.end()) return unknown(name);
  return rules::describe(name, found->second.durable);
}

// --- time ----------------------------------------------------------------------------------------------------------

void on_tick(self_pointer self) {
  auto& s = self->state;
  s.ticking = false;
  const auto now = self->clock().now();
  const auto clock = s.setup.wall_clock();
  std::vector<std::string> overdue;
  bool more = false;
  for (const auto& [name, e] : s.names) {
    if (e.deadline && now >= *e.deadline && !e.refused) overdue.push_back(name);
    more |= e.deadline.has_value();
  }
  for (const auto& name : overdue) {
    log().info("transaction {} was open for longer than its time-out: it is aborted", name);
    auto& e = s.names.at(name);
    // Tried again when the disk refuses: the deadline comes back with the value.
    const auto again = now + limits::max_retry_backoff;
    decide(self, name, rules::abort_overdue(e.current, clock), [=](const error* failed) {
      if (!failed) return;
      self->state.names.at(name).deadline = again;
      need_tick(self);
    });
  }
  if (more) need_tick(self);
}

void on_leader(self_pointer self, const transactions_begin& m) {
  auto& s = self->state;
  s.leader = m.leader;
  for (auto& [name, value] : std::exchange(s.setup.stored, {})) {
    auto& e = s.names[name];
    e.current = e.durable = value;
    s.by_producer[value.producer] = name;
    set_deadline(self, e);
    if (rules::is_deciding(value)) carry_out(self, name);
  }
  forget_unused(self);
}

}  // namespace

caf::behavior transactions(self_pointer self, transactions_setup setup) {
  self->state.setup = std::move(setup);
  return {
      [=](const transactions_begin& m) { on_leader(self, m); },
      [=](const init_producer_request& r) { on_begin(self, r); },
      [=](const add_to_transaction_request& r) { on_add(self, r); },
      [=](const end_transaction_request& r) { on_end(self, r); },
      [=](const enlist_part& m) { on_enlist(self, m); },
      [=](const list_transactions_request& r) { return on_list(self->state, r); },
      [=](const describe_transaction_request& r) { return on_describe(self->state, r.transaction); },
      [=](const std::string& name, const decide_part& what) { tell(self, name, what); },
      [=](again_atom, const std::string& name) { all_heard(self, name); },
      [=](tick_atom) { on_tick(self); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
