// The time of day, for the one place each in broker and producer that may ask for it. Elsewhere it comes in as a value.
#pragma once

#include <chrono>

#include "schema/types.hpp"

namespace dohle::actors {

inline timestamp wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return timestamp{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace dohle::actors
