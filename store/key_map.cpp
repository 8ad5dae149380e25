#include "store/key_map.hpp"

#include <algorithm>
#include <bit>

#include "schema/byte_order.hpp"
#include "store/files.hpp"

namespace dohle::store {

namespace {

struct sip_state {
  std::uint64_t a, b, c, d;

  void mix(int rounds) {
    for (; rounds > 0; --rounds) {
      a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
      c += d, d = std::rotl(d, 16) ^ c;
      a += d, d = std::rotl(d, 21) ^ a;
      c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    }
  }
  void take(std::uint64_t word) {
    d ^= word;
    mix(2);
    a ^= word;
  }
};

}  // namespace

key_hash hash_key(std::string_view key, const key_hash& secret) {
  sip_state s{secret.low ^ 0x736f6d6570736575ULL, secret.high ^ 0x646f72616e646f6dULL ^ 0xee,
              secret.low ^ 0x6c7967656e657261ULL, secret.high ^ 0x7465646279746573ULL};
  auto last = static_cast<std::uint64_t>(key.size()) << 56;
  for (; key.size() >= 8; key.remove_prefix(8)) s.take(load_little<std::uint64_t>(key.data()));
  for (std::size_t i = 0; i < key.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(key[i])) << (8 * i);
  s.take(last);
  s.c ^= 0xee;
  s.mix(4);
  key_hash out;
  out.low = s.a ^ s.b ^ s.c ^ s.d;
  s.b ^= 0xdd;
  s.mix(4);
  out.high = s.a ^ s.b ^ s.c ^ s.d;
  return out;
}

key_map::key_map(std::size_t keys)
    : secret_{random_number(), random_number()}, keys_(std::max<std::size_t>(keys, 1)), entries_(keys_ * 10 / 9 + 1) {}

std::size_t key_map::place_of(const key_hash& key) const {
  std::size_t at = key.low % entries_.size();
  while (entries_[at].newest >= 0 && entries_[at].key != key) at = at + 1 == entries_.size() ? 0 : at + 1;
  return at;
}

bool key_map::put(std::string_view key, offset at) {
  const key_hash hash = hash_key(key, secret_);
  entry& e = entries_[place_of(hash)];
  if (e.newest < 0) {
    if (size_ == keys_) return false;
    ++size_;
    e.key = hash;
  }
  e.newest = at.value;
  return true;
}

std::optional<offset> key_map::find(std::string_view key) const {
  const entry& e = entries_[place_of(hash_key(key, secret_))];
  if (e.newest < 0) return std::nullopt;
  return offset{e.newest};
}

}  // namespace dohle::store
