#include "rules/cluster_state.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "rules/topic_config.hpp"
#include "schema/limits.hpp"

namespace dohle::rules {

namespace {

error unknown_topic(const std::string& name) {
  return {errc::unknown_topic, "there is no topic '" + name.substr(0, limits::max_topic_name) + "'",
          "look at the topic list, or create it"};
}

result<void> refuse_internal(const std::string& name) {
  if (!is_internal_topic(name)) return {};
  return error{errc::invalid_topic, "topic '" + name + "' is the broker's own: names with '__' in front are reserved",
               "choose another name"};
}

/// Whether `more` partitions fit a topic that has `present` of them.
result<void> check_count(const cluster_state& s, const std::string& name, std::int32_t present, std::int32_t more) {
  if (more > limits::max_partitions_per_topic - present) {
    return error{
        errc::invalid_request,
        "topic '" + name + "' would have more than " + std::to_string(limits::max_partitions_per_topic) + " partitions",
        "fewer partitions"};
  }
  const auto count = static_cast<std::size_t>(more);
  const auto ids_left = std::numeric_limits<std::uint32_t>::max() - s.next_partition_id.value;
  if (count > ids_left || s.partition_count() + count > limits::max_partitions) {
    return error{errc::busy,
                 "the cluster would have more than " + std::to_string(limits::max_partitions) + " partitions",
                 "delete topics, or create fewer partitions"};
  }
  return {};
}

/// Appends `count` partitions with new ids. Replicas go around the brokers, so that each leads its share.
void add_partitions(const cluster_state& s, topic_record& topic, std::int32_t count, std::size_t replicas,
                    std::span<const broker_id> brokers) {
  auto id = s.next_partition_id;
  for (std::int32_t i = 0; i < count; ++i, ++id) {
    stored_partition p{partition_index{static_cast<std::int32_t>(topic.partitions.size())}, id, {}};
    for (std::size_t r = 0; r < replicas; ++r) p.replicas.push_back(brokers[(id.value + r) % brokers.size()]);
    topic.partitions.push_back(std::move(p));
  }
  topic.next_partition_id = id;
}

/// Stores the topic's own configs as plain values.
result<void> set_configs(topic_record& topic, std::span<const config_entry> own, std::size_t replicas) {
  const auto config = parse_topic_config(own);
  if (!config) return config.error();
  if (static_cast<std::size_t>(config->min_insync_replicas) > replicas) {
    return error{errc::invalid_config,
                 "min.insync.replicas = " + std::to_string(config->min_insync_replicas) + " of topic '" + topic.name +
                     "' can never be reached with " + std::to_string(replicas) + " replicas",
                 "at most the number of replicas"};
  }
  topic.configs.clear();
  for (const auto& entry : describe(*config)) {
    if (!entry.is_default) topic.configs.emplace_back(entry.name, entry.value);
  }
  return {};
}

}  // namespace

std::size_t cluster_state::partition_count() const {
  std::size_t sum = 0;
  for (const auto& [name, topic] : topics) sum += topic.partitions.size();
  return sum;
}

result<topic_record> plan_create(const cluster_state& s, const create_topic_request& r, timestamp now,
                                 std::span<const broker_id> brokers) {
  if (auto named = check_topic_name(r.name); !named) return named.error();
  if (auto open = refuse_internal(r.name); !open) return open.error();
  if (s.topics.contains(r.name)) {
    return error{errc::topic_exists, "topic '" + r.name + "' is there already", "alter it, or choose another name"};
  }
  if (s.topics.size() >= limits::max_topics) {
    return error{errc::busy, "the cluster has " + std::to_string(limits::max_topics) + " topics, its bound",
                 "delete topics"};
  }
  if (r.partitions < 1) {
    return error{errc::invalid_request, "topic '" + r.name + "' needs at least one partition", "partitions = 1"};
  }
  if (auto fits = check_count(s, r.name, 0, r.partitions); !fits) return fits.error();
  if (r.replicas < 1 || static_cast<std::size_t>(r.replicas) > brokers.size()) {
    return error{errc::invalid_request,
                 "topic '" + r.name + "' cannot have " + std::to_string(r.replicas) + " replicas on " +
                     std::to_string(brokers.size()) + " brokers",
                 "at least one and at most one a broker"};
  }
  const auto replicas = static_cast<std::size_t>(r.replicas);
  topic_record topic;
  topic.name = r.name;
  topic.created = now;
  if (auto set = set_configs(topic, r.configs, replicas); !set) return set.error();
  add_partitions(s, topic, r.partitions, replicas, brokers);
  return topic;
}

result<topic_record> plan_alter(const cluster_state& s, const alter_topic_request& r,
                                std::span<const broker_id> brokers) {
  if (auto open = refuse_internal(r.name); !open) return open.error();
  const auto found = s.topics.find(r.name);
  if (found == s.topics.end()) return unknown_topic(r.name);
  auto topic = found->second;
  DOHLE_ASSERT(!topic.partitions.empty(), "a stored topic has at least one partition");
  const auto replicas = topic.partitions.front().replicas.size();

  std::vector<config_entry> own;
  for (const auto& [name, value] : topic.configs) own.push_back({name, value, false});
  const auto altered = alter_configs(own, r.set, r.reset);
  if (!altered) return altered.error();
  if (auto set = set_configs(topic, *altered, replicas); !set) return set.error();

  const auto present = static_cast<std::int32_t>(topic.partitions.size());
  topic.next_partition_id = s.next_partition_id;
  if (r.partitions == 0 || r.partitions == present) return topic;
  if (r.partitions < present) {
    return error{errc::invalid_request,
                 "topic '" + r.name + "' has " + std::to_string(present) + " partitions and cannot have " +
                     std::to_string(r.partitions) + ": partitions are never taken away",
                 "a larger number, or a new topic"};
  }
  if (auto fits = check_count(s, r.name, present, r.partitions - present); !fits) return fits.error();
  if (replicas > brokers.size()) {
    return error{errc::busy,
                 "topic '" + r.name + "' has " + std::to_string(replicas) + " replicas a partition, but only " +
                     std::to_string(brokers.size()) + " brokers are there",
                 "try again when more brokers run"};
  }
  add_partitions(s, topic, r.partitions - present, replicas, brokers);
  return topic;
}

result<topic_deleted_record> plan_delete(const cluster_state& s, const std::string& name) {
  if (auto open = refuse_internal(name); !open) return open.error();
  if (!s.topics.contains(name)) return unknown_topic(name);
  return topic_deleted_record{name};
}

result<producer_ids_record> plan_producer_ids(const cluster_state& s, std::int64_t count) {
  DOHLE_ASSERT(count > 0, "a block holds at least one id");
  if (count > std::numeric_limits<std::int64_t>::max() - s.next_producer_id) {
    return error{errc::busy, "all producer ids are given out", ""};
  }
  return producer_ids_record{s.next_producer_id + count};
}

void apply(cluster_state& s, const cluster_record& record) {
  if (const auto* topic = std::get_if<topic_record>(&record)) {
    s.topics[topic->name] = *topic;
    s.next_partition_id = std::max(s.next_partition_id, topic->next_partition_id);
  } else if (const auto* deleted = std::get_if<topic_deleted_record>(&record)) {
    s.topics.erase(deleted->name);
  } else {
    s.next_producer_id = std::max(s.next_producer_id, std::get<producer_ids_record>(record).next);
  }
}

}  // namespace dohle::rules
