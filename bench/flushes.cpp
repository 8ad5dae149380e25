#include "bench/flushes.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>

#include "bench/figure.hpp"

namespace dohle::bench {

namespace {

std::atomic<std::uint64_t> journal_flushes{0};
std::atomic<std::uint64_t> other_flushes{0};
std::atomic<std::int64_t> journal_nanoseconds{0};

bool is_journal(int fd) {
  char name[512];
  auto link = "/proc/self/fd/" + std::to_string(fd);
  auto n = ::readlink(link.c_str(), name, sizeof name);
  return n > 0 && std::string_view(name, static_cast<std::size_t>(n)).find("/journal/") != std::string_view::npos;
}

}  // namespace

flush_count flushes() {
  return {journal_flushes.load(), other_flushes.load(), static_cast<double>(journal_nanoseconds.load()) / 1e9};
}

}  // namespace dohle::bench

extern "C" int fdatasync(int fd) {
  dohle::bench::stopwatch clock;
  auto answer = static_cast<int>(::syscall(SYS_fdatasync, fd));
  if (dohle::bench::is_journal(fd)) {
    ++dohle::bench::journal_flushes;
    dohle::bench::journal_nanoseconds += clock.nanoseconds();
  } else {
    ++dohle::bench::other_flushes;
  }
  return answer;
}
