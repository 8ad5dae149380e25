#include "store/files.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "schema/limits.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

file_handle::file_handle(file_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

file_handle& file_handle::operator=(file_handle&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

file_handle::~file_handle() {
  if (fd_ >= 0) ::close(fd_);
}

error io_error(int code, std::string_view doing, const fs::path& path) {
  const std::string what = std::string{doing} + " " + path.string() + " failed: " + std::strerror(code);
  const bool full = code == ENOSPC || code == EDQUOT || (code == EIO && free_bytes(path) < limits::disk_reserve_bytes);
  if (full) return {errc::storage_full, what, "free some space on this disk; writing resumes by itself"};
  if (code == EMFILE || code == ENFILE) return {errc::busy, what, "raise the limit of open files (ulimit -n 65536)"};
  if (code == EACCES || code == EPERM || code == EROFS)
    return {errc::storage_failed, what, "check who owns the folder and whether it is mounted read-only"};
  return {errc::storage_failed, what, "check the disk and the system's log"};
}

std::uint64_t free_bytes(const fs::path& path) {
  struct statvfs info {};
  fs::path at = path;
  while (::statvfs(at.c_str(), &info) != 0) {  // a file that is to be made: ask its folder
    if (errno == EINTR) continue;
    const fs::path parent = at.parent_path();
    if (parent == at || parent.empty()) return 0;
    at = parent;
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

result<file_handle> open_file(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return io_error(errno, "opening", path);
  return file_handle{fd};
}

result<std::uint64_t> size_of(const file_handle& file, const fs::path& path) {
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return io_error(errno, "looking at", path);
  return static_cast<std::uint64_t>(info.st_size);
}

result<void> read_at(const file_handle& file, std::uint64_t at, char* to, std::size_t size, const fs::path& path) {
  while (size > 0) {
    const ssize_t got = ::pread(file.fd(), to, size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(errno, "reading", path);
    if (got == 0)
      return error{errc::corrupt_data,
                   path.string() + " ends at byte " + std::to_string(at) + ", before its contents do",
                   "restore the file, or remove the folder if its data is replicated"};
    to += got;
    at += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

result<void> write_at(const file_handle& file, std::uint64_t at, std::string_view data, const fs::path& path) {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(file.fd(), data.data(), data.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return io_error(put < 0 ? errno : EIO, "writing", path);
    at += static_cast<std::uint64_t>(put);
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

result<void> flush_file(const fs::path& path) {
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  if (::fdatasync(file->fd()) != 0) return io_error(errno, "flushing", path);
  return {};
}

result<void> flush_directory(const fs::path& path) {
  auto file = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!file) return file.error();
  if (::fsync(file->fd()) != 0) return io_error(errno, "flushing", path);
  return {};
}

result<void> rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return io_error(errno, "renaming to " + to.filename().string() + " of", from);
  return flush_directory(to.parent_path());
}

result<void> replace_file(const fs::path& path, std::string_view text) {
  fs::path tmp = path;
  tmp += ".tmp";
  {
    auto file = open_file(tmp, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return file.error();
    if (auto r = write_at(*file, 0, text, tmp); !r) return r;
    if (::fsync(file->fd()) != 0) return io_error(errno, "flushing", tmp);
  }
  return rename_durably(tmp, path);
}

result<std::string> read_small_file(const fs::path& path) {
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  auto size = size_of(*file, path);
  if (!size) return size.error();
  if (*size > limits::mib)
    return error{errc::wrong_folder, path.string() + " is far too large for what it should hold", ""};
  std::string text(*size, '\0');
  if (auto r = read_at(*file, 0, text.data(), text.size(), path); !r) return r.error();
  return text;
}

result<void> remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error(errno, "removing", path);
  return {};
}

result<void> make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return flush_directory(path.has_parent_path() ? path.parent_path() : ".");
  if (errno != EEXIST) return io_error(errno, "creating", path);
  return {};
}

namespace {
result<std::vector<std::string>> list(const fs::path& path, bool directories) {
  std::vector<std::string> names;
  std::error_code problem;
  fs::directory_iterator at(path, problem);
  for (; !problem && at != fs::directory_iterator{}; at.increment(problem)) {
    std::error_code ignored;
    if (at->is_directory(ignored) == directories) names.push_back(at->path().filename().string());
  }
  if (problem) return io_error(problem.value(), "listing", path);
  std::sort(names.begin(), names.end());
  return names;
}
}  // namespace

result<std::vector<std::string>> list_files(const fs::path& path) { return list(path, false); }
result<std::vector<std::string>> list_directories(const fs::path& path) { return list(path, true); }

std::uint64_t random_number() {
  std::uint64_t value = 0;
  while (value == 0) {
    const ssize_t got = ::getrandom(&value, sizeof value, 0);
    DOHLE_ASSERT(got == static_cast<ssize_t>(sizeof value) || (got < 0 && errno == EINTR),
                 "the system has no chance to give");
    if (got < 0) value = 0;
  }
  return value;
}

std::string to_hex(std::uint64_t value, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (int i = digits - 1; i >= 0; --i, value >>= 4) text[static_cast<std::size_t>(i)] = "0123456789abcdef"[value & 15];
  return text;
}

bool parse_hex(std::string_view text, std::uint64_t& value) {
  const bool digits = !text.empty() && text.size() <= 16 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (!digits) return false;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

}  // namespace dohle::store
