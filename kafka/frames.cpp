#include "kafka/frames.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace dohle::kafka {

namespace {

/// A frame up to this size gets its memory at once.
constexpr std::size_t first_room = 1 * limits::mib;

}  // namespace

result<void> frame_cutter::begin() {
  std::uint32_t length = 0;
  for (auto byte : head_) length = length << 8 | byte;
  if (length < 8 || length > limits::max_kafka_frame_bytes)
    return error{errc::invalid_request, "a frame of " + std::to_string(length) + " bytes is no Kafka request",
                 "a Kafka client without TLS on this port"};
  length_ = length;
  return {};
}

void frame_cutter::make_room(std::size_t need) {
  if (need <= capacity_) return;
  auto capacity = std::min(length_, std::max({need, capacity_ * 2, first_room}));
  std::shared_ptr<char[]> larger(new char[capacity]);
  if (filled_ > 0) std::memcpy(larger.get(), buffer_.get(), filled_);
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

result<void> frame_cutter::feed(std::string_view data, std::vector<bytes>& out) {
  while (!data.empty()) {
    if (length_ == 0) {
      auto n = std::min(data.size(), sizeof head_ - head_filled_);
      std::memcpy(head_ + head_filled_, data.data(), n);
      head_filled_ += n;
      data.remove_prefix(n);
      if (head_filled_ < sizeof head_) return {};
      if (auto good = begin(); !good) return good;
      continue;
    }
    auto n = std::min(data.size(), length_ - filled_);
    make_room(filled_ + n);
    std::memcpy(buffer_.get() + filled_, data.data(), n);
    filled_ += n;
    data.remove_prefix(n);
    if (filled_ < length_) return {};
    std::string_view whole{buffer_.get(), length_};
    out.emplace_back(std::move(buffer_), whole);
    buffer_.reset();
    capacity_ = filled_ = length_ = head_filled_ = 0;
  }
  return {};
}

}  // namespace dohle::kafka
