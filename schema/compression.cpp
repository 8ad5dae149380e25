#include "schema/compression.hpp"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "schema/byte_order.hpp"
#include "schema/limits.hpp"

namespace dohle {
namespace {

constexpr std::array<std::string_view, 5> names{"none", "gzip", "snappy", "lz4", "zstd"};

/// Output grows in steps of at least this, doubling: what a small input promises is not believed before it is there.
constexpr std::size_t first_step = 64 * limits::kib;
/// A zstd context that had to grow beyond this is given back instead of kept for the next batch of its thread.
constexpr std::size_t kept_context_bytes = 4 * limits::mib;

error damaged(std::string_view codec, std::string_view why) {
  return {errc::corrupt_batch, std::string(codec) + " data is damaged: " + std::string(why), ""};
}

error too_long(std::string_view codec, std::size_t max_bytes) {
  return {errc::corrupt_batch,
          std::string(codec) + " data decompresses to more than the allowed " + std::to_string(max_bytes) + " bytes",
          "send smaller batches"};
}

error failed(std::string_view codec, std::string_view why) {
  return {errc::internal, std::string(codec) + " could not compress: " + std::string(why), ""};
}

/// The end of a vector, written in steps up to a bound. One byte more than the bound has room, so that "full" and
/// "would go on" differ.
class bounded_output {
 public:
  bounded_output(std::vector<char>& out, std::size_t max_bytes) : out_(out), start_(out.size()), max_(max_bytes) {}
  ~bounded_output() { out_.resize(start_ + used_); }
  bounded_output(const bounded_output&) = delete;
  bounded_output& operator=(const bounded_output&) = delete;

  /// Makes room for at least one more byte, unless the bound is passed.
  void make_room() {
    if (used_ < out_.size() - start_) return;
    out_.resize(start_ + std::min(max_ + 1, std::max(first_step, used_ * 2)));
  }
  char* at() { return out_.data() + start_ + used_; }
  std::size_t room() const { return out_.size() - start_ - used_; }
  void took(std::size_t n) { used_ += n; }
  bool passed() const { return used_ > max_; }
  std::size_t left() const { return max_ - std::min(used_, max_); }
  /// Exactly `n` bytes more; n <= left().
  char* exact(std::size_t n) {
    out_.resize(start_ + used_ + n);
    char* to = at();
    used_ += n;
    return to;
  }

 private:
  std::vector<char>& out_;
  std::size_t start_;
  std::size_t max_;
  std::size_t used_ = 0;
};

// --- gzip ----------------------------------------------------------------------------------------------------------

constexpr int gzip_window = 15 + 16;  // the largest window, and gzip's header rather than zlib's

Bytef* in_pointer(std::string_view input) { return reinterpret_cast<Bytef*>(const_cast<char*>(input.data())); }

result<void> gzip_compress(std::string_view input, std::vector<char>& out) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return failed("gzip", "no memory");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  const std::size_t start = out.size();
  out.resize(start + deflateBound(&stream, input.size()));
  stream.next_in = in_pointer(input);
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + start);
  stream.avail_out = static_cast<uInt>(out.size() - start);
  const int done = deflate(&stream, Z_FINISH);
  out.resize(start + stream.total_out);
  return done == Z_STREAM_END ? result<void>{} : failed("gzip", "its own bound was too small");
}

result<void> gzip_decompress(std::string_view input, bounded_output& out, std::size_t max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, gzip_window) != Z_OK) return error{errc::busy, "gzip could not start: no memory", ""};
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = in_pointer(input);
  stream.avail_in = static_cast<uInt>(input.size());
  while (true) {
    out.make_room();
    const std::size_t room = out.room();
    stream.next_out = reinterpret_cast<Bytef*>(out.at());
    stream.avail_out = static_cast<uInt>(room);
    const int state = inflate(&stream, Z_NO_FLUSH);
    out.took(room - stream.avail_out);
    if (out.passed()) return too_long("gzip", max_bytes);
    if (state == Z_STREAM_END) {
      if (stream.avail_in == 0) return {};
      inflateReset(&stream);  // gzip members may follow each other
    } else if (state != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return damaged("gzip", stream.msg != nullptr ? stream.msg : "it ends too early");
    }
  }
}

// --- snappy --------------------------------------------------------------------------------------------------------

// Java's framing: magic, i32 version 1, i32 oldest compatible version 1, then (i32 length | raw snappy)*; big-endian.
constexpr std::string_view snappy_magic{"\x82SNAPPY\0", 8};
constexpr std::size_t snappy_header = 16;
constexpr std::size_t snappy_block = 32 * limits::kib;
/// Three bytes of raw snappy give 64 at most; a promise beyond this is a lie.
constexpr std::size_t snappy_most = 22;

result<void> snappy_compress(std::string_view input, std::vector<char>& out) {
  out.insert(out.end(), snappy_magic.begin(), snappy_magic.end());
  out.insert(out.end(), {0, 0, 0, 1, 0, 0, 0, 1});
  while (!input.empty()) {
    const std::string_view block = input.substr(0, snappy_block);
    input.remove_prefix(block.size());
    const std::size_t start = out.size();
    out.resize(start + 4 + snappy::MaxCompressedLength(block.size()));
    std::size_t size = 0;
    snappy::RawCompress(block.data(), block.size(), out.data() + start + 4, &size);
    store_big(out.data() + start, static_cast<std::int32_t>(size));
    out.resize(start + 4 + size);
  }
  return {};
}

result<void> snappy_raw(std::string_view input, bounded_output& out, std::size_t max_bytes) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(input.data(), input.size(), &size)) return damaged("snappy", "no length");
  if (size > out.left()) return too_long("snappy", max_bytes);
  if (size > input.size() * snappy_most) return damaged("snappy", "it promises more than it can hold");
  if (!snappy::RawUncompress(input.data(), input.size(), out.exact(size)))
    return damaged("snappy", "a block is malformed");
  return {};
}

result<void> snappy_decompress(std::string_view input, bounded_output& out, std::size_t max_bytes) {
  if (!input.starts_with(snappy_magic)) return snappy_raw(input, out, max_bytes);
  if (input.size() < snappy_header) return damaged("snappy", "it ends in its header");
  input.remove_prefix(snappy_header);
  while (!input.empty()) {
    if (input.size() < 4) return damaged("snappy", "it ends in a block's length");
    const auto size = load_big<std::int32_t>(input.data());
    input.remove_prefix(4);
    if (size < 0 || static_cast<std::size_t>(size) > input.size()) {
      return damaged("snappy",
                     "a block says " + std::to_string(size) + " bytes, " + std::to_string(input.size()) + " are there");
    }
    if (auto done = snappy_raw(input.substr(0, static_cast<std::size_t>(size)), out, max_bytes); !done) return done;
    input.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

// --- lz4 -----------------------------------------------------------------------------------------------------------

result<void> lz4_compress(std::string_view input, std::vector<char>& out) {
  LZ4F_preferences_t wishes{};
  wishes.frameInfo.blockSizeID = LZ4F_max64KB;
  wishes.frameInfo.blockMode = LZ4F_blockIndependent;  // Java's reader knows no other
  const std::size_t start = out.size();
  out.resize(start + LZ4F_compressFrameBound(input.size(), &wishes));
  const std::size_t size =
      LZ4F_compressFrame(out.data() + start, out.size() - start, input.data(), input.size(), &wishes);
  if (LZ4F_isError(size) != 0) {
    out.resize(start);
    return failed("lz4", LZ4F_getErrorName(size));
  }
  out.resize(start + size);
  return {};
}

result<void> lz4_decompress(std::string_view input, bounded_output& out, std::size_t max_bytes) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)) != 0) {
    return error{errc::busy, "lz4 could not start: no memory", ""};
  }
  const std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> context(raw, LZ4F_freeDecompressionContext);
  while (true) {
    out.make_room();
    std::size_t produced = out.room();
    std::size_t consumed = input.size();
    const std::size_t more = LZ4F_decompress(raw, out.at(), &produced, input.data(), &consumed, nullptr);
    if (LZ4F_isError(more) != 0) return damaged("lz4", LZ4F_getErrorName(more));
    out.took(produced);
    input.remove_prefix(consumed);
    if (out.passed()) return too_long("lz4", max_bytes);
    if (more == 0) break;
    if (produced == 0 && consumed == 0) return damaged("lz4", "it ends too early");
  }
  if (!input.empty()) return damaged("lz4", std::to_string(input.size()) + " bytes follow its end");
  return {};
}

// --- zstd ----------------------------------------------------------------------------------------------------------

// A context costs more to make than a small batch to compress, so each thread keeps one of each.
struct zstd_contexts {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> packer{nullptr, ZSTD_freeCCtx};
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> unpacker{nullptr, ZSTD_freeDCtx};
};
thread_local zstd_contexts kept;

result<void> zstd_compress(std::string_view input, std::vector<char>& out) {
  if (!kept.packer) kept.packer.reset(ZSTD_createCCtx());
  if (!kept.packer) return failed("zstd", "no memory");
  const std::size_t start = out.size();
  out.resize(start + ZSTD_compressBound(input.size()));
  const std::size_t size = ZSTD_compressCCtx(kept.packer.get(), out.data() + start, out.size() - start, input.data(),
                                             input.size(), ZSTD_CLEVEL_DEFAULT);
  const bool bad = ZSTD_isError(size) != 0;
  out.resize(start + (bad ? 0 : size));
  if (ZSTD_sizeof_CCtx(kept.packer.get()) > kept_context_bytes) kept.packer.reset();
  return bad ? failed("zstd", ZSTD_getErrorName(size)) : result<void>{};
}

result<void> zstd_stream(ZSTD_DCtx* context, std::string_view input, bounded_output& out, std::size_t max_bytes) {
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  while (true) {
    out.make_room();
    ZSTD_outBuffer part{out.at(), out.room(), 0};
    const std::size_t before = in.pos;
    const std::size_t more = ZSTD_decompressStream(context, &part, &in);
    if (ZSTD_isError(more) != 0) return damaged("zstd", ZSTD_getErrorName(more));
    out.took(part.pos);
    if (out.passed()) return too_long("zstd", max_bytes);
    if (more == 0 && in.pos == in.size) return {};
    if (part.pos == 0 && in.pos == before) return damaged("zstd", "it ends too early");
  }
}

result<void> zstd_decompress(std::string_view input, bounded_output& out, std::size_t max_bytes) {
  if (!kept.unpacker) kept.unpacker.reset(ZSTD_createDCtx());
  if (!kept.unpacker) return error{errc::busy, "zstd could not start: no memory", ""};
  auto done = zstd_stream(kept.unpacker.get(), input, out, max_bytes);
  if (ZSTD_sizeof_DCtx(kept.unpacker.get()) > kept_context_bytes) kept.unpacker.reset();
  return done;
}

}  // namespace

std::string_view to_string(compression codec) {
  const auto index = static_cast<std::size_t>(codec);
  return index < names.size() ? names[index] : "unknown";
}

result<compression> parse_compression(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<compression>(i);
  }
  return error{errc::invalid_config, "unknown compression \"" + std::string(name.substr(0, 100)) + "\"",
               "one of none, gzip, snappy, lz4, zstd"};
}

result<void> compress(compression codec, std::string_view input, std::vector<char>& out) {
  if (input.size() > limits::max_decompressed_bytes) {
    return error{errc::record_too_large,
                 std::to_string(input.size()) + " bytes are too many to compress at once, at most " +
                     std::to_string(limits::max_decompressed_bytes) + " are taken",
                 "send smaller batches"};
  }
  switch (codec) {
    case compression::none: out.insert(out.end(), input.begin(), input.end()); return {};
    case compression::gzip: return gzip_compress(input, out);
    case compression::snappy: return snappy_compress(input, out);
    case compression::lz4: return lz4_compress(input, out);
    case compression::zstd: return zstd_compress(input, out);
  }
  return error{errc::invalid_request, "unknown compression " + std::to_string(static_cast<int>(codec)), ""};
}

result<void> decompress(compression codec, std::string_view input, std::size_t max_bytes, std::vector<char>& out) {
  if (input.size() > limits::max_decompressed_bytes) return too_long(to_string(codec), limits::max_decompressed_bytes);
  if (codec == compression::none) {
    if (input.size() > max_bytes) return too_long("uncompressed", max_bytes);
    out.insert(out.end(), input.begin(), input.end());
    return {};
  }
  bounded_output bounded(out, max_bytes);
  switch (codec) {
    case compression::gzip: return gzip_decompress(input, bounded, max_bytes);
    case compression::snappy: return snappy_decompress(input, bounded, max_bytes);
    case compression::lz4: return lz4_decompress(input, bounded, max_bytes);
    case compression::zstd: return zstd_decompress(input, bounded, max_bytes);
    default: return error{errc::corrupt_batch, "unknown compression " + std::to_string(static_cast<int>(codec)), ""};
  }
}

}  // namespace dohle
