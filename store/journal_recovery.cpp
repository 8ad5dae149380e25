#include "store/journal_recovery.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "store/files.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t scan_bytes = 256 * lmdb::page_bytes;

/// LMDB's header of a page that begins a large value: u64 page number | u16 | u16 flags | u32 pages.
bool begins_value(const char* page, std::uint64_t number, std::size_t& value_bytes) {
  constexpr std::uint16_t overflow = 4;
  std::uint64_t own = 0;
  std::uint16_t flags = 0;
  std::uint32_t pages = 0;
  std::memcpy(&own, page, sizeof own);
  std::memcpy(&flags, page + 10, sizeof flags);
  std::memcpy(&pages, page + 12, sizeof pages);
  if (own != number || flags != overflow || pages == 0 || pages > (max_frame + lmdb::page_bytes) / lmdb::page_bytes)
    return false;
  value_bytes = pages * lmdb::page_bytes - lmdb::page_header_bytes;
  return true;
}

struct candidate {
  std::uint64_t page = 0;
  std::size_t bytes = 0;
  frame_header header;
};

/// The group of `found` that follows `last_sequence` whole, or empty.
std::vector<candidate> complete_group(const std::vector<candidate>& found, std::uint64_t last_sequence) {
  if (found.empty()) return {};
  const std::uint32_t frames = found.front().header.frames;
  std::vector<candidate> whole(frames <= found.size() ? frames : 0);
  std::size_t filled = 0;
  for (const candidate& c : found) {
    if (c.header.frames != whole.size() || c.header.sequence != last_sequence + 1 + c.header.index) continue;
    candidate& slot = whole[c.header.index];
    if (slot.page == 0) ++filled;
    slot = c;
  }
  if (filled != whole.size()) whole.clear();
  return whole;
}

result<std::vector<candidate>> scan(const file_handle& file, const fs::path& path, std::uint64_t epoch,
                                    std::uint64_t last_sequence, std::uint64_t last_group) {
  auto size = size_of(file, path);
  if (!size) return size.error();
  std::vector<candidate> found;
  std::vector<char> block(scan_bytes);
  for (std::uint64_t at = 2 * lmdb::page_bytes; at + lmdb::page_bytes <= *size; at += block.size()) {
    const std::size_t count = std::min<std::uint64_t>(block.size(), *size - at) / lmdb::page_bytes;
    if (auto r = read_at(file, at, block.data(), count * lmdb::page_bytes, path); !r) return r.error();
    for (std::size_t i = 0; i < count; ++i) {
      const char* page = block.data() + i * lmdb::page_bytes;
      const std::uint64_t number = at / lmdb::page_bytes + i;
      candidate c;
      c.page = number;
      if (!begins_value(page, number, c.bytes)) continue;
      std::memcpy(&c.header, page + lmdb::page_header_bytes, sizeof c.header);
      const frame_header& h = c.header;
      if (h.magic != frame_magic || h.epoch != epoch || h.sequence <= last_sequence || h.group <= last_group) continue;
      if (number * lmdb::page_bytes + lmdb::page_header_bytes + c.bytes > *size) continue;
      found.push_back(c);
    }
  }
  return found;
}

result<void> tidy(const fs::path& directory, found_journal& found, std::vector<fs::path>& paths) {
  auto names = list_files(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const fs::path path = directory / name;
    std::uint64_t sequence = 0;
    if (name.ends_with(temporary_suffix) || name.ends_with(lock_suffix)) {
      if (auto r = remove_file(path); !r) return r;
    } else if (name.starts_with(spare_prefix)) {
      found.spares.push_back(path);
    } else if (journal_file::parse_name(name, sequence)) {
      paths.push_back(path);  // sorted by name is sorted by sequence
    } else {
      return error{errc::wrong_folder, path.string() + " is no journal file", "move it out of the data folder"};
    }
  }
  return {};
}

}  // namespace

result<std::vector<std::string>> find_lost_frames(const fs::path& path, std::uint64_t file_epoch,
                                                  std::uint64_t last_sequence, std::uint64_t last_group) {
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  auto found = scan(*file, path, file_epoch, last_sequence, last_group);
  if (!found) return found.error();
  std::map<std::uint64_t, std::vector<candidate>, std::greater<>> groups;  // the highest complete one is taken
  std::map<std::uint64_t, std::string> whole_frames;                       // by page
  for (const candidate& c : *found) {
    std::string bytes(c.bytes, '\0');
    const std::uint64_t at = c.page * lmdb::page_bytes + lmdb::page_header_bytes;
    if (auto r = read_at(*file, at, bytes.data(), bytes.size(), path); !r) return r.error();
    if (!read_frame(bytes, true)) continue;  // a fragment that was never acknowledged
    groups[c.header.group].push_back(c);
    whole_frames[c.page] = std::move(bytes);
  }
  std::vector<std::string> lost;
  for (bool again = true; again;) {
    again = false;
    for (const auto& [number, members] : groups) {
      if (number <= last_group) break;
      const auto whole = complete_group(members, last_sequence);
      if (whole.empty()) continue;
      for (const candidate& c : whole) lost.push_back(std::move(whole_frames[c.page]));
      last_sequence += whole.size();
      last_group = number;
      again = true;
      break;
    }
  }
  return lost;
}

result<found_journal> recover_journal(const fs::path& directory, const folder_uuid& folder,
                                      const record_visitor& each) {
  found_journal found;
  std::vector<fs::path> paths;
  if (auto r = tidy(directory, found, paths); !r) return r.error();
  // Names that a killed process gave may not have reached the disk yet: what is believed is flushed first.
  if (auto r = flush_directory(directory); !r) return r.error();
  for (const fs::path& path : paths) {
    auto file = journal_file::open(path, folder);
    if (!file) return file.error();
    if (!found.files.empty() && (*file)->first_sequence() != found.last_sequence + 1)
      return error{errc::corrupt_data,
                   path.string() + " begins with frame " + std::to_string((*file)->first_sequence()) + ", but frame " +
                       std::to_string(found.last_sequence + 1) +
                       " comes next: a file between is missing or an old copy",
                   "restore the missing journal file, or remove the folder if its data is replicated"};
    found.last_sequence = (*file)->first_sequence() - 1;
    found.last_group = (*file)->head().last_group;
    const std::size_t index = found.files.size();
    auto walked = (*file)->walk([&](const frame_header& h, std::string_view frame, std::uint64_t) -> result<void> {
      found.last_sequence = h.sequence;
      found.last_group = h.group;
      return walk_records(frame, h, [&](const record_header& record, std::string_view payload, std::uint32_t at) {
        return each(index, h, record, payload, at);
      });
    });
    if (!walked) return walked.error();
    found.files.push_back(std::move(*file));
  }
  if (found.files.empty()) return found;
  const journal_file& newest = *found.files.back();
  auto lost = find_lost_frames(newest.path(), newest.head().epoch, found.last_sequence, found.last_group);
  if (!lost) return lost.error();
  for (const std::string& frame : *lost) {
    auto header = read_frame(frame, false);
    found.last_lost_group = header->group;
    auto walked =
        walk_records(frame, *header, [&](const record_header& record, std::string_view payload, std::uint32_t at) {
          return each(found.files.size(), *header, record, payload, at);
        });
    if (!walked) return in_place(walked.error(), newest.path().string(), header->sequence, 0);
  }
  found.lost_frames = std::move(*lost);
  return found;
}

}  // namespace dohle::store
