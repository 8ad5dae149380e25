// Small things that several APIs translate the same way.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/exchange.hpp"
#include "kafka/wire.hpp"
#include "schema/messages.hpp"

namespace dohle::kafka {

/// A topic's Kafka id: never zero, and never given twice, because partition ids are not.
inline uuid id_of(partition_id first) { return {0x444f484c45000000ULL, 1ULL << 32 | first.value}; }
inline uuid id_of(const topic_info& t) { return t.partitions.empty() ? uuid{} : id_of(t.partitions.front().id); }
/// The first partition of the topic with that id, if it can be one of ours.
inline std::optional<partition_id> first_partition(const uuid& id) {
  const partition_id first{static_cast<std::uint32_t>(id.low)};
  return id == id_of(first) ? std::optional{first} : std::nullopt;
}

/// Fills in the names of topics that came as ids; those of unknown ids stay empty.
template <class Topics>
void name_topics(const context& with, Topics& topics) {
  for (auto& t : topics) t.name = with.topics.name_of(t.topic_id);
}

inline const topic_info* find_topic(const std::vector<topic_info>& topics, std::string_view name) {
  auto found = std::find_if(topics.begin(), topics.end(), [&](const auto& t) { return t.name == name; });
  return found == topics.end() ? nullptr : &*found;
}
inline const topic_info* find_topic(const std::vector<topic_info>& topics, const uuid& id) {
  auto found = std::find_if(topics.begin(), topics.end(), [&](const auto& t) { return id_of(t) == id; });
  return found == topics.end() ? nullptr : &*found;
}

/// The topic, nullptr when there is none, has that partition.
inline bool has_partition(const topic_info* t, std::int32_t partition) {
  return t && partition >= 0 && static_cast<std::size_t>(partition) < t->partitions.size();
}

/// The question which topics there are, the internal ones too.
inline request all_topics() { return dohle::metadata_request{.topics = {}, .include_internal = true}; }

/// Asks it, and goes on with the answer: `go` takes a dohle::metadata_response and returns an exchange.
template <class Go>
exchange with_metadata(Go go) {
  return ask({all_topics()}, [go = std::move(go)](std::vector<response> r) {
    auto found = typed<dohle::metadata_response>(r[0]);
    return found ? go(*found) : malformed();
  });
}
/// The same for whom the topics are enough: `go` takes a vector of topic_info.
template <class Go>
exchange with_topics(Go go) {
  return with_metadata([go = std::move(go)](const dohle::metadata_response& m) { return go(m.topics); });
}

/// Kinds of what has configs; the numbers are Kafka's.
enum config_resource : std::int8_t {
  of_topic = 2,
  of_broker = 4,
  of_broker_logger = 8,
  of_client_metrics = 16,
  of_group = 32
};

/// A peer's address as groups show it.
inline std::string shown_host(const std::string& address) { return address.empty() ? "" : "/" + address; }

/// Kafka's isolation_level: 1 = read_committed.
inline isolation isolation_of(std::int8_t level) { return level == 1 ? isolation::committed : isolation::uncommitted; }

}  // namespace dohle::kafka
