#include "schema/frame.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "schema/byte_order.hpp"

namespace dohle {
namespace {

error refuse(std::string message) {
  return {errc::invalid_request, std::move(message), "is the other side a Dohle of a version that this one knows?"};
}

/// Bytes of the frame, header included, whose header lies at `header`; or what is wrong with it.
result<std::size_t> frame_size(const char* header, std::size_t max_body) {
  const auto length = load_little<std::uint32_t>(header);
  const auto kind = load_little<std::uint16_t>(header + 4);
  const auto flags = load_little<std::uint16_t>(header + 6);
  if (kind != static_cast<std::uint16_t>(frame_kind::request) &&
      kind != static_cast<std::uint16_t>(frame_kind::response)) {
    return refuse("frame has unknown kind " + std::to_string(kind) + ", 1 and 2 are known");
  }
  if (flags != 0) return refuse("frame has unknown flags " + std::to_string(flags));
  if (length == 0) return refuse("frame is empty");
  if (length % 8 != 0) return refuse("frame says " + std::to_string(length) + " bytes, which is no multiple of 8");
  if (length > max_body) {
    return refuse("frame says " + std::to_string(length) + " bytes, at most " + std::to_string(max_body) +
                  " are taken here");
  }
  return frame_header_bytes + length;
}

}  // namespace

frame_reader::frame_reader(std::size_t max_body) : max_body_(max_body) {}

void frame_reader::set_max_body(std::size_t max_body) { max_body_ = max_body; }

std::size_t frame_reader::pending_bytes() const { return end_ - begin_; }

result<void> frame_reader::feed(std::string_view data, std::vector<frame>& out) {
  while (!failed_ && !data.empty()) {
    auto need = needed(data);
    if (!need) {
      failed_ = need.error();
      break;
    }
    // A buffer is exactly as large as what is known to come: it lives as long as any frame in it, and a large frame
    // that arrives in many reads is written to its final place at once.
    if (begin_ + *need > capacity_) renew(std::max(*need, pending_bytes() + data.size()));
    const std::size_t taken = std::min(data.size(), capacity_ - end_);
    std::memcpy(buffer_.get() + end_, data.data(), taken);
    end_ += taken;
    data.remove_prefix(taken);
    cut(out);
  }
  if (failed_) {
    buffer_.reset();
    begin_ = end_ = capacity_ = 0;
    return *failed_;
  }
  return {};
}

/// Size of the frame that begins at begin_ and goes on in `data`, as far as it is known.
result<std::size_t> frame_reader::needed(std::string_view data) const {
  const std::size_t pending = pending_bytes();
  if (pending + data.size() < frame_header_bytes) return frame_header_bytes;
  char header[frame_header_bytes];
  const std::size_t have = std::min(pending, frame_header_bytes);
  if (have != 0) std::memcpy(header, buffer_.get() + begin_, have);
  std::memcpy(header + have, data.data(), frame_header_bytes - have);
  return frame_size(header, max_body_);
}

/// A new buffer that begins with the pending bytes. The old one belongs to its frames and is never written again.
void frame_reader::renew(std::size_t capacity) {
  std::shared_ptr<char[]> fresh(new char[capacity]);  // not zeroed: only received bytes are ever read
  const std::size_t pending = pending_bytes();
  if (pending != 0) std::memcpy(fresh.get(), buffer_.get() + begin_, pending);
  buffer_ = std::move(fresh);
  capacity_ = capacity;
  begin_ = 0;
  end_ = pending;
}

/// Hands out every whole frame; every one begins at a multiple of 8, because its predecessors' sizes are.
void frame_reader::cut(std::vector<frame>& out) {
  while (pending_bytes() >= frame_header_bytes) {
    const char* at = buffer_.get() + begin_;
    const auto size = frame_size(at, max_body_);
    if (!size) {
      failed_ = size.error();
      return;
    }
    if (*size > pending_bytes()) return;
    out.push_back({static_cast<frame_kind>(load_little<std::uint16_t>(at + 4)),
                   bytes(buffer_, {at + frame_header_bytes, *size - frame_header_bytes})});
    begin_ += *size;
  }
  if (begin_ == end_) {  // a quiet connection holds no buffer
    buffer_.reset();
    begin_ = end_ = capacity_ = 0;
  }
}

}  // namespace dohle
