#include "store/inspect.hpp"

#include <algorithm>

#include "store/batch_check.hpp"
#include "store/files.hpp"
#include "store/identity.hpp"
#include "store/journal_recovery.hpp"
#include "store/page_check.hpp"
#include "store/segment.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

std::string_view to_string(item_kind kind) {
  switch (kind) {
    case item_kind::journal_file: return "journal_file";
    case item_kind::frame: return "frame";
    case item_kind::record: return "record";
    case item_kind::segment: return "segment";
    case item_kind::chunk: return "chunk";
    case item_kind::batch: return "batch";
    case item_kind::fault: return "fault";
  }
  return "?";
}

namespace {

std::string_view record_name(std::uint8_t kind) {
  switch (kind) {
    case record_batch_kind: return "batch";
    case record_truncation_kind: return "truncation";
    case record_hard_kind: return "hard state";
    case record_mark_kind: return "epoch mark";
    case record_head_kind: return "head";
    default: return "?";
  }
}

std::uint64_t number_of(std::string_view key) {
  std::uint64_t number = 0;
  if (key.size() == sizeof number) std::memcpy(&number, key.data(), sizeof number);
  return number;
}

std::uint64_t byte_of(std::string_view value) {
  return value.size() < lmdb::page_bytes - lmdb::page_header_bytes ? 0 : lmdb::place_of(value);
}

class inspection {
 public:
  inspection(fs::path path, const std::function<void(const inspected&)>& each) : path_(std::move(path)), each_(each) {}

  result<folder_report> run() {
    std::error_code ignored;
    if (!fs::exists(path_ / identity_name, ignored))
      return error{errc::wrong_folder, path_.string() + " is not a Dohle data folder", "name the folder of a broker"};
    auto lock = folder_lock::take(path_);
    if (!lock) return lock.error();
    auto who = read_identity(path_);
    if (!who) return who.error();
    report_.identity = who->uuid;
    report_.floor = who->floor;
    folder_ = to_number(who->uuid);
    if (auto r = journal(*who); !r) return r.error();
    auto directories = list_directories(path_);
    if (!directories) return directories.error();
    for (const std::string& name : *directories) {
      std::uint64_t id = 0;
      if (name == journal_directory) continue;
      if (name.size() != 8 || !parse_hex(name, id)) {
        fault(path_ / name, 0, "does not belong into a data folder");
      } else if (!fs::exists(path_ / name / dropped_name, ignored)) {
        if (auto r = partition(path_ / name, partition_id{static_cast<std::uint32_t>(id)}); !r) return r.error();
      }
    }
    return std::move(report_);
  }

 private:
  void show(const inspected& item) {
    if (each_) each_(item);
  }
  void fault(const fs::path& file, std::uint64_t byte, const std::string& what) {
    inspected item;
    item.path = file;
    item.byte = byte;
    item.text = what;
    report_.faults.push_back(item);
    show(item);
  }

  result<void> journal(const identity& who) {
    auto names = list_files(path_ / journal_directory);
    if (!names) return names.error();
    std::uint64_t last_sequence = 0, last_group = 0;
    bool first = true;
    for (const std::string& name : *names) {
      std::uint64_t named = 0;
      const fs::path file = path_ / journal_directory / name;
      if (!journal_file::parse_name(name, named)) continue;
      const bool newest = name == *std::find_if(names->rbegin(), names->rend(), [](const std::string& n) {
                            std::uint64_t ignored = 0;
                            return journal_file::parse_name(n, ignored);
                          });
      auto opened = journal_file::open(file, folder_);
      if (!opened) {
        fault(file, 0, opened.error().message);
        first = true;  // what follows cannot be joined to it
        continue;
      }
      ++report_.journal_files;
      inspected item;
      item.kind = item_kind::journal_file;
      item.path = file;
      item.sequence = (*opened)->first_sequence();
      item.group = (*opened)->head().last_group;
      item.size_bytes = (*opened)->env().used_bytes();
      show(item);
      if (!first && item.sequence != last_sequence + 1)
        fault(file, 0,
              "begins with frame " + std::to_string(item.sequence) + ", but frame " +
                  std::to_string(last_sequence + 1) + " comes next");
      first = false;
      last_sequence = item.sequence - 1;
      last_group = item.group;
      if (auto r = frames(**opened, last_sequence, last_group); !r) fault(file, 0, r.error().message);
      if (newest) lost(**opened, last_sequence, last_group);
    }
    if (who.journal_made && last_group < who.floor && report_.faults.empty())
      fault(path_ / journal_directory, 0,
            "ends with group " + std::to_string(last_group) + ", but group " + std::to_string(who.floor) +
                " was on the disk");
    return {};
  }

  result<void> frames(journal_file& file, std::uint64_t& last_sequence, std::uint64_t& last_group) {
    auto txn = file.env().begin_read();
    if (!txn) return txn.error();
    auto cursor = txn->open_cursor(0);
    if (!cursor) return cursor.error();
    auto more = cursor->first();
    if (more && *more) more = cursor->next();
    for (; more && *more; more = cursor->next()) {
      const std::uint64_t key = number_of(cursor->key());
      const std::uint64_t byte = byte_of(cursor->value());
      auto header = read_frame(cursor->value(), true);
      if (key != last_sequence + 1)
        fault(file.path(), byte,
              "frame " + std::to_string(key) + " where " + std::to_string(last_sequence + 1) + " belongs");
      last_sequence = key;
      if (!header) {
        fault(file.path(), byte, "frame " + std::to_string(key) + ": " + header.error().message);
        continue;
      }
      last_group = header->group;
      frame(file.path(), byte, *header, cursor->value());
    }
    if (!more) return more.error();
    return {};
  }

  void frame(const fs::path& file, std::uint64_t byte, const frame_header& header, std::string_view value) {
    ++report_.frames;
    inspected item;
    item.kind = item_kind::frame;
    item.path = file;
    item.byte = byte;
    item.sequence = header.sequence;
    item.group = header.group;
    item.size_bytes = value.size();
    item.count = header.records;
    show(item);
    auto walked = walk_records(value, header, [&](const record_header& r, std::string_view payload, std::uint32_t) {
      ++report_.records;
      inspected record = item;
      record.kind = item_kind::record;
      record.text = record_name(r.kind);
      record.partition = partition_id{r.partition};
      record.base = record.end = offset{r.base};
      record.epoch = dohle::epoch{static_cast<std::int32_t>(r.epoch)};
      record.size_bytes = r.payload_bytes;
      record.count = 0;
      if (r.kind == record_batch_kind) {
        record.end = record.base + r.last_delta + 1;
        record.max_timestamp = timestamp{r.max_timestamp};
        auto batch = check_batch(payload, record.base, record.epoch);
        if (!batch)
          fault(file, byte, batch.error().message);
        else
          record.count = static_cast<std::uint64_t>(batch->record_count);
        ++report_.batches;
        report_.bytes += payload.size();
      }
      show(record);
      return result<void>{};
    });
    if (!walked) fault(file, byte, "frame " + std::to_string(header.sequence) + ": " + walked.error().message);
  }

  void lost(journal_file& file, std::uint64_t last_sequence, std::uint64_t& last_group) {
    auto found = find_lost_frames(file.path(), file.head().epoch, last_sequence, last_group);
    if (!found) return fault(file.path(), 0, found.error().message);
    for (const std::string& bytes : *found) {
      ++report_.lost_frames;
      auto header = read_frame(bytes, false);
      last_group = header->group;
      frame(file.path(), 0, *header, bytes);
    }
  }

  /// Whether another segment took this one's place in a compaction that the process did not live to finish.
  static bool is_superseded(const fs::path& file, const std::vector<segment_meta>& all) {
    auto meta = segment_record(file);
    return meta && std::any_of(all.begin(), all.end(), [&](const auto& other) { return supersedes(other, *meta); });
  }

  static result<segment_meta> segment_record(const fs::path& file) {
    if (auto r = lmdb::check_tree(file); !r) return r.error();
    auto env = lmdb::environment::open(file, lmdb::access::read, 0, segment::tables());
    if (!env) return env.error();
    auto txn = (*env)->begin_read();
    if (!txn) return txn.error();
    auto value = txn->get(segment::index, meta_key);
    if (!value) return value.error();
    return read_meta(value->value_or(std::string_view{}));
  }

  result<void> partition(const fs::path& directory, partition_id id) {
    auto names = list_files(directory);
    if (!names) return names.error();
    std::vector<segment_meta> all;
    for (const std::string& name : *names) {
      offset base;
      std::uint32_t generation = 0;
      if (!parse_segment_name(name, base, generation)) continue;
      if (auto meta = segment_record(directory / name)) all.push_back(*meta);
    }
    offset start, end, says;
    bool first = true;
    for (const std::string& name : *names) {
      offset base;
      std::uint32_t generation = 0;
      if (!parse_segment_name(name, base, generation)) {
        if (!name.ends_with(temporary_suffix) && !name.ends_with(lock_suffix))
          fault(directory / name, 0, "is no segment");
        continue;
      }
      if (is_superseded(directory / name, all)) continue;  // the next opening removes it
      if (!first && base != end)
        fault(directory / name, 0,
              "begins at offset " + std::to_string(base.value) + " where " + std::to_string(end.value) + " comes next");
      if (first) start = base;
      first = false;
      end = base;
      if (auto r = segment_file(directory / name, id, end, says); !r) fault(directory / name, 0, r.error().message);
    }
    if (!first && (start > says || end < says))
      fault(directory, 0,
            "holds offsets " + std::to_string(start.value) + " to " + std::to_string(end.value) +
                " of a log that starts at " + std::to_string(says.value));
    return {};
  }

  /// `end` goes from where the segment should begin to where it ends; `says` is where it says that the log starts.
  result<void> segment_file(const fs::path& file, partition_id id, offset& end, offset& says) {
    if (auto r = lmdb::check_tree(file); !r) return r;
    auto env = lmdb::environment::open(file, lmdb::access::read, 0, segment::tables());
    if (!env) return env.error();
    auto txn = (*env)->begin_read();
    if (!txn) return txn.error();
    auto value = txn->get(segment::index, meta_key);
    if (!value) return value.error();
    auto meta = read_meta(value->value_or(std::string_view{}));
    if (!meta) return meta.error();
    if (meta->folder != folder_ || meta->partition != id.value)
      fault(file, 0, "belongs to another partition or folder");
    ++report_.segments;
    inspected item;
    item.kind = item_kind::segment;
    item.path = file;
    item.partition = id;
    item.base = offset{meta->base};
    item.end = offset{meta->end};
    item.size_bytes = meta->bytes;
    item.max_timestamp = timestamp{meta->bytes > 0 ? meta->max_timestamp : -1};
    item.text = "log from offset " + std::to_string(meta->log_start);
    says = offset{meta->log_start};
    show(item);
    item.text.clear();
    auto cursor = txn->open_cursor(segment::chunks);
    if (!cursor) return cursor.error();
    auto more = cursor->first();
    for (; more && *more; more = cursor->next()) chunk(item, number_of(cursor->key()), cursor->value(), end);
    if (!more) return more.error();
    if (end.value != meta->end)
      fault(file, 0,
            "holds chunks up to offset " + std::to_string(end.value) + " and says " + std::to_string(meta->end));
    end = offset{meta->end};
    auto states = txn->open_cursor(segment::index);
    if (!states) return states.error();
    more = states->seek("p");
    for (; more && *more && states->key()[0] == 'p'; more = states->next()) {
      if (auto p = read_producer(states->key(), states->value()); !p) fault(file, 0, p.error().message);
    }
    if (!more) return more.error();
    more = states->seek("a");
    for (; more && *more && states->key()[0] == 'a'; more = states->next()) {
      if (auto a = read_aborted(states->key(), states->value()); !a) fault(file, 0, a.error().message);
    }
    return more ? result<void>{} : more.error();
  }

  void chunk(const inspected& of, std::uint64_t key, std::string_view value, offset& end) {
    inspected item = of;
    item.kind = item_kind::chunk;
    item.byte = byte_of(value);
    auto header = read_chunk(value, key);
    if (!header) return fault(of.path, item.byte, "chunk " + std::to_string(key) + ": " + header.error().message);
    if (offset{header->base} != end)
      fault(of.path, item.byte,
            "chunk " + std::to_string(key) + " where offset " + std::to_string(end.value) + " belongs");
    ++report_.chunks;
    item.base = offset{header->base};
    item.end = end = offset{header->last} + 1;
    item.epoch = dohle::epoch{static_cast<std::int32_t>(header->epoch)};
    item.size_bytes = header->body_bytes;
    item.count = header->batches;
    item.max_timestamp = timestamp{header->max_timestamp};
    show(item);
    std::string_view body = value.substr(header->header_bytes, header->body_bytes);
    offset next = item.base;
    while (!body.empty()) {
      auto batch = check_batch(body, next, item.epoch, header->format >= compacted_format);
      if (!batch) return fault(of.path, item.byte, "chunk " + std::to_string(key) + ": " + batch.error().message);
      inspected shown = item;
      shown.kind = item_kind::batch;
      shown.base = batch->base;
      shown.end = next = batch->end();
      shown.size_bytes = batch->size_bytes();
      shown.count = static_cast<std::uint64_t>(batch->record_count);
      shown.max_timestamp = batch->max_timestamp;
      show(shown);
      ++report_.batches;
      report_.bytes += batch->size_bytes();
      body.remove_prefix(batch->size_bytes());
    }
    if (next != item.end) fault(of.path, item.byte, "chunk " + std::to_string(key) + ": its batches do not fill it");
  }

  const fs::path path_;
  const std::function<void(const inspected&)>& each_;
  folder_uuid folder_;
  folder_report report_;
};

}  // namespace

result<folder_report> inspect(const fs::path& path, const std::function<void(const inspected&)>& each) {
  return inspection(path, each).run();
}

}  // namespace dohle::store
