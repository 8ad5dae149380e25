// The client end of a connection as a state machine without sockets and actors: who waits for which answer, what is
// sent when, what everybody hears when the connection goes. The shell (remote_link.cpp) owns it, feeds it, and writes
// what it appends to `out`.
//
//          connected            hello answered
//   down ------------> greeting ---------------> up
//    ^                    |                       |         end(): ended, from anywhere
//    +------ lost --------+---------- lost -------+
//
// Invariants: each request submitted is answered exactly once; at most limits::max_connection_requests and
// _bytes wait; what was not sent yet survives a lost connection and waits for the next one, up to its deadline.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/codec.hpp"
#include "schema/frame.hpp"
#include "schema/limits.hpp"
#include "schema/messages.hpp"

namespace dohle::actors {

class connection_state {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using completion = std::function<void(response)>;
  enum class phase { down, greeting, up, ended };

  /// `address` is for messages only.
  connection_state(std::string client, std::string address, std::chrono::nanoseconds request_timeout);

  /// Sends it, or keeps it until there is a connection; beyond the bounds it is answered `busy`. A hello_request is
  /// never sent: its answer is what the broker said when this connection was made, or why it could not be made.
  void submit(request what, completion done, time_point now, std::vector<char>& out);

  /// A socket is connected to `address`: hello goes out.
  void connected(std::string address, time_point now, std::vector<char>& out);
  /// No connection came about, or the one there was is gone.
  void lost(const error& why, time_point now);
  /// Bytes arrived. After an error the connection is to be closed and `lost` called with it.
  result<void> received(std::string_view data, time_point now, std::vector<char>& out);
  /// Answers what is past its deadline. An error means that the peer did not say hello in time: as in `received`.
  result<void> check(time_point now);
  /// Answers everything with `why`; later requests too.
  void end(const error& why);

  /// When a new connection should be tried; none while there is one or one is being made.
  std::optional<time_point> redial_at() const { return redial_at_; }
  /// A connection is being made: `connected` or `lost` follows.
  void dialling() { redial_at_.reset(); }
  /// When `check` has something to do at the earliest.
  std::optional<time_point> next_check() const;

  phase state() const { return phase_; }
  /// Of the connection, or of the last one.
  const std::string& address() const { return address_; }
  std::size_t pending_requests() const { return pending_.size(); }
  std::size_t pending_bytes() const { return pending_bytes_; }

 private:
  struct pending {
    completion done;
    time_point deadline;
    std::size_t kind = 0;
    std::size_t bytes = 0;
    std::optional<request> unsent;  ///< until it is sent
  };
  using table = std::map<std::uint64_t, pending>;  // in the order of submission

  void send(table::iterator i, std::vector<char>& out);
  void answer(table::iterator i, response a);
  result<void> greeted(response a, time_point now, std::vector<char>& out);
  result<void> handle(const frame& f, time_point now, std::vector<char>& out);
  error overdue(const pending& p) const;
  error cut_off(const pending& p, const error& why) const;
  std::optional<error> refuse(const request& what, std::size_t bytes, std::size_t queued) const;

  std::string client_;
  std::string address_;
  std::chrono::nanoseconds request_timeout_;
  phase phase_ = phase::down;
  table pending_;
  std::size_t pending_bytes_ = 0;
  std::uint64_t last_correlation_ = 0;  ///< 0 itself is hello's
  frame_reader reader_{limits::max_hello_bytes};
  std::optional<hello_response> greeting_;
  time_point hello_deadline_{};
  time_point next_check_{};
  std::optional<time_point> redial_at_;
  std::chrono::nanoseconds backoff_{limits::retry_backoff};
  error last_error_;  ///< why there is no connection; after end(), why there will be none
};

}  // namespace dohle::actors
