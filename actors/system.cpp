#include "actors/system.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/atom.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <future>
#include <thread>

#include "actors/messages.hpp"

namespace dohle::actors {

void configure(caf::actor_system_config& cfg, std::size_t threads) {
  if (threads == 0) threads = std::max<std::size_t>(2, std::thread::hardware_concurrency() / 2);
  cfg.load<caf::io::middleman>();
  cfg.set("scheduler.policy", caf::atom("sharing"));
  cfg.set("scheduler.max-threads", threads);
  cfg.set("middleman.max-consecutive-reads", std::size_t{8});
  cfg.set("middleman.workers", std::size_t{1});
}

runtime::runtime(std::size_t threads) : config_(std::make_unique<caf::actor_system_config>()) {
  configure(*config_, threads);
  own_ = std::make_unique<caf::actor_system>(*config_);
  system_ = own_.get();
}

runtime::runtime(caf::actor_system& borrowed) : system_(&borrowed) {}

runtime::~runtime() = default;

void send_tick(const caf::actor& io_actor, std::chrono::nanoseconds wait) {
  caf::delayed_anon_send(io_actor, wait, tick_atom::value);
}

void stand_back() {
  constexpr int nice = 10;  // a tenth of a plain thread's share, where there is not enough for all
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice);
}

bool wait_for_end(const caf::actor& a, std::chrono::nanoseconds timeout) {
  auto ended = std::make_shared<std::promise<void>>();
  auto done = ended->get_future();
  caf::actor_cast<caf::abstract_actor*>(a)->attach_functor([ended](const caf::error&) { ended->set_value(); });
  return done.wait_for(timeout) == std::future_status::ready;
}

}  // namespace dohle::actors
