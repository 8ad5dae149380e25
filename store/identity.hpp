// LOCK and IDENTITY of a data folder: who has it open, whose it is, and how far its journal must reach.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "store/files.hpp"
#include "store/journal_format.hpp"

namespace dohle::store {

inline constexpr int folder_format = 1;

/// Held exclusively from opening to destruction; another process gets `folder_locked` with the holder's number.
class folder_lock {
 public:
  static result<folder_lock> take(const std::filesystem::path& folder);

 private:
  explicit folder_lock(file_handle file) : file_(std::move(file)) {}
  file_handle file_;
};

/// What IDENTITY says.
struct identity {
  std::string uuid;           ///< as people see it, 36 characters
  bool journal_made = false;  ///< false: the folder was being made when the process ended; nothing was acknowledged
  std::uint64_t floor = 0;    ///< the last journal group is at least this
};

identity make_identity();
/// `newer_format`, `corrupt_data`.
result<identity> read_identity(const std::filesystem::path& folder);
/// Durable and whole when it returns.
result<void> write_identity(const std::filesystem::path& folder, const identity& what);
folder_uuid to_number(const std::string& uuid);

inline constexpr const char* lock_name = "LOCK";
inline constexpr const char* identity_name = "IDENTITY";
inline constexpr const char* journal_directory = "journal";
/// In a partition's directory: the partition was dropped, what the journal holds of it does not count.
inline constexpr const char* dropped_name = "DROPPED";

}  // namespace dohle::store
