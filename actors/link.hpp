// The listening end of the native protocol: one socket actor for all connections of a broker. Cuts frames, checks
// hello, hands each request to the actor that answers it, and writes the answers. It never touches the disk, never
// looks into a batch, never blocks. Owned by the broker. Bounds: a connection that has too much unanswered or does not
// read its answers is not read from until it caught up, and is closed when that takes longer than
// limits::stalled_timeout. Malformed bytes cost their sender the connection.
#pragma once

#include <caf/io/broker.hpp>
#include <caf/stateful_actor.hpp>
#include <deque>
#include <string>
#include <vector>

#include "actors/directory.hpp"
#include "actors/sockets.hpp"
#include "schema/codec.hpp"
#include "schema/frame.hpp"

namespace dohle::actors {

/// Broker -> link: where requests go from now on.
struct link_options {
  hello_response greeting;  ///< what every hello is answered with (version and features are filled in)
  directory_pointer directory;
};

struct link_connection : socket_connection {
  struct held_answer {
    std::uint64_t correlation;
    response what;
  };
  frame_reader frames{limits::max_hello_bytes};
  std::size_t requests = 0;         ///< handed on and not yet answered
  std::size_t fetches = 0;          ///< of those
  std::size_t bytes = 0;            ///< of those requests
  std::deque<frame> waiting;        ///< read, and not handed on because too much is unanswered or unread
  std::deque<held_answer> answers;  ///< not yet copied to the socket's buffer: references, not bytes
};

struct link_state : socket_state<link_connection> {
  static inline const char* name = "link";
  hello_response greeting;
  directory_pointer directory;
};

/// Listens on `socket`, a bound and listening descriptor that the actor takes over.
caf::behavior link(caf::stateful_actor<link_state, caf::io::broker>* self, int socket, link_options options);

struct listening_socket {
  int descriptor = -1;
  std::string address;  ///< "host:port" as bound
  std::string host;
  std::uint16_t port = 0;
};
/// Binds "host:port" ("[::1]:0", "127.0.0.1:7420"; port 0 = a free one). `connection_failed` names address and reason.
result<listening_socket> listen_on(const std::string& address);
/// Binds "host:port", or for a port alone 127.0.0.1 and, where the machine has it, ::1: the same free one for 0.
result<std::vector<listening_socket>> listen_on_loopback(const std::string& address_or_port);

}  // namespace dohle::actors
