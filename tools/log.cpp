// dohle log dump|verify: what lies in a data folder that no broker has open.
#include <fmt/core.h>

#include <memory>

#include "store/inspect.hpp"
#include "tools/output.hpp"
#include "tools/program.hpp"
#include "tools/units.hpp"

namespace dohle::tools {

namespace {

using store::inspected;
using store::item_kind;

struct log_options {
  std::string folder;
  std::optional<std::uint32_t> partition;
};

std::string file_of(const inspected& item, const std::string& folder) {
  return printable(item.path.lexically_relative(folder).string());
}

json item_json(const inspected& item, const std::string& folder) {
  return {{"kind", store::to_string(item.kind)},
          {"file", item.path.lexically_relative(folder).string()},
          {"byte", item.byte},
          {"sequence", item.sequence},
          {"group", item.group},
          {"partition", item.partition.value},
          {"base", item.base.value},
          {"end", item.end.value},
          {"epoch", item.epoch.value},
          {"bytes", item.size_bytes},
          {"records", item.count},
          {"max_timestamp", item.max_timestamp.value < 0 ? json(nullptr) : json(item.max_timestamp.value)},
          {"text", item.text}};
}

/// What each kind of thing has to say, without the fields that are always 0 for it.
std::string item_text(const inspected& item, const std::string& folder) {
  auto line = fmt::format("{:<12}  {}", store::to_string(item.kind), file_of(item, folder));
  auto offsets = fmt::format("partition {} offsets {} to {}", item.partition.value, item.base.value, item.end.value);
  switch (item.kind) {
    case item_kind::journal_file: return fmt::format("{} {}", line, format_size(item.size_bytes));
    case item_kind::frame:
      return fmt::format("{} frame {} of group {}: {} records, {}", line, item.sequence, item.group, item.count,
                         format_size(item.size_bytes));
    case item_kind::record:
      return fmt::format("{} frame {}: {} of {} epoch {}", line, item.sequence, item.text, offsets, item.epoch.value);
    case item_kind::segment: return fmt::format("{} {} {}, {}", line, offsets, format_size(item.size_bytes), item.text);
    case item_kind::chunk: return fmt::format("{} {} {} batches", line, offsets, item.count);
    case item_kind::batch:
      return fmt::format("{} {} epoch {} {} records, {}, newest {}", line, offsets, item.epoch.value, item.count,
                         format_size(item.size_bytes), format_time(item.max_timestamp));
    case item_kind::fault: return fmt::format("{} at byte {}: {}", line, item.byte, printable(item.text));
  }
  return line;
}

/// Damage is an answer with exit code 1, after everything that can be said was said.
result<int> judge(const store::folder_report& report, const std::string& folder) {
  if (report.good()) return 0;
  return error{
      errc::corrupt_data,
      fmt::format("{} damaged place{} in {}", report.faults.size(), report.faults.size() == 1 ? "" : "s", folder),
      "keep the folder as it is and copy it before anything else touches it"};
}

result<int> dump(const common_options& common, const log_options& o) {
  auto report = store::inspect(o.folder, [&](const inspected& item) {
    bool any_partition =
        item.kind == item_kind::journal_file || item.kind == item_kind::frame || item.kind == item_kind::fault;
    if (o.partition && !any_partition && item.partition.value != *o.partition) return;
    if (common.json) {
      print(item_json(item, o.folder));
    } else {
      print_line(item_text(item, o.folder));
    }
  });
  if (!report) return report.error();
  return judge(*report, o.folder);
}

result<int> verify(const common_options& common, const log_options& o) {
  auto report = store::inspect(o.folder);
  if (!report) return report.error();
  const auto& r = *report;
  if (common.json) {
    json faults = json::array();
    for (const auto& fault : r.faults) {
      faults.push_back(
          {{"file", fault.path.lexically_relative(o.folder).string()}, {"byte", fault.byte}, {"text", fault.text}});
    }
    print(json{{"folder", o.folder},
               {"identity", r.identity},
               {"good", r.good()},
               {"journal_files", r.journal_files},
               {"frames", r.frames},
               {"records", r.records},
               {"unrecovered_frames", r.lost_frames},
               {"segments", r.segments},
               {"chunks", r.chunks},
               {"batches", r.batches},
               {"bytes", r.bytes},
               {"faults", faults}});
    return judge(r, o.folder);
  }
  print_line(fmt::format("{}: broker {}", printable(o.folder), r.identity));
  print(
      table{{"JOURNAL FILES", "FRAMES", "ENTRIES", "SEGMENTS", "CHUNKS", "BATCHES", "BYTES"},
            {{std::to_string(r.journal_files), std::to_string(r.frames), std::to_string(r.records),
              std::to_string(r.segments), std::to_string(r.chunks), std::to_string(r.batches), format_size(r.bytes)}}});
  if (r.lost_frames > 0) {
    print_line(
        fmt::format("{} frames of the last group wait for the next opening, which rolls them forward", r.lost_frames));
  }
  for (const auto& fault : r.faults) print_line(item_text(fault, o.folder));
  if (r.good()) say("every checksum holds");
  return judge(r, o.folder);
}

template <class Run>
CLI::App* leaf(CLI::App& parent, program& p, const char* name, const char* description,
               const std::shared_ptr<log_options>& o, Run run) {
  auto* command = add_command(parent, p, name, description);
  command->add_option("folder", o->folder, "Data folder")->required()->type_name("FOLDER");
  command->callback([&p, o, run] { p.chosen = [&p, o, run] { return run(p.common, *o); }; });
  return command;
}

}  // namespace

void add_log(program& p) {
  auto o = std::make_shared<log_options>();
  auto* group = add_group_of_commands(p.app, "log", "What lies in a data folder, without a broker");
  auto* command = leaf(*group, p, "dump", "Every file, frame, segment, chunk and batch, one a line", o, dump);
  command->add_option("--partition", o->partition, "Only what belongs to the partition of this id")->type_name("ID");
  leaf(*group, p, "verify", "Check every checksum; exit code 1 when something is damaged", o, verify);
}

}  // namespace dohle::tools
