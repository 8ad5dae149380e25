// What the tests of kafka/ share: a client's request as bytes, the requests of ours that come of it, answers for them,
// and the client's answer read back.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kafka/apis.hpp"
#include "kafka/exchange.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka::testing {

inline topic_info topic(const std::string& name, int partitions, std::uint32_t first_id = 10) {
  topic_info t;
  t.name = name;
  for (int i = 0; i < partitions; ++i)
    t.partitions.push_back({partition_index{i},
                            partition_id{first_id + static_cast<std::uint32_t>(i)},
                            broker_id{1},
                            epoch{3},
                            {broker_id{1}}});
  return t;
}

/// It knows of a topic "clicks".
inline context broker_one() {
  context with;
  with.me = broker_id{1};
  with.cluster = "00000000-0000-4000-8000-000000000001";
  with.host = "127.0.0.1";
  with.port = 9092;
  with.default_partitions = 2;
  with.folder = "/data";
  const auto clicks = id_of(topic("clicks", 2));
  with.topics.name_of = [clicks](const uuid& id) -> std::string { return id == clicks ? "clicks" : ""; };
  with.topics.id_of = [clicks](const std::string& topic) { return topic == "clicks" ? clicks : uuid{}; };
  return with;
}

/// A frame without its length, as a client writes it.
template <class Request>
bytes frame_of(const Request& m, int version, std::int32_t correlation = 7) {
  std::vector<char> out;
  writer head(out, version, false);
  head.put(Request::api_key);
  head.put(static_cast<std::int16_t>(version));
  head.put(correlation);
  head.put(std::optional<std::string>{"tester"}, true);
  writer body(out, version, version >= Request::flexible_from);
  body.no_tags();
  write(body, m);
  return bytes::own(std::move(out));
}

template <class Response>
Response read_answer(const std::vector<char>& frame, int version, std::int32_t correlation = 7) {
  Response m;
  auto all = bytes::copy({frame.data(), frame.size()});
  reader head(all.part(4), version, false);
  std::int32_t number = 0;
  head.get(number);
  EXPECT_EQ(number, correlation);
  const bool flexible = version >= Response::flexible_from;
  reader body(all.part(8), version, flexible);
  if (Response::api_key != api_versions_response::api_key) body.tags([](std::uint32_t) {});
  read(body, m);
  EXPECT_TRUE(body.ok());
  EXPECT_EQ(body.remaining(), 0U);
  return m;
}

/// One request from frame to answer; the test gives the answers of the broker's actors.
template <class Request>
class conversation {
 public:
  using answer_type = typename Request::response;

  conversation(const Request& m, int version, context with = broker_one()) : version_(version) {
    auto begun = begin(with, frame_of(m, version));
    EXPECT_TRUE(begun.ok()) << (begun ? "" : begun.error().message);
    if (begun) now_ = std::move(*begun);
  }
  /// What the broker's actors are asked now.
  template <class Ours>
  const Ours& asked(std::size_t i = 0) const {
    return std::get<Ours>(now_.asks.at(i));
  }
  std::size_t asks() const { return now_.asks.size(); }
  const exchange& now() const { return now_; }
  conversation& answer(std::vector<response> with) {
    now_ = std::function{now_.then}(std::move(with));
    return *this;
  }
  bool over() const { return !now_.then; }
  answer_type result() const {
    EXPECT_TRUE(over());
    EXPECT_FALSE(now_.failed);
    return read_answer<answer_type>(now_.answer, version_);
  }

 private:
  int version_;
  exchange now_;
};

}  // namespace dohle::kafka::testing
