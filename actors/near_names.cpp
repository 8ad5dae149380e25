#include "actors/near_names.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dohle::actors {

namespace {

/// Levenshtein's distance, one row at a time.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> near_names(std::string_view wanted, const std::vector<std::string>& names, std::size_t most) {
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const auto& name : names) {
    const auto distance = edits(wanted, name);
    const bool part =
        !wanted.empty() && (name.find(wanted) != std::string::npos || wanted.find(name) != std::string::npos);
    if (part || distance <= std::max<std::size_t>(1, wanted.size() / 3)) found.emplace_back(distance, name);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > most) found.resize(most);
  std::vector<std::string> out;
  for (auto& [distance, name] : found) out.push_back(std::move(name));
  return out;
}

}  // namespace dohle::actors
