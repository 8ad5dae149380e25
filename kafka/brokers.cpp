// What clients ask before they do anything: versions, who is there, which topics, where groups are coordinated.
#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

/// What clients may use beyond the versions of the APIs, at which level.
struct feature {
  const char* name;
  std::int16_t first, level;
};
constexpr feature features[] = {
    {"group.version", 0, 1},        // KIP-848: the broker assigns
    {"transaction.version", 0, 2},  // epochs rise with each decision, partitions join by themselves
};

}  // namespace

exchange on(const context& with, const call& c, const api_versions_request& m) {
  api_versions_response answer;
  // A client may say whom it believes it speaks to.
  if ((m.cluster_id && *m.cluster_id != with.cluster) || (m.node_id != -1 && m.node_id != with.me.value))
    answer.error_code = number(error_code::rebootstrap_required);
  for (const auto& a : served_apis()) answer.api_keys.push_back({a.key, a.first, a.last});
  for (const auto& f : features) {
    answer.supported_features.push_back({f.name, f.first, f.level});
    answer.finalized_features.push_back({f.name, f.level, f.first});
  }
  answer.finalized_features_epoch = 0;
  return reply(c, answer);
}

namespace {

metadata_response_partition to_kafka(const partition_info& p) {
  metadata_response_partition out;
  out.partition_index = p.index.value;
  out.leader_id = p.leader.value;
  out.leader_epoch = p.epoch.value;
  for (auto b : p.replicas) out.replica_nodes.push_back(b.value);
  out.isr_nodes = out.replica_nodes;
  if (p.leader.value < 0) out.error_code = number(error_code::leader_not_available);
  return out;
}

metadata_response_topic to_kafka(const topic_info& t) {
  metadata_response_topic out;
  out.name = t.name;
  out.topic_id = id_of(t);
  out.is_internal = t.internal;
  for (const auto& p : t.partitions) out.partitions.push_back(to_kafka(p));
  return out;
}

metadata_response_topic missing(const metadata_request_topic& asked, error_code why) {
  metadata_response_topic out;
  out.name = asked.name;
  out.topic_id = asked.topic_id;
  out.error_code = number(why);
  return out;
}

/// The Java client says an empty name beside an id.
bool by_id(const metadata_request_topic& asked) { return !asked.name || asked.topic_id != uuid{}; }

/// In the order of the request, a line for each topic that was asked for.
metadata_response describe(const context& with, const metadata_request& m, const dohle::metadata_response& found) {
  metadata_response answer;
  answer.brokers.push_back({with.me.value, with.host, with.port, std::nullopt});
  for (const auto& b : found.brokers)
    if (b.id != with.me) answer.brokers.push_back({b.id.value, b.host, b.port, std::nullopt});
  answer.cluster_id = found.cluster;
  answer.controller_id = found.controller.value;
  if (!m.topics) {
    for (const auto& t : found.topics) answer.topics.push_back(to_kafka(t));
    return answer;
  }
  for (const auto& asked : *m.topics) {
    const auto* t = by_id(asked) ? find_topic(found.topics, asked.topic_id) : find_topic(found.topics, *asked.name);
    if (t)
      answer.topics.push_back(to_kafka(*t));
    else
      answer.topics.push_back(
          missing(asked, by_id(asked) ? error_code::unknown_topic_id : error_code::unknown_topic_or_partition));
  }
  return answer;
}

/// Makes the named topics that are missing, then tells what is there.
exchange create_missing(const context& with, const call& c, const metadata_request& m,
                        const dohle::metadata_response& found) {
  std::vector<request> asks;
  for (const auto& asked : *m.topics) {
    if (by_id(asked) || find_topic(found.topics, *asked.name)) continue;
    asks.push_back(create_topic_request{.name = *asked.name, .partitions = with.default_partitions, .configs = {}});
  }
  if (asks.empty()) return reply(c, describe(with, m, found));
  auto names = asks;
  return ask(std::move(asks), [=](std::vector<response> created) {
    return with_metadata([=](const dohle::metadata_response& now) {
      auto answer = describe(with, m, now);
      for (std::size_t i = 0; i < names.size(); ++i) {  // a name that cannot be a topic's
        auto* failed = std::get_if<error>(&created[i]);
        if (!failed || failed->code == errc::topic_exists) continue;
        for (auto& t : answer.topics)
          if (t.name == std::get<create_topic_request>(names[i]).name) t.error_code = number(failed->code);
      }
      return reply(c, answer);
    });
  });
}

}  // namespace

exchange on(const context& with, const call& c, metadata_request& m) {
  if (c.version == 0 && m.topics && m.topics->empty()) m.topics.reset();  // then, an empty list meant all
  const bool create = m.topics && with.auto_create && m.allow_auto_topic_creation;
  return with_metadata([=](const dohle::metadata_response& found) {
    return create ? create_missing(with, c, m, found) : reply(c, describe(with, m, found));
  });
}

exchange on(const context& with, const call& c, const describe_cluster_request&) {
  describe_cluster_response answer;
  answer.cluster_id = with.cluster;
  answer.controller_id = with.me.value;
  describe_cluster_response_broker self;
  self.broker_id = with.me.value;
  self.host = with.host;
  self.port = with.port;
  answer.brokers.push_back(self);
  return reply(c, answer);
}

exchange on(const context& with, const call& c, const find_coordinator_request& m) {
  constexpr int of_transaction = 1;
  find_coordinator_response answer;
  if (m.key_type < 0 || m.key_type > of_transaction) {
    answer.error_code = number(error_code::invalid_request);
    answer.node_id = answer.port = -1;
    for (const auto& key : m.coordinator_keys)
      answer.coordinators.push_back({key, -1, "", -1, answer.error_code, "no coordinator of that kind is here"});
    return reply(c, answer);
  }
  answer.node_id = with.me.value;
  answer.host = with.host;
  answer.port = with.port;
  for (const auto& key : m.coordinator_keys) {
    find_coordinator_response_coordinator one;
    one.key = key;
    one.node_id = with.me.value;
    one.host = with.host;
    one.port = with.port;
    answer.coordinators.push_back(one);
  }
  return reply(c, answer);
}

exchange on(const context&, const call& c, describe_topic_partitions_request& m) {
  return with_topics([=](const std::vector<topic_info>& found) {
    describe_topic_partitions_response answer;
    for (const auto& asked : m.topics) {
      describe_topic_partitions_response_topic out;
      out.name = asked.name;
      const auto* t = find_topic(found, asked.name);
      out.error_code = number(t ? error_code::none : error_code::unknown_topic_or_partition);
      if (t) {
        out.topic_id = id_of(*t);
        out.is_internal = t->internal;
        for (const auto& p : t->partitions) {
          auto described = to_kafka(p);
          describe_topic_partitions_response_partition line;
          line.partition_index = described.partition_index;
          line.leader_id = described.leader_id;
          line.leader_epoch = described.leader_epoch;
          line.replica_nodes = described.replica_nodes;
          line.isr_nodes = described.isr_nodes;
          line.eligible_leader_replicas.emplace();  // the Java client takes no null
          line.last_known_elr.emplace();
          out.partitions.push_back(std::move(line));
        }
      }
      answer.topics.push_back(std::move(out));
    }
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
