#include "kafka/frames.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dohle::kafka {
namespace {

std::string framed(const std::string& body) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(body.size() >> shift);
  return out + body;
}

TEST(frames_test, requests_come_whole_however_they_were_cut) {
  const std::string first(10, 'a'), second(3'000'000, 'b');
  const auto stream = framed(first) + framed(second) + framed(first);
  for (std::size_t step : {1UL, 3UL, 7UL, 65'536UL, stream.size()}) {
    if (step < 7 && stream.size() > 1'000'000 && step != 1) continue;
    frame_cutter cutter;
    std::vector<bytes> out;
    for (std::size_t at = 0; at < stream.size(); at += step)
      ASSERT_TRUE(cutter.feed(std::string_view{stream}.substr(at, step), out).ok());
    ASSERT_EQ(out.size(), 3U);
    EXPECT_EQ(out[0].view(), first);
    EXPECT_EQ(out[1].view(), second);
    EXPECT_EQ(out[2].view(), first);
    EXPECT_EQ(cutter.held(), 0U);
  }
}

TEST(frames_test, a_length_that_no_request_has_is_refused) {
  for (auto lie :
       {std::string("GET / HTTP/1.1\r\n"), std::string("\0\0\0\2ab", 6), std::string("\xff\xff\xff\xff", 4)}) {
    frame_cutter cutter;
    std::vector<bytes> out;
    EXPECT_EQ(cutter.feed(lie, out).code(), errc::invalid_request);
    EXPECT_TRUE(out.empty());
  }
}

}  // namespace
}  // namespace dohle::kafka
