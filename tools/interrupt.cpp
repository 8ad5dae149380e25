#include "tools/interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tools/exit_code.hpp"

namespace dohle::tools {

namespace {

std::atomic<bool> came{false};
std::atomic<bool> graceful{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

extern "C" void on_signal(int) {
  if (!graceful.load() || came.exchange(true)) ::_exit(exit_interrupted);
}

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void handle_interrupts() {
  ::signal(SIGPIPE, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = on_signal;  // without SA_RESTART: a write that waits for its reader must notice
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

graceful_section::graceful_section() { graceful = true; }
graceful_section::~graceful_section() { graceful = false; }

bool interrupted() { return came.load(); }

termination::state& termination::shared() {
  static auto* instance = new state;  // never freed: the waiting thread outlives every scope
  return *instance;
}

termination::termination() {
  auto set = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::thread([set] {
    int first = 0;
    while (::sigwait(&set, &first) != 0) {
    }
    {
      std::lock_guard lock(shared().mutex);
      shared().signal = first;
    }
    shared().came.notify_all();
    int second = 0;
    while (::sigwait(&set, &second) != 0) {
    }
    ::_exit(128 + second);
  }).detach();
}

int termination::wait() {
  auto& s = shared();
  std::unique_lock lock(s.mutex);
  s.came.wait(lock, [&] { return s.signal != 0; });
  return s.signal;
}

}  // namespace dohle::tools
