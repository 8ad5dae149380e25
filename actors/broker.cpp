#include "actors/broker.hpp"

#include <algorithm>
#include <caf/io/middleman.hpp>

#include "actors/broker_parts.hpp"
#include "actors/internal_topics.hpp"
#include "actors/janitor.hpp"
#include "actors/leader.hpp"
#include "actors/logging.hpp"

namespace dohle::actors {

namespace {

/// Producer ids are made durable in blocks, so that handing one out costs no flush.
constexpr std::int64_t producer_block = 1'000;
constexpr std::size_t reader_count = 2;

// --- start ---------------------------------------------------------------------------------------------------------

void spawn_roles(broker_pointer self) {
  auto& s = self->state;
  auto* folder = s.setup.folder.get();
  s.pressure = std::make_shared<journal_pressure>();
  s.journal_writer = spawn_role(self, true, journal_writer, &folder->journal(), s.pressure, s.setup.storage_failed);
  s.settler = spawn_role(self, true, settler, folder, s.pressure, s.setup.storage_failed);
  s.janitor = spawn_role(self, true, janitor, s.setup.storage_failed, s.setup.wall_clock);
  transactions_setup coordinator{std::move(s.setup.loaded.transactions), caf::actor{self}, s.setup.wall_clock};
  s.transactions = spawn_role(self, false, transactions, std::move(coordinator));
  for (std::size_t i = 0; i < reader_count; ++i) s.readers.push_back(spawn_role(self, true, reader, s.setup.detached));
}

void lead_all(broker_pointer self) {
  auto& s = self->state;
  auto& logs = s.setup.loaded.logs;
  directory first;
  first.broker = self;
  first.auto_create = s.setup.auto_create_topics;
  rules::topic_config internal;
  internal.retention_ms = -1;
  internal.max_message_bytes = limits::max_batch_bytes;
  const auto lead_internal = [&](std::string_view topic, partition_id id) {
    const std::string name{topic};
    first.add(name, lead(self, name, partition_index{0}, logs.at(id), internal));
  };
  lead_internal(cluster_topic, cluster_partition);
  internal.deletes = false;
  internal.compacts = true;  // its records have keys; those of __cluster have none
  lead_internal(groups_topic, groups_partition);
  lead_internal(transactions_topic, transactions_partition);
  for (const auto& [name, topic] : s.cluster.topics) {
    for (const auto& p : topic.partitions)
      first.add(name, lead(self, name, p.index, std::move(logs.at(p.id)), config_of(topic)));
  }
  publish(self, std::move(first));
  self->send(s.transactions, transactions_begin{s.directory->topics.find(transactions_topic)->second.front().leader});
}

void spawn_group(broker_pointer self, const std::string& id, stored_group stored) {
  auto& s = self->state;
  group_setup setup{id,
                    std::move(stored),
                    s.directory->topics.find(groups_topic)->second.front().leader,
                    s.transactions,
                    s.directory,
                    s.setup.wall_clock,
                    s.setup.name_member};
  s.groups.emplace(id, spawn_role(self, false, group, std::move(setup)));
}

void keep_link(broker_pointer self, caf::actor spawned) {
  self->monitor(spawned);
  self->state.children.insert(spawned.address());
  self->state.links.push_back(std::move(spawned));
}

void spawn_link(broker_pointer self) {
  auto& s = self->state;
  if (!s.setup.socket) return;
  link_options options;
  options.greeting.broker = s.setup.me;
  options.greeting.cluster = s.setup.folder->identity();
  options.greeting.software = "dohle " DOHLE_VERSION;
  options.directory = s.directory;
  keep_link(self, self->system().middleman().spawn_broker(link, s.setup.socket->descriptor, std::move(options)));
}

void spawn_kafka_link(broker_pointer self) {
  auto& s = self->state;
  if (s.setup.kafka_sockets.empty()) return;
  kafka_link_options options;
  options.base.me = s.setup.me;
  options.base.cluster = s.setup.folder->identity();
  options.base.auto_create = s.setup.kafka_auto_create;
  options.base.default_partitions = s.setup.default_partitions;
  options.base.folder = std::filesystem::absolute(s.setup.folder->path()).string();
  options.base.topic_defaults = rules::describe(rules::topic_config{});
  if (s.setup.kafka_advertised) {
    options.base.host = s.setup.kafka_advertised->host;
    options.base.port = s.setup.kafka_advertised->port;
  }
  options.directory = s.directory;
  options.wall_clock = s.setup.wall_clock;
  std::vector<int> sockets;
  for (const auto& socket : s.setup.kafka_sockets) sockets.push_back(socket.descriptor);
  keep_link(self, self->system().middleman().spawn_broker(kafka_link, std::move(sockets), std::move(options)));
}

// --- routing -------------------------------------------------------------------------------------------------------

/// The group's actor; made when the request is one that begins a group.
result<caf::actor> group_for(broker_pointer self, const std::string& id) {
  auto& s = self->state;
  if (auto found = s.groups.find(id); found != s.groups.end()) return found->second;
  if (id.empty()) return error{errc::invalid_request, "a group needs a name", "any text that is not empty"};
  if (s.groups.size() >= limits::max_groups)
    return error{errc::busy, "there are " + std::to_string(s.groups.size()) + " groups already",
                 "delete unused groups"};
  spawn_group(self, id, {});
  return s.groups.at(id);
}

template <class Request>
void begin_in_group(broker_pointer self, Request& r) {
  auto promise = self->make_response_promise();
  auto target = group_for(self, r.group);
  if (!target) return promise.deliver(result<typename Request::response>{target.error()});
  promise.delegate(*target, std::move(r));
}

/// Requests that only make sense in a group that is there: else `missing`.
template <class Request>
void to_group(broker_pointer self, Request& r, errc missing) {
  auto promise = self->make_response_promise();
  auto found = self->state.groups.find(r.group);
  if (found != self->state.groups.end()) return promise.delegate(found->second, std::move(r)), void();
  promise.deliver(result<typename Request::response>{
      error{missing, "there is no group \"" + r.group + "\"", "join it first, or look at the group list"}});
}

template <class Request>
void to_leader(broker_pointer self, Request& r, caf::response_promise promise, bool may_create) {
  using answer = result<typename Request::response>;
  auto& s = self->state;
  if (may_create && s.setup.auto_create_topics && !s.directory->topics.contains(r.topic)) {
    create_topic_request create{r.topic, s.setup.default_partitions, 1, {}, false};
    auto held = std::make_shared<Request>(std::move(r));
    return on_create_topic(self, create, [self, held, promise](const result<topic_description>& made) mutable {
      if (!made && made.code() != errc::topic_exists) return promise.deliver(answer{made.error()});
      to_leader(self, *held, promise, false);
    });
  }
  auto target = s.directory->find(r.topic, r.partition);
  if (!target) return promise.deliver(answer{target.error()});
  if (auto refused = directory::refuse(r)) return promise.deliver(answer{std::move(*refused)});
  promise.delegate((*target)->leader, std::move(r));
}

void on_metadata(broker_pointer self, const metadata_request& r) {
  auto& s = self->state;
  auto promise = self->make_response_promise();
  auto missing =
      std::find_if(r.topics.begin(), r.topics.end(), [&](const auto& t) { return !s.directory->topics.contains(t); });
  if (!s.setup.auto_create_topics || missing == r.topics.end())
    return promise.deliver(result<metadata_response>{describe_cluster(s, r)});
  create_topic_request create{*missing, s.setup.default_partitions, 1, {}, false};
  on_create_topic(self, create, [self, promise, r](const result<topic_description>& made) mutable {
    if (!made) return promise.deliver(result<metadata_response>{describe_cluster(self->state, r)});
    promise.delegate(caf::actor{self}, std::move(r));  // the next missing one
  });
}

template <class T>
auto deliver_to(caf::response_promise promise) {
  return [promise](result<T> answer) mutable { promise.deliver(std::move(answer)); };
}

/// To the partition or group; what is gone has nothing to decide.
void on_decide_part(broker_pointer self, const decide_part& m) {
  auto& s = self->state;
  auto promise = self->make_response_promise();
  if (m.partition) {
    if (auto target = s.directory->find(m.partition->topic, m.partition->partition))
      return promise.delegate((*target)->leader, m), void();
  } else if (auto found = s.groups.find(m.group); found != s.groups.end()) {
    return promise.delegate(found->second, m), void();
  }
  promise.deliver(result<part_decided>{part_decided{}});
}

void on_list_groups(broker_pointer self) {
  struct gathering {
    list_groups_response out;
    std::size_t missing = 0;
    caf::response_promise promise;
  };
  auto g = std::make_shared<gathering>();
  g->promise = self->make_response_promise();
  g->missing = self->state.groups.size();
  auto finish = [g] {
    if (g->missing-- > 1) return;
    std::sort(g->out.groups.begin(), g->out.groups.end(),
              [](const auto& a, const auto& b) { return a.group < b.group; });
    g->promise.deliver(result<list_groups_response>{std::move(g->out)});
  };
  if (g->missing == 0) return g->promise.deliver(result<list_groups_response>{list_groups_response{}});
  for (const auto& [id, actor] : self->state.groups)
    self->request(actor, caf::infinite, list_groups_request{})
        .then(
            [g, finish](const result<list_groups_response>& of_one) {
              if (of_one) g->out.groups.insert(g->out.groups.end(), of_one->groups.begin(), of_one->groups.end());
              finish();
            },
            [finish](const caf::error&) { finish(); });
}

/// A call from outside the actor system: as any other request, the answer handed to a function.
void on_call(broker_pointer self, blocking_call& c) {
  std::visit(
      [&](auto& r) {
        using request_type = std::decay_t<decltype(r)>;
        auto done = c.done;
        self->request(caf::actor{self}, caf::infinite, std::move(r))
            .then(
                [done](result<typename request_type::response>& a) {
                  done(a ? response{std::move(*a)} : response{a.error()});
                },
                [done](const caf::error&) { done(shutting_down()); });
      },
      c.what);
}

void run_next_change(broker_pointer self) {
  auto& s = self->state;
  s.changing = !s.changes.empty();
  if (!s.changing) return;
  auto change = std::move(s.changes.front());
  s.changes.pop_front();
  change([self] { run_next_change(self); });
}

// --- producer ids --------------------------------------------------------------------------------------------------

result<init_producer_response> take_producer(broker_state& s) {
  auto id = s.next_producer;
  ++s.next_producer;
  return init_producer_response{id, 0};
}

void on_init_producer(broker_pointer self, const init_producer_request& r) {
  auto promise = self->make_response_promise();
  if (!r.transaction.empty()) return promise.delegate(self->state.transactions, r), void();
  if (auto e = refuse_change(self->state)) return promise.deliver(result<init_producer_response>{std::move(*e)});
  enqueue(self, [self, promise](std::function<void()> over) mutable {
    auto& s = self->state;
    if (s.next_producer < s.producers_end) {
      promise.deliver(take_producer(s));
      return over();
    }
    auto block = rules::plan_producer_ids(s.cluster, producer_block);
    if (!block) {
      promise.deliver(result<init_producer_response>{block.error()});
      return over();
    }
    producer_id end{block->next};
    persist_change(self, *block, [self, promise, end, over](result<void> stored) mutable {
      if (!stored) {
        promise.deliver(result<init_producer_response>{stored.error()});
      } else {
        self->state.producers_end = end;
        promise.deliver(take_producer(self->state));
      }
      over();
    });
  });
}

// --- the end -------------------------------------------------------------------------------------------------------

void on_stop(broker_pointer self) {
  auto& s = self->state;
  if (s.stopping) return;
  s.stopping = true;
  for (const auto& l : s.links) self->send(l, stop_atom::value);
  for (const auto& [id, g] : s.groups) self->send(g, stop_atom::value);
  for (const auto& [name, partitions] : s.directory->topics)
    for (const auto& p : partitions) self->send(p.leader, stop_atom::value);
  for (const auto& r : s.readers) self->send(r, stop_atom::value);
  self->send(s.transactions, stop_atom::value);
  self->send(s.settler, stop_atom::value);
  self->send(s.janitor, stop_atom::value);
  self->send(s.journal_writer, stop_atom::value);
}

void on_down(broker_pointer self, const caf::down_msg& m) {
  auto& s = self->state;
  s.children.erase(m.source);
  if (m.reason != caf::exit_reason::normal && !s.stopping) {
    // A role that ends by itself is a defect of ours; going on without it could answer wrongly.
    log().critical("a role of the broker ended unexpectedly: {}", self->system().render(m.reason));
    on_stop(self);
  }
  if (s.stopping && s.children.empty()) {
    s.directory.reset();
    s.setup.folder.reset();
    self->quit();
  }
}

}  // namespace

led_partition lead(broker_pointer self, const std::string& topic, partition_index index, opened_log log,
                   const rules::topic_config& config) {
  auto& s = self->state;
  led_partition p{log.log->id(), {}, log.log, std::make_shared<partition_marks>()};
  p.marks->high_watermark = std::max(log.log->hard().high_watermark, log.log->start()).value;
  p.marks->append_clock = log.log->appended().value;
  leader_setup setup;
  setup.topic = topic;
  setup.index = index;
  setup.me = s.setup.me;
  setup.voters = {s.setup.me};
  setup.log = std::move(log.log);
  setup.history = std::move(log.history);
  setup.marks = p.marks;
  setup.pressure = s.pressure;
  setup.config = config;
  setup.journal_writer = s.journal_writer;
  setup.reader = s.readers[s.next_reader++ % s.readers.size()];
  setup.settler = s.settler;
  setup.transactions = s.transactions;
  setup.wall_clock = s.setup.wall_clock;
  p.leader = spawn_role(self, false, leader, std::move(setup));
  self->send(s.settler, watch_log{p.log, p.marks, config});
  self->send(s.janitor, watch_log{p.log, p.marks, config});
  return p;
}

void publish(broker_pointer self, directory next) {
  self->state.directory = std::make_shared<const directory>(std::move(next));
  for (const auto& l : self->state.links) self->send(l, self->state.directory);
  for (const auto& [id, g] : self->state.groups) self->send(g, self->state.directory);
}

std::optional<error> refuse_change(const broker_state& s) {
  if (s.changes.size() < limits::max_pending_changes) return std::nullopt;
  return error{errc::busy, std::to_string(s.changes.size()) + " changes of topics wait already",
               "the same in a moment"};
}

void enqueue(broker_pointer self, broker_state::change change) {
  self->state.changes.push_back(std::move(change));
  if (!self->state.changing) run_next_change(self);
}

void persist_change(broker_pointer self, cluster_record record, std::function<void(result<void>)> then) {
  auto& s = self->state;
  batch_builder builder;
  auto added = builder.add(s.setup.wall_clock(), std::nullopt, encode_cluster_record(record));
  if (!added) return then(added.error());
  auto leader = s.directory->topics.find(cluster_topic)->second.front().leader;
  append_records(self, leader, cluster_topic, builder, [self, then, record](const result<void>& stored) {
    if (stored) rules::apply(self->state.cluster, record);
    then(stored);
  });
}

caf::behavior broker(broker_pointer self, std::shared_ptr<broker_setup> setup) {
  auto& s = self->state;
  s.setup = std::move(*setup);
  s.cluster = std::move(s.setup.loaded.cluster);
  s.next_producer = s.producers_end = producer_id{s.cluster.next_producer_id};
  self->set_down_handler([=](const caf::down_msg& m) { on_down(self, m); });
  spawn_roles(self);
  lead_all(self);
  for (auto& [id, stored] : s.setup.loaded.groups) spawn_group(self, id, std::move(stored));
  s.setup.loaded = {};
  spawn_link(self);
  spawn_kafka_link(self);
  return {
      [=](produce_request& r) { to_leader(self, r, self->make_response_promise(), true); },
      [=](fetch_request& r) { to_leader(self, r, self->make_response_promise(), false); },
      [=](list_offsets_request& r) { to_leader(self, r, self->make_response_promise(), false); },
      [=](delete_records_request& r) { to_leader(self, r, self->make_response_promise(), false); },
      [=](epoch_end_request& r) { to_leader(self, r, self->make_response_promise(), false); },
      [=](describe_producers_request& r) { to_leader(self, r, self->make_response_promise(), false); },
      [=](write_marker_request& r) { to_leader(self, r, self->make_response_promise(), false); },
      [=](const hello_request&) -> result<hello_response> {
        return error{errc::invalid_request, "hello opens a connection and has no meaning inside a process", ""};
      },
      [=](const metadata_request& r) { on_metadata(self, r); },
      [=](const create_topic_request& r) {
        on_create_topic(self, r, deliver_to<topic_description>(self->make_response_promise()));
      },
      [=](const describe_topic_request& r) { return describe_topic(self->state, r.name); },
      [=](const alter_topic_request& r) {
        on_alter_topic(self, r, deliver_to<topic_description>(self->make_response_promise()));
      },
      [=](const delete_topic_request& r) {
        on_delete_topic(self, r, deliver_to<delete_topic_response>(self->make_response_promise()));
      },
      [=](const init_producer_request& r) { on_init_producer(self, r); },
      [=](const add_to_transaction_request& r) { return self->delegate(self->state.transactions, r); },
      [=](const end_transaction_request& r) { return self->delegate(self->state.transactions, r); },
      [=](const list_transactions_request& r) { return self->delegate(self->state.transactions, r); },
      [=](const describe_transaction_request& r) { return self->delegate(self->state.transactions, r); },
      [=](const decide_part& m) { on_decide_part(self, m); },
      [=](join_group_request& r) { begin_in_group(self, r); },
      [=](commit_offsets_request& r) { begin_in_group(self, r); },
      [=](fetch_offsets_request& r) { begin_in_group(self, r); },
      [=](delete_offsets_request& r) { to_group(self, r, errc::unknown_group); },
      [=](sync_group_request& r) { to_group(self, r, errc::unknown_member); },
      [=](heartbeat_request& r) { to_group(self, r, errc::unknown_member); },
      [=](leave_group_request& r) { to_group(self, r, errc::unknown_member); },
      [=](describe_group_request& r) { to_group(self, r, errc::unknown_group); },
      [=](delete_group_request& r) { to_group(self, r, errc::unknown_group); },
      [=](consumer_heartbeat_request& r) {
        r.member_epoch == 0 ? begin_in_group(self, r) : to_group(self, r, errc::unknown_group);
      },
      [=](describe_consumer_group_request& r) { to_group(self, r, errc::unknown_group); },
      [=](const list_groups_request&) { on_list_groups(self); },
      [=](blocking_call& c) { on_call(self, c); },
      [=](stop_atom) { on_stop(self); },
  };
}

}  // namespace dohle::actors
