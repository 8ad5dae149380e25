#include <memory>

#include "actors/broker_parts.hpp"
#include "actors/internal_topics.hpp"

namespace dohle::actors {

namespace {

using description_handler = std::function<void(result<topic_description>)>;

/// Opens the logs of partitions the directory does not have yet and starts their leaders; then `then`.
void lead_missing(broker_pointer self, const std::string& name, const description_handler& then) {
  const auto& topic = self->state.cluster.topics.at(name);
  const auto& topics = self->state.directory->topics;
  auto found = topics.find(name);
  auto first = found == topics.end() ? 0 : found->second.size();
  open_logs ask;
  for (auto i = first; i < topic.partitions.size(); ++i) ask.partitions.push_back(topic.partitions[i].id);
  auto done = [self, name, first, then](result<opened_logs>& opened) {
    if (!opened) return then(opened.error());
    const auto& record = self->state.cluster.topics.at(name);
    auto next = *self->state.directory;
    for (std::size_t i = 0; i < opened->logs.size(); ++i)
      next.add(name, lead(self, name, record.partitions[first + i].index, {opened->logs[i], {}}, config_of(record)));
    publish(self, std::move(next));
    then(describe_topic(self->state, name));
  };
  self->request(self->state.settler, caf::infinite, std::move(ask)).then(done, [then](const caf::error&) {
    then(shutting_down());
  });
}

/// After an alteration: leaders and janitor learn the configuration.
void reconfigure(broker_pointer self, const std::string& name) {
  auto& s = self->state;
  auto config = config_of(s.cluster.topics.at(name));
  for (const auto& p : s.directory->topics.at(name)) {
    self->send(p.leader, reconfigured{config});
    self->send(s.janitor, watch_log{p.log, p.marks, config});
  }
}

partition_info info_of(const broker_state& s, const led_partition& p, partition_index index) {
  return {index, p.id, s.setup.me, p.log->hard().epoch, {s.setup.me}};
}

partition_description description_of(const broker_state& s, const led_partition& p, partition_index index) {
  partition_description d{info_of(s, p, index), p.log->start(), offset{p.marks->high_watermark.load()},
                          p.log->size_bytes(), p.log->max_timestamp()};
  d.cleaned_until = p.log->cleaned_until();
  d.dirty_bytes = p.log->unsettled_bytes();
  for (const auto& segment : p.log->segments())
    if (segment.end > d.cleaned_until) d.dirty_bytes += segment.size_bytes;
  d.damaged_places = p.marks->damaged_places.load();
  return d;
}

}  // namespace

rules::topic_config config_of(const topic_record& topic) {
  auto config = rules::parse_topic_config(topic.configs);
  DOHLE_ASSERT(config.ok(), "configs were checked before they were stored");
  return *config;
}

void on_create_topic(broker_pointer self, const create_topic_request& r, description_handler then) {
  if (auto e = refuse_change(self->state)) return then(std::move(*e));
  enqueue(self, [=](std::function<void()> over) {
    auto finish = [=](result<topic_description> answer) {
      then(std::move(answer));
      over();
    };
    auto& s = self->state;
    auto planned = rules::plan_create(s.cluster, r, s.setup.wall_clock(), std::vector{s.setup.me});
    if (!planned) return finish(planned.error());
    if (r.validate_only) {
      topic_description d{r.name, false, planned->created, {}, rules::describe(config_of(*planned))};
      return finish(std::move(d));
    }
    persist_change(self, *planned, [=](result<void> stored) {
      if (!stored) return finish(stored.error());
      lead_missing(self, r.name, finish);
    });
  });
}

void on_alter_topic(broker_pointer self, const alter_topic_request& r, description_handler then) {
  if (auto e = refuse_change(self->state)) return then(std::move(*e));
  enqueue(self, [=](std::function<void()> over) {
    auto finish = [=](result<topic_description> answer) {
      then(std::move(answer));
      over();
    };
    auto planned = rules::plan_alter(self->state.cluster, r, std::vector{self->state.setup.me});
    if (!planned) return finish(planned.error());
    persist_change(self, *planned, [=](result<void> stored) {
      if (!stored) return finish(stored.error());
      reconfigure(self, r.name);
      lead_missing(self, r.name, finish);
    });
  });
}

void on_delete_topic(broker_pointer self, const delete_topic_request& r,
                     std::function<void(result<delete_topic_response>)> then) {
  if (auto e = refuse_change(self->state)) return then(std::move(*e));
  enqueue(self, [=](std::function<void()> over) {
    auto finish = [=](result<delete_topic_response> answer) {
      then(std::move(answer));
      over();
    };
    auto planned = rules::plan_delete(self->state.cluster, r.name);
    if (!planned) return finish(planned.error());
    persist_change(self, *planned, [=](result<void> stored) {
      if (!stored) return finish(stored.error());
      auto next = *self->state.directory;
      drop_logs gone;
      for (const auto& p : next.topics[r.name]) {
        self->send(p.leader, stop_atom::value);
        gone.partitions.push_back(p.id);
      }
      next.remove(r.name);
      publish(self, std::move(next));
      self->send(self->state.janitor, gone);
      self->send(self->state.settler, std::move(gone));
      for (const auto& [id, group] : self->state.groups) self->send(group, topic_deleted_record{r.name});
      finish(delete_topic_response{});
    });
  });
}

result<topic_description> describe_topic(const broker_state& s, const std::string& name) {
  auto led = s.directory->topics.find(name);
  if (led == s.directory->topics.end())
    return error{errc::unknown_topic, "there is no topic \"" + name + "\"", "create it, or look at the topic list"};
  topic_description d;
  d.name = name;
  d.internal = rules::is_internal_topic(name);
  rules::topic_config config;
  if (auto record = s.cluster.topics.find(name); record != s.cluster.topics.end()) {
    d.created = record->second.created;
    config = config_of(record->second);
  }
  d.configs = rules::describe(config);
  std::int32_t index = 0;
  for (const auto& p : led->second) d.partitions.push_back(description_of(s, p, partition_index{index++}));
  return d;
}

metadata_response describe_cluster(const broker_state& s, const metadata_request& r) {
  metadata_response out;
  out.cluster = s.setup.folder->identity();
  out.controller = s.setup.me;
  out.brokers.push_back({s.setup.me, s.setup.socket ? s.setup.socket->host : "",
                         s.setup.socket ? s.setup.socket->port : std::uint16_t{0}});
  auto add = [&](const std::string& name, const std::vector<led_partition>& partitions) {
    topic_info t{name, rules::is_internal_topic(name), {}};
    std::int32_t index = 0;
    for (const auto& p : partitions) t.partitions.push_back(info_of(s, p, partition_index{index++}));
    out.topics.push_back(std::move(t));
  };
  if (!r.topics.empty()) {
    for (const auto& name : r.topics)
      if (auto found = s.directory->topics.find(name); found != s.directory->topics.end()) add(name, found->second);
    return out;
  }
  for (const auto& [name, partitions] : s.directory->topics)
    if (r.include_internal || !rules::is_internal_topic(name)) add(name, partitions);
  return out;
}

}  // namespace dohle::actors
