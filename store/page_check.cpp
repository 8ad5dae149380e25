#include "store/page_check.hpp"

#include <fcntl.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "store/files.hpp"
#include "store/lmdb.hpp"

namespace dohle::store::lmdb {

namespace {

// A page:  0 u64 own number | 10 u16 flags | 12 u16 end of the pointers | 14 u16 begin of the nodes | 16 u16
// pointers... A node:  0 u16 low | 2 u16 high | 4 u16 flags | 6 u16 key bytes | key | data
//          in a branch low, high and flags are the child's page number, in a leaf low and high are the data's size
// A table: 4 u16 flags | 6 u16 depth | 40 u64 root page, 48 bytes in all
constexpr std::uint16_t branch_page = 1, leaf_page = 2;
constexpr std::uint16_t big_data = 1, sub_table = 2;
constexpr std::uint16_t integer_keys = 8;
constexpr std::size_t table_bytes = 48, node_header = 8, pointers_at = 16;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr int max_depth = 32;  // LMDB's own bound

using page = std::array<char, page_bytes>;

std::uint16_t u16(const char* at) {
  std::uint16_t v;
  std::memcpy(&v, at, sizeof v);
  return v;
}
std::uint64_t u64(const char* at) {
  std::uint64_t v;
  std::memcpy(&v, at, sizeof v);
  return v;
}

class tree_check {
 public:
  tree_check(const file_handle& file, const std::filesystem::path& path, std::uint64_t last_page)
      : file_(file), path_(path), used_(last_page + 1) {}

  result<void> table(const char* description, bool free_list) {
    const std::uint64_t root = u64(description + 40);
    if (root == no_page) return {};
    free_list_ = free_list;
    return visit(root, u16(description + 6), (u16(description + 4) & integer_keys) != 0 || free_list);
  }

  /// A page that is both free and used would be written over.
  result<void> free_pages() {
    for (std::uint64_t number : free_) {
      if (number < 2 || number >= used_.size() || used_[number]) return broken(number, "is free and in use at once");
      used_[number] = true;
    }
    return {};
  }

 private:
  error broken(std::uint64_t number, const std::string& what) const {
    return {errc::corrupt_data,
            path_.string() + ": the page at byte " + std::to_string(number * page_bytes) + " " + what,
            "restore this file from where it was copied, or remove the folder if its data is replicated"};
  }

  result<void> take(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t number = first; number < first + count; ++number) {
      if (number < 2 || number >= used_.size()) return broken(first, "lies outside the file");
      if (used_[number]) return broken(number, "is used twice");
      used_[number] = true;
    }
    return {};
  }

  result<void> visit(std::uint64_t number, int depth, bool integers) {
    if (depth < 1 || depth > max_depth) return broken(number, "is at an impossible depth");
    if (auto r = take(number, 1); !r) return r;
    page p;
    if (auto r = read_at(file_, number * page_bytes, p.data(), p.size(), path_); !r) return r;
    const std::uint16_t kind = u16(p.data() + 10), lower = u16(p.data() + 12), upper = u16(p.data() + 14);
    if (u64(p.data()) != number || kind != (depth == 1 ? leaf_page : branch_page))
      return broken(number, "is not the one that belongs there");
    if (lower <= pointers_at || lower % 2 != 0 || lower > upper || upper > page_bytes)
      return broken(number, "is damaged");
    for (std::size_t at = pointers_at; at < lower; at += 2) {
      const std::size_t node = u16(p.data() + at);
      if (node < upper || node + node_header > page_bytes) return broken(number, "is damaged");
      const bool first_of_branch = kind == branch_page && at == pointers_at;  // its key is empty: below all others
      const std::size_t key = u16(p.data() + node + 6);
      if (node + node_header + key > page_bytes) return broken(number, "is damaged");
      if (integers && !first_of_branch && key != sizeof(std::uint64_t))
        return broken(number, "has keys of another kind");
      auto r = kind == branch_page ? child(p.data() + node, depth, integers) : leaf(p, node, key, number);
      if (!r) return r;
    }
    return {};
  }

  result<void> child(const char* node, int depth, bool integers) {
    const std::uint64_t number =
        u16(node) | static_cast<std::uint64_t>(u16(node + 2)) << 16 | static_cast<std::uint64_t>(u16(node + 4)) << 32;
    return visit(number, depth - 1, integers);
  }

  result<void> leaf(const page& p, std::size_t node, std::size_t key, std::uint64_t number) {
    const std::size_t size = u16(p.data() + node) | static_cast<std::size_t>(u16(p.data() + node + 2)) << 16;
    const std::uint16_t flags = u16(p.data() + node + 4);
    const std::size_t data = node + node_header + key;
    if (flags != 0 && flags != big_data && flags != sub_table) return broken(number, "is damaged");
    const std::size_t inline_size = flags == big_data ? sizeof(std::uint64_t) : size;
    if (data + inline_size > page_bytes) return broken(number, "is damaged");
    if (flags == big_data) {
      const std::uint64_t first = u64(p.data() + data);
      if (auto r = take(first, (size + page_header_bytes + page_bytes - 1) / page_bytes); !r) return r;
      if (!free_list_) return {};
      std::vector<char> value(size);
      if (auto r = read_at(file_, first * page_bytes + page_header_bytes, value.data(), size, path_); !r) return r;
      return collect_free(value.data(), size, number);
    }
    if (free_list_) return collect_free(p.data() + data, size, number);
    if (flags != sub_table) return {};
    if (size != table_bytes) return broken(number, "is damaged");
    return table(p.data() + data, false);
  }

  /// The free list's values: a count, then as many page numbers.
  result<void> collect_free(const char* value, std::size_t size, std::uint64_t number) {
    const std::uint64_t count = size < sizeof(std::uint64_t) ? no_page : u64(value);
    if (count > size / sizeof(std::uint64_t) - 1) return broken(number, "has a damaged list of free pages");
    for (std::uint64_t i = 1; i <= count; ++i) free_.push_back(u64(value + i * sizeof(std::uint64_t)));
    return {};
  }

  const file_handle& file_;
  const std::filesystem::path& path_;
  std::vector<bool> used_;
  std::vector<std::uint64_t> free_;
  bool free_list_ = false;
};

}  // namespace

result<void> check_tree(const std::filesystem::path& path) {
  auto meta = check_file(path);
  if (!meta) return meta.error();
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  page p;
  // The newer of the two: its number's lowest bit is its place.
  const std::uint64_t place = (meta->transaction & 1) * page_bytes;
  if (auto r = read_at(*file, place, p.data(), p.size(), path); !r) return r;
  tree_check check(*file, path, meta->last_page);
  constexpr std::size_t free_table = 40, main_table = 88;
  if (auto r = check.table(p.data() + main_table, false); !r) return r;
  if (auto r = check.table(p.data() + free_table, true); !r) return r;
  return check.free_pages();
}

}  // namespace dohle::store::lmdb
