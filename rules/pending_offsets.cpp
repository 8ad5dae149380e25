#include "rules/pending_offsets.hpp"

#include <algorithm>

namespace dohle::rules {

result<pending_value> pending_offsets::joined(const in_transaction& by,
                                              const std::vector<committed_offset>& offsets) const {
  pending_value value{by.epoch, {}};
  std::map<topic_partition, std::size_t> places;
  if (const auto found = all_.find(by.producer); found != all_.end()) {
    if (by.epoch < found->second.epoch) {
      return error{errc::producer_fenced,
                   "producer " + std::to_string(by.producer.value) + " goes on with epoch " +
                       std::to_string(found->second.epoch) + ", not " + std::to_string(by.epoch),
                   "another instance took over its transactions"};
    }
    if (by.epoch == found->second.epoch) value.offsets = found->second.offsets;
  }
  for (std::size_t i = 0; i < value.offsets.size(); ++i) {
    places[{value.offsets[i].topic, value.offsets[i].partition}] = i;
  }
  for (const auto& o : offsets) {
    const auto [place, fresh] = places.emplace(topic_partition{o.topic, o.partition}, value.offsets.size());
    if (fresh) {
      value.offsets.push_back(o);
    } else {
      value.offsets[place->second] = o;
    }
  }
  return value;
}

const pending_value* pending_offsets::decided_by(producer_id by, std::int16_t epoch) const {
  const auto found = all_.find(by);
  return found == all_.end() || found->second.epoch > epoch ? nullptr : &found->second;
}

void pending_offsets::forget(producer_id by, std::int16_t epoch) {
  if (decided_by(by, epoch) != nullptr) all_.erase(by);
}

std::set<producer_id> pending_offsets::drop_topic(const std::string& topic) {
  std::set<producer_id> changed;
  for (auto& [by, value] : all_) {
    if (std::erase_if(value.offsets, [&](const auto& o) { return o.topic == topic; }) > 0) changed.insert(by);
  }
  return changed;
}

bool pending_offsets::holds(const topic_partition& p) const {
  return std::ranges::any_of(all_, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.offsets,
                               [&](const auto& o) { return o.partition == p.partition && o.topic == p.topic; });
  });
}

}  // namespace dohle::rules
