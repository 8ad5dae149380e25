// Looks through the tree of an LMDB file before LMDB does: LMDB trusts its pages, and a damaged one would end the
// process instead of being an error. Reads the tree's pages only, not the values on pages of their own (those carry
// checksums).
#pragma once

#include <filesystem>

#include "schema/error.hpp"

namespace dohle::store::lmdb {

/// `corrupt_data` names the page at which the tree breaks. Also what `check_file` refuses. The file is not being
/// written.
result<void> check_tree(const std::filesystem::path& path);

}  // namespace dohle::store::lmdb
