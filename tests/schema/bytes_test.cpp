#include "schema/bytes.hpp"

#include <gtest/gtest.h>

namespace dohle {
namespace {

TEST(bytes, a_part_keeps_the_memory_alive) {
  bytes part;
  {
    const bytes whole = bytes::copy("0123456789");
    part = whole.part(3, 4);
    EXPECT_EQ(part.owner(), whole.owner());
  }
  EXPECT_EQ(part.view(), "3456");
}

TEST(bytes, taking_over_copies_nothing) {
  std::vector<char> data(100, 'x');
  const char* at = data.data();
  const bytes taken = bytes::own(std::move(data));
  EXPECT_EQ(taken.data(), at);
  EXPECT_EQ(taken.size(), 100u);
}

TEST(bytes, nothing_can_be_copied) {
  EXPECT_TRUE(bytes::copy({}).empty()) << "a view of nothing has no address";
  EXPECT_TRUE(bytes::copy("").empty());
  EXPECT_EQ(bytes::copy({}), bytes{});
}

TEST(bytes, copies_are_aligned_and_equal_by_content) {
  for (std::size_t size = 1; size < 100; ++size) {
    const std::string text(size, 'a');
    const bytes copied = bytes::copy(text);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copied.data()) % 8, 0u);
    EXPECT_EQ(copied, bytes::copy(text));
    EXPECT_NE(copied.data(), text.data());
  }
}

}  // namespace
}  // namespace dohle
