// dohle: the program.
#include <malloc.h>

#include <exception>
#include <string_view>

#include "tools/exit_code.hpp"
#include "tools/interrupt.hpp"
#include "tools/output.hpp"
#include "tools/program.hpp"

namespace {

using namespace dohle;
using namespace dohle::tools;

bool wants_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view{argv[i]} == "--json") return true;
  }
  return false;
}

/// What is left to say on stdout, and whether it could be said.
int finish(int code, bool as_json) {
  if (interrupted()) code = exit_interrupted;
  out().flush();
  if (out().failure().empty()) return code;
  error e{errc::storage_full, "writing to standard output failed: " + out().failure(), "look where the output goes"};
  return report(e, as_json);
}

int run(int argc, const char* const* argv) {
  program p;
  add_all(p);
  try {
    p.app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help and its like
    int code = p.app.exit(e);
    return code;
  } catch (const CLI::ParseError& e) {
    return report(usage_error(p, e, argc, argv), wants_json(argc, argv));
  }
  auto done = p.chosen();
  if (!done) {
    out().flush();
    return interrupted() ? static_cast<int>(exit_interrupted) : report(done.error(), p.common.json);
  }
  return finish(*done, p.common.json);
}

}  // namespace

int main(int argc, char** argv) {
  // LMDB's 2 MiB tables go back to the system with their file; the buffers of frames and reads, below that, are kept:
  // taken anew each time they would cost more than what is done with them (docs/storage-format.md).
  mallopt(M_MMAP_THRESHOLD, 3 << 19);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  handle_interrupts();
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    return report({errc::internal, e.what(), ""}, wants_json(argc, argv));
  }
}
