#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/consumer.hpp"
#include "actors/endpoint.hpp"

namespace dohle::actors {

namespace {

using consumer_self = caf::stateful_actor<consumer_state>;

void work(consumer_self* self);

void apply(consumer_self* self, membership::effects e);

/// Lets the membership decide while the reader stands still: it must not get records of a partition in the moment in
/// which that is given up.
template <class Decide>
void decide(consumer_self* self, Decide what) {
  auto& core = *self->state.core;
  const auto p = core.hold();
  apply(self, what(*self->state.group, membership::reader{p.processing, p.last_poll}));
  core.release();
}

/// Any request; the answer goes back to the membership.
void ask_any(consumer_self* self, membership::ask a) {
  const auto timeout = self->state.request_timeout + extra_wait(a.what);
  std::visit(
      [&](auto&& r) {
        using answer = result<typename std::decay_t<decltype(r)>::response>;
        ask(self, self->state.endpoint, std::chrono::nanoseconds{timeout}, std::move(r),
            [self, token = a.token](answer got) {
              if (!self->state.group) return;
              decide(self, [&](membership& m, membership::reader reader) {
                return m.answered(token, any_answer(std::move(got)), reader, self->clock().now());
              });
              work(self);
            });
      },
      std::move(a.what));
}

void apply(consumer_self* self, membership::effects e) {
  auto& s = self->state;
  for (auto& a : e.asks) ask_any(self, std::move(a));
  if (e.pause == true) s.core->pause(true);
  if (e.assignment) s.core->assign(e.assignment->begin, e.assignment->kept);
  s.core->set_member(s.group->member(), s.group->member().empty() ? generation{-1} : s.group->generation());
  s.core->set_problem(s.group->problem());
  if (e.pause == false) s.core->pause(false);
  if (s.group->wants_poll()) s.core->wake_on_poll();
  if (!e.left) return;
  s.group.reset();
  if (s.left) std::exchange(s.left, nullptr)();
}

void set_timer(consumer_self* self) {
  auto& s = self->state;
  auto at = s.core->next_retry();
  if (s.group) {
    if (auto t = s.group->next_tick(); t && (!at || *t < *at)) at = t;
  }
  if (!at || (s.timer && *s.timer <= *at)) return;
  s.timer = at;
  self->delayed_send(self, std::max<duration>(*at - self->clock().now(), duration::zero()), tick_atom::value);
}

void work(consumer_self* self) {
  auto& s = self->state;
  for (auto& p : s.core->plan(self->clock().now())) {
    ask(self, s.endpoint, std::chrono::nanoseconds{s.request_timeout + p.what.max_wait}, p.what,
        [self, p](result<fetch_response> answer) {
          self->state.core->fetched(p, std::move(answer), self->clock().now());
          work(self);
        });
  }
  set_timer(self);
}

void change_subscription(consumer_self* self, subscribe_call& c, const consumer_options& options,
                         const std::string& client) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (c.topics.empty()) {
    s.left = std::move(c.done);
    if (s.group)
      apply(self, s.group->leave(now));
    else if (s.left)
      std::exchange(s.left, nullptr)();
    s.core->set_problem(std::nullopt);
    s.core->pause(false);
  } else {
    if (!s.group) s.group.emplace(options, client, s.request_timeout);
    apply(self, s.group->subscribe(std::move(c.topics), now));
  }
  work(self);
}

}  // namespace

caf::behavior consumer_actor(consumer_self* self, std::shared_ptr<consumer_core> core, const consumer_options& options,
                             caf::actor endpoint, std::string client, duration request_timeout) {
  auto& s = self->state;
  s.core = std::move(core);
  s.endpoint = std::move(endpoint);
  s.request_timeout = request_timeout;
  self->set_exit_handler([self](caf::exit_msg& m) {
    self->state.core->close();
    self->quit(std::move(m.reason));
  });
  return {
      [self](wake_atom) {
        auto& st = self->state;
        // A poll wakes this actor when the membership waits for one; another wake-up finds the reader as it was.
        if (st.group && st.group->wants_poll()) {
          decide(self, [&](membership& m, membership::reader r) {
            return r.processing ? membership::effects{} : m.polled(self->clock().now());
          });
        }
        st.core->release();  // the poll that woke us waits for it
        work(self);
      },
      [self](tick_atom) {
        auto& st = self->state;
        st.timer.reset();
        if (st.group) decide(self, [&](membership& m, membership::reader r) { return m.tick(r, self->clock().now()); });
        work(self);
      },
      [self, options, client](subscribe_call& c) { change_subscription(self, c, options, client); },
  };
}

spawned_consumer spawn_consumer(caf::actor_system& system, const caf::actor& endpoint, const consumer_options& options,
                                const std::string& client, duration request_timeout) {
  // As with producers: the handle is filled in before anybody can wake it.
  auto target = std::make_shared<caf::actor>();
  auto core = std::make_shared<consumer_core>(
      options, request_timeout, [&system] { return system.clock().now(); },
      [target] { caf::anon_send(*target, wake_atom::value); });
  *target = system.spawn(consumer_actor, core, options, endpoint, client, request_timeout);
  return {std::move(core), *target};
}

}  // namespace dohle::actors
