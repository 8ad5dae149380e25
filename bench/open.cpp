// How long opening a data folder takes: with a journal as full as it may become, and with few or many segments. The
// store alone, because a broker adds its own start to it.
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"
#include "schema/record_batch.hpp"
#include "store/folder.hpp"

namespace dohle::bench {

namespace {

using store::folder;

std::unique_ptr<folder> opened(const std::filesystem::path& path, const store::options& settings) {
  return must(folder::open(path, settings), "opening a folder");
}

/// Ready made, so that filling is quick: only the offset is set anew, which the checksum does not cover.
bytes batch_of(std::size_t batch_bytes) {
  payloads values(1024);
  batch_builder builder(batch_bytes + 2048);
  for (std::uint64_t i = 0; builder.size_bytes() < batch_bytes; ++i)
    must(builder.add(timestamp{1'700'000'000'000}, std::nullopt, values.at(i)), "building a batch");
  return must(builder.build(), "building a batch");
}

void append(folder& in, store::log& to, const bytes& batch, int times) {
  std::vector<store::entry> group;
  for (int i = 0; i < times; ++i) {
    auto copy = bytes::copy(batch.view());
    stamp_batch(copy, to.end(), epoch{1}, std::nullopt);
    group.push_back(to.append(copy, *read_header(copy.view())));
  }
  to.on_flushed(must(in.journal().commit(group), "persisting"));
}

/// Fills the journal until another file would be refused, settling nothing.
std::uint64_t fill_journal(const std::filesystem::path& path) {
  auto in = opened(path, {});
  std::vector<std::shared_ptr<store::log>> logs;
  for (std::uint32_t id = 1; id <= 6; ++id) logs.push_back(must(in->open_log(partition_id{id}), "opening a log"));
  auto batch = batch_of(limits::default_batch_bytes);
  std::uint64_t bytes = 0;
  constexpr auto enough = (limits::max_journal_files - 1) * limits::journal_file_bytes + limits::journal_file_bytes / 2;
  for (std::size_t i = 0; bytes < enough; ++i, bytes += 8 * batch.size()) append(*in, *logs[i % logs.size()], batch, 8);
  return bytes;
}

/// Segments as small as they can be: opening costs by the file, not by the byte.
void fill_segments(const std::filesystem::path& path, int partitions, int segments_each) {
  auto in = opened(path, {.segment_bytes = 1});
  auto batch = batch_of(16 * limits::kib);
  for (int id = 1; id <= partitions; ++id) {
    auto log = must(in->open_log(partition_id{static_cast<std::uint32_t>(id)}), "opening a log");
    for (int i = 0; i < segments_each; ++i) {
      append(*in, *log, batch, 1);
      must(log->settle(log->flushed(), limits::settle_step_bytes), "settling");
    }
  }
  must(in->retire_journals(), "retiring journal files");
}

measured time_to_open(const std::filesystem::path& path, const store::options& settings) {
  stopwatch clock;
  auto in = opened(path, settings);
  return {{"ms", clock.seconds() * 1e3}};
}

}  // namespace

void run_open(const settings& s, report& r) {
  {
    scratch folder(s.folder);
    auto path = folder.path() / "data";
    auto mb = static_cast<double>(fill_journal(path)) / 1e6;
    for (int i = 0; i < s.rounds; ++i) {
      auto m = time_to_open(path, {});
      m["journal_mb"] = mb;
      r.add("open, a full journal", std::move(m));
    }
  }
  constexpr int partitions = 50;
  for (int each : {2, 20, 100}) {
    scratch folder(s.folder);
    auto path = folder.path() / "data";
    fill_segments(path, partitions, each);
    for (int i = 0; i < s.rounds; ++i)
      r.add("open, " + std::to_string(partitions * each) + " segments", time_to_open(path, {.segment_bytes = 1}));
  }
}

}  // namespace dohle::bench
