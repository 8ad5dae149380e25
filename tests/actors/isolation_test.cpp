#include "actors/isolation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/fixture.hpp"

namespace dohle::actors {
namespace {

using ::testing::ElementsAre;

TEST(isolation, a_span_covers_all_batches_in_either_direction) {
  const auto early = testing::placed_batch(offset{5}, 3), late = testing::placed_batch(offset{20}, 2);
  const std::string joined = std::string{early.view()} + std::string{late.view()};
  for (const auto& batches : {std::vector<bytes>{early, late}, {late, early}, {bytes::copy(joined)}}) {
    const auto span = span_of(batches);
    EXPECT_EQ(span.first, offset{5});
    EXPECT_EQ(span.end, offset{22});
  }
}

TEST(isolation, names_each_aborted_transaction_once_in_order) {
  const producer_id p{1}, q{2};
  EXPECT_THAT(named({{p, offset{7}, offset{9}}, {q, offset{3}, offset{10}}, {p, offset{7}, offset{9}}}),
              ElementsAre(aborted_transaction{q, offset{3}}, aborted_transaction{p, offset{7}}));
}

}  // namespace
}  // namespace dohle::actors
