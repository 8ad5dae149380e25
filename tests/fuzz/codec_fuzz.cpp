// Any bytes as a message or a stored record: refused, or a value that goes round. First byte: as what they are read.
#include "schema/codec.hpp"
#include "schema/limits.hpp"
#include "schema/stored.hpp"

namespace {

using namespace dohle;

frame reframed(const std::vector<char>& out) {
  frame_reader reader(limits::max_frame_bytes);
  std::vector<frame> frames;
  const auto fed = reader.feed({out.data(), out.size()}, frames);
  DOHLE_ASSERT(fed.ok() && frames.size() == 1, "what was encoded is one frame");
  return frames[0];
}

void as_request(std::string_view body) {
  const auto m = decode_request({frame_kind::request, bytes::copy(body)});
  if (!m) return;
  std::vector<char> out;
  if (!encode(m->correlation, m->message, out)) return;  // texts that were shared stand apart: it may be too large
  const auto again = decode_request(reframed(out));
  DOHLE_ASSERT(again.ok() && again->message == m->message, "a decoded request goes round");
}

void as_response(std::string_view body) {
  const auto m = decode_response({frame_kind::response, bytes::copy(body)});
  if (!m) return;
  std::vector<char> out;
  encode(m->correlation, m->message, out);
  DOHLE_ASSERT(decode_response(reframed(out)).ok(), "a decoded response goes round");
}

void as_stored(std::string_view value) {
  if (const auto r = decode_cluster_record(value)) {
    DOHLE_ASSERT(*decode_cluster_record(encode_cluster_record(*r)) == *r, "a decoded record goes round");
  }
  static const std::string group = encode_group_key(group_key{"g"});
  static const std::string committed = encode_group_key(offset_key{"g", "t", partition_index{0}});
  (void)decode_group_record(group, value).ok();
  (void)decode_group_record(committed, value).ok();
  (void)decode_group_record(value, std::nullopt).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 3) {
    case 0: as_request(body); break;
    case 1: as_response(body); break;
    default: as_stored(body); break;
  }
  return 0;
}
