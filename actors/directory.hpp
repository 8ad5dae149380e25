// Who answers what, as an immutable value: the broker makes a new one when topics change and hands it to its links.
#pragma once

#include <caf/actor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "actors/messages.hpp"

namespace dohle::actors {

/// A partition that this broker leads.
struct led_partition {
  partition_id id;
  caf::actor leader;
  std::shared_ptr<store::log> log;
  std::shared_ptr<partition_marks> marks;
};

struct directory {
  caf::actor broker;         ///< answers everything that is not one partition's
  bool auto_create = false;  ///< the broker makes topics that a producer names
  std::map<std::string, std::vector<led_partition>, std::less<>> topics;
  std::unordered_map<std::uint32_t, std::string> names;  ///< of topics, by the id of their first partition

  void add(const std::string& topic, led_partition p) {
    auto& partitions = topics[topic];
    if (partitions.empty()) names[p.id.value] = topic;
    partitions.push_back(std::move(p));
  }
  void remove(const std::string& topic) {
    auto found = topics.find(topic);
    if (found == topics.end()) return;
    names.erase(found->second.front().id.value);
    topics.erase(found);
  }

  /// `unknown_topic` or `unknown_partition`, with what there is instead.
  result<const led_partition*> find(const std::string& topic, partition_index index) const {
    auto found = topics.find(topic);
    if (found == topics.end())
      return error{errc::unknown_topic, "there is no topic \"" + topic + "\"", "create it, or look at the topic list"};
    if (index.value < 0 || static_cast<std::size_t>(index.value) >= found->second.size())
      return error{errc::unknown_partition,
                   topic + " has no partition " + std::to_string(index.value) + ", its partitions are 0 to " +
                       std::to_string(found->second.size() - 1),
                   "ask for the topic's description"};
    return &found->second[static_cast<std::size_t>(index.value)];
  }

  /// Internal topics are written by the broker only.
  template <class Request>
  static std::optional<error> refuse(const Request& r) {
    if constexpr (std::is_same_v<Request, produce_request> || std::is_same_v<Request, delete_records_request>) {
      if (rules::is_internal_topic(r.topic))
        return error{errc::not_authorized, r.topic + " is the broker's own topic",
                     "a name that does not begin with __"};
    }
    return std::nullopt;
  }

  /// The leader for requests that name a partition, the broker for all others.
  template <class Request>
  result<caf::actor> route(const Request& r) const {
    if constexpr (requires { r.partition; }) {
      if (auto refused = refuse(r)) return std::move(*refused);
      auto found = find(r.topic, r.partition);
      if (found) return (*found)->leader;
      if (!auto_create || found.code() != errc::unknown_topic) return found.error();
    }
    return broker;
  }
};

using directory_pointer = std::shared_ptr<const directory>;

}  // namespace dohle::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::directory_pointer)
