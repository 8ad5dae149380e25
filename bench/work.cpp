#include "bench/work.hpp"

namespace dohle::bench {

namespace {

/// Small and the same everywhere (xorshift64).
struct noise_source {
  std::uint64_t state = 0x9E3779B97F4A7C15ull;
  std::uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
};

measured rates(double events, std::size_t event_bytes, double seconds) {
  return {{"events_per_s", events / seconds},
          {"mb_per_s", events * static_cast<double>(event_bytes) / seconds / 1e6},
          {"events", events},
          {"event_bytes", static_cast<double>(event_bytes)}};
}

}  // namespace

payloads::payloads(std::size_t size) : size_(size), span_(1 << 20), noise_(span_ + size) {
  noise_source source;
  for (char& c : noise_) c = static_cast<char>(source.next());
}

broker open_embedded(const std::filesystem::path& folder) {
  broker_options o;
  o.path = folder;
  return must(broker::open(o), "opening a broker");
}

void make_topic(const client& c, const std::string& name, std::int32_t partitions) {
  must(c.call(create_topic_request{.name = name, .partitions = partitions, .replicas = 1, .configs = {}}, patience),
       "creating topic " + name);
}

measured send_all(const client& c, const workload& w) {
  payloads values(w.event_bytes);
  auto out = must(c.make_producer(w.topic, {.batch_bytes = w.batch_bytes}), "opening a producer");
  std::string key;
  stopwatch clock;
  outgoing_record record;
  for (std::uint64_t i = 0; i < w.events; ++i) {
    record.value = values.at(i);
    if (w.keys > 0) {
      key = "key-" + std::to_string(i * 2'654'435'761u % w.keys);
      record.key = key;
    }
    if (auto sent = out.send(record, patience); !sent) give_up("sending", to_string(sent.error()));
  }
  must(out.flush(patience), "flushing");
  auto seconds = clock.seconds();
  auto outcome = out.take_outcome();
  if (outcome.failed > 0 || outcome.acknowledged != w.events)
    give_up("producing", std::to_string(outcome.acknowledged) + " of " + std::to_string(w.events) + " acknowledged");
  must(out.close(patience), "closing the producer");
  return rates(static_cast<double>(w.events), w.event_bytes, seconds);
}

measured read_all(const client& c, const std::vector<assigned_range>& ranges, std::size_t event_bytes) {
  auto in = must(c.make_consumer({}), "opening a consumer");
  std::map<topic_partition, offset> expected;
  for (const auto& r : ranges) expected[r.partition] = r.from;
  std::uint64_t events = 0;
  stopwatch clock;
  must(in.assign(ranges), "assigning");
  while (!in.finished()) {
    auto got = must(in.poll(100'000, patience), "polling");
    if (got.record_count == 0 && !in.finished()) give_up("consuming", "nothing came for a minute");
    for (const chunk& part : got.chunks) {
      auto& next = expected.at(part.source());
      for (const record_view& r : part) {
        if (r.offset != next || !r.value || r.value->size() != event_bytes)
          give_up("consuming", "record " + std::to_string(r.offset.value) + " is not the expected one");
        ++next;
      }
      events += part.record_count();
    }
  }
  auto seconds = clock.seconds();
  if (events != count(ranges))
    give_up("consuming", std::to_string(events) + " records, expected " + std::to_string(count(ranges)));
  must(in.close(patience), "closing the consumer");
  return rates(static_cast<double>(events), event_bytes, seconds);
}

producer immediate_producer(const client& c, const std::string& topic) {
  return must(c.make_producer(topic, {.linger = std::chrono::nanoseconds{0}}), "opening a producer");
}

measured one_at_a_time(const client& c, const std::string& topic, int times) {
  payloads values(100);
  auto out = immediate_producer(c, topic);
  std::vector<std::int64_t> waits;
  outgoing_record record;
  for (int i = 0; i < times + times / 10; ++i) {
    record.value = values.at(static_cast<std::uint64_t>(i));
    stopwatch one;
    auto a = must(out.send(record, patience), "sending");
    must(a.wait(patience), "waiting for an acknowledgement");
    if (i >= times / 10) waits.push_back(one.nanoseconds());
  }
  must(out.close(patience), "closing the producer");
  return percentiles(std::move(waits));
}

std::vector<assigned_range> whole(const client& c, const std::string& topic) {
  auto described = must(c.call(describe_topic_request{.name = topic}, patience), "describing " + topic);
  std::vector<assigned_range> ranges;
  for (const auto& p : described.partitions) {
    if (p.high_watermark > p.start) ranges.push_back({{topic, p.info.index}, p.start, p.high_watermark});
  }
  return ranges;
}

std::uint64_t count(const std::vector<assigned_range>& ranges) {
  std::uint64_t n = 0;
  for (const auto& r : ranges) n += static_cast<std::uint64_t>(*r.end - r.from);
  return n;
}

void add_cpu(measured& m, const std::string& key, double before, double after, double events) {
  m[key] = (after - before) / events * 1e6;
}

}  // namespace dohle::bench
