// Messages (messages.hpp) <-> frames (frame.hpp), through the Cap'n Proto schema rpc.capnp. Cap'n Proto and its
// exceptions stay inside codec_encode.cpp and codec_decode.cpp: hostile bytes come back as `invalid_request`.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "schema/frame.hpp"
#include "schema/messages.hpp"

namespace dohle {

/// Version of the native protocol that this build speaks (hello).
inline constexpr std::uint16_t protocol_version = 1;

template <class Message>
struct correlated {
  std::uint64_t correlation = 0;  ///< chosen by the sender of the request, repeated in its answer
  Message message;
};

/// Appends a whole frame to `out`. Batches in the message are copied once, into `out` (those that do not begin at a
/// multiple of 8 bytes twice). A request that no frame holds is refused with `invalid_request`, and `out` is as before.
result<void> encode(std::uint64_t correlation, const request& message, std::vector<char>& out);
/// An answer that no frame holds is replaced by an `invalid_request` that says so.
void encode(std::uint64_t correlation, const response& message, std::vector<char>& out);

/// Batches in the message are views into the frame's body and keep it alive; the opaque bytes of groups are copies, for
/// they are kept long. Texts, lists, times and enums beyond limits.hpp are refused.
result<correlated<request>> decode_request(const frame& f);
result<correlated<response>> decode_response(const frame& f);

}  // namespace dohle
