// Actors without threads: CAF's test scheduler runs them one step at a time in the test's own thread, and time is a
// number that the test moves. Never spawn a detached actor here.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "actors/endpoint.hpp"
#include "schema/record_batch.hpp"

namespace dohle::actors::testing {

using namespace std::chrono_literals;
using time_point = std::chrono::steady_clock::time_point;

struct test_config : caf::actor_system_config {
  test_config() { set("scheduler.policy", caf::atom("testing")); }
};

/// Base of tests with actors. Register what you spawn with `owned`, so that it ends with the test.
class deterministic : public ::testing::Test {
 protected:
  deterministic() : sys{cfg}, sched{dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler())} {}
  ~deterministic() override {
    for (auto& a : owned_) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    settle();
    owned_.clear();
  }

  caf::actor owned(caf::actor a) {
    owned_.push_back(a);
    return a;
  }
  /// Runs everything that can run now. Time stands still.
  void settle() {
    while (sched.has_job()) sched.run_once();
  }
  /// Moves time on in small steps and runs what becomes due.
  void advance(std::chrono::nanoseconds by, std::chrono::nanoseconds step = 1ms) {
    settle();
    for (auto left = by; left > 0ns; left -= std::min(left, step)) {
      sched.advance_time(std::min(left, step));
      settle();
    }
  }
  time_point now() { return sys.clock().now(); }

  test_config cfg;
  caf::actor_system sys;
  caf::scheduler::test_coordinator& sched;

 private:
  std::vector<caf::actor> owned_;
};

/// A request that the scripted endpoint got, and the way to answer it.
struct received {
  request what;
  std::function<void(response)> answer;
  template <class Request>
  const Request& as() const {
    return std::get<Request>(what);
  }
};

/// What the scripted endpoint does: `on` may answer at once, or the test takes requests out of `waiting` later.
struct script {
  std::function<bool(received&)> on = [](received&) { return false; };  ///< true: dealt with
  std::deque<received> waiting;

  /// The waiting requests of a type, oldest first.
  template <class Request>
  std::vector<received*> all() {
    std::vector<received*> out;
    for (auto& r : waiting)
      if (std::holds_alternative<Request>(r.what)) out.push_back(&r);
    return out;
  }
  /// Takes the oldest waiting request of a type out; fails the test when there is none.
  template <class Request>
  received take() {
    for (auto i = waiting.begin(); i != waiting.end(); ++i) {
      if (!std::holds_alternative<Request>(i->what)) continue;
      auto out = std::move(*i);
      waiting.erase(i);
      return out;
    }
    ADD_FAILURE() << "no " << request_name(kind_of<Request>) << " waits";
    return {request{Request{}}, [](response) {}};
  }
};

/// Something to be done by the endpoint itself: CAF's promises may only be kept while their actor runs.
struct run_now {
  std::function<void()> what;
};

}  // namespace dohle::actors::testing

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::testing::run_now)

namespace dohle::actors::testing {

/// An endpoint that does what its script says: the broker in tests of producers, consumers and clients. An answer that
/// the test gives is on its way after the next `settle`.
inline caf::behavior scripted_endpoint(caf::event_based_actor* self, script* s) {
  auto requests = endpoint_handlers(self, [self, s](request r, std::function<void(response)> done) {
    received got{std::move(r), [me = caf::actor_cast<caf::actor_addr>(self), done](response a) {
                   if (auto actor = caf::actor_cast<caf::actor>(me))
                     caf::anon_send(actor, run_now{[done, a] { done(a); }});
                 }};
    if (!s->on(got)) s->waiting.push_back(std::move(got));
  });
  return requests.or_else(caf::message_handler{[](run_now& r) { r.what(); }});
}

/// A batch of records "<prefix>0", "<prefix>1", ... placed at `base`, as a broker would send it.
inline bytes placed_batch(offset base, int records, const std::string& prefix = "v",
                          compression codec = compression::none) {
  batch_builder b;
  for (int i = 0; i < records; ++i)
    EXPECT_TRUE(b.add(timestamp{1000 + i}, std::nullopt, prefix + std::to_string(i)).ok());
  auto built = b.build(codec);
  EXPECT_TRUE(built.ok());
  stamp_batch(*built, base, epoch{1}, std::nullopt);
  return std::move(*built);
}

}  // namespace dohle::actors::testing
