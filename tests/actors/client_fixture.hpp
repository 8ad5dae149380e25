// A broker of its own for each test, and a client of it: in this process, and over TCP. The same client code must not
// notice.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "actors/client.hpp"

namespace dohle {

/// The parameter: over TCP.
class client_fixture : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    broker_options o;
    o.listen = "127.0.0.1:0";
    auto opened = broker::open(o);
    ASSERT_TRUE(opened.ok()) << to_string(opened.error());
    b.emplace(std::move(*opened));
    db.emplace(connect());
  }
  void TearDown() override {
    db.reset();
    ASSERT_TRUE(b && b->close(std::chrono::seconds(30)).ok());
  }
  client connect() {
    if (!GetParam()) return b->client();
    auto c = client::connect("dohle://" + b->listening());
    EXPECT_TRUE(c.ok()) << (c ? "" : to_string(c.error()));
    return *c;
  }
  void create(const std::string& name, std::int32_t partitions) {
    auto made = db->call(create_topic_request{.name = name, .partitions = partitions}, std::chrono::seconds(20));
    ASSERT_TRUE(made.ok()) << to_string(made.error());
  }

  std::optional<broker> b;
  std::optional<client> db;
};

}  // namespace dohle
