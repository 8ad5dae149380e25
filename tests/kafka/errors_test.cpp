#include "kafka/errors.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dohle::kafka {
namespace {

/// What Kafka's clients repeat by themselves.
bool kafka_retries(error_code e) {
  static const std::set<error_code> retriable{
      error_code::corrupt_message,           error_code::unknown_topic_or_partition,
      error_code::leader_not_available,      error_code::not_leader_or_follower,
      error_code::request_timed_out,         error_code::coordinator_load_in_progress,
      error_code::coordinator_not_available, error_code::not_coordinator,
      error_code::kafka_storage_error,       error_code::rebalance_in_progress,
      error_code::fenced_leader_epoch,       error_code::concurrent_transactions,
      error_code::unstable_offset_commit};
  return retriable.contains(e);
}

TEST(errors_test, what_may_be_repeated_here_may_be_repeated_there) {
  for (int n = 1; n < 100; ++n) {
    auto e = static_cast<errc>(n);
    if (to_string(e) == "unknown" || !is_retriable(e)) continue;
    if (to_kafka(e) == error_code::unknown_server_error) continue;  // never leaves a broker
    EXPECT_TRUE(kafka_retries(to_kafka(e)) || e == errc::member_id_required) << to_string(e);
  }
}

}  // namespace
}  // namespace dohle::kafka
