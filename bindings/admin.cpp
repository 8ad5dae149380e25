// Topics and groups: requests of the protocol as methods of _core.Client, answers as plain Python values. The typed
// faces are in python/dohle.
#include <pybind11/stl.h>

#include <map>
#include <tuple>

#include "bindings/client.hpp"

namespace dohle::bindings {
namespace {

using config_map = std::map<std::string, std::string>;
using offset_row = std::tuple<std::string, std::int32_t, std::int64_t>;

std::vector<config_entry> to_entries(const config_map& configs) {
  std::vector<config_entry> entries;
  entries.reserve(configs.size());
  for (const auto& [name, value] : configs) entries.push_back({.name = name, .value = value});
  return entries;
}

str_dict to_python(const topic_description& t) {
  py::list partitions;
  for (const partition_description& p : t.partitions) {
    py::list replicas;
    for (broker_id r : p.info.replicas) replicas.append(r.value);
    str_dict row;
    row["index"] = p.info.index.value;
    row["leader"] = p.info.leader.value;
    row["epoch"] = p.info.epoch.value;
    row["replicas"] = py::tuple(replicas);
    row["start"] = p.start.value;
    row["end"] = p.high_watermark.value;
    row["size_bytes"] = p.size_bytes;
    row["max_timestamp_ms"] = p.max_timestamp.value;
    partitions.append(row);
  }
  str_dict configs;
  for (const config_entry& c : t.configs) configs[py::str(c.name)] = py::make_tuple(c.value, c.is_default);
  str_dict answer;
  answer["name"] = t.name;
  answer["internal"] = t.internal;
  answer["created_ms"] = t.created.value;
  answer["partitions"] = partitions;
  answer["configs"] = configs;
  return answer;
}

str_dict to_python(const metadata_response& r) {
  py::list brokers;
  for (const broker_info& b : r.brokers) brokers.append(py::make_tuple(b.id.value, b.host, b.port));
  str_dict topics;
  for (const topic_info& t : r.topics) topics[py::str(t.name)] = t.partitions.size();
  str_dict answer;
  answer["cluster"] = r.cluster;
  answer["controller"] = r.controller.value;
  answer["brokers"] = brokers;
  answer["topics"] = topics;
  return answer;
}

/// One query for many partitions, in one wait.
std::vector<std::pair<std::optional<std::int64_t>, std::int64_t>> list_offsets(
    core_client& self, const std::string& topic, const std::vector<std::int32_t>& partitions, int query,
    std::int64_t at_ms, double timeout) {
  using answers = std::vector<std::pair<std::optional<std::int64_t>, std::int64_t>>;
  auto task = [c = self.facade(), topic, partitions, query, at_ms, wait = to_duration(timeout)]() -> result<answers> {
    answers found;
    for (std::int32_t p : partitions) {
      auto one = c.call(list_offsets_request{.topic = topic,
                                             .partition = partition_index{p},
                                             .query = static_cast<offset_query>(query),
                                             .at = timestamp{at_ms},
                                             .isolation = isolation::committed},  // as far as our consumers read
                        wait);
      if (!one) return one.error();
      found.emplace_back(one->offset ? std::optional(one->offset->value) : std::nullopt, one->at.value);
    }
    return found;
  };
  return unwrap(in_background(std::move(task)));
}

str_dict to_python(const describe_group_response& g) {
  py::list members;
  for (const described_member& m : g.members) {
    str_dict row;
    row["id"] = m.id;
    row["instance"] = m.instance;
    row["client"] = m.client;
    row["assignment"] = to_bytes(m.assignment.view());  // Kafka's consumer protocol: groups.py reads it
    members.append(row);
  }
  str_dict answer;
  answer["group"] = g.group;
  answer["state"] = g.state;
  answer["protocol"] = g.protocol;
  answer["generation"] = g.generation.value;
  answer["members"] = members;
  return answer;
}

std::vector<offset_row> fetch_offsets(core_client& self, const std::string& group, double timeout) {
  std::vector<offset_row> rows;
  for (const committed_offset& o : self.ask(fetch_offsets_request{.group = group, .partitions = {}}, timeout).offsets) {
    rows.emplace_back(o.topic, o.partition.value, o.offset.value);
  }
  return rows;
}

void commit_offsets(core_client& self, const std::string& group, const std::vector<offset_row>& rows, double timeout) {
  commit_offsets_request r;
  r.group = group;
  for (const auto& [topic, partition, to] : rows) {
    r.offsets.push_back(
        {.topic = topic, .partition = partition_index{partition}, .offset = dohle::offset{to}, .metadata = {}});
  }
  self.ask(std::move(r), timeout);
}

}  // namespace

void add_topic_methods(client_class& c) {
  using py::arg;
  c.def(
      "metadata",
      [](core_client& self, std::vector<std::string> topics, bool internal, double timeout) {
        return to_python(
            self.ask(metadata_request{.topics = std::move(topics), .include_internal = internal}, timeout));
      },
      arg("topics"), arg("internal"), arg("timeout"));
  c.def(
      "create_topic",
      [](core_client& self, const std::string& name, std::int32_t partitions, std::int16_t replicas,
         const config_map& configs, double timeout) {
        return to_python(self.ask(
            create_topic_request{
                .name = name, .partitions = partitions, .replicas = replicas, .configs = to_entries(configs)},
            timeout));
      },
      arg("name"), arg("partitions"), arg("replicas"), arg("configs"), arg("timeout"));
  c.def(
      "describe_topic",
      [](core_client& self, const std::string& name, double timeout) {
        return to_python(self.ask(describe_topic_request{.name = name}, timeout));
      },
      arg("name"), arg("timeout"));
  c.def(
      "alter_topic",
      [](core_client& self, const std::string& name, const config_map& set, std::vector<std::string> reset,
         std::int32_t partitions, double timeout) {
        return to_python(self.ask(
            alter_topic_request{
                .name = name, .set = to_entries(set), .reset = std::move(reset), .partitions = partitions},
            timeout));
      },
      arg("name"), arg("set"), arg("reset"), arg("partitions"), arg("timeout"));
  c.def(
      "delete_topic",
      [](core_client& self, const std::string& name, double timeout) {
        self.ask(delete_topic_request{.name = name}, timeout);
      },
      arg("name"), arg("timeout"));
  c.def(
      "delete_records",
      [](core_client& self, const std::string& topic, std::int32_t partition, std::int64_t before, double timeout) {
        return self
            .ask(
                delete_records_request{
                    .topic = topic, .partition = partition_index{partition}, .before = offset{before}},
                timeout)
            .start.value;
      },
      arg("topic"), arg("partition"), arg("before"), arg("timeout"), "The partition's first offset from now on.");
  c.def("list_offsets", &list_offsets, arg("topic"), arg("partitions"), arg("query"), arg("at_ms"), arg("timeout"),
        "Query: 0 earliest, 1 latest, 2 first at or after `at_ms`, 3 the largest timestamp.");
}

void add_group_methods(client_class& c) {
  using py::arg;
  c.def(
      "list_groups",
      [](core_client& self, double timeout) {
        std::vector<std::pair<std::string, std::string>> rows;
        for (const listed_group& g : self.ask(list_groups_request{}, timeout).groups)
          rows.emplace_back(g.group, g.state);
        return rows;
      },
      arg("timeout"));
  c.def(
      "describe_group",
      [](core_client& self, const std::string& group, double timeout) {
        return to_python(self.ask(describe_group_request{.group = group}, timeout));
      },
      arg("group"), arg("timeout"));
  c.def(
      "delete_group",
      [](core_client& self, const std::string& group, double timeout) {
        self.ask(delete_group_request{.group = group}, timeout);
      },
      arg("group"), arg("timeout"));
  c.def("fetch_offsets", &fetch_offsets, arg("group"), arg("timeout"));
  c.def("commit_offsets", &commit_offsets, arg("group"), arg("offsets"), arg("timeout"));
}

}  // namespace dohle::bindings
