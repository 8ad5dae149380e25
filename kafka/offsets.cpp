// Offsets: where a time lies in a partition, and how far a group has come.
#include <algorithm>
#include <map>

#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

/// Special timestamps of ListOffsets.
enum : std::int64_t {
  latest = -1,
  earliest = -2,
  of_max_timestamp = -3,
  earliest_local = -4,
  latest_tiered = -5,
  earliest_to_tier = -6
};

std::optional<dohle::list_offsets_request> to_ours(const std::string& topic,
                                                   const list_offsets_request_partition& asked, isolation level) {
  dohle::list_offsets_request r{.topic = topic, .partition = partition_index{asked.partition_index}};
  r.isolation = level;
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
      auto r = to_ours(t.name, p, isolation_of(m.isolation_level));
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

exchange on(const context&, const call& c, offset_for_leader_epoch_request& m) {
  std::vector<request> asks;
  for (const auto& t : m.topics)
    for (const auto& p : t.partitions)
      asks.push_back(epoch_end_request{t.topic, partition_index{p.partition}, epoch{p.leader_epoch}});
  if (asks.empty()) return reply(c, offset_for_leader_epoch_response{});
  return ask(std::move(asks), [c, topics = std::move(m.topics)](std::vector<response> r) {
    offset_for_leader_epoch_response answer;
    std::size_t i = 0;
    for (const auto& t : topics) {
      auto& topic = answer.topics.emplace_back();
      topic.topic = t.topic;
      for (const auto& p : t.partitions) {
        auto found = typed<epoch_end_response>(r[i++]);
        auto& line = topic.partitions.emplace_back();
        line.partition = p.partition;
        line.error_code = number(found.code());
        if (!found) continue;
        line.leader_epoch = found->epoch.value;
        line.end_offset = found->end.value;
      }
    }
    return reply(c, answer);
  });
}

namespace {

/// A group that has members takes no commit from outside: for Kafka, its sender is unknown.
std::int16_t commit_code(const error& why) {
  return number(why.code == errc::group_not_empty ? errc::unknown_member : why.code);
}

/// One request for all partitions: its outcome stands with each of them.
template <class Answer, class Topics>
exchange commit(const context& with, const call& c, commit_offsets_request r, const Topics& topics, bool by_id) {
  Answer answer;
  for (const auto& t : topics) {
    auto& topic = answer.topics.emplace_back();
    topic.name = t.name;
    topic.topic_id = t.topic_id;
    const bool known = by_id ? !t.name.empty() : with.topics.id_of(t.name) != uuid{};
    for (const auto& p : t.partitions) {
      auto& line = topic.partitions.emplace_back();
      line.partition_index = p.partition_index;
      if (!known)
        line.error_code = number(by_id ? error_code::unknown_topic_id : error_code::unknown_topic_or_partition);
      else
        r.offsets.push_back({t.name, partition_index{p.partition_index}, offset{p.committed_offset},
                             p.committed_metadata.value_or(""), epoch{p.committed_leader_epoch}});
    }
  }
  if (r.offsets.empty()) return reply(c, answer);
  return ask({std::move(r)}, [=](std::vector<response> done) {
    auto filled = answer;
    auto committed = typed<commit_offsets_response>(done[0]);
    if (committed) return reply(c, filled);
    for (auto& t : filled.topics)
      for (auto& p : t.partitions)
        if (p.error_code == 0) p.error_code = commit_code(committed.error());
    return reply(c, filled);
  });
}

template <class Request>
commit_offsets_request commit_of(const Request& m) {
  commit_offsets_request r;
  r.group = m.group_id;
  r.generation = generation{m.generation_id_or_member_epoch};
  r.member = m.member_id;
  r.instance = m.group_instance_id.value_or("");
  return r;
}

}  // namespace

exchange on(const context& with, const call& c, offset_commit_request& m) {
  const bool by_id = c.version >= 10;
  if (by_id) name_topics(with, m.topics);
  return commit<offset_commit_response>(with, c, commit_of(m), m.topics, by_id);
}

exchange on(const context& with, const call& c, txn_offset_commit_request& m) {
  const bool by_id = c.version >= 6;
  if (by_id) name_topics(with, m.topics);
  auto r = commit_of(m);
  // Since version 5 the commit itself adds the group to the transaction.
  r.within = in_transaction{producer_id{m.producer_id}, m.producer_epoch, c.version >= 5};
  return commit<txn_offset_commit_response>(with, c, std::move(r), m.topics, by_id);
}

exchange on(const context&, const call& c, offset_delete_request& m) {
  delete_offsets_request r{m.group_id, {}};
  for (const auto& t : m.topics)
    for (const auto& p : t.partitions) r.partitions.push_back({t.name, partition_index{p.partition_index}});
  return ask({all_topics(), std::move(r)}, [=](std::vector<response> done) {
    offset_delete_response answer;
    auto known = typed<dohle::metadata_response>(done[0]);
    auto deleted = typed<delete_offsets_response>(done[1]);
    answer.error_code = number(deleted.code());
    if (!known || !deleted) return reply(c, answer);
    for (const auto& t : m.topics) {
      auto& topic = answer.topics.emplace_back();
      topic.name = t.name;
      const bool exists = find_topic(known->topics, t.name) != nullptr;
      for (const auto& p : t.partitions) {
        const topic_partition here{t.name, partition_index{p.partition_index}};
        const bool read = std::ranges::find(deleted->subscribed, here) != deleted->subscribed.end();
        auto code = exists ? error_code::none : error_code::unknown_topic_or_partition;
        if (read) code = error_code::group_subscribed_to_topic;
        topic.partitions.push_back({p.partition_index, number(code)});
      }
    }
    return reply(c, answer);
  });
}

namespace {

/// What one group was asked for, whatever the version. No topics: all that have an offset.
struct asked_offsets {
  std::string group;
  std::optional<std::vector<offset_fetch_request_topics>> topics;
  bool stable = false;
  bool by_id = false;
};

/// Known in this version: with names only, or as ids that some topic has.
bool is_known(const asked_offsets& asked, const offset_fetch_request_topics& t) {
  return !asked.by_id || !t.name.empty();
}

fetch_offsets_request question(const asked_offsets& asked) {
  fetch_offsets_request r{asked.group, {}, asked.stable};
  if (!asked.topics) return r;
  for (const auto& t : *asked.topics)
    for (auto p : t.partition_indexes)
      if (is_known(asked, t)) r.partitions.push_back({t.name, partition_index{p}});
  // No partition means all, and what nobody asked for must not delay the answer.
  if (r.partitions.empty()) r.require_stable = false;
  return r;
}

/// Lines for the asked partitions, or, when nothing is named, for all that have an offset. `Topic` is either
/// generation's: both spell the same. With `why` no offset is told.
template <class Topic>
std::vector<Topic> lines(const asked_offsets& asked, const fetch_offsets_response& found, error_code why) {
  std::vector<Topic> topics;
  auto line = [&](Topic& t, std::int32_t partition, const committed_offset* o, error_code code) {
    auto& p = t.partitions.emplace_back();
    const bool told = o != nullptr && code == error_code::none;
    p.partition_index = partition;
    p.committed_offset = told ? o->offset.value : -1;
    p.committed_leader_epoch = told ? o->leader_epoch.value : -1;
    p.metadata = told ? o->metadata : "";
    p.error_code = number(code);
  };
  if (asked.topics) {
    std::map<std::pair<std::string_view, std::int32_t>, const committed_offset*> places;
    for (const auto& o : found.offsets) places[{o.topic, o.partition.value}] = &o;
    for (const auto& a : *asked.topics) {
      auto& t = topics.emplace_back();
      t.name = a.name;
      if constexpr (requires { t.topic_id; }) t.topic_id = a.topic_id;
      for (auto p : a.partition_indexes) {
        auto place = places.find({a.name, p});
        line(t, p, place == places.end() ? nullptr : place->second,
             is_known(asked, a) ? why : error_code::unknown_topic_id);
      }
    }
    return topics;
  }
  for (const auto& o : found.offsets) {
    if (topics.empty() || topics.back().name != o.topic) topics.emplace_back().name = o.topic;
    line(topics.back(), o.partition.value, &o, why);
  }
  return topics;
}

struct found_offsets {
  result<fetch_offsets_response> what;
  error_code each = error_code::none;  ///< of every partition
};

using offsets_told = std::function<exchange(const std::vector<found_offsets>&)>;

/// While a transaction is to decide an asked partition, each of the group's is answered so: clients ask again for all.
/// A group that nobody knows has committed nothing: that is no error.
exchange ask_offsets(const std::vector<asked_offsets>& all, const offsets_told& then) {
  std::vector<request> asks;
  for (const auto& a : all) asks.push_back(question(a));
  return ask(std::move(asks), [=](std::vector<response> r) {
    std::vector<found_offsets> found;
    std::vector<request> again;  // which partitions those are
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < r.size(); ++i) {
      auto& f = found.emplace_back();
      f.what = typed<fetch_offsets_response>(r[i]);
      if (f.what.code() == errc::unknown_group) f.what = fetch_offsets_response{};
      if (f.what.code() != errc::unstable_offset) continue;
      f.what = fetch_offsets_response{};
      f.each = error_code::unstable_offset_commit;
      if (all[i].topics) continue;
      places.push_back(i);
      again.push_back(fetch_offsets_request{all[i].group, {}, false});
    }
    if (again.empty()) return then(found);
    return ask(std::move(again), [=](std::vector<response> more) {
      auto filled = found;
      for (std::size_t i = 0; i < more.size(); ++i) filled[places[i]].what = typed<fetch_offsets_response>(more[i]);
      return then(filled);
    });
  });
}

exchange fetch_of_one(const call& c, const offset_fetch_request& m) {
  asked_offsets asked{m.group_id, std::nullopt, m.require_stable, false};
  if (m.topics) {
    asked.topics.emplace();
    for (const auto& t : *m.topics) asked.topics->push_back({t.name, {}, t.partition_indexes});
  }
  return ask_offsets({asked}, [=](const std::vector<found_offsets>& found) {
    offset_fetch_response answer;
    answer.error_code = number(found[0].what.code());
    if (found[0].what) answer.topics = lines<offset_fetch_response_topic>(asked, *found[0].what, found[0].each);
    return reply(c, answer);
  });
}

}  // namespace

exchange on(const context& with, const call& c, offset_fetch_request& m) {
  if (c.version < 8) return fetch_of_one(c, m);
  if (m.groups.empty()) return reply(c, offset_fetch_response{});
  const bool by_id = c.version >= 10;
  std::vector<asked_offsets> all;
  for (const auto& g : m.groups) {
    auto& asked = all.emplace_back(asked_offsets{g.group_id, g.topics, m.require_stable, by_id});
    if (by_id && asked.topics) name_topics(with, *asked.topics);
  }
  return ask_offsets(all, [=, id_of = with.topics.id_of](const std::vector<found_offsets>& found) {
    offset_fetch_response answer;
    for (std::size_t i = 0; i < found.size(); ++i) {
      auto& group = answer.groups.emplace_back();
      group.group_id = all[i].group;
      group.error_code = number(found[i].what.code());
      if (!found[i].what) continue;
      group.topics = lines<offset_fetch_response_topics>(all[i], *found[i].what, found[i].each);
      for (auto& t : group.topics)
        if (by_id && !t.name.empty()) t.topic_id = id_of(t.name);
    }
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
