// However a stream is cut into reads, the same frames come out, or the same refusal. First byte: how it is cut.
#include <algorithm>

#include "schema/error.hpp"
#include "schema/frame.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0];
  const std::string_view stream{reinterpret_cast<const char*>(data + 1), size - 1};
  constexpr std::size_t max_body = 1 << 16;

  dohle::frame_reader whole(max_body);
  std::vector<dohle::frame> expected;
  const auto outcome = whole.feed(stream, expected);

  dohle::frame_reader pieces(max_body);
  std::vector<dohle::frame> found;
  dohle::result<void> last;
  for (std::string_view rest = stream; !rest.empty() && last.ok();) {
    const std::string piece(rest.substr(0, step));
    rest.remove_prefix(piece.size());
    last = pieces.feed(piece, found);
  }
  DOHLE_ASSERT(last == outcome, "the cut does not matter");
  DOHLE_ASSERT(found.size() == expected.size(), "the cut does not matter");
  DOHLE_ASSERT(whole.pending_bytes() == pieces.pending_bytes(), "the cut does not matter");
  for (std::size_t i = 0; i < found.size(); ++i) {
    DOHLE_ASSERT(found[i].kind == expected[i].kind && found[i].body == expected[i].body, "the cut does not matter");
    DOHLE_ASSERT(reinterpret_cast<std::uintptr_t>(found[i].body.data()) % 8 == 0, "bodies are aligned");
  }
  return 0;
}
