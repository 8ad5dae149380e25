// Reading back: over loopback from a broker in another process, and embedded; from the tail and from segments.
#include "actors/client.hpp"
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

namespace {

/// The last records that surely lie in the tail cache: half of it.
std::vector<assigned_range> tail_of(std::vector<assigned_range> ranges, std::size_t event_bytes) {
  auto& r = ranges.front();
  auto n = static_cast<std::int64_t>(limits::tail_cache_bytes / 2 / (event_bytes + 16));
  if (*r.end - r.from > n) r.from = *r.end - n;
  return ranges;
}

/// So many passes that a short range gives a figure; the mean of them.
measured repeated(const client& c, const std::vector<assigned_range>& ranges, std::size_t event_bytes, int passes) {
  double events = 0;
  double seconds = 0;
  for (int i = 0; i < passes; ++i) {
    auto m = read_all(c, ranges, event_bytes);
    events += m.at("events");
    seconds += m.at("events") / m.at("events_per_s");
  }
  auto size = static_cast<double>(event_bytes);
  return {{"events_per_s", events / seconds}, {"mb_per_s", events * size / seconds / 1e6}, {"event_bytes", size}};
}

/// What the broker can send, without a consumer's work: one fetch after the other, nothing looked at.
measured fetch_only(const client& c, const assigned_range& range, std::size_t event_bytes) {
  auto events = static_cast<double>(*range.end - range.from);
  auto from = range.from;
  double received = 0;
  stopwatch clock;
  while (from < *range.end) {
    auto got = must(c.call(fetch_request{.topic = range.partition.topic,
                                         .partition = range.partition.partition,
                                         .from = from,
                                         .max_bytes = limits::max_fetch_bytes},
                           patience),
                    "fetching");
    for (const auto& piece : got.batches) {
      for (std::size_t at = 0; at < piece.size();) {
        auto header = must(read_header(piece.view().substr(at)), "reading a batch");
        from = header.end();
        at += header.size_bytes();
      }
      received += static_cast<double>(piece.size());
    }
  }
  auto seconds = clock.seconds();
  return {{"mb_per_s", events * static_cast<double>(event_bytes) / seconds / 1e6},
          {"stored_mb_per_s", received / seconds / 1e6}};
}

void over_tcp(const settings& s, report& r, std::size_t event_bytes, std::uint64_t events) {
  scratch folder(s.folder);
  server process(folder.path() / "data");
  auto c = must(client::connect(process.url()), "connecting");
  make_topic(c, "bench");
  send_all(c, {.topic = "bench", .events = events, .event_bytes = event_bytes});
  auto what = ", " + std::to_string(event_bytes) + " B";
  auto ranges = whole(c, "bench");
  r.add("consume, TCP, tail" + what, repeated(c, tail_of(ranges, event_bytes), event_bytes, 20));
  wait_quiet(process.pid());
  read_all(c, ranges, event_bytes);  // so that what follows is warm
  for (int i = 0; i < s.rounds; ++i) {
    auto server_cpu = cpu_seconds(process.pid());
    auto own_cpu = cpu_seconds();
    auto m = read_all(c, ranges, event_bytes);
    add_cpu(m, "server_cpu_s_per_million", server_cpu, cpu_seconds(process.pid()), m.at("events"));
    add_cpu(m, "client_cpu_s_per_million", own_cpu, cpu_seconds(), m.at("events"));
    r.add("consume, TCP, segments" + what, std::move(m));
    r.add("fetch alone, TCP, segments" + what, fetch_only(c, ranges.front(), event_bytes));
    if (i > 0) r.add("consume, TCP, tail" + what, repeated(c, tail_of(ranges, event_bytes), event_bytes, 20));
  }
  c.close();
}

void embedded(const settings& s, report& r) {
  scratch folder(s.folder);
  auto db = open_embedded(folder.path());
  auto c = db.client();
  make_topic(c, "bench");
  send_all(c, {.topic = "bench", .events = s.events});
  auto ranges = whole(c, "bench");
  read_all(c, ranges, 100);
  for (int i = 0; i < s.rounds; ++i) {
    auto cpu = cpu_seconds();
    auto m = read_all(c, ranges, 100);
    add_cpu(m, "cpu_s_per_million", cpu, cpu_seconds(), m.at("events"));
    r.add("consume, embedded, 100 B", std::move(m));
  }
  must(db.close(patience), "closing the broker");
}

}  // namespace

void run_consume(const settings& s, report& r) {
  over_tcp(s, r, 100, s.events);
  over_tcp(s, r, 1024, s.events / 8);
  embedded(s, r);
}

}  // namespace dohle::bench
