// Offsets: where a time lies in a partition, and how far a group has come.
#include "kafka/apis.hpp"
#include "kafka/errors.hpp"

namespace dohle::kafka {

namespace {

/// Special timestamps of ListOffsets.
enum : std::int64_t { latest = -1, earliest = -2, of_max_timestamp = -3, earliest_local = -4, latest_tiered = -5 };

std::optional<dohle::list_offsets_request> to_ours(const std::string& topic,
                                                   const list_offsets_request_partition& asked) {
  dohle::list_offsets_request r{.topic = topic, .partition = partition_index{asked.partition_index}};
  if (asked.timestamp == latest)
    r.query = offset_query::latest;
  else if (asked.timestamp == earliest || asked.timestamp == earliest_local)
    r.query = offset_query::earliest;
  else if (asked.timestamp == of_max_timestamp)
    r.query = offset_query::max_timestamp;
  else if (asked.timestamp >= 0)
    r.query = offset_query::at_time, r.at = timestamp{asked.timestamp};
  else
    return std::nullopt;  // nothing is tiered
  return r;
}

void fill(list_offsets_response_partition_response& to, response& from) {
  auto r = typed<dohle::list_offsets_response>(from);
  to.error_code = number(r.code());
  if (!r || !r->offset) return;
  to.offset = r->offset->value;
  if (r->at != no_timestamp) to.timestamp = r->at.value;
}

}  // namespace

exchange on(const context&, const call& c, list_offsets_request& m) {
  list_offsets_response answer;
  std::vector<request> asks;
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (const auto& t : m.topics) {
    auto& topic = answer.topics.emplace_back();
    topic.name = t.name;
    for (const auto& p : t.partitions) {
      topic.partitions.emplace_back().partition_index = p.partition_index;
      auto r = to_ours(t.name, p);
      if (!r) continue;
      places.emplace_back(answer.topics.size() - 1, topic.partitions.size() - 1);
      asks.push_back(std::move(*r));
    }
  }
  if (asks.empty()) return reply(c, answer);
  return ask(std::move(asks), [=](std::vector<response> r) {
    auto filled = answer;
    for (std::size_t i = 0; i < r.size(); ++i) fill(filled.topics[places[i].first].partitions[places[i].second], r[i]);
    return reply(c, filled);
  });
}

exchange on(const context&, const call& c, offset_commit_request& m) {
  commit_offsets_request r;
  r.group = m.group_id;
  r.generation = generation{m.generation_id_or_member_epoch};
  r.member = m.member_id;
  r.instance = m.group_instance_id.value_or("");
  offset_commit_response answer;
  for (const auto& t : m.topics) {
    auto& topic = answer.topics.emplace_back();
    topic.name = t.name;
    for (const auto& p : t.partitions) {
      topic.partitions.emplace_back().partition_index = p.partition_index;
      r.offsets.push_back(
          {t.name, partition_index{p.partition_index}, offset{p.committed_offset}, p.committed_metadata.value_or("")});
    }
  }
  if (r.offsets.empty()) return reply(c, answer);
  return ask({std::move(r)}, [=](std::vector<response> done) {
    auto filled = answer;
    auto committed = typed<commit_offsets_response>(done[0]);
    for (auto& t : filled.topics)
      for (auto& p : t.partitions) p.error_code = number(committed.code());
    return reply(c, filled);
  });
}

namespace {

const committed_offset* find(const fetch_offsets_response& in, const std::string& topic, std::int32_t partition) {
  for (const auto& o : in.offsets)
    if (o.topic == topic && o.partition.value == partition) return &o;
  return nullptr;
}

/// Lines for the asked partitions, or, when nothing is named, for all that have an offset. `Group` is anything with
/// `topics` of `partitions`: the two generations of the API spell the same in different types.
template <class Topic, class Asked>
std::vector<Topic> lines(const std::optional<std::vector<Asked>>& asked, const fetch_offsets_response& found) {
  std::vector<Topic> topics;
  auto line = [&](Topic& t, std::int32_t partition, const committed_offset* o) {
    auto& p = t.partitions.emplace_back();
    p.partition_index = partition;
    p.committed_offset = o ? o->offset.value : -1;
    p.metadata = o ? o->metadata : "";
  };
  if (asked) {
    for (const auto& a : *asked) {
      auto& t = topics.emplace_back();
      t.name = a.name;
      for (auto p : a.partition_indexes) line(t, p, find(found, a.name, p));
    }
    return topics;
  }
  for (const auto& o : found.offsets) {
    if (topics.empty() || topics.back().name != o.topic) topics.emplace_back().name = o.topic;
    line(topics.back(), o.partition.value, &o);
  }
  return topics;
}

/// A group that nobody knows has committed nothing: that is no error.
result<fetch_offsets_response> offsets_of(response& r) {
  auto found = typed<fetch_offsets_response>(r);
  if (found.code() == errc::unknown_group) return fetch_offsets_response{};
  return found;
}

exchange fetch_of_one(const call& c, const offset_fetch_request& m) {
  return ask({fetch_offsets_request{m.group_id, {}}}, [=](std::vector<response> r) {
    offset_fetch_response answer;
    auto found = offsets_of(r[0]);
    answer.error_code = number(found.code());
    if (found) answer.topics = lines<offset_fetch_response_topic>(m.topics, *found);
    return reply(c, answer);
  });
}

}  // namespace

exchange on(const context&, const call& c, offset_fetch_request& m) {
  if (c.version < 8) return fetch_of_one(c, m);
  std::vector<request> asks;
  for (const auto& g : m.groups) asks.push_back(fetch_offsets_request{g.group_id, {}});
  if (asks.empty()) return reply(c, offset_fetch_response{});
  return ask(std::move(asks), [=](std::vector<response> r) {
    offset_fetch_response answer;
    for (std::size_t i = 0; i < r.size(); ++i) {
      auto& group = answer.groups.emplace_back();
      group.group_id = m.groups[i].group_id;
      auto found = offsets_of(r[i]);
      group.error_code = number(found.code());
      if (found) group.topics = lines<offset_fetch_response_topics>(m.groups[i].topics, *found);
    }
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
