#include "tools/nearest.hpp"

#include <algorithm>
#include <numeric>

namespace dohle::tools {

namespace {

/// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest_name = 200;  // beyond it nobody mistyped a name of ours
  if (name.size() > longest_name) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = longest_name;
  for (const auto& candidate : candidates) {
    auto d = distance(name, candidate);
    auto longer = std::max(name.size(), candidate.size());
    // Two letters swapped are two edits: in a word of five that is still the same word.
    auto allowed = std::max<std::size_t>(longer >= 5 ? 2 : 1, longer / 3);
    if (d < best_distance && d < longer && d <= allowed) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  auto best = nearest(name, candidates);
  return best ? " (did you mean '" + *best + "'?)" : "";
}

}  // namespace dohle::tools
