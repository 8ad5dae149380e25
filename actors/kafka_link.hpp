// The listening end of the Kafka protocol: the same conversation as link's in another encoding. What a request means
// is decided in kafka/, which turns it into requests of ours; this actor asks them, hands the answers back and sends
// what comes out, in the order of the requests. Requests of one connection begin in their order and run side by side.
// Owned by the broker. Bounds as link's: a connection with too much unanswered or unread is not read from, and is
// closed when it does not catch up; a malformed request costs its sender the connection. So does a request that comes
// when all connections together hold too many bytes, and silence for ten minutes.
#pragma once

#include <caf/io/broker.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/directory.hpp"
#include "actors/sockets.hpp"
#include "kafka/exchange.hpp"
#include "kafka/frames.hpp"

namespace dohle::actors {

struct kafka_link_options {
  kafka::context base;  ///< of every connection; an empty host becomes the address where it arrived
  directory_pointer directory;
  std::function<timestamp()> wall_clock;
  std::size_t most_request_bytes = limits::max_kafka_request_bytes;
  std::chrono::milliseconds most_idle = limits::max_kafka_idle;
};

/// The part of one connection in what all of them hold; gives it back when the connection goes.
class held_bytes {
 public:
  held_bytes() = default;
  held_bytes(const held_bytes&) = delete;
  held_bytes& operator=(const held_bytes&) = delete;
  ~held_bytes() { set(0); }
  void join(std::shared_ptr<std::size_t> all) { all_ = std::move(all); }
  void set(std::size_t mine) {
    if (all_) *all_ += mine - mine_;
    mine_ = mine;
  }

 private:
  std::shared_ptr<std::size_t> all_;
  std::size_t mine_ = 0;
};

/// One request on its way. Slots leave from the front only, so answers keep the order of the requests.
struct kafka_slot {
  std::uint64_t id = 0;
  std::size_t frame_bytes = 0;
  std::function<kafka::exchange(std::vector<response>)> then;
  std::vector<response> answers;
  std::size_t missing = 0;                                        ///< answers that have not come
  bool waits = false;                                             ///< for the first of its watches, until `deadline`
  std::optional<std::chrono::steady_clock::time_point> deadline;  ///< of a fetch that waits; set when it first does
  bool done = false;
  std::vector<char> answer;
};

struct kafka_connection : socket_connection {
  kafka::context with;
  kafka::frame_cutter frames;
  std::deque<bytes> waiting;  ///< read, and not begun because too much is unanswered or unread
  std::size_t waiting_bytes = 0;
  held_bytes held;
  std::chrono::steady_clock::time_point heard;  ///< when bytes came last
  std::deque<kafka_slot> slots;
  std::uint64_t next_slot = 1;
  std::size_t unanswered_bytes = 0;  ///< the frames of the slots
  /// Where a parked fetch of ours waits for more of a partition: one a partition, shared by the fetches that come.
  std::map<topic_partition, offset> watches;
  bool pumping = false;
};

struct kafka_link_state : socket_state<kafka_connection> {
  static inline const char* name = "kafka_link";
  kafka_link_options options;
  std::shared_ptr<std::size_t> held = std::make_shared<std::size_t>(0);  ///< of requests, by all connections
  bool watching_idle = false;
};

/// Listens on these bound and listening descriptors, which the actor takes over.
caf::behavior kafka_link(caf::stateful_actor<kafka_link_state, caf::io::broker>* self, std::vector<int> sockets,
                         kafka_link_options options);

}  // namespace dohle::actors
