#include "rules/consumer_protocol.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

using namespace std::string_literals;

const subscription sample{
    "", "", {"clicks", "views"}, {{"clicks", partition_index{0}}, {"clicks", partition_index{2}}}, bytes::copy("ab")};

const auto sample_bytes =
    "\0\1"
    "\0\0\0\2\0\6clicks\0\5views"
    "\0\0\0\2ab"
    "\0\0\0\1\0\6clicks\0\0\0\2\0\0\0\0\0\0\0\2"s;

TEST(consumer_protocol, a_subscription_has_kafkas_bytes) {
  EXPECT_EQ(encode_subscription(sample).view(), sample_bytes);
  const auto read = decode_subscription(bytes::copy(sample_bytes));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->topics, sample.topics);
  EXPECT_EQ(read->owned, sample.owned);
  EXPECT_EQ(read->user_data, sample.user_data);
}

TEST(consumer_protocol, an_assignment_has_kafkas_bytes) {
  const std::vector<topic_partition> share{{"t", partition_index{3}}, {"u", partition_index{0}}};
  const auto expected = "\0\1\0\0\0\2\0\1t\0\0\0\1\0\0\0\3\0\1u\0\0\0\1\0\0\0\0\0\0\0\0"s;
  EXPECT_EQ(encode_assignment(share).view(), expected);
  EXPECT_EQ(*decode_assignment(bytes::copy(expected)), share);
  EXPECT_TRUE(decode_assignment(encode_assignment({}))->empty());
}

TEST(consumer_protocol, other_versions_are_read_as_kafkas_clients_do) {
  const auto old = "\0\0\0\0\0\1\0\1t\377\377\377\377"s;  // version 0, null user data
  EXPECT_EQ(decode_subscription(bytes::copy(old))->topics, std::vector<std::string>{"t"});
  const auto newer = "\0\3\0\0\0\1\0\1t\377\377\377\377\0\0\0\0\0\0\0\7\0\4rack"s;  // generation and rack follow
  EXPECT_TRUE(decode_subscription(bytes::copy(newer)).ok());
  const auto short_one = "\0\1\0\0\0\1\0\1t\377\377\377\377"s;  // version 1 of a client that leaves out what it owns
  EXPECT_TRUE(decode_subscription(bytes::copy(short_one))->owned.empty());
}

TEST(consumer_protocol, every_cut_is_refused) {
  for (std::size_t n = 0; n < sample_bytes.size(); ++n) {
    if (n == 27) continue;  // exactly without the owned partitions: see above
    const auto read = decode_subscription(bytes::copy(sample_bytes.substr(0, n)));
    EXPECT_EQ(read.code(), errc::invalid_request) << n;
  }
  const auto share = encode_assignment(sample.owned);
  for (std::size_t n = 0; n < share.size(); ++n) EXPECT_FALSE(decode_assignment(share.part(0, n)).ok()) << n;
}

TEST(consumer_protocol, lies_are_refused) {
  const std::vector<std::string> bad{
      "\377\377"s + sample_bytes.substr(2),                          // negative version
      sample_bytes + "x",                                            // more behind the end
      "\0\0\177\377\377\377\0\1t"s,                                  // two billion topics
      "\0\0\377\377\377\376"s,                                       // a negative count
      "\0\0\0\0\0\1\377\377"s,                                       // a negative length
      "\0\0\0\0\0\0\200\0\0\0"s,                                     // a very negative length of user data
      "\0\1\0\0\0\0\0\0\0\0\0\0\0\1\0\1t\0\0\0\1\377\377\377\377"s,  // partition -1
  };
  for (const auto& b : bad) EXPECT_EQ(decode_subscription(bytes::copy(b)).code(), errc::invalid_request);
}

TEST(consumer_protocol, damaged_bytes_never_do_harm) {
  test::random random{6};
  const auto share = std::string{encode_assignment(sample.owned).view()};
  int refused = 0;
  for (int run = 0; run < 20'000; ++run) {
    auto damaged = random.one_in(2) ? sample_bytes : share;
    for (auto n = 1 + random.below(3); n > 0; --n) {
      damaged[static_cast<std::size_t>(random.below(std::ssize(damaged)))] = static_cast<char>(random.below(256));
    }
    refused += decode_subscription(bytes::copy(damaged)).ok() ? 0 : 1;
    refused += decode_assignment(bytes::copy(damaged)).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 10'000);
}

}  // namespace
}  // namespace dohle::rules
