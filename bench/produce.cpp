// Durable produce with one producer, embedded and over TCP, each round beside the flat log of the same round.
#include <unistd.h>

#include "actors/client.hpp"
#include "bench/flat_log.hpp"
#include "bench/flushes.hpp"
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

namespace {

/// What earlier rounds left to the kernel must not be written back on this one's time.
void calm_disk() { ::sync(); }

void warm_up(const client& c, workload w) {
  w.events = std::min<std::uint64_t>(w.events / 20 + 1, 100'000);
  send_all(c, w);
}

measured produce_embedded(const settings& s, const workload& w) {
  scratch folder(s.folder);
  auto db = open_embedded(folder.path());
  auto c = db.client();
  make_topic(c, w.topic);
  warm_up(c, w);
  calm_disk();
  auto flushed = flushes();
  auto cpu = cpu_seconds();
  stopwatch clock;
  auto m = send_all(c, w);
  auto seconds = clock.seconds();
  auto now = flushes();
  auto events = static_cast<double>(w.events);
  add_cpu(m, "cpu_s_per_million", cpu, cpu_seconds(), events);
  auto groups = static_cast<double>(now.journal - flushed.journal);
  if (groups == 0) give_up("produce, embedded", "no flush of the journal was seen: the figure would not be durable");
  m["flushes_per_s"] = groups / seconds;
  m["flushing_share"] = (now.journal_seconds - flushed.journal_seconds) / seconds;
  auto record_bytes = static_cast<double>(w.event_bytes) + 9;  // of an uncompressed record without a key, mostly
  m["group_bytes"] = events * record_bytes / groups;
  must(db.close(patience), "closing the broker");
  return m;
}

measured produce_tcp(const settings& s, const workload& w) {
  scratch folder(s.folder);
  server process(folder.path() / "data");
  auto c = must(client::connect(process.url()), "connecting");
  make_topic(c, w.topic);
  warm_up(c, w);
  calm_disk();
  auto server_cpu = cpu_seconds(process.pid());
  auto own_cpu = cpu_seconds();
  auto m = send_all(c, w);
  auto events = static_cast<double>(w.events);
  add_cpu(m, "server_cpu_s_per_million", server_cpu, cpu_seconds(process.pid()), events);
  add_cpu(m, "client_cpu_s_per_million", own_cpu, cpu_seconds(), events);
  m["server_rss_mb"] = resident_mb(process.pid());
  c.close();
  return m;
}

std::string kib(std::size_t n) {
  return n % limits::mib == 0 ? std::to_string(n / limits::mib) + " MiB" : std::to_string(n / limits::kib) + " KiB";
}

void one_round(const settings& s, report& r, const workload& w, const std::string& what) {
  scratch folder(s.folder);
  calm_disk();
  r.add("flat log, " + what, flat_log(folder.path(), w));
  r.add("produce, embedded, " + what, produce_embedded(s, w));
  const auto& had = r.last("produce, embedded, " + what);
  auto group = static_cast<std::size_t>(had.at("group_bytes"));
  auto events = static_cast<double>(w.events);
  calm_disk();
  r.add("flat groups, " + what, flat_groups(folder.path(), group, w.events * (w.event_bytes + 9), events));
  r.add("produce, TCP, " + what, produce_tcp(s, w));
}

}  // namespace

void run_produce(const settings& s, report& r) {
  std::vector<workload> kinds;
  for (std::size_t batch : {64 * limits::kib, 256 * limits::kib, 1 * limits::mib})
    kinds.push_back({.topic = "bench", .events = s.events, .event_bytes = 100, .batch_bytes = batch});
  kinds.push_back({.topic = "bench", .events = s.events / 8, .event_bytes = 1024, .batch_bytes = 256 * limits::kib});
  for (int i = 0; i < s.rounds; ++i) {
    for (const auto& w : kinds) one_round(s, r, w, std::to_string(w.event_bytes) + " B, " + kib(w.batch_bytes));
  }
  for (const auto& w : kinds) {
    auto what = std::to_string(w.event_bytes) + " B, " + kib(w.batch_bytes);
    for (const char* over : {"flat log, ", "flat groups, "}) {
      r.ratio("produce, embedded, " + what, over + what, "events_per_s");
      r.ratio("produce, TCP, " + what, over + what, "events_per_s");
    }
  }
}

}  // namespace dohle::bench
