// dohle version
#include <fmt/core.h>

#include "tools/output.hpp"
#include "tools/program.hpp"

namespace dohle::tools {

void add_version(program& p) {
  add_command(p.app, p, "version", "Print the version")->callback([&p] {
    p.chosen = [&p]() -> result<int> {
      if (p.common.json) {
        print(json{{"name", "dohle"}, {"version", DOHLE_VERSION}, {"compiler", __VERSION__}});
      } else {
        print_line(fmt::format("dohle {}", DOHLE_VERSION));
      }
      return 0;
    };
  });
  p.app.set_version_flag("--version", "dohle " DOHLE_VERSION);
}

}  // namespace dohle::tools
