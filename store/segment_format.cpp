#include "store/segment_format.hpp"

#include <cstddef>
#include <utility>

#include "schema/control_batch.hpp"
#include "store/files.hpp"

namespace dohle::store {

namespace {

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

error damaged(const char* what) { return {errc::corrupt_data, what, ""}; }

error newer(const char* what) {
  return {errc::newer_format, std::string{what} + " was written by a newer version of Dohle", "use the newer program"};
}

template <std::integral T>
std::string key_with(char kind, T value) {
  std::string key(1 + sizeof value, kind);
  store_big(key.data() + 1, value);
  return key;
}

template <class T>
std::uint32_t crc_without_own(T value) {
  value.crc = 0;
  return crc32c(bytes_of(value));
}

}  // namespace

void seal(chunk_header& header) { header.crc = crc_without_own(header); }
void seal(segment_meta& meta) { meta.crc = crc_without_own(meta); }
void seal(compaction_mark& mark) { mark.crc = crc_without_own(mark); }

result<chunk_header> read_chunk(std::string_view value, std::uint64_t key) {
  chunk_header h;
  if (value.size() < sizeof h) return damaged("a chunk is cut off");
  std::memcpy(&h, value.data(), sizeof h);
  if (h.magic != chunk_magic) return damaged("a chunk does not begin as one");
  if (crc_without_own(h) != h.crc) return damaged("a chunk's header fails its checksum");
  if (h.format > compacted_format) return newer("a chunk");
  if (h.header_bytes != sizeof h || h.body_bytes > value.size() - sizeof h || h.last < h.base ||
      h.base != static_cast<std::int64_t>(key))
    return damaged("a chunk's header contradicts its place");
  return h;
}

result<segment_meta> read_meta(std::string_view value) {
  segment_meta meta;
  if (value.size() != sizeof meta) return damaged("the segment's own record has the wrong size");
  std::memcpy(&meta, value.data(), sizeof meta);
  if (meta.magic != segment_magic) return damaged("this is no segment");
  if (crc_without_own(meta) != meta.crc) return damaged("the segment's own record fails its checksum");
  if (meta.format > compacted_format) return newer("the segment");
  if (meta.base < 0 || meta.end < meta.base) return damaged("the segment's own record contradicts itself");
  return meta;
}

result<compaction_mark> read_mark(std::string_view value) {
  compaction_mark mark;
  if (value.size() != sizeof mark) return damaged("the mark of compaction has the wrong size");
  std::memcpy(&mark, value.data(), sizeof mark);
  if (crc_without_own(mark) != mark.crc) return damaged("the mark of compaction fails its checksum");
  return mark;
}

std::string time_key(timestamp at) { return key_with('t', static_cast<std::uint64_t>(at.value) ^ sign_bit); }

timestamp time_of_key(std::string_view key) {
  return timestamp{static_cast<std::int64_t>(load_big<std::uint64_t>(key.data() + 1) ^ sign_bit)};
}

std::string epoch_key(epoch of) { return key_with('e', static_cast<std::uint32_t>(of.value)); }

result<epoch_start> read_epoch(std::string_view key, std::string_view value) {
  if (key.size() != 5 || value.size() != sizeof(std::uint64_t)) return damaged("the index by epoch is damaged");
  return epoch_start{epoch{static_cast<std::int32_t>(load_big<std::uint32_t>(key.data() + 1))},
                     offset{static_cast<std::int64_t>(load_little<std::uint64_t>(value.data()))}};
}

std::string producer_key(producer_id id) { return key_with('p', static_cast<std::uint64_t>(id.value)); }

std::string aborted_key(offset marker) { return key_with('a', static_cast<std::uint64_t>(marker.value)); }

namespace {
/// Of what stands under a key: the number in it is covered, too.
std::uint32_t crc_under(std::int64_t key, std::string_view with_zero) {
  return crc32c(bytes_of(key), crc32c(with_zero));
}

std::int64_t number_of(std::string_view key) {
  return static_cast<std::int64_t>(load_big<std::uint64_t>(key.data() + 1));
}
}  // namespace

std::string to_stored(const producer_state& state) {
  stored_producer p;
  p.epoch = state.epoch;
  p.last_sequence = state.last_sequence;
  p.last_offset = state.last_offset.value;
  p.last_delta = state.last_delta;
  p.at = state.at.value;
  if (state.transaction) p.transaction = state.transaction->value;
  const std::size_t size = state.transaction ? sizeof p : plain_producer_bytes;
  p.crc = crc_under(state.id.value, bytes_of(p).substr(0, size));
  return std::string{bytes_of(p).substr(0, size)};
}

result<producer_state> read_producer(std::string_view key, std::string_view value) {
  stored_producer p;
  if (key.size() != 9 || (value.size() != sizeof p && value.size() != plain_producer_bytes))
    return damaged("a producer's record has the wrong size");
  std::memcpy(&p, value.data(), value.size());
  const auto id = number_of(key);
  const auto crc = std::exchange(p.crc, 0);
  if (crc_under(id, bytes_of(p).substr(0, value.size())) != crc)
    return damaged("a producer's record fails its checksum");
  producer_state state{producer_id{id}, p.epoch, p.last_sequence, offset{p.last_offset}, p.last_delta, timestamp{p.at}};
  if (p.transaction >= 0) state.transaction = offset{p.transaction};
  return state;
}

stored_aborted to_stored(const aborted_entry& entry) {
  stored_aborted a;
  a.producer = entry.what.producer.value;
  a.first = entry.what.first.value;
  a.last_stable = entry.last_stable.value;
  a.crc = crc_under(entry.what.marker.value, bytes_of(a));
  return a;
}

result<aborted_entry> read_aborted(std::string_view key, std::string_view value) {
  stored_aborted a;
  if (key.size() != 9 || value.size() != sizeof a) return damaged("an aborted transaction's record has the wrong size");
  std::memcpy(&a, value.data(), sizeof a);
  const auto marker = number_of(key);
  const auto crc = std::exchange(a.crc, 0);
  if (crc_under(marker, bytes_of(a)) != crc) return damaged("an aborted transaction's record fails its checksum");
  return aborted_entry{{producer_id{a.producer}, offset{a.first}, offset{marker}, false}, offset{a.last_stable}};
}

std::optional<ended_transaction> apply_batch(producer_state& state, const batch_header& header,
                                             std::string_view batch) {
  const bool known = state.id == header.producer;
  // Where a marker has opened an epoch, only batches of older ones lie before what was heard last.
  const bool heard = state.last_sequence >= 0 || state.epoch > header.producer_epoch;
  if (known && heard && state.last_offset >= header.base) return std::nullopt;
  const bool first_of_epoch = !known || state.epoch != header.producer_epoch;
  state.id = header.producer;
  state.epoch = header.producer_epoch;
  state.at = header.max_timestamp;
  if (header.base_sequence < 0) {  // a marker: it opens an epoch but takes no sequence
    if (first_of_epoch) state.last_sequence = -1;
    const auto kind = header.control() ? marker_of(batch) : std::nullopt;
    if (!kind || !state.transaction || *state.transaction >= header.base) return std::nullopt;
    ended_transaction ended{header.producer, *state.transaction, header.base, *kind == marker_kind::commit};
    state.transaction.reset();
    return ended;
  }
  if (header.transactional() && !state.transaction) state.transaction = header.base;
  // Sequences wrap from the largest i32 to 0.
  state.last_sequence = static_cast<std::int32_t>(
      (static_cast<std::uint32_t>(header.base_sequence) + static_cast<std::uint32_t>(header.last_offset_delta)) &
      0x7fffffff);
  state.last_offset = header.base + header.last_offset_delta;
  state.last_delta = header.last_offset_delta;
  return std::nullopt;
}

std::string segment_name(offset base, std::uint32_t generation) {
  return to_hex(static_cast<std::uint64_t>(base.value)) + "-" + to_hex(generation, generation > 0xffff ? 8 : 4) +
         ".seg";
}

bool parse_segment_name(std::string_view name, offset& base, std::uint32_t& generation) {
  std::uint64_t from = 0, of = 0;
  if ((name.size() != 25 && name.size() != 29) || name[16] != '-' || !name.ends_with(".seg") ||
      !parse_hex(name.substr(0, 16), from) || !parse_hex(name.substr(17, name.size() - 21), of))
    return false;
  base = offset{static_cast<std::int64_t>(from)};
  generation = static_cast<std::uint32_t>(of);
  return true;
}

}  // namespace dohle::store
