#include "actors/system.hpp"

#include <algorithm>
#include <caf/atom.hpp>
#include <caf/io/middleman.hpp>
#include <thread>

namespace dohle::actors {

namespace {

caf::actor_system_config& configured(caf::actor_system_config& cfg, std::size_t threads) {
  configure(cfg, threads);
  return cfg;
}

}  // namespace

void configure(caf::actor_system_config& cfg, std::size_t threads) {
  if (threads == 0) threads = std::max<std::size_t>(2, std::thread::hardware_concurrency() / 2);
  cfg.load<caf::io::middleman>();
  cfg.set("scheduler.policy", caf::atom("sharing"));
  cfg.set("scheduler.max-threads", threads);
  cfg.set("middleman.max-consecutive-reads", std::size_t{8});
  cfg.set("middleman.workers", std::size_t{1});
}

runtime::runtime(std::size_t threads) : system_(configured(config_, threads)) {}

runtime::~runtime() = default;

}  // namespace dohle::actors
