#include "store/journal_format.hpp"

#include <cstddef>
#include <cstring>

#include "schema/record_batch.hpp"

namespace dohle::store {

namespace {

error damaged(const char* what) { return {errc::corrupt_data, what, ""}; }

error newer(const char* what) {
  return {errc::newer_format, std::string{what} + " was written by a newer version of Dohle", "use the newer program"};
}

std::uint32_t crc_of(const record_header& header) {
  record_header copy = header;
  copy.crc = 0;
  return crc32c({reinterpret_cast<const char*>(&copy), sizeof copy});
}

std::uint32_t crc_of(const file_head& head) {
  return crc32c({reinterpret_cast<const char*>(&head), offsetof(file_head, crc)});
}

}  // namespace

void seal(record_header& header) { header.crc = crc_of(header); }
void seal(file_head& head) { head.crc = crc_of(head); }

record_header to_record(const entry& e) {
  record_header h;
  h.total_bytes = static_cast<std::uint32_t>(record_bytes(e.payload.size()));
  h.kind = static_cast<std::uint8_t>(e.kind);
  h.partition = e.partition.value;
  h.payload_bytes = static_cast<std::uint32_t>(e.payload.size());
  h.base = e.base.value;
  h.last_delta = e.last_delta;
  h.epoch = e.epoch.value;
  h.max_timestamp = e.max_timestamp.value;
  h.aux = e.kind == entry_kind::truncation ? e.opened.value : e.vote;
  seal(h);
  return h;
}

result<record_header> read_record(std::string_view at) {
  record_header h;
  if (at.size() < sizeof h) return damaged("a record is cut off");
  std::memcpy(&h, at.data(), sizeof h);
  if (crc_of(h) != h.crc) return damaged("a record's header fails its checksum");
  if (h.header_bytes != sizeof h || h.total_bytes > at.size() || h.total_bytes != record_bytes(h.payload_bytes))
    return damaged("a record's sizes contradict each other");
  switch (h.kind) {
    case record_batch_kind:
    case record_truncation_kind:
    case record_hard_kind:
    case record_mark_kind:
    case record_head_kind: break;
    default: return newer("a record");
  }
  return h;
}

result<file_head> read_file_head(std::string_view value) {
  file_head head;
  if (value.size() != sizeof head) return damaged("the file's own record has the wrong size");
  std::memcpy(&head, value.data(), sizeof head);
  if (head.magic != file_magic) return damaged("this is no journal file");
  if (crc_of(head) != head.crc) return damaged("the file's own record fails its checksum");
  if (head.format > journal_format) return newer("the file");
  return head;
}

std::uint32_t frame_crc(std::string_view frame) {
  frame_header h;
  std::memcpy(&h, frame.data(), sizeof h);
  h.crc = 0;
  return crc32c(frame.substr(sizeof h, h.body_bytes), crc32c({reinterpret_cast<const char*>(&h), sizeof h}));
}

result<frame_header> read_frame(std::string_view value, bool whole) {
  frame_header h;
  if (value.size() < sizeof h) return damaged("a frame is cut off");
  std::memcpy(&h, value.data(), sizeof h);
  if (h.magic != frame_magic) return damaged("a frame does not begin as one");
  if (h.format > journal_format) return newer("a frame");
  if (h.header_bytes != sizeof h || h.body_bytes > value.size() - sizeof h || h.index >= h.frames)
    return damaged("a frame's sizes contradict each other");
  if (whole && frame_crc(value) != h.crc) return damaged("a frame fails its checksum");
  return h;
}

error in_place(const error& e, std::string_view path, std::uint64_t sequence, std::uint64_t byte) {
  return {
      e.code,
      std::string{path} + ": frame " + std::to_string(sequence) + " at byte " + std::to_string(byte) + ": " + e.message,
      e.hint.empty() ? "restore this file from where it was copied, or remove the folder if its data is replicated"
                     : e.hint};
}

}  // namespace dohle::store
