// Consumer groups that the broker assigns (KIP-848). Kafka names topics by ids here, Dohle by names.
#include <map>

#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

/// Topics in the order of `from`, each with its partitions; `make` begins one.
template <class Topic>
std::vector<Topic> grouped(const std::vector<topic_partition>& from, const topic_ids& ids) {
  std::map<std::string, std::vector<std::int32_t>> by_topic;
  for (const auto& p : from) by_topic[p.topic].push_back(p.partition.value);
  std::vector<Topic> out;
  for (auto& [name, partitions] : by_topic) {
    const auto id = ids.id_of(name);
    if (id == uuid{}) continue;  // deleted meanwhile
    auto& line = out.emplace_back();
    line.topic_id = id;
    if constexpr (requires { line.topic_name; }) line.topic_name = name;
    line.partitions = std::move(partitions);
  }
  return out;
}

consumer_heartbeat_request ours(const context& with, const call& c, const consumer_group_heartbeat_request& m) {
  consumer_heartbeat_request r;
  r.group = m.group_id;
  r.member = m.member_id;
  r.member_epoch = m.member_epoch;
  r.instance = m.instance_id.value_or("");
  r.client = c.client;
  r.client_host = with.client_host;
  r.rack = m.rack_id;
  if (m.rebalance_timeout_ms >= 0) r.rebalance_timeout = milliseconds{m.rebalance_timeout_ms};
  r.topics = m.subscribed_topic_names;
  r.pattern = m.subscribed_topic_regex;
  r.assignor = m.server_assignor;
  return r;
}

exchange told(const call& c, const consumer_heartbeat_response& from, const topic_ids& ids) {
  consumer_group_heartbeat_response answer;
  answer.member_id = from.member;
  answer.member_epoch = from.member_epoch;
  answer.heartbeat_interval_ms = static_cast<std::int32_t>(from.interval.count());
  if (from.assignment)
    answer.assignment = {grouped<consumer_group_heartbeat_response_topic_partitions>(*from.assignment, ids)};
  return reply(c, answer);
}

exchange refused(const call& c, errc code, const std::string& why) {
  consumer_group_heartbeat_response answer;
  answer.error_code = number(code);
  answer.error_message = why;
  return reply(c, answer);
}

}  // namespace

exchange on(const context& with, const call& c, consumer_group_heartbeat_request& m) {
  auto r = ours(with, c, m);
  // Since version 1 members name themselves.
  if (m.member_id.empty() && c.version >= 1) return refused(c, errc::invalid_request, "a member says its id");
  if (m.topic_partitions) {
    r.owned.emplace();
    for (const auto& t : *m.topic_partitions) {
      const auto name = with.topics.name_of(t.topic_id);
      if (name.empty()) continue;  // deleted meanwhile: nobody owns it
      for (auto p : t.partitions) r.owned->push_back({name, partition_index{p}});
    }
  }
  return ask({std::move(r)}, [=, ids = with.topics](std::vector<response> done) {
    auto heard = typed<consumer_heartbeat_response>(done[0]);
    if (!heard) return refused(c, heard.code(), heard.error().message);
    return told(c, *heard, ids);
  });
}

namespace {

consumer_group_describe_response_described_group described(const std::string& name, response& r, const topic_ids& ids) {
  using topic = consumer_group_describe_response_topic_partitions;
  consumer_group_describe_response_described_group out;
  out.group_id = name;
  auto found = typed<describe_consumer_group_response>(r);
  if (!found) {
    out.error_code = number(found.code());
    out.error_message = found.error().message;
    return out;
  }
  out.group_state = found->state;
  out.group_epoch = found->epoch;
  out.assignment_epoch = found->assignment_epoch;
  out.assignor_name = found->assignor;
  for (auto& m : found->members) {
    auto& line = out.members.emplace_back();
    line.member_id = m.id;
    if (!m.instance.empty()) line.instance_id = m.instance;
    if (!m.rack.empty()) line.rack_id = m.rack;
    line.member_epoch = m.member_epoch;
    line.client_id = m.client;
    line.client_host = shown_host(m.client_host);
    line.subscribed_topic_names = m.topics;
    if (!m.pattern.empty()) line.subscribed_topic_regex = m.pattern;
    line.assignment.topic_partitions = grouped<topic>(m.assignment, ids);
    line.target_assignment.topic_partitions = grouped<topic>(m.target, ids);
    line.member_type = m.classic ? 0 : 1;
  }
  return out;
}

}  // namespace

exchange on(const context& with, const call& c, consumer_group_describe_request& m) {
  std::vector<request> asks;
  for (const auto& g : m.group_ids) asks.push_back(describe_consumer_group_request{g});
  if (asks.empty()) return reply(c, consumer_group_describe_response{});
  return ask(std::move(asks), [=, ids = with.topics](std::vector<response> done) {
    consumer_group_describe_response answer;
    for (std::size_t i = 0; i < m.group_ids.size(); ++i)
      answer.groups.push_back(described(m.group_ids[i], done[i], ids));
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
