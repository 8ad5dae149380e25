#include "actors/near_names.hpp"

#include <gtest/gtest.h>

namespace dohle::actors {
namespace {

using names = std::vector<std::string>;

TEST(near_names, slips_of_the_finger_and_parts_are_found_nearest_first) {
  const names all = {"clicks", "orders", "orders-eu", "clocks", "payments"};
  EXPECT_EQ(near_names("click", all), (names{"clicks"}));
  EXPECT_EQ(near_names("clucks", all), (names{"clicks", "clocks"}));
  EXPECT_EQ(near_names("order", all), (names{"orders", "orders-eu"}));
  EXPECT_EQ(near_names("pyaments", all), (names{"payments"}));
  EXPECT_TRUE(near_names("weather", all).empty());
  EXPECT_TRUE(near_names("", all).empty());
  EXPECT_EQ(near_names("orders", all, 1).size(), 1U);
}

}  // namespace
}  // namespace dohle::actors
