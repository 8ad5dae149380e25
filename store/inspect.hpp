// A look through a closed data folder: every file, frame, record, chunk and batch with every checksum, changing
// nothing. For `dohle log dump` and `dohle log verify`. Takes the folder's lock, so `folder_locked` when it is in use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "schema/error.hpp"
#include "schema/types.hpp"

namespace dohle::store {

enum class item_kind { journal_file, frame, record, segment, chunk, batch, fault };
std::string_view to_string(item_kind);

/// One thing that lies in the folder, or one thing that is wrong with it. Fields that say nothing about it are 0.
struct inspected {
  item_kind kind = item_kind::fault;
  std::filesystem::path path;  ///< the file
  std::uint64_t byte = 0;      ///< where in the file its frame or chunk begins
  std::uint64_t sequence = 0;  ///< frame: its number; record: its frame's
  std::uint64_t group = 0;     ///< frame
  partition_id partition;
  offset base;  ///< record: as in the journal's format
  offset end;
  dohle::epoch epoch;
  std::uint64_t size_bytes = 0;
  std::uint64_t count = 0;  ///< records of a frame or batch, batches of a chunk
  timestamp max_timestamp = no_timestamp;
  std::string text;  ///< a record's kind; a segment's log start; what a fault is
};

struct folder_report {
  std::string identity;
  std::uint64_t floor = 0;
  std::uint64_t journal_files = 0, frames = 0, records = 0;
  std::uint64_t lost_frames = 0;  ///< acknowledged, to be rolled forward by the next opening
  std::uint64_t segments = 0, chunks = 0, batches = 0;
  std::uint64_t bytes = 0;  ///< of batches, wherever they lie
  std::vector<inspected> faults;
  bool good() const { return faults.empty(); }
};

/// Goes on behind a fault where it can. An error only when the folder cannot be looked at: absent, not ours, in use.
result<folder_report> inspect(const std::filesystem::path& path,
                              const std::function<void(const inspected&)>& each = {});

}  // namespace dohle::store
