// What the store asks of the file system beyond LMDB: durable renames, small files replaced whole, free space, chance.
// Every function says in its error which path failed. Stateless; safe from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"

namespace dohle::store {

/// An open file descriptor, closed with its owner.
class file_handle {
 public:
  file_handle() = default;
  explicit file_handle(int fd) : fd_(fd) {}
  file_handle(file_handle&& other) noexcept;
  file_handle& operator=(file_handle&& other) noexcept;
  ~file_handle();
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// An errno as ours: no space -> storage_full, else storage_failed. An I/O error with hardly any space left counts as
/// no space, because LMDB reports a short write so.
error io_error(int code, std::string_view doing, const std::filesystem::path& path);

/// Bytes that this process may still write below `path`.
std::uint64_t free_bytes(const std::filesystem::path& path);

result<file_handle> open_file(const std::filesystem::path& path, int flags);
result<std::uint64_t> size_of(const file_handle& file, const std::filesystem::path& path);
/// Reads exactly `size` bytes at `at`; `corrupt_data` when the file ends before.
result<void> read_at(const file_handle& file, std::uint64_t at, char* to, std::size_t size,
                     const std::filesystem::path& path);
result<void> write_at(const file_handle& file, std::uint64_t at, std::string_view data,
                      const std::filesystem::path& path);

/// What the page cache holds of the file is on the disk: a killed predecessor may have left it unflushed.
result<void> flush_file(const std::filesystem::path& path);
result<void> flush_directory(const std::filesystem::path& path);
/// The new name is on the disk when this returns.
result<void> rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);
/// The file holds `text` entirely or what it held before, also after a power cut.
result<void> replace_file(const std::filesystem::path& path, std::string_view text);
result<std::string> read_small_file(const std::filesystem::path& path);
result<void> remove_file(const std::filesystem::path& path);
/// Creates one directory durably; fine when it is there.
result<void> make_directory(const std::filesystem::path& path);
/// Names of the regular files (or directories) in a directory, sorted.
result<std::vector<std::string>> list_files(const std::filesystem::path& path);
result<std::vector<std::string>> list_directories(const std::filesystem::path& path);

/// Never 0.
std::uint64_t random_number();

/// `value` in 16 (or `digits`) lower-case hexadecimal digits, and back: exactly that many digits or nullopt-like false.
std::string to_hex(std::uint64_t value, int digits = 16);
bool parse_hex(std::string_view text, std::uint64_t& value);

}  // namespace dohle::store
