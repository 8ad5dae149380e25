#include "actors/name_pattern.hpp"

#include <gtest/gtest.h>

namespace dohle::actors {
namespace {

TEST(name_pattern, a_name_matches_as_a_whole) {
  const auto p = name_pattern::compile("cl(i|o)cks?");
  ASSERT_TRUE(p.ok());
  EXPECT_TRUE(p->matches("clicks"));
  EXPECT_TRUE(p->matches("clock"));
  EXPECT_FALSE(p->matches("clicks2"));
  EXPECT_FALSE(p->matches("my-clicks"));
}

TEST(name_pattern, what_is_no_expression_is_refused) {
  EXPECT_EQ(name_pattern::compile("(").code(), errc::invalid_pattern);
  EXPECT_EQ(name_pattern::compile("a(?=b)").code(), errc::invalid_pattern);  // not in RE2's language
  EXPECT_EQ(name_pattern::compile(std::string(2'000, 'x')).code(), errc::invalid_pattern);
}

}  // namespace
}  // namespace dohle::actors
