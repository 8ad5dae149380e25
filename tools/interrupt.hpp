// Ctrl-C and SIGTERM. A client command that has nothing to finish ends at once with 130; one that has (a group's
// commit, a producer's flush) asks to be told and ends itself. A second signal always ends the program at once.
#pragma once

#include <condition_variable>
#include <mutex>

namespace dohle::tools {

/// For client commands: installs the handlers and ignores SIGPIPE (writes to a closed pipe say EPIPE instead).
void handle_interrupts();

/// While one lives, the first signal only makes `interrupted()` true.
class graceful_section {
 public:
  graceful_section();
  ~graceful_section();
  graceful_section(const graceful_section&) = delete;
  graceful_section& operator=(const graceful_section&) = delete;
};

bool interrupted();

/// For the server: takes the signals away from every thread, so it must be made before the first of them.
/// A thread of its own waits for them; the second one ends the process at once.
class termination {
 public:
  termination();
  /// Blocks until SIGTERM, SIGINT or SIGHUP came; returns which.
  int wait();

 private:
  struct state {
    std::mutex mutex;
    std::condition_variable came;
    int signal = 0;
  };
  static state& shared();
};

}  // namespace dohle::tools
