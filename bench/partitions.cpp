// Keyed events over several partitions: every batch is smaller, every flush carries more of them.
#include "actors/client.hpp"
#include "bench/flat_log.hpp"
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

namespace {

struct batches_seen {
  double batches = 0, events = 0, bytes = 0;
};

/// The batches as the broker keeps them, of a few partitions: what a file a partition would have to write.
batches_seen look(const client& c, const std::vector<assigned_range>& ranges) {
  batches_seen seen;
  for (std::size_t i = 0; i < ranges.size(); i += 97) {
    const auto& range = ranges[i];
    auto got = must(c.call(fetch_request{.topic = range.partition.topic,
                                         .partition = range.partition.partition,
                                         .from = range.from,
                                         .max_bytes = limits::max_fetch_bytes},
                           patience),
                    "fetching");
    for (const auto& piece : got.batches) {
      for (std::size_t at = 0; at < piece.size(); ++seen.batches) {
        auto header = must(read_header(piece.view().substr(at)), "reading a batch");
        seen.events += header.record_count;
        seen.bytes += static_cast<double>(header.size_bytes());
        at += header.size_bytes();
      }
    }
  }
  return seen;
}

/// Events of 1 KiB over 1,000 partitions, beside a flushed file for each partition.
void thousand(const settings& s, report& r) {
  constexpr std::int32_t partitions = 1'000;
  const std::string what = "1024 B, 1000 partitions";
  scratch folder(s.folder);
  server process(folder.path() / "data");
  auto c = must(client::connect(process.url()), "connecting");
  make_topic(c, "bench", partitions);
  auto before = cpu_seconds(process.pid());
  auto sent = send_all(c, {.topic = "bench", .events = s.events / 8, .event_bytes = 1024, .keys = 100'000});
  add_cpu(sent, "server_cpu_s_per_million", before, cpu_seconds(process.pid()), sent.at("events"));
  sent["server_rss_mb"] = resident_mb(process.pid());
  auto seen = look(c, whole(c, "bench"));
  sent["events_per_batch"] = seen.events / seen.batches;
  r.add("produce, TCP, " + what, sent);
  c.close();
  r.add("flat files, the same batches, " + what,
        flat_files(folder.path(), partitions, static_cast<std::size_t>(seen.bytes / seen.batches),
                   seen.events / seen.batches, 3'000));
  r.add("flat files, each event alone, " + what, flat_files(folder.path(), partitions, 1'100, 1, 3'000));
}

}  // namespace

void run_partitions(const settings& s, report& r) {
  for (int i = 0; i < s.rounds; ++i) {
    for (std::int32_t partitions : {1, 6, 100}) {
      scratch folder(s.folder);
      server process(folder.path() / "data");
      auto c = must(client::connect(process.url()), "connecting");
      make_topic(c, "bench", partitions);
      auto what =
          ", TCP, 100 B, keyed, " + std::to_string(partitions) + (partitions == 1 ? " partition" : " partitions");
      workload w{.topic = "bench", .events = s.events, .keys = 10'000};
      auto before = cpu_seconds(process.pid());
      auto sent = send_all(c, w);
      add_cpu(sent, "server_cpu_s_per_million", before, cpu_seconds(process.pid()), sent.at("events"));
      r.add("produce" + what, std::move(sent));
      auto ranges = whole(c, "bench");
      if (count(ranges) != w.events) give_up("produce" + what, std::to_string(count(ranges)) + " records are there");
      before = cpu_seconds(process.pid());
      auto read = read_all(c, ranges, w.event_bytes);
      add_cpu(read, "server_cpu_s_per_million", before, cpu_seconds(process.pid()), read.at("events"));
      r.add("consume" + what, std::move(read));
      c.close();
    }
    thousand(s, r);
  }
  for (const char* flat : {"the same batches", "each event alone"})
    r.ratio("produce, TCP, 1024 B, 1000 partitions", std::string("flat files, ") + flat + ", 1024 B, 1000 partitions",
            "events_per_s");
}

}  // namespace dohle::bench
