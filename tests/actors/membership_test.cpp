// A member's conversation with its coordinator, step by step: values in, values out.
#include "actors/membership.hpp"

#include <gtest/gtest.h>

#include "actors/request_traits.hpp"
#include "rules/consumer_protocol.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

const topic_partition p0{"t", partition_index{0}};
const topic_partition p1{"t", partition_index{1}};

struct talk {
  explicit talk(start_at start = start_at::earliest) : m(options(start), "client", 30s) {}
  static consumer_options options(start_at start) {
    consumer_options o;
    o.group = "g";
    o.start = start;
    return o;
  }
  /// The one request that the last effects ask for.
  template <class Request>
  const Request& asked() {
    EXPECT_EQ(e.asks.size(), 1U);
    EXPECT_EQ(request_name(e.asks.at(0).what.index()), request_name(kind_of<Request>));
    return std::get<Request>(e.asks.at(0).what);
  }
  void answer(response a, membership::reader r = {}) { e = m.answered(e.asks.at(0).token, std::move(a), r, now); }
  static metadata_response metadata() {
    topic_info t{.name = "t"};
    t.partitions.resize(2);
    return {.topics = {t}};
  }
  /// Joined, as a follower with these partitions, up to the question where they were left.
  void join(std::vector<topic_partition> share, int generation = 1) {
    if (std::holds_alternative<metadata_request>(e.asks.at(0).what)) answer(metadata());
    asked<join_group_request>();
    answer(join_group_response{dohle::generation{generation}, "sticky", "another", "me", {}});
    EXPECT_EQ(asked<sync_group_request>().member, "me");
    answer(sync_group_response{rules::encode_assignment(share)});
  }

  membership m;
  membership::effects e;
  membership::time_point now{1h};
};

TEST(membership, a_member_begins_where_its_group_was_and_else_where_it_is_told) {
  for (auto start : {start_at::earliest, start_at::latest}) {
    talk t{start};
    t.e = t.m.subscribe({"t"}, t.now);
    t.join({p0, p1});
    EXPECT_EQ(t.asked<fetch_offsets_request>().partitions.size(), 2U);
    t.answer(fetch_offsets_response{{{"t", partition_index{1}, offset{17}, ""}}});
    const auto& unknown = t.asked<list_offsets_request>();
    EXPECT_EQ(unknown.partition, partition_index{0});
    EXPECT_EQ(unknown.query, start == start_at::earliest ? offset_query::earliest : offset_query::latest);
    t.answer(list_offsets_response{offset{5}, no_timestamp});
    ASSERT_TRUE(t.e.assignment);
    EXPECT_EQ(t.e.pause, false);
    std::map<topic_partition, offset> begins;
    for (const auto& r : t.e.assignment->begin) begins[r.partition] = r.from;
    EXPECT_EQ(begins, (std::map<topic_partition, offset>{{p0, offset{5}}, {p1, offset{17}}}));
    EXPECT_EQ(t.m.generation(), generation{1});
  }
}

TEST(membership, a_rebalance_waits_for_a_reader_at_work_and_keeps_what_stays) {
  talk t;
  t.e = t.m.subscribe({"t"}, t.now);
  t.join({p0});
  t.answer(fetch_offsets_response{{{"t", partition_index{0}, offset{1}, ""}}});
  t.now += 3s;
  t.e = t.m.tick({}, t.now);
  EXPECT_EQ(t.asked<heartbeat_request>().generation, generation{1});
  t.answer(error{errc::rebalancing, "", ""}, {.processing = true, .last_poll = t.now});
  EXPECT_TRUE(t.e.asks.empty()) << "the reader still has records in its hands";
  EXPECT_TRUE(t.m.wants_poll());
  t.e = t.m.polled(t.now);
  EXPECT_EQ(t.e.pause, true);
  t.join({p0, p1}, 2);
  EXPECT_EQ(t.asked<fetch_offsets_request>().partitions, std::vector{p1}) << "only what is new is looked up";
  t.answer(fetch_offsets_response{{{"t", partition_index{1}, offset{9}, ""}}});
  ASSERT_TRUE(t.e.assignment);
  EXPECT_EQ(t.e.assignment->kept, std::vector{p0});
  ASSERT_EQ(t.e.assignment->begin.size(), 1U);
  EXPECT_EQ(t.e.assignment->begin[0].from, offset{9});
}

TEST(membership, a_reader_that_does_not_come_back_costs_the_membership_not_the_group) {
  talk t;
  t.e = t.m.subscribe({"t"}, t.now);
  t.join({p0});
  t.answer(fetch_offsets_response{{{"t", partition_index{0}, offset{1}, ""}}});
  const membership::reader away{.processing = true, .last_poll = t.now};
  t.now += 5min + 1s;
  t.e = t.m.tick(away, t.now);
  EXPECT_EQ(t.asked<leave_group_request>().member, "me");
  EXPECT_TRUE(t.m.wants_poll()) << "the next poll joins again";
}

TEST(membership, leaving_without_having_joined_needs_nobody) {
  talk t;
  EXPECT_TRUE(t.m.leave(t.now).left);
}

}  // namespace
}  // namespace dohle::actors
