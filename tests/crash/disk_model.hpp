// A disk that may lose its power: what is on it for certain, and what was said to it since. Fed with the operations
// that the shim recorded, it builds folders that a cut at that moment could leave.
//
// It is no kinder than POSIX: a flush makes one file's bytes and size certain, a flush of a directory its entries (also
// for a file that was just made). Everything else may be there or not: each 4096 or 512 bytes of a write, a size before
// its bytes or after, an entry before the file's bytes, in any combination.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/crash/chance.hpp"
#include "tests/crash/disk_shim.hpp"

namespace dohle::crash {

class disk_model {
 public:
  /// Everything below `root` is certain.
  explicit disk_model(std::filesystem::path root);
  /// `op` must stay where it is for as long as this model is used.
  void apply(const operation& op);
  /// Makes `to` one of the folders that a cut now could leave. The same chance, the same folder.
  void cut(const std::filesystem::path& to, generator chance) const;
  /// Nothing is on its way: a cut now leaves one folder only.
  bool settled() const;

 private:
  struct change {
    bool resize = false;
    std::uint64_t at = 0;  ///< of a write; else the new size
    std::string_view data;
  };
  struct node;
  using entries = std::map<std::string, std::shared_ptr<node>>;
  /// `from` goes away, `to` means `what` from now on; either may be empty.
  struct renaming {
    std::string from, to;
    std::shared_ptr<node> what;
  };
  struct node {
    bool directory = false;
    std::string bytes;            ///< certain
    std::vector<change> writes;   ///< not certain
    entries names;                ///< certain
    entries seen;                 ///< what the process sees
    std::vector<renaming> moves;  ///< not certain
  };

  static void apply(std::string& bytes, const change& c);
  static void apply(entries& names, const renaming& r);
  std::shared_ptr<node> read(const std::filesystem::path& from);
  node& parent_of(const std::string& path);
  void enter(const std::string& from, const std::string& to, std::shared_ptr<node> what);
  static std::string bytes_after_cut(const node& file, generator& chance);
  static entries names_after_cut(const node& directory, generator& chance);
  static void write(const node& what, const std::filesystem::path& to, generator& chance);

  std::filesystem::path root_;
  std::unordered_map<std::uint64_t, std::shared_ptr<node>> by_inode_;
  std::shared_ptr<node> top_;
};

}  // namespace dohle::crash
