// "Did you mean ...": the name nearest to a mistyped one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dohle::tools {

/// The candidate with the smallest edit distance, if that is small for the length of the name. The first of equals.
std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates);

/// " (did you mean 'x'?)" or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace dohle::tools
