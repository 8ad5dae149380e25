#include "rules/assignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

std::vector<topic_partition> of(const std::string& topic, std::vector<std::int32_t> indexes) {
  std::vector<topic_partition> all;
  for (auto i : indexes) all.push_back({topic, partition_index{i}});
  return all;
}
std::vector<topic_partition> operator+(std::vector<topic_partition> a, const std::vector<topic_partition>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
subscription reads(const std::string& member, std::vector<std::string> topics,
                   std::vector<topic_partition> owned = {}) {
  return {member, "", std::move(topics), std::move(owned), {}};
}

TEST(assignment, range_gives_neighbours_and_the_first_get_more) {
  // The example of Kafka's RangeAssignor.
  const std::vector<subscription> members{reads("C1", {"t0", "t1"}), reads("C0", {"t0", "t1"})};
  const auto a = assign_range(members, {{"t0", 3}, {"t1", 3}});
  EXPECT_EQ(a.at("C0"), of("t0", {0, 1}) + of("t1", {0, 1}));
  EXPECT_EQ(a.at("C1"), of("t0", {2}) + of("t1", {2}));
}

TEST(assignment, round_robin_deals_in_turn) {
  const std::vector<subscription> members{reads("C0", {"t0", "t1"}), reads("C1", {"t0", "t1"})};
  const auto a = assign_round_robin(members, {{"t0", 3}, {"t1", 3}});
  EXPECT_EQ(a.at("C0"), of("t0", {0, 2}) + of("t1", {1}));
  EXPECT_EQ(a.at("C1"), of("t0", {1}) + of("t1", {0, 2}));
  // Kafka's example with different subscriptions.
  const std::vector<subscription> others{reads("C0", {"t0"}), reads("C1", {"t0", "t1"}),
                                         reads("C2", {"t0", "t1", "t2"})};
  const auto b = assign_round_robin(others, {{"t0", 1}, {"t1", 2}, {"t2", 3}});
  EXPECT_EQ(b.at("C0"), of("t0", {0}));
  EXPECT_EQ(b.at("C1"), of("t1", {0}));
  EXPECT_EQ(b.at("C2"), of("t1", {1}) + of("t2", {0, 1, 2}));
}

TEST(assignment, static_members_keep_their_turn_whatever_id_they_got) {
  const std::vector<subscription> before{{"x1", "b", {"t"}, {}, {}}, {"x2", "a", {"t"}, {}, {}}};
  const std::vector<subscription> after{{"y9", "b", {"t"}, {}, {}}, {"y0", "a", {"t"}, {}, {}}, reads("x0", {"t"})};
  EXPECT_EQ(assign_range(before, {{"t", 3}}).at("x2"), of("t", {0, 1}));
  EXPECT_EQ(assign_range(after, {{"t", 3}}).at("y0"), of("t", {0}));
  EXPECT_EQ(assign_range(after, {{"t", 3}}).at("x0"), of("t", {2}));
}

TEST(assignment, sticky_moves_one_share_to_a_newcomer_and_back) {
  const std::vector<subscription> two{reads("a", {"t"}, of("t", {0, 2, 4})), reads("b", {"t"}, of("t", {1, 3, 5})),
                                      reads("c", {"t"})};
  const auto joined = assign_sticky(two, {{"t", 6}});
  EXPECT_EQ(joined.at("a"), of("t", {0, 2}));
  EXPECT_EQ(joined.at("b"), of("t", {1, 3}));
  EXPECT_EQ(joined.at("c"), of("t", {4, 5}));
  const std::vector<subscription> left{reads("a", {"t"}, joined.at("a")), reads("b", {"t"}, joined.at("b"))};
  const auto after = assign_sticky(left, {{"t", 6}});
  EXPECT_EQ(after.at("a"), of("t", {0, 2, 4}));
  EXPECT_EQ(after.at("b"), of("t", {1, 3, 5}));
}

TEST(assignment, what_is_owned_wrongly_is_ignored) {
  const std::vector<subscription> members{reads("a", {"t"}, of("t", {0, 7, -1}) + of("gone", {0}) + of("u", {0})),
                                          reads("b", {"t", "u"}, of("t", {0, 1}))};  // both claim t[0]
  const auto a = assign_sticky(members, {{"t", 2}, {"u", 1}});
  EXPECT_EQ(a.at("a"), of("t", {0}));
  EXPECT_EQ(a.at("b"), of("t", {1}) + of("u", {0}));
}

TEST(assignment, unknown_topics_are_left_out_and_unknown_ways_refused) {
  const std::vector<subscription> members{reads("a", {"nowhere"}), reads("b", {})};
  for (auto way : {range_protocol, round_robin_protocol, sticky_protocol}) {
    const auto a = assign(way, members, {{"t", 3}});
    ASSERT_TRUE(a.ok());
    EXPECT_EQ(*a, (assignment{{"a", {}}, {"b", {}}}));
    EXPECT_TRUE(assign(way, {}, {{"t", 3}})->empty());
  }
  EXPECT_EQ(assign("magic", members, {}).code(), errc::inconsistent_protocol);
}

// --- properties ----------------------------------------------------------------------------------------------------

struct world {
  std::vector<subscription> members;
  partition_counts topics;
};

world made(test::random& random, bool same_topics) {
  world w;
  const auto topics = 1 + random.below(4);
  for (std::int64_t t = 0; t < topics; ++t) {
    w.topics["t" + std::to_string(t)] = static_cast<std::int32_t>(random.below(9));
  }
  const auto members = 1 + random.below(6);
  for (std::int64_t m = 0; m < members; ++m) {
    auto s = reads("m" + std::to_string(m), {});
    if (random.one_in(3)) s.instance = "i" + std::to_string(random.below(100)) + s.member;
    for (const auto& [topic, count] : w.topics) {
      if (same_topics || !random.one_in(3)) s.topics.push_back(topic);
      for (std::int32_t p = 0; p < count; ++p) {
        if (random.one_in(members + 1)) s.owned.push_back({topic, partition_index{p}});
      }
    }
    w.members.push_back(std::move(s));
  }
  return w;
}

/// Every partition that somebody subscribed to is given exactly once, to a subscriber, and each share is sorted.
void expect_complete(const world& w, const assignment& a) {
  ASSERT_EQ(a.size(), w.members.size());
  std::set<topic_partition> given;
  std::set<std::string> wanted;
  for (const auto& m : w.members) {
    const auto& share = a.at(m.member);
    EXPECT_TRUE(std::ranges::is_sorted(share));
    for (const auto& p : share) {
      EXPECT_TRUE(given.insert(p).second) << p.topic << p.partition.value;
      EXPECT_NE(std::ranges::find(m.topics, p.topic), m.topics.end());
      EXPECT_LT(p.partition.value, w.topics.at(p.topic));
    }
    wanted.insert(m.topics.begin(), m.topics.end());
  }
  std::size_t count = 0;
  for (const auto& topic : wanted) count += static_cast<std::size_t>(w.topics.at(topic));
  EXPECT_EQ(given.size(), count);
}

std::pair<std::size_t, std::size_t> least_and_most(const assignment& a) {
  std::size_t least = ~std::size_t{0};
  std::size_t most = 0;
  for (const auto& [member, share] : a) {
    least = std::min(least, share.size());
    most = std::max(most, share.size());
  }
  return {least, most};
}

TEST(assignment, every_way_gives_each_partition_once_in_any_order_of_members) {
  test::random random{3};
  for (int run = 0; run < 3'000; ++run) {
    auto w = made(random, random.one_in(2));
    for (auto way : {range_protocol, round_robin_protocol, sticky_protocol}) {
      auto turned = w;
      std::ranges::reverse(turned.members);
      const auto a = assign(way, w.members, w.topics);
      expect_complete(w, *a);
      EXPECT_EQ(*a, *assign(way, turned.members, w.topics));
      ASSERT_FALSE(testing::Test::HasFailure()) << "run " << run << " " << way;
    }
  }
}

/// How many partitions stay with a member that owned them (claims of two count for the first, as nobody can serve
/// both).
std::size_t kept(const world& w, const assignment& a) {
  std::size_t sum = 0;
  for (const auto& m : w.members) {
    for (const auto& p : a.at(m.member)) sum += std::ranges::find(m.owned, p) != m.owned.end() ? 1U : 0U;
  }
  return sum;
}

TEST(assignment, sticky_is_balanced_and_moves_no_more_than_it_must) {
  test::random random{4};
  for (int run = 0; run < 3'000; ++run) {
    auto w = made(random, true);
    std::set<topic_partition> claimed;  // disjoint claims, as an earlier generation leaves them
    for (auto& m : w.members) std::erase_if(m.owned, [&](const auto& p) { return !claimed.insert(p).second; });
    const auto a = assign_sticky(w.members, w.topics);
    const auto [least, most] = least_and_most(a);
    ASSERT_LE(most, least + 1) << "run " << run;

    // The best possible: the quota of one more goes to those who own the most.
    std::size_t total = 0;
    for (const auto& [topic, count] : w.topics) total += static_cast<std::size_t>(count);
    std::vector<std::size_t> owned;
    for (const auto& m : w.members) owned.push_back(m.owned.size());
    std::ranges::sort(owned, std::greater{});
    std::size_t best = 0;
    for (std::size_t i = 0; i < owned.size(); ++i) {
      best += std::min(owned[i], total / owned.size() + (i < total % owned.size() ? 1 : 0));
    }
    ASSERT_EQ(kept(w, a), best) << "run " << run;
  }
}

TEST(assignment, sticky_with_different_subscriptions_leaves_no_move_that_would_help) {
  test::random random{5};
  for (int run = 0; run < 3'000; ++run) {
    const auto w = made(random, false);
    const auto a = assign_sticky(w.members, w.topics);
    for (const auto& from : w.members) {
      for (const auto& p : a.at(from.member)) {
        for (const auto& to : w.members) {
          if (std::ranges::find(to.topics, p.topic) == to.topics.end()) continue;
          ASSERT_LE(a.at(from.member).size(), a.at(to.member).size() + 1) << "run " << run;
        }
      }
    }
    // Again with what it got: nothing moves.
    auto again = w;
    for (auto& m : again.members) m.owned = a.at(m.member);
    ASSERT_EQ(assign_sticky(again.members, w.topics), a) << "run " << run;
  }
}

TEST(assignment, sticky_is_quick_for_large_groups) {
  std::vector<subscription> members;
  for (int i = 0; i < 1'000; ++i) members.push_back(reads("m" + std::to_string(i), {"t"}));
  auto a = assign_sticky(members, {{"t", 10'000}});
  EXPECT_EQ(least_and_most(a), (std::pair<std::size_t, std::size_t>{10, 10}));
  for (auto& m : members) m.owned = a.at(m.member);
  members.push_back(reads("newcomer", {"t"}));
  a = assign_sticky(members, {{"t", 10'000}});
  EXPECT_EQ(kept({members, {}}, a), 10'000U - 9U);
}

}  // namespace
}  // namespace dohle::rules
