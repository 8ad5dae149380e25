// Events for people who run actors: a broker in this program's own actor system, asked by messages.
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <cstdio>
#include <cstdlib>
#include <dohle/actors/embed.hpp>
#include <string>

using namespace std::chrono_literals;

namespace {

constexpr int event_count = 1000;

void stop(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

// One request and its answer. An actor of yours would use request().then() instead of waiting.
template <class Request>
typename Request::response ask(const caf::scoped_actor& self, const caf::actor& broker, Request request) {
  using answer = dohle::result<typename Request::response>;
  answer got;
  self->request(broker, 30s, std::move(request))
      .receive([&](answer& a) { got = std::move(a); }, [&](caf::error& e) { stop(self->system().render(e)); });
  if (!got) stop(dohle::to_string(got.error()));
  return std::move(*got);
}

dohle::bytes thousand_events() {
  dohle::batch_builder batch;
  for (int i = 0; i < event_count; ++i) {
    if (!batch.add(dohle::timestamp{i}, "user", "event " + std::to_string(i))) stop("the batch is full");
  }
  auto built = batch.build();
  if (!built) stop(dohle::to_string(built.error()));
  return std::move(*built);
}

int count_events(const dohle::fetch_response& fetched) {
  int seen = 0;
  for (const auto& batch : fetched.batches) {
    auto reader = dohle::batch_reader::open(batch);
    if (!reader) stop(dohle::to_string(reader.error()));
    for (auto record = reader->next(); record && *record; record = reader->next()) {
      if ((*record)->value != "event " + std::to_string(seen)) stop("out of order at " + std::to_string(seen));
      ++seen;
    }
  }
  return seen;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) stop("usage: actors DATA_FOLDER");
  caf::actor_system_config config;
  dohle::actors::configure(config, 2);
  caf::actor_system system{config};
  auto broker = dohle::actors::spawn_broker(system, {.path = argv[1]});
  if (!broker) stop(dohle::to_string(broker.error()));
  {
    caf::scoped_actor self{system};
    const auto& endpoint = broker->endpoint;
    ask(self, endpoint, dohle::create_topic_request{.name = "clicks", .partitions = 1});
    ask(self, endpoint, dohle::produce_request{.topic = "clicks", .batch = thousand_events()});
    auto fetched = ask(self, endpoint, dohle::fetch_request{.topic = "clicks", .from = dohle::offset{0}});
    std::printf("%d written, %d read\n", event_count, count_events(fetched));
  }
  dohle::actors::stop(*broker);
  if (!dohle::actors::wait_for_end(broker->endpoint, 30s)) stop("the broker did not end");
}
