// One Kafka request, from its frame to its answer, without actors: which requests of our own it becomes, and how their
// answers make its answer. Pure: whoever carries it (actors/kafka_link) asks what `asks` says and hands the answers,
// in the same order, to `then`, which either asks more or has the answer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kafka/messages.hpp"
#include "schema/messages.hpp"

namespace dohle::kafka {

/// Newer versions name topics by their ids. Who serves the protocol says which is which, without a question.
struct topic_ids {
  /// Empty: no topic has it.
  std::function<std::string(const uuid&)> name_of = [](const uuid&) { return std::string{}; };
  /// Zero: there is no such topic.
  std::function<uuid(const std::string& topic)> id_of = [](const std::string&) { return uuid{}; };
};

/// What an answer must know of the broker and of the connection.
struct context {
  broker_id me;
  std::string cluster;  ///< the cluster's identity, a UUID
  std::string host;     ///< where clients of this connection reach this broker
  std::uint16_t port = 0;
  timestamp now = no_timestamp;  ///< the broker's clock when the request came
  std::string client_host;       ///< the peer's address, as groups show it
  bool auto_create = false;      ///< the broker makes topics that clients name
  std::int32_t default_partitions = 1;
  std::string folder;  ///< where it keeps its data
  std::vector<config_entry> topic_defaults;  ///< what a topic's configs are that nobody set
  topic_ids topics;
};

/// Who asked, and in which version the answer is written.
struct call {
  std::int16_t api = 0;
  std::int16_t version = 0;
  std::int32_t correlation = 0;
  std::string client;
};

struct exchange {
  enum class waiting : std::uint8_t {
    for_all,       ///< `then` gets every answer
    for_the_first  ///< fetches that wait: `then` comes as soon as one has something, or after `patience`
  };
  std::vector<request> asks;
  waiting until = waiting::for_all;
  milliseconds patience{0};
  std::function<exchange(std::vector<response>)> then;  ///< empty: `answer` is final
  std::vector<char> answer;                             ///< the whole frame; empty = nothing is sent (acks = 0)
  bool failed = false;                                  ///< nothing can be answered: the connection is closed
};

inline exchange malformed() {
  exchange e;
  e.failed = true;
  return e;
}

/// Asks one thing, then another function decides.
inline exchange ask(std::vector<request> asks, std::function<exchange(std::vector<response>)> then) {
  exchange e;
  e.asks = std::move(asks);
  e.then = std::move(then);
  return e;
}

/// The whole frame of an answer.
template <class Message>
exchange reply(const call& c, const Message& m) {
  exchange e;
  writer w(e.answer, c.version, c.version >= Message::flexible_from);
  w.put(std::int32_t{0});  // the frame's length, known at the end
  w.put(c.correlation);
  // A client must be able to read this answer before it knows what the broker speaks.
  if (Message::api_key != api_versions_response::api_key) w.no_tags();
  write(w, m);
  auto length = static_cast<std::uint32_t>(e.answer.size() - 4);
  for (int i = 0; i < 4; ++i) e.answer[static_cast<std::size_t>(i)] = static_cast<char>(length >> (24 - 8 * i));
  return e;
}

/// Begins with one frame, without its length. An error ends the connection: nothing can be answered.
result<exchange> begin(const context& with, bytes frame);

/// An answer of ours as the type it must have, or the error that came in its place.
template <class T>
result<T> typed(response& r) {
  if (auto* value = std::get_if<T>(&r)) return std::move(*value);
  if (auto* failed = std::get_if<error>(&r)) return std::move(*failed);
  return error{errc::internal, "an actor answered with another message", ""};
}

}  // namespace dohle::kafka
