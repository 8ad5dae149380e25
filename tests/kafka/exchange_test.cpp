#include "kafka/exchange.hpp"

#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

TEST(exchange_test, a_client_from_the_future_is_told_the_versions_in_the_oldest_form) {
  auto begun = begin(broker_one(), frame_of(api_versions_request{}, 99));
  ASSERT_TRUE(begun.ok());
  auto answer = read_answer<api_versions_response>(begun->answer, 0);
  EXPECT_EQ(answer.error_code, number(error_code::unsupported_version));
  EXPECT_FALSE(answer.api_keys.empty());
}

TEST(exchange_test, what_is_not_served_ends_the_connection) {
  EXPECT_EQ(begin(broker_one(), frame_of(metadata_request{}, 14)).code(), errc::invalid_request);
  EXPECT_EQ(begin(broker_one(), frame_of(sasl_handshake_request{}, 1)).code(), errc::invalid_request);
  EXPECT_EQ(begin(broker_one(), bytes::copy("short")).code(), errc::invalid_request);
}

TEST(exchange_test, every_advertised_version_of_every_api_can_be_asked) {
  conversation<api_versions_request> c(api_versions_request{}, 3);
  auto answer = c.result();
  ASSERT_EQ(answer.api_keys.size(), served_apis().size());
  for (const auto& a : answer.api_keys) {
    const auto* api = find_api(a.api_key);
    ASSERT_NE(api, nullptr);
    EXPECT_LE(a.min_version, a.max_version);
    EXPECT_GE(api->first_served, a.min_version);
  }
}

}  // namespace
}  // namespace dohle::kafka
