// The log of the actors: silent until the program that embeds them adds a sink. A library prints nothing by itself.
#pragma once

#include <spdlog/logger.h>
#include <spdlog/sinks/dist_sink.h>

#include <memory>

namespace dohle::actors {

/// Write with `log().warn("...", ...)`; safe from any thread.
spdlog::logger& log();

/// Add sinks here, e.g. spdlog::sinks::stderr_sink_mt.
std::shared_ptr<spdlog::sinks::dist_sink_mt> log_sinks();

}  // namespace dohle::actors
