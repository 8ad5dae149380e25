// Small things that several APIs translate the same way.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/wire.hpp"
#include "schema/messages.hpp"

namespace dohle::kafka {

/// A topic's Kafka id: never zero, and never given twice, because partition ids are not.
inline uuid id_of(const topic_info& t) {
  if (t.partitions.empty()) return {};
  return {0x444f484c45000000ULL, 1ULL << 32 | t.partitions.front().id.value};
}

inline const topic_info* find_topic(const std::vector<topic_info>& topics, std::string_view name) {
  auto found = std::find_if(topics.begin(), topics.end(), [&](const auto& t) { return t.name == name; });
  return found == topics.end() ? nullptr : &*found;
}
inline const topic_info* find_topic(const std::vector<topic_info>& topics, const uuid& id) {
  auto found = std::find_if(topics.begin(), topics.end(), [&](const auto& t) { return id_of(t) == id; });
  return found == topics.end() ? nullptr : &*found;
}

/// Kafka's isolation_level: 1 = read_committed.
inline isolation isolation_of(std::int8_t level) { return level == 1 ? isolation::committed : isolation::uncommitted; }

}  // namespace dohle::kafka
