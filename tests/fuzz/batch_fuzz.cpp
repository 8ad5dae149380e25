// Any bytes as a batch or as compressed data. First byte: 0 = a batch as it is, 1 = a batch whose length and CRC are
// made to fit, so that what lies behind them is reached, 2 to 5 = one of the codecs.
#include "schema/byte_order.hpp"
#include "schema/record_batch.hpp"

namespace {

using namespace dohle;

void as_batch(std::string_view raw) {
  const auto header = validate_batch(raw);
  auto reader = batch_reader::open(bytes::copy(raw));
  if (!reader) {
    DOHLE_ASSERT(!header || header->compression() != compression::none, "what was validated can be opened");
    return;
  }
  std::int32_t records = 0;
  while (true) {
    auto next = reader->next();
    if (!next) {
      DOHLE_ASSERT(!header || header->compression() != compression::none, "what was validated can be read");
      return;
    }
    if (!*next) break;
    DOHLE_ASSERT((*next)->headers().ok(), "headers are checked before they are given out");
    ++records;
  }
  DOHLE_ASSERT(records == reader->header().record_count, "every record is given out");
}

void made_to_fit(std::string batch) {
  if (batch.size() < batch_header_bytes) return;
  store_big(batch.data() + 8, static_cast<std::int32_t>(batch.size() - 12));
  batch[16] = 2;
  store_big(batch.data() + 17, crc32c(std::string_view(batch).substr(21)));
  as_batch(batch);
}

void as_compressed(compression codec, std::string_view input) {
  constexpr std::size_t most = 1 << 20;
  std::vector<char> out;
  if (!decompress(codec, input, most, out)) return;
  DOHLE_ASSERT(out.size() <= most, "the bound holds");
  std::vector<char> packed;
  std::vector<char> again;
  DOHLE_ASSERT(compress(codec, {out.data(), out.size()}, packed).ok(), "what fits can be compressed");
  DOHLE_ASSERT(decompress(codec, {packed.data(), packed.size()}, most, again).ok() && again == out, "it goes round");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest{reinterpret_cast<const char*>(data + 1), size - 1};
  switch (data[0] % 6) {
    case 0: as_batch(rest); break;
    case 1: made_to_fit(std::string(rest)); break;
    default: as_compressed(static_cast<compression>(data[0] % 6 - 1), rest); break;
  }
  return 0;
}
