// What a restart makes of the journal files it finds. Read-only: nothing here writes into a journal file, because what
// is rolled forward lies in pages that LMDB takes for free.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/journal_file.hpp"

namespace dohle::store {

struct found_journal {
  std::vector<std::shared_ptr<journal_file>> files;  ///< oldest first, each checked frame by frame
  std::uint64_t last_sequence = 0;                   ///< committed in the newest file
  std::uint64_t last_group = 0;
  /// Groups that were acknowledged although their root page did not reach the disk: byte for byte, in order.
  std::vector<std::string> lost_frames;
  std::uint64_t last_lost_group = 0;          ///< 0 = none
  std::vector<std::filesystem::path> spares;  ///< retired files to write over
};

/// One record of the journal. `file` counts found_journal::files; the lost frames are the one behind the last.
using record_visitor =
    std::function<result<void>(std::size_t file, const frame_header& frame, const record_header& record,
                               std::string_view payload, std::uint32_t at)>;

/// Removes half-made files, opens the others in order, checks all of them and shows every record, oldest first.
/// `corrupt_data` names the file and the frame; a gap between files means one is missing.
result<found_journal> recover_journal(const std::filesystem::path& directory, const folder_uuid& folder,
                                      const record_visitor& each);

/// The frames of complete groups behind (`last_sequence`, `last_group`) that lie in the file without being in its tree.
/// Visits every page: a frame of one page may lie anywhere.
result<std::vector<std::string>> find_lost_frames(const std::filesystem::path& path, std::uint64_t file_epoch,
                                                  std::uint64_t last_sequence, std::uint64_t last_group);

inline constexpr std::string_view spare_prefix = "spare-";
inline constexpr std::string_view lock_suffix = "-lock";
inline constexpr std::string_view temporary_suffix = ".tmp";

}  // namespace dohle::store
