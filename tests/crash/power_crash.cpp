//   power_crash                                   a thousand images, and the planted bugs: what ./dev test runs
//   power_crash --images N [--seed N]             as many images; `./dev sim power`
//   power_crash --replay CHAIN:IMAGE [--seed N]   one again, kept in a folder
//
// Simulated power cuts. A chain is a store that lives a few lives, each from what a cut left of the one before. Every
// life is recorded, and cut at many places; each image is opened, compared with what was promised, and its recovery cut
// again.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "tests/crash/place.hpp"
#include "tests/crash/power_workload.hpp"

namespace dohle::crash {
namespace {

namespace fs = std::filesystem;

// --- bugs that the search must find

struct planted_bug {
  const char* name;
  /// Changes a recorded life into that of a store with the bug.
  void (*plant)(std::vector<operation>&);
  int images;  ///< it is found within so many
};

void drop_flushes(std::vector<operation>& ops, disk_op kind, const std::string& ending) {
  std::erase_if(ops, [&](const operation& op) { return op.kind == kind && op.path.ends_with(ending); });
}

bool is_journal_flush(const operation& op) {
  return op.kind == disk_op::flush && op.path.find("/journal/j-") != std::string::npos;
}

void acknowledge_early(std::vector<operation>& ops) {
  auto last = ops.end();
  for (auto at = ops.begin(); at != ops.end(); ++at) {
    if (is_journal_flush(*at)) last = at;
    if (at->kind == disk_op::mark && last != ops.end()) {
      std::rotate(last, at, at + 1);
      last = ops.end();
    }
  }
}

const planted_bug planted[] = {
    {"acknowledged before the flush", acknowledge_early, 400},
    {"no flush of directories", [](auto& ops) { drop_flushes(ops, disk_op::flush_directory, ""); }, 200},
    {"a journal file retired before its segments are flushed",
     [](auto& ops) { drop_flushes(ops, disk_op::flush, ".seg"); }, 200},
    {"a new journal file renamed before it is flushed",
     [](auto& ops) { drop_flushes(ops, disk_op::flush, "/new.tmp"); }, 200},
};

// --- one chain

/// What the parent sees of a chain, even when it dies.
struct progress {
  std::uint64_t images, in_recovery, operations;
};

/// In one life of three the disk refuses something once.
std::string refusal(generator& chance) {
  if (!chance.once_in(3)) return {};
  constexpr struct {
    const char* what;
    std::uint64_t most;
  } refusals[] = {
      {"enospc write", 400},       {"eio write", 400}, {"short write", 400},           {"eio flush", 150},
      {"enospc create", 30},       {"eio create", 30}, {"emfile create", 30},          {"enospc rename", 20},
      {"eio flush_directory", 30}, {"eio remove", 40}, {"emfile flush_directory", 30}, {"eio rename", 20}};
  const auto& chosen = refusals[chance.below(std::size(refusals))];
  return std::string{chosen.what} + " " + std::to_string(1 + chance.below(chosen.most));
}

class chain {
 public:
  chain(fs::path place, std::uint64_t seed, const planted_bug* bug, progress& seen)
      : place_(std::move(place)), chance_{seed}, bug_(bug), seen_(seen) {}
  /// Ends after `images` images, 0 = its own end.
  void run(std::uint64_t images, const fs::path& keep_last);

 private:
  struct enough {};
  void cut(life& of, int images, int depth);
  void image(const disk_model& disk, const world& known, int depth, bool in_recovery, bool goes_on);

  const fs::path place_;
  generator chance_;
  const planted_bug* bug_;
  progress& seen_;
  std::uint64_t until_ = 0;
  fs::path keep_;
  world next_;  ///< what the folder `next` was promised, in which the next life begins
};

void chain::image(const disk_model& disk, const world& known, int depth, bool in_recovery, bool goes_on) {
  ++seen_.images;
  seen_.in_recovery += in_recovery;
  const generator how{chance_.next()};
  const bool last = until_ == seen_.images;
  if (last) disk.cut(keep_, how);
  const fs::path folder = place_ / ("cut" + std::to_string(depth));
  disk.cut(folder, how);
  life recovery = live(folder, known, how.state, {});
  if (last) throw enough{};
  if (goes_on) {
    disk.cut(place_ / "next", how);
    next_ = known;
  }
  if (depth < 3 && chance_.once_in(3)) cut(recovery, 1 + static_cast<int>(chance_.below(3)), depth + 1);
  fs::remove_all(folder);
}

/// Cuts a life at `images` places and looks at what is left. One of a chain's own life is where the next one begins.
void chain::cut(life& of, int images, int depth) {
  if (bug_) bug_->plant(of.operations);
  std::vector<std::uint64_t> places;
  for (int i = 0; i < images; ++i) places.push_back(chance_.below(of.operations.size() + 1));
  std::sort(places.begin(), places.end());
  const std::uint64_t chosen = chance_.below(places.size());
  world known = of.after;
  int marks = 0;
  std::size_t done = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (; done < places[i]; ++done) {
      const operation& op = of.operations[done];
      of.before.apply(op);
      if (op.kind != disk_op::mark) continue;
      known.told = of.promises[op.at];
      ++marks;
    }
    if (marks == 0) known.told = of.promises.front();
    image(of.before, known, depth, marks < 2, depth == 1 && i == chosen);
  }
}

void chain::run(std::uint64_t images, const fs::path& keep_last) {
  constexpr int lives = 3, images_a_life = 10;
  until_ = images;
  keep_ = keep_last;
  const bool large = chance_.once_in(40);
  fs::create_directories(place_ / "next");
  try {
    for (int i = 0; i < lives; ++i) {
      fs::remove_all(place_ / "life");
      fs::rename(place_ / "next", place_ / "life");
      if (++seen_.images == until_) fs::copy(place_ / "life", keep_, fs::copy_options::recursive);
      const manner how{10 + static_cast<int>(chance_.below(70)), large, refusal(chance_)};
      life one = live(place_ / "life", next_, chance_.next(), how);
      seen_.operations += one.operations.size();
      cut(one, images_a_life, 1);
    }
  } catch (const enough&) {
  }
}

// --- many chains

struct settings {
  std::uint64_t seed = 20261122, images = 1000;
  std::uint64_t chain = 0, image = 0;  ///< replay: this one only
  bool self_test = true;
};

struct tally {
  std::uint64_t chains = 0, images = 0, in_recovery = 0, operations = 0, lost = 0, wrong = 0;
};

enum ending : int { good = 0, lost = 10, wrong = 11 };

/// One chain in a process of its own, because a store may well die of a wrong image.
[[noreturn]] void run_chain(const settings& s, std::uint64_t number, std::uint64_t images, const planted_bug* bug,
                            progress& seen, const fs::path& place, const fs::path& keep) {
  ::alarm(600);
  generator mixed{s.seed * 1'000'003 + number};
  try {
    chain(place, mixed.next(), bug, seen).run(images, keep);
  } catch (const fault& f) {
    if (!keep.empty()) std::printf("%s\n", f.what());
    std::fflush(stdout);
    std::_Exit(f.lost ? lost : wrong);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "power_crash: %s\n", e.what());
    std::_Exit(wrong);
  }
  std::_Exit(good);
}

pid_t fork_chain(const settings& s, std::uint64_t number, std::uint64_t images, const planted_bug* bug, progress& seen,
                 const fs::path& place, const fs::path& keep) {
  seen = {};
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) run_chain(s, number, images, bug, seen, place, keep);
  return child;
}

/// Runs a chain up to an image, keeps that one, and says in one line what was wrong with it.
int replay(const settings& s, std::uint64_t number, std::uint64_t image, const planted_bug* bug, progress& seen) {
  const fs::path place = make_place("power"), keep = place / "image";
  std::printf("seed %llu, chain %llu, image %llu in %s; replay: ./dev sim power --seed %llu --replay %llu:%llu; ",
              static_cast<unsigned long long>(s.seed), static_cast<unsigned long long>(number),
              static_cast<unsigned long long>(image), (keep / "data").c_str(), static_cast<unsigned long long>(s.seed),
              static_cast<unsigned long long>(number), static_cast<unsigned long long>(image));
  int status = 0;
  ::waitpid(fork_chain(s, number, image, bug, seen, place / "chain", keep), &status, 0);
  fs::remove_all(place / "chain");
  if (WIFSIGNALED(status)) std::printf("opening it ended with signal %d\n", WTERMSIG(status));
  if (WIFEXITED(status) && WEXITSTATUS(status) == good) std::printf("all is well\n");
  std::fflush(stdout);
  return status;
}

/// Chains until there are enough images; with a bug, until one is found.
tally search(const settings& s, std::uint64_t images, const planted_bug* bug) {
  const long jobs = bug ? 1 : std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1L, 8L);
  void* shared = ::mmap(nullptr, sizeof(progress) * static_cast<std::size_t>(jobs + 1), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("no shared memory");
  auto* const seen = static_cast<progress*>(shared);
  const fs::path place = make_place("power");
  struct worker {
    pid_t child = -1;
    std::uint64_t number = 0;
  };
  std::vector<worker> workers(static_cast<std::size_t>(jobs));
  tally total;
  std::uint64_t next = 0;
  const auto name = [&](std::size_t i) { return place / std::to_string(i); };
  const auto start = [&](std::size_t i) {
    fs::remove_all(name(i));
    workers[i] = {fork_chain(s, next, 0, bug, seen[i], name(i), {}), next};
    ++next;
  };
  for (std::size_t i = 0; i < workers.size(); ++i) start(i);
  for (std::size_t running = workers.size(); running > 0;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    const auto at = std::find_if(workers.begin(), workers.end(), [&](const worker& w) { return w.child == ended; });
    if (at == workers.end()) continue;
    const auto i = static_cast<std::size_t>(at - workers.begin());
    ++total.chains;
    total.images += seen[i].images;
    total.in_recovery += seen[i].in_recovery;
    total.operations += seen[i].operations;
    const bool bad = !WIFEXITED(status) || WEXITSTATUS(status) != good;
    if (bad) {
      (WIFEXITED(status) && WEXITSTATUS(status) == lost ? total.lost : total.wrong) += 1;
      if (!bug) replay(s, workers[i].number, seen[i].images, bug, seen[jobs]);
    }
    constexpr std::uint64_t enough_faults = 10;
    const bool over = total.images >= images || total.lost + total.wrong >= (bug ? 1 : enough_faults);
    if (over)
      --running, at->child = -1;
    else
      start(i);
  }
  fs::remove_all(place);
  ::munmap(shared, sizeof(progress) * static_cast<std::size_t>(jobs + 1));
  return total;
}

/// The search finds what is known to be wrong: else finding nothing would show nothing.
bool self_test(const settings& s) {
  bool all = true;
  for (const planted_bug& bug : planted) {
    const tally seen = search(s, bug.images, &bug);
    const bool found = seen.lost + seen.wrong > 0 && seen.images <= static_cast<std::uint64_t>(bug.images);
    all &= found;
    std::printf("planted: %s: %s %llu images, %d allowed\n", bug.name, found ? "found within" : "NOT FOUND in",
                static_cast<unsigned long long>(seen.images), bug.images);
  }
  return all;
}

int run(const settings& s) {
  if (s.image > 0) {
    auto* const seen = static_cast<progress*>(
        ::mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const int status = replay(s, s.chain, s.image, nullptr, *seen);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  }
  const auto began = std::chrono::steady_clock::now();
  const tally seen = search(s, s.images, nullptr);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("seed %llu: %llu chains, %llu operations recorded, %llu cuts within a recovery, %.0f images a second\n",
              static_cast<unsigned long long>(s.seed), static_cast<unsigned long long>(seen.chains),
              static_cast<unsigned long long>(seen.operations), static_cast<unsigned long long>(seen.in_recovery),
              static_cast<double>(seen.images) / seconds);
  const bool caught = !s.self_test || self_test(s);
  std::printf("%llu images, %llu lost, %llu wrong\n", static_cast<unsigned long long>(seen.images),
              static_cast<unsigned long long>(seen.lost), static_cast<unsigned long long>(seen.wrong));
  return caught && seen.lost + seen.wrong == 0 ? 0 : 1;
}

int usage() {
  std::fprintf(stderr, "usage: power_crash [--images N | --replay CHAIN:IMAGE] [--seed N]\n");
  return 2;
}

}  // namespace
}  // namespace dohle::crash

int main(int argc, char** argv) {
  dohle::crash::settings s;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) return dohle::crash::usage();
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(argv[i + 1], &end, 10);
    if (option == "--seed") {
      s.seed = number;
    } else if (option == "--images") {
      s.images = number;
      s.self_test = false;
    } else if (option == "--replay" && *end == ':') {
      s.chain = number;
      s.image = std::strtoull(end + 1, &end, 10);
    } else {
      return dohle::crash::usage();
    }
    if (*end != '\0') return dohle::crash::usage();
  }
  return dohle::crash::run(s);
}
