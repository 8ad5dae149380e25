#include "store/journal_file.hpp"

#include <fcntl.h>
#include <algorithm>

#include <chrono>
#include <cstring>

#include "store/batch_check.hpp"
#include "store/files.hpp"
#include "store/page_check.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

namespace {

const std::vector<lmdb::table> tables{{nullptr, true}};
constexpr std::uint64_t head_key = 0;

/// The bytes of a file's beginning that make LMDB see an empty database: taken from one that LMDB made.
result<std::string> fresh_pages(const fs::path& directory, std::size_t map_bytes) {
  const fs::path path = directory / "pages.tmp";
  if (auto r = remove_file(path); !r) return r.error();
  {
    auto env = lmdb::environment::open(path, lmdb::access::build, map_bytes, tables);
    if (!env) return env.error();
  }
  std::string pages(2 * lmdb::page_bytes, '\0');
  {
    auto file = open_file(path, O_RDONLY);
    if (!file) return file.error();
    if (auto r = read_at(*file, 0, pages.data(), pages.size(), path); !r) return r.error();
  }
  if (auto r = remove_file(path); !r) return r.error();
  return pages;
}

/// Turns a retired file into an empty one. Its name is not a journal's any more, durably, before a byte is written.
result<void> recycle(const fs::path& spare, const fs::path& tmp, std::size_t map_bytes) {
  auto pages = fresh_pages(tmp.parent_path(), map_bytes);
  if (!pages) return pages.error();
  std::error_code problem;
  fs::rename(spare, tmp, problem);
  if (problem) return io_error(problem.value(), "renaming", spare);
  {
    auto file = open_file(tmp, O_WRONLY);
    if (!file) return file.error();
    if (auto r = write_at(*file, 0, *pages, tmp); !r) return r;
  }
  return flush_file(tmp);
}

}  // namespace

group_layout::group_layout(std::span<const pending_record> records) : records_(records) {
  constexpr std::size_t packed_body = max_packed_frame - sizeof(frame_header);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::size_t size = records[i].header.total_bytes;
    if (frames_.empty() || frames_.back().body + size > packed_body) frames_.push_back({i, 0, 0});
    ++frames_.back().count;
    frames_.back().body += size;
  }
  for (const frame& f : frames_) bytes_ += lmdb::whole_pages(sizeof(frame_header) + f.body) + lmdb::page_header_bytes;
}

result<std::vector<record_place>> group_layout::put(lmdb::transaction& txn, std::uint64_t first_sequence,
                                                    std::uint64_t group, std::uint64_t file_epoch) const {
  std::vector<record_place> places(records_.size());
  frame_header header;
  header.group = group;
  header.epoch = file_epoch;
  header.frames = static_cast<std::uint32_t>(frames_.size());
  header.wall_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  for (std::size_t n = 0; n < frames_.size(); ++n) {
    const frame& f = frames_[n];
    const std::size_t size = lmdb::whole_pages(sizeof header + f.body);
    DOHLE_ASSERT(size <= max_frame, "a batch is at most limits::max_batch_bytes");
    header.sequence = first_sequence + n;
    header.index = static_cast<std::uint32_t>(n);
    header.records = static_cast<std::uint32_t>(f.count);
    header.body_bytes = static_cast<std::uint32_t>(f.body);
    header.crc = 0;
    auto room = txn.append(0, lmdb::key_of(header.sequence), size);
    if (!room) return room.error();
    char* const body = *room + sizeof header;
    // The checksum follows the copy record by record, while the bytes are still in the cache.
    std::uint32_t crc = crc32c({reinterpret_cast<const char*>(&header), sizeof header});
    std::size_t at = 0;
    for (std::size_t i = f.first; i < f.first + f.count; ++i) {
      const pending_record& record = records_[i];
      places[i] = {header.sequence, static_cast<std::uint32_t>(at)};
      char* to = body + at;
      std::memcpy(to, &record.header, sizeof record.header);
      std::copy(record.payload.begin(), record.payload.end(),
                to + sizeof record.header);  // may be empty, without a place
      const std::size_t filled = sizeof record.header + record.payload.size();
      std::memset(to + filled, 0, record.header.total_bytes - filled);
      crc = crc32c({to, record.header.total_bytes}, crc);
      at += record.header.total_bytes;
    }
    header.crc = crc;
    std::memcpy(*room, &header, sizeof header);
    std::memset(body + at, 0, size - sizeof header - at);
  }
  return places;
}

std::string journal_file::name_of(std::uint64_t first_sequence) { return "j-" + to_hex(first_sequence) + ".l0"; }

bool journal_file::parse_name(std::string_view name, std::uint64_t& first_sequence) {
  return name.size() == 21 && name.starts_with("j-") && name.ends_with(".l0") &&
         parse_hex(name.substr(2, 16), first_sequence);
}

result<std::shared_ptr<journal_file>> journal_file::create(const fs::path& directory, std::size_t map_bytes,
                                                           const folder_uuid& folder, const file_beginning& beginning,
                                                           const fs::path& spare) {
  const fs::path tmp = directory / "new.tmp", path = directory / name_of(beginning.first_sequence);
  if (auto r = remove_file(tmp); !r) return r.error();
  if (!spare.empty()) {
    if (auto r = recycle(spare, tmp, map_bytes); !r) return r.error();
  }
  file_head head;
  head.epoch = random_number();
  head.first_sequence = beginning.first_sequence;
  head.last_group = beginning.last_group;
  head.folder = folder;
  seal(head);
  {
    auto env = lmdb::environment::open(tmp, lmdb::access::build, map_bytes, tables);
    if (!env) return env.error();
    auto txn = (*env)->begin_write();
    if (!txn) return txn.error();
    if (auto r = txn->put(0, lmdb::key_of(head_key), {reinterpret_cast<const char*>(&head), sizeof head}); !r)
      return r.error();
    std::uint64_t sequence = beginning.first_sequence;
    for (const std::string& frame : beginning.recovered) {
      auto room = txn->append(0, lmdb::key_of(sequence), frame.size());
      if (!room) return room.error();
      std::memcpy(*room, frame.data(), frame.size());
      ++sequence;
    }
    auto places = group_layout(beginning.heads).put(*txn, sequence, beginning.head_group, head.epoch);
    if (!places) return places.error();
    if (auto r = txn->commit(); !r) return r.error();
    if (auto r = (*env)->flush(); !r) return r.error();
  }
  if (auto r = rename_durably(tmp, path); !r) return r.error();
  auto env = lmdb::environment::open(path, lmdb::access::write, map_bytes, tables);
  if (!env) return env.error();
  return std::shared_ptr<journal_file>(new journal_file(std::move(*env), head));
}

result<std::shared_ptr<journal_file>> journal_file::open(const fs::path& path, const folder_uuid& folder) {
  // A killed process may have left its last commit in the page cache only: what is believed is flushed first.
  if (auto r = lmdb::check_tree(path); !r) return r.error();
  if (auto r = flush_file(path); !r) return r.error();
  auto env = lmdb::environment::open(path, lmdb::access::read, 0, tables);
  if (!env) return env.error();
  file_head head;
  {
    auto txn = (*env)->begin_read();
    if (!txn) return txn.error();
    auto value = txn->get(0, lmdb::key_of(head_key));
    if (!value) return value.error();
    auto read = read_file_head(value->value_or(std::string_view{}));
    if (!read) return error{read.code(), path.string() + ": " + read.error().message, read.error().hint};
    head = *read;
  }
  if (head.folder != folder)
    return error{errc::wrong_folder, path.string() + " belongs to another data folder",
                 "put back the journal files of this folder"};
  std::uint64_t named = 0;
  if (parse_name(path.filename().string(), named) && named != head.first_sequence)
    return error{errc::corrupt_data,
                 path.string() + " begins with frame " + std::to_string(head.first_sequence) +
                     ", which is not what its name says",
                 "undo the renaming"};
  return std::shared_ptr<journal_file>(new journal_file(std::move(*env), head));
}

error journal_file::at_frame(const error& e, std::uint64_t sequence, std::string_view value) const {
  return in_place(e, path().string(), sequence, value.empty() ? 0 : lmdb::place_of(value));
}

result<std::string_view> journal_file::frame_at(const lmdb::transaction& txn, std::uint64_t sequence) const {
  auto value = txn.get(0, lmdb::key_of(sequence));
  if (!value) return value.error();
  if (!*value)
    return error{errc::corrupt_data, path().string() + ": frame " + std::to_string(sequence) + " is not there", ""};
  return **value;
}

result<timestamp> journal_file::written_at(std::uint64_t sequence) const {
  auto txn = env_->begin_read();
  if (!txn) return txn.error();
  auto frame = frame_at(*txn, sequence);
  if (!frame) return frame.error();
  auto header = read_frame(*frame, false);
  if (!header) return at_frame(header.error(), sequence, *frame);
  return timestamp{header->wall_ms};
}

result<std::string_view> journal_file::locate(const lmdb::transaction& txn, partition_id of, const batch_place& place,
                                              std::uint64_t& sequence, std::string_view& frame) const {
  if (sequence != place.sequence) {
    auto found = frame_at(txn, place.sequence);
    if (!found) return found;
    sequence = place.sequence;
    frame = *found;
  }
  auto header = read_frame(frame, false);
  if (!header) return at_frame(header.error(), place.sequence, frame);
  if (place.at >= header->body_bytes)
    return at_frame({errc::corrupt_data, "it is shorter than it was", ""}, place.sequence, frame);
  const std::string_view body = frame.substr(header->header_bytes, header->body_bytes).substr(place.at);
  auto record = read_record(body);
  if (!record) return at_frame(record.error(), place.sequence, frame);
  if (record->kind != record_batch_kind || record->partition != of.value || record->base != place.base.value ||
      record->payload_bytes != place.size)
    return at_frame({errc::corrupt_data, "it holds another batch than was written", ""}, place.sequence, frame);
  return body.substr(record->header_bytes, record->payload_bytes);
}

result<void> journal_file::copy(partition_id of, std::span<const batch_place> places, char* to) const {
  return view(of, places, [&](std::size_t i, std::string_view payload) -> result<void> {
    std::memcpy(to, payload.data(), payload.size());
    auto checked = check_batch({to, payload.size()}, places[i].base, places[i].epoch);
    if (!checked) return in_place(checked.error(), path().string(), places[i].sequence, 0);
    to += payload.size();
    return {};
  });
}

}  // namespace dohle::store
