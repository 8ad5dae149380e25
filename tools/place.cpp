#include "tools/place.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "tools/units.hpp"

namespace dohle::tools {

namespace {

result<offset> query(const session& s, const std::string& topic, partition_index partition, offset_query what) {
  auto answer = s.call(list_offsets_request{topic, partition, what, no_timestamp});
  if (!answer) return answer.error();
  return answer->offset.value_or(offset{0});
}

error outside(const std::string& topic, partition_index partition, offset at, const extent& e) {
  return {errc::offset_out_of_range,
          fmt::format("offset {} of {}[{}] is outside what is stored, {} to {}", at.value, topic, partition.value,
                      e.start.value, e.end.value),
          at.value >= 100'000'000'000 ? fmt::format("@{} if that is a time in milliseconds", at.value)
                                      : "start, end, or an offset in that range"};
}

}  // namespace

result<place> parse_place(std::string_view text) {
  if (text == "start" || text == "earliest" || text == "beginning") return place{place::kind::start, {}, {}};
  if (text == "end" || text == "latest") return place{place::kind::end, {}, {}};
  if (auto number = parse_integer(text)) {
    if (*number < 0) {
      return error{errc::invalid_request, fmt::format("'{}' is neither an offset nor a time", text),
                   "a unit makes it a time (-1h); the last N records are --tail N"};
    }
    return place{place::kind::offset, offset{*number}, {}};
  }
  auto at = parse_time(text, now());
  if (!at) {
    return error{errc::invalid_request, fmt::format("'{}' is not a place in a topic", text),
                 "start, end, an offset (1234) or a time (2024-05-01T12:30:00Z, -1h, @1714566600000)"};
  }
  return place{place::kind::time, {}, *at};
}

result<std::vector<partition_index>> partitions_of(const session& s, const std::string& topic,
                                                   const std::vector<int>& wanted) {
  auto answer = s.call(metadata_request{{topic}, true});
  if (!answer) return answer.error();
  auto found = std::find_if(answer->topics.begin(), answer->topics.end(), [&](auto& t) { return t.name == topic; });
  if (found == answer->topics.end()) {
    return error{errc::unknown_topic, fmt::format("there is no topic '{}'", topic),
                 fmt::format("dohle topic list, or dohle topic create {}", topic)};
  }
  std::vector<partition_index> all;
  for (const auto& p : found->partitions) all.push_back(p.index);
  std::sort(all.begin(), all.end());
  if (wanted.empty()) return all;
  std::vector<partition_index> chosen;
  for (int index : wanted) {
    if (!std::binary_search(all.begin(), all.end(), partition_index{index})) {
      return error{errc::unknown_partition, fmt::format("topic '{}' has no partition {}", topic, index),
                   fmt::format("a number from 0 to {}", all.size() - 1)};
    }
    chosen.push_back(partition_index{index});
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

result<std::map<partition_index, extent>> extents_of(const session& s, const std::string& topic,
                                                     const std::vector<partition_index>& partitions) {
  std::map<partition_index, extent> extents;
  for (auto partition : partitions) {
    auto start = query(s, topic, partition, offset_query::earliest);
    if (!start) return start.error();
    auto end = query(s, topic, partition, offset_query::latest);
    if (!end) return end.error();
    extents[partition] = {*start, *end};
  }
  return extents;
}

result<std::map<partition_index, offset>> resolve(const session& s, const std::string& topic, const place& where,
                                                  const std::map<partition_index, extent>& extents) {
  std::map<partition_index, offset> offsets;
  bool reached = false;
  for (const auto& [partition, e] : extents) {
    switch (where.what) {
      case place::kind::start: offsets[partition] = e.start; break;
      case place::kind::end: offsets[partition] = e.end; break;
      case place::kind::offset:
        if (where.at_offset < e.start) return outside(topic, partition, where.at_offset, e);
        reached = reached || where.at_offset <= e.end;
        offsets[partition] = std::min(where.at_offset, e.end);
        break;
      case place::kind::time: {
        auto answer = s.call(list_offsets_request{topic, partition, offset_query::at_time, where.at_time});
        if (!answer) return answer.error();
        offsets[partition] = std::min(answer->offset.value_or(e.end), e.end);
        break;
      }
    }
  }
  if (where.what == place::kind::offset && !reached && !extents.empty()) {
    auto longest =
        std::max_element(extents.begin(), extents.end(), [](auto& a, auto& b) { return a.second.end < b.second.end; });
    return outside(topic, longest->first, where.at_offset, longest->second);
  }
  return offsets;
}

}  // namespace dohle::tools
