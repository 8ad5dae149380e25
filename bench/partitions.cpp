// Keyed events over several partitions: every batch is smaller, every flush carries more of them.
#include "actors/client.hpp"
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

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
  }
}

}  // namespace dohle::bench
