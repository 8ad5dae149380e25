// Cuts a connection's bytes into requests: i32 length, then that many bytes. Each frame becomes one buffer of its own,
// so that the batches in it can be handed on as views. Bounded: memory grows with what arrived, not with what a length
// claims. Owned by one connection.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/error.hpp"
#include "schema/limits.hpp"

namespace dohle::kafka {

class frame_cutter {
 public:
  /// Frames that are whole now, without their lengths. An error is final: the bytes are not Kafka's.
  result<void> feed(std::string_view data, std::vector<bytes>& out);
  /// Bytes held of a frame that is not whole yet.
  std::size_t held() const { return filled_; }

 private:
  result<void> begin();
  void make_room(std::size_t need);

  unsigned char head_[4] = {};
  std::size_t head_filled_ = 0;
  std::shared_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t filled_ = 0;
  std::size_t length_ = 0;
};

}  // namespace dohle::kafka
