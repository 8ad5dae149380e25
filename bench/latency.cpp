// Waits: one event at a time until it is durable, beside a 4 KiB flush of a plain file; and from due time to reader.
#include <atomic>
#include <thread>

#include "actors/client.hpp"
#include "bench/flat_log.hpp"
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

namespace {

using namespace std::chrono_literals;

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

/// 1,000 events a second, each stamped with the time it was due; what a reader sees of it.
measured end_to_end(const client& c, std::int64_t events) {
  auto from =
      must(
          c.call(list_offsets_request{.topic = "bench", .partition = partition_index{0}, .query = offset_query::latest},
                 patience),
          "asking")
          .offset;
  auto in = must(c.make_consumer({}), "opening a consumer");
  must(in.assign({{{"bench", partition_index{0}}, *from, *from + events}}), "assigning");
  std::thread sender([&] {
    auto out = immediate_producer(c, "bench");
    auto due = std::chrono::steady_clock::now() + 50ms;
    std::string value(100, 'x');
    outgoing_record record;
    for (std::int64_t i = 0; i < events; ++i, due += 1ms) {
      std::this_thread::sleep_until(due);
      auto stamp = due.time_since_epoch().count();
      std::memcpy(value.data(), &stamp, sizeof stamp);
      record.value = value;
      must(out.send(record, patience), "sending");
    }
    must(out.close(patience), "closing the producer");
  });
  std::vector<std::int64_t> waits;
  while (!in.finished()) {
    auto got = must(in.poll(10'000, patience), "polling");
    auto seen = now_ns();
    for (const auto& part : got.chunks) {
      for (const auto& r : part) {
        std::int64_t stamp = 0;
        std::memcpy(&stamp, r.value->data(), sizeof stamp);
        waits.push_back(seen - stamp);
      }
    }
  }
  sender.join();
  must(in.close(patience), "closing the consumer");
  return percentiles(std::move(waits));
}

}  // namespace

void run_latency(const settings& s, report& r) {
  scratch folder(s.folder);
  server process(folder.path() / "data");
  auto remote = must(client::connect(process.url()), "connecting");
  make_topic(remote, "bench");
  scratch own(s.folder);
  auto db = open_embedded(own.path());
  auto local = db.client();
  make_topic(local, "bench");
  for (int i = 0; i < s.rounds; ++i) {
    r.add("write + fdatasync, 4 KiB", flush_latency(folder.path(), s.latencies));
    r.add("one event, durable, embedded", one_at_a_time(local, "bench", s.latencies));
    r.add("one event, durable, TCP", one_at_a_time(remote, "bench", s.latencies));
    r.add("end to end at 1,000/s, TCP", end_to_end(remote, std::max(1'000, s.latencies)));
  }
  for (const char* what : {"embedded", "TCP"})
    r.ratio(std::string("one event, durable, ") + what, "write + fdatasync, 4 KiB", "p50_us");
  remote.close();
  must(db.close(patience), "closing the broker");
}

}  // namespace dohle::bench
