// What consoles and operators ask of a cluster as a whole. One broker leads everything it has, so nothing is elected,
// moved or limited: these answers say so in Kafka's terms.
#include <algorithm>

#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"
#include "schema/stored.hpp"

namespace dohle::kafka {

namespace {

// --- leaders and replicas ------------------------------------------------------------------------------------------

elect_leaders_response_partition_result not_elected(const topic_info* t, std::int32_t partition) {
  elect_leaders_response_partition_result out;
  out.partition_id = partition;
  const bool there = has_partition(t, partition);
  out.error_code = number(there ? error_code::election_not_needed : error_code::unknown_topic_or_partition);
  out.error_message = there ? "the leader is the one it should be" : "there is no such partition";
  return out;
}

/// Which replicas a partition may be given: those it has.
error_code judge_replicas(const context& with, const topic_info* t,
                          const alter_partition_reassignments_request_reassignable_partition& asked) {
  if (!has_partition(t, asked.partition_index)) return error_code::unknown_topic_or_partition;
  if (!asked.replicas) return error_code::no_reassignment_in_progress;  // one was to be ended
  const bool same = asked.replicas->size() == 1 && asked.replicas->front() == with.me.value;
  return same ? error_code::none : error_code::invalid_replica_assignment;
}

std::optional<std::string> words_of(error_code e) {
  if (e == error_code::none) return std::nullopt;
  if (e == error_code::no_reassignment_in_progress) return "no reassignment is going on";
  if (e == error_code::invalid_replica_assignment) return "this broker is the only one";
  return "there is no such partition";
}

}  // namespace

exchange on(const context&, const call& c, elect_leaders_request& m) {
  if (!m.topic_partitions) return reply(c, elect_leaders_response{});  // Kafka, too, is silent of those it left alone
  return with_topics([=](const std::vector<topic_info>& topics) {
    elect_leaders_response answer;
    for (const auto& asked : *m.topic_partitions) {
      auto& out = answer.replica_election_results.emplace_back();
      out.topic = asked.topic;
      const auto* t = find_topic(topics, asked.topic);
      for (auto p : asked.partitions) out.partition_result.push_back(not_elected(t, p));
    }
    return reply(c, answer);
  });
}

exchange on(const context& with, const call& c, alter_partition_reassignments_request& m) {
  return with_topics([=](const std::vector<topic_info>& topics) {
    alter_partition_reassignments_response answer;
    answer.allow_replication_factor_change = m.allow_replication_factor_change;
    answer.error_message.reset();
    for (const auto& asked : m.topics) {
      auto& out = answer.responses.emplace_back();
      out.name = asked.name;
      const auto* t = find_topic(topics, asked.name);
      for (const auto& p : asked.partitions) {
        const auto judged = judge_replicas(with, t, p);
        out.partitions.push_back({p.partition_index, number(judged), words_of(judged)});
      }
    }
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, const list_partition_reassignments_request&) {
  list_partition_reassignments_response answer;  // a partition that is not being moved is not listed
  answer.error_message.reset();
  return reply(c, answer);
}

namespace {

constexpr const char* quorum_topic = "__cluster_metadata";

describe_quorum_response_partition_data describe_quorum_of(const context& with, const topic_description& log) {
  describe_quorum_response_partition_data out;
  out.error_message.reset();
  out.leader_id = with.me.value;
  describe_quorum_response_replica_state self;
  self.replica_id = with.me.value;
  if (!log.partitions.empty()) {
    const auto& p = log.partitions.front();
    out.leader_epoch = p.info.epoch.value;
    out.high_watermark = self.log_end_offset = p.high_watermark.value;
  }
  out.current_voters.push_back(self);
  return out;
}

}  // namespace

/// The log of the cluster's state stands where Kafka's metadata log would.
exchange on(const context& with, const call& c, const describe_quorum_request& m) {
  return ask({describe_topic_request{std::string(cluster_topic)}}, [=](std::vector<response> r) {
    auto log = typed<topic_description>(r[0]);
    if (!log) return malformed();
    describe_quorum_response answer;
    answer.error_message.reset();
    for (const auto& asked : m.topics) {
      auto& topic = answer.topics.emplace_back();
      topic.topic_name = asked.topic_name;
      for (const auto& p : asked.partitions) {
        const bool known = asked.topic_name == quorum_topic && p.partition_index == 0;
        topic.partitions.push_back(known ? describe_quorum_of(with, *log) : describe_quorum_response_partition_data{});
        topic.partitions.back().partition_index = p.partition_index;
        if (!known) topic.partitions.back().error_code = number(error_code::unknown_topic_or_partition);
      }
    }
    answer.nodes.push_back({with.me.value, {{"PLAINTEXT", with.host, with.port}}});
    return reply(c, answer);
  });
}

// --- what can be configured or limited -----------------------------------------------------------------------------

namespace {

bool is_wanted(const std::vector<std::int8_t>& types, config_resource type) {
  return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

exchange on(const context& with, const call& c, list_config_resources_request& m) {
  if (c.version == 0) return reply(c, list_config_resources_response{});  // it asked for those of client metrics
  for (auto type : m.resource_types) {
    const bool known = type == of_topic || type == of_broker || type == of_broker_logger || type == of_client_metrics ||
                       type == of_group;
    if (known) continue;
    list_config_resources_response refused;
    refused.error_code = number(error_code::unsupported_version);
    return reply(c, refused);
  }
  return with_topics([=](const std::vector<topic_info>& topics) {
    list_config_resources_response answer;
    if (is_wanted(m.resource_types, of_topic))
      for (const auto& t : topics) answer.config_resources.push_back({t.name, of_topic});
    if (is_wanted(m.resource_types, of_broker))
      answer.config_resources.push_back({std::to_string(with.me.value), of_broker});
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
