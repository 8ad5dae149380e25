#include <algorithm>
#include <cstring>

#include "schema/limits.hpp"
#include "schema/record_batch.hpp"
#include "schema/varint.hpp"

namespace dohle {
namespace {

constexpr std::int16_t horizon_bit = 64;

struct kept_records {
  std::vector<std::string_view> encoded;
  timestamp newest{std::numeric_limits<std::int64_t>::min()};
  bool has_tombstone = false;
};

/// Copies an encoded record with its time counted from another base; the rest of it stays as it is.
void append_rebased(std::vector<char>& to, std::string_view record, std::uint64_t shift) {
  const char* at = record.data();
  const char* const end = at + record.size();
  std::int64_t length = 0, delta = 0;
  DOHLE_ASSERT(read_varint(at, end, length) && read_varint(++at, end, delta), "the record was read before");
  delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(delta) + shift);
  const auto rest = static_cast<std::size_t>(end - at);
  const std::size_t body = 1 + varint_size(delta) + rest;
  const std::size_t begin = to.size();
  to.resize(begin + varint_size(static_cast<std::int64_t>(body)) + body);
  char* out = write_varint(to.data() + begin, static_cast<std::int64_t>(body));
  *out++ = 0;  // attributes: unused
  out = write_varint(out, delta);
  std::memcpy(out, at, rest);
}

result<bytes> assemble(batch_header h, const kept_records& kept, bool set_horizon, timestamp horizon) {
  const auto shift = static_cast<std::uint64_t>(h.base_timestamp.value) - static_cast<std::uint64_t>(horizon.value);
  std::vector<char> plain(batch_header_bytes);
  for (std::string_view record : kept.encoded) {
    if (set_horizon)
      append_rebased(plain, record, shift);
    else
      plain.insert(plain.end(), record.begin(), record.end());
  }
  h.record_count = static_cast<std::int32_t>(kept.encoded.size());
  if (!h.append_time()) h.max_timestamp = kept.newest;
  if (set_horizon) {
    h.attributes = static_cast<std::int16_t>(h.attributes | horizon_bit);
    h.base_timestamp = horizon;
  }
  if (h.compression() != compression::none) {
    std::vector<char> packed(batch_header_bytes);
    const std::string_view records{plain.data() + batch_header_bytes, plain.size() - batch_header_bytes};
    if (auto done = compress(h.compression(), records, packed); !done) return done.error();
    if (packed.size() < plain.size())
      plain = std::move(packed);
    else
      h.attributes = static_cast<std::int16_t>(h.attributes & ~7);
  }
  detail::write_header(plain.data(), h, plain.size());
  return bytes::own(std::move(plain));
}

}  // namespace

result<bytes> filter_batch(const bytes& batch, const std::function<bool(const record_view&)>& stays,
                           timestamp horizon) {
  auto reader = batch_reader::open(batch);
  if (!reader) return reader.error();
  const batch_header& h = reader->header();
  kept_records kept;
  for (;;) {
    const std::size_t from = reader->position();
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) break;
    if (!stays(**record)) continue;
    kept.encoded.push_back(reader->memory().view().substr(from, reader->position() - from));
    kept.newest = std::max(kept.newest, (*record)->timestamp);
    kept.has_tombstone |= !(*record)->value;
  }
  if (kept.encoded.empty()) return bytes{};
  const bool set_horizon = !h.has_horizon() && (kept.has_tombstone || h.control());
  const bool all = kept.encoded.size() == static_cast<std::size_t>(h.record_count);
  if (all && !set_horizon) return batch.part(0, h.size_bytes());
  auto made = assemble(h, kept, set_horizon, horizon);
  // Times counted from the horizon are longer; a batch that they would make too large keeps its tombstones for good.
  if (made && made->size() > limits::max_batch_bytes)
    return all ? batch.part(0, h.size_bytes()) : assemble(h, kept, false, horizon);
  return made;
}

bytes empty_batch(const batch_header& header) {
  batch_header h = header;
  h.record_count = 0;
  h.attributes = static_cast<std::int16_t>(h.attributes & ~7);
  std::vector<char> alone(batch_header_bytes);
  detail::write_header(alone.data(), h, alone.size());
  return bytes::own(std::move(alone));
}

}  // namespace dohle
