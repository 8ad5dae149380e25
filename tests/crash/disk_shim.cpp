#include "tests/crash/disk_shim.hpp"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <sstream>
#include <unordered_map>

#include "tests/crash/chance.hpp"

namespace dohle::crash {
namespace {

constexpr const char* kind_names[] = {"create", "write",  "truncate",        "flush", "make_directory",
                                      "rename", "remove", "flush_directory", "mark"};

struct plan {
  std::string action, kind, part;
  std::uint64_t wanted = 0;
  std::uint64_t seen = 0;
};

struct open_file {
  std::uint64_t file = 0;
  std::string path;
  bool durable = false;
  bool directory = false;
};

struct shim {
  std::mutex mutex;
  bool recording = false;
  std::string root;
  std::vector<operation> operations;
  generator chance{0};
  std::uint64_t clock = 0;
  plan what;
  std::unordered_map<int, open_file> open;
  bool watching() const { return recording || !what.action.empty(); }
  bool covers(const std::string& path) const { return !recording || path.starts_with(root); }
};

/// Never destroyed: descriptors are closed until the very end.
shim& self() {
  static shim* const made = new shim;
  return *made;
}

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}
#define REAL(name) static auto* const real = next<decltype(::name)>(#name)

/// The name of what `path` means from `directory`.
std::string full(int directory, const char* path) {
  if (path[0] == '/') return path;
  char name[4096];
  const std::string link = directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(directory);
  const ssize_t n = ::readlink(link.c_str(), name, sizeof name);
  return std::string(name, n > 0 ? static_cast<std::size_t>(n) : 0) + "/" + path;
}

/// One operation of the process: `ok()` before it is done, `done` after it succeeded.
class step {
 public:
  step(disk_op kind, const std::string& path) : lock_(self().mutex) {
    op_.kind = kind;
    op_.path = path;
    plan& p = self().what;
    if (p.action.empty() || (p.kind != "any" && p.kind != kind_names[static_cast<int>(kind)])) return;
    if (path.find(p.part) == std::string::npos || ++p.seen != p.wanted) return;
    kills_ = p.action == "kill";
    short_ = p.action == "short" && kind == disk_op::write;
    error_ = p.action == "eio" ? EIO : p.action == "enospc" ? ENOSPC : p.action == "emfile" ? EMFILE : 0;
  }
  bool ok() const {
    if (error_ != 0) errno = error_;
    return error_ == 0;
  }
  bool is_short() const { return short_; }
  operation& what() { return op_; }
  void done() {
    if (self().recording && self().covers(op_.path)) self().operations.push_back(std::move(op_));
    if (kills_) ::kill(::getpid(), SIGKILL);
  }

 private:
  std::lock_guard<std::mutex> lock_;
  operation op_;
  bool kills_ = false, short_ = false;
  int error_ = 0;
};

std::uint64_t inode_of(int fd, bool* directory = nullptr) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return 0;
  if (directory) *directory = S_ISDIR(info.st_mode);
  return info.st_ino;
}

int watched_open(int directory, const char* name, int flags, mode_t mode) {
  REAL(openat);
  if (!self().watching()) return real(directory, name, flags, mode);
  const std::string path = full(directory, name);
  struct stat info {};
  const bool fresh = (flags & O_CREAT) != 0 && ::lstat(path.c_str(), &info) != 0;
  const bool emptied = !fresh && (flags & O_TRUNC) != 0 && info.st_size > 0;
  int fd = -1;
  bool is_directory = false;
  if (fresh || emptied) {
    step now(fresh ? disk_op::create : disk_op::truncate, path);
    if (!now.ok()) return -1;
    fd = real(directory, name, flags, mode);
    if (fd < 0) return fd;
    now.what().file = inode_of(fd);
    now.done();
  } else {
    fd = real(directory, name, flags, mode);
    if (fd < 0) return fd;
  }
  std::lock_guard lock(self().mutex);
  const std::uint64_t file = inode_of(fd, &is_directory);
  if (self().covers(path)) self().open[fd] = {file, path, (flags & O_DSYNC) != 0, is_directory};
  return fd;
}

/// What a descriptor is of, or false when it does not concern us.
bool find(int fd, open_file& found) {
  if (!self().watching()) return false;
  std::lock_guard lock(self().mutex);
  const auto at = self().open.find(fd);
  if (at == self().open.end()) return false;
  found = at->second;
  return true;
}

template <class Write>
ssize_t watched_write(int fd, const iovec* parts, int count, off_t at, const Write& real) {
  open_file of;
  if (!find(fd, of)) return real(parts, count);
  step now(disk_op::write, of.path);
  if (!now.ok()) return -1;
  operation& op = now.what();
  op.file = of.file;
  op.at = static_cast<std::uint64_t>(at >= 0 ? at : ::lseek(fd, 0, SEEK_CUR));
  op.durable = of.durable;
  for (int i = 0; i < count; ++i) op.data.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  ssize_t put = 0;
  if (now.is_short()) {
    const iovec half{op.data.data(), op.data.size() / 2};
    put = real(&half, 1);
  } else {
    put = real(parts, count);
  }
  if (put < 0) return put;
  op.data.resize(static_cast<std::size_t>(put));
  now.done();
  return put;
}

int watched_flush(int fd, int (*real)(int)) {
  open_file of;
  if (!find(fd, of)) return real(fd);
  step now(of.directory ? disk_op::flush_directory : disk_op::flush, of.path);
  if (!now.ok()) return -1;
  const int r = real(fd);
  now.what().file = of.file;
  if (r == 0) now.done();
  return r;
}

template <class Change>
int watched_change(disk_op kind, const std::string& path, const std::string& to, const Change& real) {
  if (!self().watching()) return real();
  step now(kind, path);
  if (!now.ok()) return -1;
  const int r = real();
  if (r != 0) return r;
  now.what().to = to;
  struct stat info {};
  if (kind == disk_op::make_directory && ::stat(path.c_str(), &info) == 0) now.what().file = info.st_ino;
  now.done();
  return r;
}

int watched_truncate(int fd, off_t size, int (*real)(int, off_t)) {
  open_file of;
  if (!find(fd, of)) return real(fd, size);
  step now(disk_op::truncate, of.path);
  if (!now.ok()) return -1;
  const int r = real(fd, size);
  now.what().file = of.file;
  now.what().at = static_cast<std::uint64_t>(size);
  if (r == 0) now.done();
  return r;
}

[[noreturn]] void cannot(const char* what, const std::string& path) {
  std::fprintf(stderr, "disk_shim: %s of %s is not recorded\n", what, path.c_str());
  std::abort();
}

}  // namespace

void start_recording(const std::string& root, std::uint64_t seed) {
  std::lock_guard lock(self().mutex);
  self().root = root;
  self().chance = {seed};
  self().clock = 0;
  self().operations.clear();
  self().open.clear();
  self().recording = true;
}

std::vector<operation> stop_recording() {
  std::lock_guard lock(self().mutex);
  self().recording = false;
  return std::move(self().operations);
}

void record_mark(std::uint64_t number) {
  std::lock_guard lock(self().mutex);
  operation op;
  op.at = number;
  self().operations.push_back(std::move(op));
}

}  // namespace dohle::crash

using namespace dohle::crash;

extern "C" {

void dohle_disk_plan(const char* text) {
  std::lock_guard lock(self().mutex);
  self().what = {};
  std::istringstream in(text);
  if (in >> self().what.action >> self().what.kind >> self().what.wanted) in >> self().what.part;
}

__attribute__((constructor)) void dohle_disk_begin() {
  if (const char* text = std::getenv("DOHLE_DISK_PLAN")) dohle_disk_plan(text);
}

#define MODE_OF(flags)                          \
  mode_t mode = 0;                              \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list rest;                               \
    va_start(rest, flags);                      \
    mode = va_arg(rest, mode_t);                \
    va_end(rest);                               \
  }

int open(const char* path, int flags, ...) {
  MODE_OF(flags)
  return watched_open(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE_OF(flags)
  return watched_open(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char* path, int flags, ...) {
  MODE_OF(flags)
  return watched_open(directory, path, flags, mode);
}
int openat64(int directory, const char* path, int flags, ...) {
  MODE_OF(flags)
  return watched_open(directory, path, flags, mode);
}
int creat(const char* path, mode_t mode) { return watched_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
  REAL(close);
  if (self().watching()) {
    std::lock_guard lock(self().mutex);
    self().open.erase(fd);
  }
  return real(fd);
}

ssize_t write(int fd, const void* data, size_t size) {
  REAL(writev);
  const iovec part{const_cast<void*>(data), size};
  return watched_write(fd, &part, 1, -1, [&](const iovec* parts, int n) { return real(fd, parts, n); });
}
ssize_t writev(int fd, const iovec* parts, int count) {
  REAL(writev);
  return watched_write(fd, parts, count, -1, [&](const iovec* p, int n) { return real(fd, p, n); });
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t at) {
  REAL(pwritev);
  return watched_write(fd, parts, count, at, [&](const iovec* p, int n) { return real(fd, p, n, at); });
}
ssize_t pwritev64(int fd, const iovec* parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  const iovec part{const_cast<void*>(data), size};
  return pwritev(fd, &part, 1, at);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) { return pwrite(fd, data, size, at); }

int ftruncate(int fd, off_t size) noexcept {
  REAL(ftruncate);
  return watched_truncate(fd, size, real);
}
int ftruncate64(int fd, off64_t size) noexcept { return ftruncate(fd, size); }
int fallocate(int fd, int mode, off_t at, off_t size) {
  REAL(fallocate);
  if (open_file of; find(fd, of)) cannot("fallocate", of.path);
  return real(fd, mode, at, size);
}

int fsync(int fd) {
  REAL(fsync);
  return watched_flush(fd, real);
}
int fdatasync(int fd) {
  REAL(fdatasync);
  return watched_flush(fd, real);
}
// sync_file_range is no barrier: it says nothing of sizes and of the disk's own cache, so it is not watched.

int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return watched_change(disk_op::rename, full(AT_FDCWD, from), full(AT_FDCWD, to), [&] { return real(from, to); });
}
int renameat(int from_in, const char* from, int to_in, const char* to) noexcept {
  REAL(renameat);
  return watched_change(disk_op::rename, full(from_in, from), full(to_in, to),
                        [&] { return real(from_in, from, to_in, to); });
}
int unlink(const char* path) noexcept {
  REAL(unlink);
  return watched_change(disk_op::remove, full(AT_FDCWD, path), {}, [&] { return real(path); });
}
int unlinkat(int in, const char* path, int flags) noexcept {
  REAL(unlinkat);
  return watched_change(disk_op::remove, full(in, path), {}, [&] { return real(in, path, flags); });
}
int rmdir(const char* path) noexcept {
  REAL(rmdir);
  return watched_change(disk_op::remove, full(AT_FDCWD, path), {}, [&] { return real(path); });
}
int remove(const char* path) noexcept {
  REAL(remove);
  return watched_change(disk_op::remove, full(AT_FDCWD, path), {}, [&] { return real(path); });
}
int mkdir(const char* path, mode_t mode) noexcept {
  REAL(mkdir);
  return watched_change(disk_op::make_directory, full(AT_FDCWD, path), {}, [&] { return real(path, mode); });
}

/// LMDB's reader tables are written through maps, and removed at the next opening. Nothing else may be.
void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t from) noexcept {
  REAL(mmap);
  if (fd >= 0 && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) {
    if (open_file of; self().recording && find(fd, of) && !of.path.ends_with("-lock")) cannot("a map", of.path);
  }
  return real(at, size, protection, flags, fd, from);
}

ssize_t getrandom(void* to, size_t size, unsigned flags) {
  REAL(getrandom);
  if (!self().recording) return real(to, size, flags);
  std::lock_guard lock(self().mutex);
  for (size_t i = 0; i < size; ++i) static_cast<unsigned char*>(to)[i] = self().chance.next() & 255;
  return static_cast<ssize_t>(size);
}

int clock_gettime(clockid_t which, timespec* to) noexcept {
  REAL(clock_gettime);
  if (!self().recording) return real(which, to);
  const std::uint64_t fifths = 9'000'000'000ULL + ++self().clock;
  to->tv_sec = static_cast<time_t>(fifths / 5);
  to->tv_nsec = static_cast<long>(fifths % 5 * 200'000'000);
  return 0;
}
}
