// Every message in every version against bytes that Kafka's own Java client wrote (golden/make.py).
#include "kafka/messages.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace dohle::kafka {
namespace {

/// Read and written again; empty when it could not be read to its end.
using again = std::function<std::string(const bytes&, int)>;

std::map<std::string, again> all_messages() {
  std::map<std::string, again> all;
  for_each_message([&]<class Message>(const char* name) {
    all[name] = [](const bytes& from, int version) -> std::string {
      const bool flexible = version >= Message::flexible_from;
      reader r(from, version, flexible);
      Message m;
      read(r, m);
      if (!r.ok() || r.remaining() > 0) return {};
      std::vector<char> out;
      writer w(out, version, flexible);
      write(w, m);
      return {out.begin(), out.end()};
    };
  });
  return all;
}

std::string from_hex(const std::string& text) {
  std::string out;
  if (text == "-") return out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return out;
}

TEST(messages_test, what_the_java_client_writes_is_read_and_written_the_same) {
  auto all = all_messages();
  std::set<std::string> seen;
  std::ifstream vectors(GOLDEN_VECTORS);
  std::string name, hex;
  int version = 0;
  int count = 0;
  for (; vectors >> name >> version >> hex; ++count) {
    ASSERT_TRUE(all.contains(name)) << name;
    auto expected = from_hex(hex);
    EXPECT_EQ(all[name](bytes::copy(expected), version), expected) << name << " version " << version;
    seen.insert(name);
  }
  EXPECT_GT(count, 800);
  EXPECT_EQ(seen.size(), all.size()) << "each message has its vectors";
}

/// A message cut short is never taken for a whole one.
TEST(messages_test, no_beginning_of_a_message_is_a_message) {
  auto all = all_messages();
  std::ifstream vectors(GOLDEN_VECTORS);
  std::string name, hex;
  int version = 0;
  while (vectors >> name >> version >> hex) {
    auto whole = from_hex(hex);
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_NE(all[name](bytes::copy(whole.substr(0, size)), version), whole) << name << " " << version;
  }
}

}  // namespace
}  // namespace dohle::kafka
