#include "rules/watermark.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "schema/error.hpp"

namespace dohle::rules {

offset high_watermark(epoch current, offset known, std::span<const position> voters) {
  DOHLE_ASSERT(!voters.empty(), "a partition has at least one voter, its leader");
  std::vector<offset> ends;
  ends.reserve(voters.size());
  for (const auto& at : voters) {
    if (at.epoch == current) ends.push_back(at.end);
  }
  const std::size_t majority = voters.size() / 2 + 1;
  if (ends.size() < majority) return known;
  std::ranges::sort(ends, std::greater{});
  return std::max(known, ends[majority - 1]);
}

}  // namespace dohle::rules
