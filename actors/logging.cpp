#include "actors/logging.hpp"

namespace dohle::actors {

std::shared_ptr<spdlog::sinks::dist_sink_mt> log_sinks() {
  static auto sinks = std::make_shared<spdlog::sinks::dist_sink_mt>();
  return sinks;
}

spdlog::logger& log() {
  static spdlog::logger logger{"dohle", log_sinks()};
  return logger;
}

}  // namespace dohle::actors
