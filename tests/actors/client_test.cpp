// The whole client against a real broker, in this process and over TCP: what people do with it, end to end.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/actors/client_fixture.hpp"
#include "tests/actors/relay.hpp"

namespace dohle {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t many = 100'000;

class client_test : public client_fixture {
 protected:
  /// `count` records "<i>" with keys, i from `from`; all acknowledged.
  void fill(const std::string& topic, std::size_t count, std::size_t from = 0, producer_options o = {}) {
    auto p = db->make_producer(topic, o);
    ASSERT_TRUE(p.ok()) << to_string(p.error());
    for (std::size_t i = from; i < from + count; ++i) {
      const auto value = std::to_string(i);
      const auto key = "k" + std::to_string(i % 997);
      outgoing_record r;
      r.key = key;
      r.value = value;
      ASSERT_TRUE(p->send(r, 20s).ok());
    }
    auto flushed = p->flush(60s);
    ASSERT_TRUE(flushed.ok()) << to_string(flushed.error());
    EXPECT_EQ(p->take_outcome().acknowledged, count);
    EXPECT_TRUE(p->close(20s).ok());
  }
  /// Reads until `count` records came (or nothing comes for long): number -> how often. Checks that each partition's
  /// records come in the order of their numbers.
  static void read(consumer& c, std::size_t count, std::map<std::size_t, int>& seen) {
    std::map<int, long> last;
    std::size_t got = 0;
    int empty = 0;
    while (got < count && empty < 200) {
      auto polled = c.poll(5000, 100ms);
      ASSERT_TRUE(polled.ok()) << to_string(polled.error());
      empty = polled->record_count == 0 ? empty + 1 : 0;
      for (const auto& chunk : polled->chunks) {
        auto& before = last.try_emplace(chunk.source().partition.value, -1).first->second;
        for (const auto& r : chunk) {
          const auto n = std::strtol(std::string{*r.value}.c_str(), nullptr, 10);
          ASSERT_GT(n, before) << "order in partition " << chunk.source().partition.value;
          before = n;
          ++seen[static_cast<std::size_t>(n)];
          ++got;
        }
      }
    }
    EXPECT_GE(got, count);
  }
  static std::vector<assigned_range> all_of(const std::string& topic, int partitions) {
    std::vector<assigned_range> out;
    for (int i = 0; i < partitions; ++i) out.push_back({{topic, partition_index{i}}, offset{0}, std::nullopt});
    return out;
  }
  static void expect_once(const std::map<std::size_t, int>& seen, std::size_t count) {
    EXPECT_EQ(seen.size(), count);
    for (const auto& [n, times] : seen) ASSERT_EQ(times, 1) << "record " << n;
  }
};

TEST_P(client_test, a_hundred_thousand_records_come_back_once_and_in_order) {
  create("clicks", 4);
  producer_options o;
  o.compression = compression::lz4;
  fill("clicks", many / 2);
  fill("clicks", many / 2, many / 2, o);
  auto c = db->make_consumer();
  ASSERT_TRUE(c.ok());
  ASSERT_TRUE(c->assign(all_of("clicks", 4)).ok());
  std::map<std::size_t, int> seen;
  read(*c, many, seen);
  expect_once(seen, many);
  for (const auto& [p, n] : c->lag()) EXPECT_EQ(n, 0);
}

TEST_P(client_test, reading_backward_is_reading_forward_the_other_way_round) {
  create("clicks", 1);
  producer_options o;
  o.compression = compression::zstd;
  fill("clicks", 5'000);
  fill("clicks", 5'000, 5'000, o);
  auto c = db->make_consumer();
  ASSERT_TRUE(c.ok());
  ASSERT_TRUE(c->assign({{{"clicks", partition_index{0}}, offset{10'000}, offset{17}, true}}).ok());
  std::int64_t next = 10'000;
  while (!c->finished()) {
    auto got = c->poll(777, 30s);
    ASSERT_TRUE(got.ok()) << to_string(got.error());
    for (const auto& chunk : got->chunks)
      for (const auto& r : chunk) {
        ASSERT_EQ(r.offset.value, --next);
        ASSERT_EQ(*r.value, std::to_string(next));
      }
  }
  EXPECT_EQ(next, 17);
}

TEST_P(client_test, deleted_records_are_gone_in_both_directions) {
  create("clicks", 1);
  fill("clicks", 1000);
  auto gone = db->call(delete_records_request{"clicks", partition_index{0}, offset{990}}, 30s);
  ASSERT_TRUE(gone.ok()) << to_string(gone.error());
  EXPECT_EQ(gone->start, offset{990});
  const topic_partition p{"clicks", partition_index{0}};
  for (bool backward : {false, true}) {
    auto c = db->make_consumer();
    ASSERT_TRUE(c.ok());
    ASSERT_TRUE(c->assign({{p, offset{backward ? 1000 : 990}, offset{backward ? 0 : 1000}, backward}}).ok());
    std::size_t count = 0;
    while (!c->finished()) {
      auto got = c->poll(1000, 30s);
      ASSERT_TRUE(got.ok()) << to_string(got.error());
      count += got->record_count;
    }
    EXPECT_EQ(count, 10U);
  }
}

TEST_P(client_test, bounded_ranges_finish_and_empty_ones_at_once) {
  create("clicks", 1);
  fill("clicks", 1000);
  auto c = db->make_consumer();
  ASSERT_TRUE(c.ok());
  const topic_partition p{"clicks", partition_index{0}};
  ASSERT_TRUE(c->assign({{p, offset{10}, offset{20}}}).ok());
  std::map<std::size_t, int> seen;
  read(*c, 10, seen);
  EXPECT_TRUE(c->finished());
  EXPECT_EQ(seen.begin()->first, 10U);
  ASSERT_TRUE(c->assign({{p, offset{5}, offset{5}}}).ok());
  EXPECT_TRUE(c->finished());
  auto got = c->poll(10, 1h);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->record_count, 0U);
}

TEST_P(client_test, two_members_share_a_topic_commit_and_a_third_goes_on) {
  create("clicks", 4);
  fill("clicks", 20'000);
  consumer_options o;
  o.group = "billing";
  std::map<std::size_t, int> seen;
  {
    auto one = db->make_consumer(o);
    auto two = db->make_consumer(o);
    ASSERT_TRUE(one.ok() && two.ok());
    ASSERT_TRUE(one->subscribe({"clicks"}).ok());
    ASSERT_TRUE(two->subscribe({"clicks"}).ok());
    // Both poll until the partitions are shared evenly; what comes meanwhile counts.
    const auto take = [&](consumer& c) {
      auto polled = c.poll(1000, 50ms);
      ASSERT_TRUE(polled.ok()) << to_string(polled.error());
      std::map<topic_partition, offset> ends;
      for (const auto& chunk : polled->chunks)
        for (const auto& r : chunk) {
          ++seen[std::strtoul(std::string{*r.value}.c_str(), nullptr, 10)];
          ends[chunk.source()] = r.offset + 1;
        }
      auto committed = c.commit(ends, 20s);
      ASSERT_TRUE(committed.ok()) << to_string(committed.error());
    };
    for (int i = 0; i < 400 && (seen.size() < 20'000 || one->assignment().size() != 2 || two->assignment().size() != 2);
         ++i) {
      take(*one);
      take(*two);
    }
    EXPECT_EQ(one->assignment().size(), 2U);
    EXPECT_EQ(two->assignment().size(), 2U);
    EXPECT_NE(one->member(), two->member());
    EXPECT_TRUE(one->close(20s).ok());
    EXPECT_TRUE(two->close(20s).ok());
  }
  expect_once(seen, 20'000);
  fill("clicks", 100, 20'000);
  auto three = db->make_consumer(o);
  ASSERT_TRUE(three.ok());
  ASSERT_TRUE(three->subscribe({"clicks"}).ok());
  std::map<std::size_t, int> rest;
  read(*three, 100, rest);
  expect_once(rest, 100);
  EXPECT_EQ(rest.begin()->first, 20'000U);
  auto committed = three->committed(20s);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->size(), 4U);
  EXPECT_TRUE(three->close(20s).ok());
}

TEST_P(client_test, an_unknown_topic_names_those_like_it) {
  create("clicks", 1);
  auto p = db->make_producer("click");
  ASSERT_EQ(p.code(), errc::unknown_topic);
  EXPECT_NE(p.error().hint.find("clicks"), std::string::npos) << p.error().hint;
}

TEST_P(client_test, a_consumer_at_the_end_waits_for_what_is_sent) {
  create("clicks", 1);
  auto c = db->make_consumer();
  ASSERT_TRUE(c.ok());
  ASSERT_TRUE(c->assign(all_of("clicks", 1)).ok());
  EXPECT_EQ(c->poll(10, 10ms)->record_count, 0U);
  std::thread later{[&] { fill("clicks", 1); }};
  std::map<std::size_t, int> seen;
  read(*c, 1, seen);
  later.join();
  expect_once(seen, 1);
}

TEST_P(client_test, a_read_beyond_the_end_is_an_error_until_a_seek) {
  create("clicks", 1);
  fill("clicks", 5);
  auto c = db->make_consumer();
  const topic_partition p{"clicks", partition_index{0}};
  ASSERT_TRUE(c->assign({{p, offset{100}, std::nullopt}}).ok());
  EXPECT_EQ(c->poll(10, 20s).code(), errc::offset_out_of_range);
  EXPECT_EQ(c->poll(10, 20s).code(), errc::offset_out_of_range);
  ASSERT_TRUE(c->seek(p, offset{3}).ok());
  auto got = c->poll(10, 20s);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->record_count, 2U);
}

TEST_P(client_test, handles_may_outlive_their_client_and_a_closed_broker_is_told) {
  create("clicks", 1);
  auto p = db->make_producer("clicks");
  auto c = db->make_consumer();
  ASSERT_TRUE(p.ok() && c.ok());
  ASSERT_TRUE(c->assign(all_of("clicks", 1)).ok());
  db.reset();
  outgoing_record r;
  r.value = "x";
  auto a = p->send(r, 1s);
  ASSERT_TRUE(a.ok());
  EXPECT_TRUE(a->wait(20s).ok());
  EXPECT_EQ(c->poll(10, 20s)->record_count, 1U);
}

INSTANTIATE_TEST_SUITE_P(where, client_test, ::testing::Values(false, true),
                         [](const auto& where) { return std::string{where.param ? "tcp" : "embedded"}; });

/// The connection is cut again and again while records travel: nothing is lost, doubled or out of order.
TEST(client_over_tcp, cut_connections_cost_nothing_but_time) {
  broker_options o;
  o.listen = "127.0.0.1:0";
  auto b = broker::open(o);
  ASSERT_TRUE(b.ok()) << to_string(b.error());
  {
    testing::relay between{b->listening()};
    auto db = client::connect("dohle://" + between.listening());
    ASSERT_TRUE(db.ok()) << to_string(db.error());
    create_topic_request create;
    create.name = "clicks";
    create.partitions = 2;
    ASSERT_TRUE(db->call(std::move(create), 20s).ok());
    auto p = db->make_producer("clicks");
    ASSERT_TRUE(p.ok());
    std::vector<ack> acks;
    for (std::size_t i = 0; i < many; ++i) {
      if (i % 10'000 == 5'000) between.cut();
      const auto value = std::to_string(i);
      outgoing_record r;
      r.value = value;
      r.partition = partition_index{static_cast<int>(i % 2)};
      auto a = p->send(r, 20s);
      ASSERT_TRUE(a.ok()) << to_string(a.error());
      acks.push_back(std::move(*a));
    }
    auto flushed = p->flush(60s);
    ASSERT_TRUE(flushed.ok()) << to_string(flushed.error());
    for (std::size_t i = 0; i < many; ++i) {
      auto got = acks[i].wait(0s);
      ASSERT_TRUE(got.ok());
      ASSERT_EQ(got->offset, offset{static_cast<std::int64_t>(i / 2)}) << "record " << i;
    }

    auto c = db->make_consumer();
    ASSERT_TRUE(c.ok());
    const topic_partition zero{"clicks", partition_index{0}};
    ASSERT_TRUE(c->assign({{zero, offset{0}, offset{many / 2}}}).ok());
    std::size_t next = 0;
    while (!c->finished()) {
      auto got = c->poll(5000, 20s);
      ASSERT_TRUE(got.ok()) << to_string(got.error());
      ASSERT_GT(got->record_count, 0U);
      between.cut();
      for (const auto& chunk : got->chunks)
        for (const auto& r : chunk) {
          ASSERT_EQ(*r.value, std::to_string(next));
          next += 2;
        }
    }
    EXPECT_EQ(next, many);
  }
  EXPECT_TRUE(b->close(30s).ok());
}

}  // namespace
}  // namespace dohle
