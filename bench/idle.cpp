// A broker that has nothing to do: its CPU alone and with idle connections, its memory, its start.
#include <thread>

#include "actors/client.hpp"
#include "bench/idle_connections.hpp"
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

namespace {

measured watch(pid_t pid, double seconds) {
  wait_quiet(pid);
  auto before = cpu_seconds(pid);
  stopwatch clock;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  auto used = cpu_seconds(pid) - before;
  return {{"cpu_percent", used / clock.seconds() * 100}, {"server_rss_mb", resident_mb(pid)}};
}

}  // namespace

void run_idle(const settings& s, report& r) {
  for (int i = 0; i < s.rounds; ++i) {
    scratch folder(s.folder);
    stopwatch clock;
    server process(folder.path() / "data");
    auto c = must(client::connect(process.url()), "connecting");
    make_topic(c, "bench", 6);
    send_all(c, {.topic = "bench", .events = 1});
    r.add("start to the first durable event",
          {{"ms", clock.seconds() * 1e3}, {"server_rss_mb", resident_mb(process.pid())}});
    if (i > 0) continue;  // watching takes long and does not vary
    send_all(c, {.topic = "bench", .events = 100'000});
    c.close();
    r.add("quiet broker", watch(process.pid(), s.seconds));
    idle_connections many(process.address(), s.connections);
    r.add("quiet broker, " + std::to_string(s.connections) + " idle connections", watch(process.pid(), s.seconds));
  }
}

}  // namespace dohle::bench
