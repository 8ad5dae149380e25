// The one place that turns an error into what a shell sees.
#pragma once

#include <string_view>

#include "schema/error.hpp"

namespace dohle::tools {

enum exit_code : int {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,      ///< wrong usage, wrong configuration, input that cannot be read
  exit_not_found = 3,  ///< also: no data folder there
  exit_conflict = 4,   ///< it exists already, is in use, or is of another version
  exit_not_permitted = 5,
  exit_unreachable = 6,  ///< not reached, timed out, or busy: the same command may succeed later
  exit_interrupted = 130
};

exit_code exit_code_of(errc);

/// What to try when an error brought no hint of its own. Never empty.
std::string_view default_hint(errc);

}  // namespace dohle::tools
