#include "bench/server.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "actors/client.hpp"
#include "bench/figure.hpp"

namespace dohle::bench {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

scratch::scratch(const fs::path& parent) {
  fs::create_directories(parent);
  auto name = (parent / "dohle-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up("making a folder in " + parent.string(), "mkdtemp failed");
  path_ = name;
}

scratch::~scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

server::server(const fs::path& data) {
  int ready[2];
  must_call(::pipe(ready), "pipe");
  auto self = fs::read_symlink("/proc/self/exe");
  auto program = self.parent_path() / "dohle";
  bool own = !fs::exists(program);
  auto fd = std::to_string(ready[1]);
  pid_ = static_cast<pid_t>(must_call(::fork(), "fork"));
  if (pid_ == 0) {
    ::close(ready[0]);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no broker outlives a benchmark that died
    if (own) {
      ::execl(self.c_str(), self.c_str(), "serve", "--data", data.c_str(), "--ready-fd", fd.c_str(), nullptr);
    } else {
      ::execl(program.c_str(), program.c_str(), "serve", "--data", data.c_str(), "--listen", "127.0.0.1:0",
              "--ready-fd", fd.c_str(), "--log-level", "warning", "--log-format", "json", nullptr);
    }
    ::_exit(127);
  }
  ::close(ready[1]);
  char c = 0;
  while (::read(ready[0], &c, 1) == 1 && c != '\n') address_ += c;
  ::close(ready[0]);
  if (address_.empty()) give_up("starting the broker", (own ? self : program).string() + " ended before it listened");
}

server::~server() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  for (int i = 0; i < 300; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    std::this_thread::sleep_for(100ms);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
    give_up("reading the CPU time of process " + std::to_string(pid), "it is gone");
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double resident_mb(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  double total = 0;
  double resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

void wait_quiet(pid_t pid) {
  for (int i = 0; i < 200; ++i) {
    auto before = cpu_seconds(pid);
    std::this_thread::sleep_for(300ms);
    if (cpu_seconds(pid) - before < 0.003) return;
  }
  give_up("waiting for the broker to settle", "it was still busy after a minute");
}

int serve(const fs::path& data, int ready_fd) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  auto b = must(broker::open({.path = data, .listen = "127.0.0.1:0"}), "opening the broker");
  auto line = b.listening() + "\n";
  must_call(::write(ready_fd, line.data(), line.size()), "saying where it listens");
  ::close(ready_fd);
  int got = 0;
  ::sigwait(&ending, &got);
  must(b.close(30s), "closing the broker");
  return 0;
}

}  // namespace dohle::bench
