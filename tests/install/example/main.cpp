// Events for people who know no actors: a broker in this process, a thousand events in, a thousand out.
#include <dohle/dohle.hpp>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

constexpr int event_count = 1000;

void stop(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

// The value, or the end of the program with the error's sentence.
template <class T>
T expect(dohle::result<T> r) {
  if (!r) stop(dohle::to_string(r.error()));
  return std::move(*r);
}

void expect(const dohle::result<void>& r) {
  if (!r) stop(dohle::to_string(r.error()));
}

void produce(const dohle::client& db) {
  auto producer = expect(db.make_producer("clicks"));
  for (int i = 0; i < event_count; ++i) {
    auto value = "event " + std::to_string(i);
    expect(producer.send({.key = "user", .value = value}, 10s));
  }
  expect(producer.flush(30s));
  auto outcome = producer.take_outcome();
  if (outcome.acknowledged != event_count) stop("acknowledged: " + std::to_string(outcome.acknowledged));
  expect(producer.close(10s));
}

void consume(const dohle::client& db) {
  auto consumer = expect(db.make_consumer());
  dohle::topic_partition source{"clicks", dohle::partition_index{0}};
  expect(consumer.assign({{source, dohle::offset{0}, dohle::offset{event_count}}}));
  int seen = 0;
  while (!consumer.finished()) {
    auto polled = expect(consumer.poll(100, 10s));
    if (polled.record_count == 0) stop("nothing came for 10 s after " + std::to_string(seen) + " events");
    for (const auto& chunk : polled.chunks) {
      for (const auto& record : chunk) {
        if (record.value != "event " + std::to_string(seen)) stop("out of order at " + std::to_string(seen));
        ++seen;
      }
    }
  }
  if (seen != event_count) stop("read: " + std::to_string(seen));
  expect(consumer.close(10s));
}

}  // namespace

int main(int argc, char** argv) {
  auto broker = expect(dohle::broker::open({.path = argc > 1 ? argv[1] : ""}));
  auto db = broker.client();
  expect(db.call(dohle::create_topic_request{.name = "clicks", .partitions = 1}, 10s));
  produce(db);
  consume(db);
  expect(broker.close(10s));
  std::printf("%d written, %d read\n", event_count, event_count);
}
