// Which record of a key is the newest, for very many keys in a fixed amount of memory: 24 bytes a key. A key is known
// by 128 bits of SipHash-2-4 under a random secret, so nobody can make two keys that meet. Owner: one compaction pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "schema/types.hpp"

namespace dohle::store {

struct key_hash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const key_hash&, const key_hash&) = default;
};

/// SipHash-2-4 with 128 bits.
key_hash hash_key(std::string_view key, const key_hash& secret);

class key_map {
 public:
  static constexpr std::size_t entry_bytes = 24;
  /// Keys that fit into so many bytes: nine tenths of its entries.
  static constexpr std::size_t keys_in(std::size_t bytes) { return bytes / entry_bytes * 9 / 10; }

  explicit key_map(std::size_t keys);
  /// The newest offset of the key, as offsets come rising. False: it is a new key, and there is no room for it.
  bool put(std::string_view key, offset at);
  std::optional<offset> find(std::string_view key) const;
  std::size_t size() const { return size_; }

 private:
  struct entry {
    key_hash key;
    std::int64_t newest = -1;  ///< -1: free
  };
  std::size_t place_of(const key_hash& key) const;

  key_hash secret_;
  std::size_t keys_;
  std::size_t size_ = 0;
  std::vector<entry> entries_;
};

}  // namespace dohle::store
