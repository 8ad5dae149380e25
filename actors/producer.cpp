#include "actors/producer.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/endpoint.hpp"
#include "actors/impl.hpp"

namespace dohle {

namespace actors {

namespace {

using producer_self = caf::stateful_actor<producer_state>;

void work(producer_self* self);

/// Once for all answers that wait in the mailbox: with many partitions they come by the hundred.
void work_soon(producer_self* self) {
  if (!std::exchange(self->state.work_due, true)) self->send(self, wake_atom::value);
}

void set_timer(producer_self* self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  auto at = s.batches->next_check(now);
  if (s.next_linger && (!at || *s.next_linger < *at)) at = s.next_linger;
  if (!at || (s.timer && *s.timer <= *at)) return;
  s.timer = at;
  self->delayed_send(self, std::max<duration>(*at - now, duration::zero()), tick_atom::value);
}

void ask_metadata(producer_self* self) {
  auto& s = self->state;
  if (std::exchange(s.metadata_asked, true)) return;
  ask(self, s.endpoint, s.request_timeout, metadata_request{{s.core->topic()}, false},
      [self](result<metadata_response> answer) {
        auto& st = self->state;
        st.metadata_asked = false;
        st.metadata_at = self->clock().now();
        if (answer && !answer->topics.empty())
          st.core->set_partitions(static_cast<std::int32_t>(answer->topics.front().partitions.size()));
      });
}

void send(producer_self* self, delivery::outgoing o) {
  // Without CAF's time-out, which costs a timer a request: delivery::check has one deadline for silence.
  ask(self, self->state.endpoint, caf::infinite, std::move(o.what),
      [self, attempt = o.attempt](result<produce_response> answer) {
        self->state.batches->answered(attempt, std::move(answer), self->clock().now());
        work_soon(self);
      });
}

void work(producer_self* self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  auto taken = s.core->take(now);
  s.next_linger = taken.next_linger;
  for (auto& b : taken.batches) s.batches->add(std::move(b));
  for (auto& o : s.batches->pump(now)) send(self, std::move(o));
  if (s.batches->take_identity_need(now)) {
    ask(self, s.endpoint, s.request_timeout, init_producer_request{}, [self](result<init_producer_response> answer) {
      self->state.batches->identified(std::move(answer), self->clock().now());
      work(self);
    });
  }
  if (s.batches->take_metadata_need() || (!s.batches->idle() && now - s.metadata_at > limits::metadata_max_age))
    ask_metadata(self);
  set_timer(self);
}

}  // namespace

caf::behavior producer_actor(producer_self* self, std::shared_ptr<producer_core> core, const producer_options& options,
                             caf::actor endpoint, duration request_timeout) {
  auto& s = self->state;
  s.core = std::move(core);
  s.endpoint = std::move(endpoint);
  s.request_timeout = request_timeout;
  s.metadata_at = self->clock().now();
  s.batches.emplace(s.core->topic(), options, request_timeout,
                    [c = s.core](sealed_batch& b, delivery::outcome o) { c->settle(b, std::move(o)); });
  self->set_exit_handler([self](caf::exit_msg& m) {
    auto& st = self->state;
    st.core->refuse_sends();
    for (auto& b : st.core->take_all()) st.batches->add(std::move(b));  // their acks must hear of the end too
    st.batches->end({errc::closed, "the producer of " + st.core->topic() + " was closed", "flush before you close"});
    self->quit(std::move(m.reason));
  });
  return {
      [self](wake_atom) {
        self->state.work_due = false;
        work(self);
      },
      [self](const producer_stamp& who) { self->state.batches->begin_transaction(who); },
      [self](tick_atom) {
        self->state.timer.reset();
        self->state.batches->check(self->clock().now());
        work(self);
      },
  };
}

spawned_producer spawn_producer(caf::actor_system& system, const caf::actor& endpoint, const std::string& topic,
                                std::int32_t partitions, const producer_options& options, duration request_timeout,
                                std::uint64_t seed) {
  // The core must be able to wake an actor that is made with the core: the handle is filled in before anybody sends.
  auto target = std::make_shared<caf::actor>();
  auto core = std::make_shared<producer_core>(
      topic, options, partitions, seed, [&system] { return system.clock().now(); },
      [target] { caf::anon_send(*target, wake_atom::value); });
  *target = system.spawn(producer_actor, core, options, endpoint, request_timeout);
  return {std::move(core), *target};
}

result<void> check_options(const producer_options& o) {
  const auto bad = [](const std::string& what, const std::string& hint) {
    return error{errc::invalid_config, what, hint};
  };
  if (o.max_requests == 0) return bad("max_requests is 0", "give 1 to " + std::to_string(limits::producer_window));
  if (o.idempotent && o.max_requests > limits::producer_window)
    return bad("max_requests " + std::to_string(o.max_requests) + " is more than an idempotent producer can have",
               "give at most " + std::to_string(limits::producer_window) + ", or idempotent = false");
  if (o.batch_bytes == 0 || o.batch_bytes > limits::max_batch_bytes)
    return bad("batch_bytes " + std::to_string(o.batch_bytes) + " is out of range",
               "give 1 to " + std::to_string(limits::max_batch_bytes));
  if (o.buffer_bytes == 0) return bad("buffer_bytes is 0", "give a few times batch_bytes");
  if (o.delivery_timeout <= duration::zero()) return bad("delivery_timeout is not positive", "give some seconds");
  if (o.linger < duration::zero()) return bad("linger is negative", "give 0 to send at once");
  return {};
}

}  // namespace actors

// --- the facade ----------------------------------------------------------------------------------------------------

result<void> producer::impl::close(duration timeout) {
  if (closed_.exchange(true)) return {};
  spawned_.core->refuse_sends();
  auto flushed = spawned_.core->flush(timeout);
  caf::anon_send_exit(spawned_.actor, caf::exit_reason::user_shutdown);
  return flushed;
}

producer::producer(std::shared_ptr<impl> i) : impl_(std::move(i)) {}

result<ack> producer::send(const outgoing_record& record, duration timeout) {
  return impl_->core().send(record, timeout);
}
result<void> producer::flush(duration timeout) { return impl_->core().flush(timeout); }
producer::outcome producer::take_outcome() { return impl_->core().take_outcome(); }
std::size_t producer::buffered_bytes() const { return impl_->core().buffered_bytes(); }
const std::string& producer::topic() const { return impl_->core().topic(); }
result<void> producer::close(duration timeout) { return impl_->close(timeout); }

}  // namespace dohle
