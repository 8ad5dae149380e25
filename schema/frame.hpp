// Frames: how messages lie in a stream of bytes.
//
//   0        4      6      8                    8 + length
//   | length | kind | flags| body (Cap'n Proto) |        u32, u16, u16 little-endian
//
// `length` counts the body and is a multiple of 8, so that in a buffer that starts 8-byte aligned every body does, and
// Cap'n Proto reads it in place. Pure: bytes in, frames out; sockets are elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/error.hpp"

namespace dohle {

enum class frame_kind : std::uint16_t { request = 1, response = 2 };

inline constexpr std::size_t frame_header_bytes = 8;

struct frame {
  frame_kind kind = frame_kind::request;
  bytes body;  ///< 8-byte aligned, keeps the buffer it was cut from alive
};

/// Cuts a stream into frames. Feed it whatever a read returned; it copies each byte once into a buffer that the frames
/// then share (the start of a frame that the read cut off is moved once more). It holds no buffer between frames. After
/// an error it stays failed: the stream cannot be trusted any more and is to be closed.
class frame_reader {
 public:
  /// Frames with a body above `max_body` are refused before anything is allocated for them.
  explicit frame_reader(std::size_t max_body);
  void set_max_body(std::size_t max_body);

  /// Appends every whole frame found to `out`, also those in front of what it refuses.
  result<void> feed(std::string_view data, std::vector<frame>& out);

  /// Bytes of a frame that is not whole yet.
  std::size_t pending_bytes() const;

 private:
  result<std::size_t> needed(std::string_view data) const;
  void renew(std::size_t capacity);
  void cut(std::vector<frame>& out);

  std::size_t max_body_;
  std::shared_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  ///< first byte not yet given out as a frame
  std::size_t end_ = 0;    ///< end of the bytes received
  std::optional<error> failed_;
};

}  // namespace dohle
