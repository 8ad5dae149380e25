// "Did you mean ...?": names that look like one that does not exist, for the hint of an error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dohle::actors {

/// At most `most` of `names`, the nearest first; only those within a third of the name's length in edits, or that one
/// contains the other.
std::vector<std::string> near_names(std::string_view wanted, const std::vector<std::string>& names,
                                    std::size_t most = 3);

}  // namespace dohle::actors
