#include "rules/group_state.hpp"

#include "schema/limits.hpp"

namespace dohle::rules {

std::string_view to_string(group_state state) {
  switch (state) {
    case group_state::empty: return "Empty";
    case group_state::preparing_rebalance: return "PreparingRebalance";
    case group_state::completing_rebalance: return "CompletingRebalance";
    case group_state::stable: return "Stable";
    case group_state::dead: return "Dead";
  }
  return "Dead";
}

result<void> check_offsets(const commit_offsets_request& r) {
  for (const auto& o : r.offsets) {
    if (o.offset.value < 0 || o.metadata.size() > limits::max_commit_metadata) {
      return error{errc::invalid_request,
                   "the commit of " + o.topic + "[" + std::to_string(o.partition.value) + "] for group " + r.group +
                       " has a negative offset or more than 4 KiB of metadata",
                   ""};
    }
  }
  return {};
}

}  // namespace dohle::rules
