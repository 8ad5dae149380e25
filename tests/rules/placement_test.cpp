#include "rules/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

broker_id b(std::int32_t id) { return broker_id{id}; }
partition_id p(std::uint32_t id) { return partition_id{id}; }

std::vector<host> hosts(std::int32_t count) {
  std::vector<host> all;
  for (std::int32_t i = 1; i <= count; ++i) all.push_back({b(i), ""});
  return all;
}

std::vector<placed> with(std::vector<std::vector<broker_id>> chosen, std::uint32_t first = 0) {
  std::vector<placed> all;
  for (auto& replicas : chosen) all.push_back({p(first++), replicas, replicas.front()});
  return all;
}

std::map<broker_id, int> held_by(const std::vector<placed>& all) {
  std::map<broker_id, int> out;
  for (const auto& one : all)
    for (auto id : one.replicas) ++out[id];
  return out;
}

void carry_out(std::vector<placed>& all, const std::vector<replica_move>& plan) {
  for (const auto& m : plan)
    for (auto& one : all)
      if (one.partition == m.partition) std::ranges::replace(one.replicas, m.from, m.to);
}

TEST(placement, new_partitions_spread_replicas_and_leaders) {
  auto chosen = place(hosts(3), {}, 6, 2);
  ASSERT_TRUE(chosen.ok());
  std::map<broker_id, int> leads;
  for (const auto& replicas : *chosen) {
    EXPECT_NE(replicas.at(0), replicas.at(1));
    ++leads[replicas.at(0)];
  }
  EXPECT_THAT(leads, ElementsAre(std::pair{b(1), 2}, std::pair{b(2), 2}, std::pair{b(3), 2}));
  EXPECT_THAT(held_by(with(*chosen)), ElementsAre(std::pair{b(1), 4}, std::pair{b(2), 4}, std::pair{b(3), 4}));
}

TEST(placement, they_go_where_least_is_and_on_racks_of_their_own) {
  std::vector<host> four{{b(1), "a"}, {b(2), "a"}, {b(3), "b"}, {b(4), "b"}};
  const auto before = with({{b(1), b(3)}, {b(1), b(3)}});
  EXPECT_THAT(*place(four, before, 1, 2), ElementsAre(ElementsAre(b(2), b(4))));
  auto three = *place(four, {}, 8, 3);
  for (const auto& replicas : three) {
    const auto on_a = std::ranges::count_if(replicas, [](auto id) { return id.value <= 2; });
    EXPECT_TRUE(on_a == 1 || on_a == 2) << "two racks for three replicas";
  }
}

TEST(placement, dead_and_drained_brokers_get_nothing_and_too_few_are_refused) {
  auto all = hosts(4);
  all[1].alive = false;
  all[2].draining = true;
  EXPECT_THAT(*place(all, {}, 1, 2), ElementsAre(ElementsAre(b(1), b(4))));
  EXPECT_EQ(place(all, {}, 1, 3).code(), errc::invalid_request);
  EXPECT_EQ(place(all, {}, 1, 0).code(), errc::invalid_request);
}

TEST(placement, a_new_broker_gets_its_share_and_no_more_moves_than_that) {
  auto all = with(*place(hosts(3), {}, 12, 3));
  const auto plan = plan_moves(hosts(4), all, 1'000);
  EXPECT_THAT(plan, SizeIs(9)) << "36 replicas on 4 brokers";
  for (const auto& m : plan) EXPECT_EQ(m.to, b(4));
  EXPECT_THAT(plan_moves(hosts(4), all, 2), ElementsAre(plan[0], plan[1])) << "a few at a time, the same ones";
  carry_out(all, plan);
  EXPECT_THAT(plan_moves(hosts(4), all, 1'000), IsEmpty());
}

TEST(placement, a_drained_broker_holds_nothing_afterwards_or_what_has_nowhere_to_go) {
  auto all = with(*place(hosts(4), {}, 10, 3));
  auto four = hosts(4);
  four[1].draining = true;
  carry_out(all, plan_moves(four, all, 1'000));
  EXPECT_FALSE(held_by(all).contains(b(2)));
  four[2].draining = true;
  EXPECT_THAT(plan_moves(four, all, 1'000), IsEmpty()) << "three replicas, two brokers";
}

TEST(placement, leaders_leave_drained_brokers_first_and_go_back_to_the_first_of_the_list) {
  std::vector<placed> all{{p(0), {b(1), b(2), b(3)}, b(2)},
                          {p(1), {b(3), b(1), b(2)}, b(3)},
                          {p(2), {b(2), b(1)}, b(2)},
                          {p(3), {b(1), b(2)}, b(-1)}};
  auto three = hosts(3);
  EXPECT_THAT(plan_leaders(three, all, 9), ElementsAre(leader_move{p(0), b(2), b(1)}));
  three[2].draining = true;
  EXPECT_THAT(plan_leaders(three, all, 9), ElementsAre(leader_move{p(1), b(3), b(1)}, leader_move{p(0), b(2), b(1)}));
  EXPECT_THAT(plan_leaders(three, all, 1), ElementsAre(leader_move{p(1), b(3), b(1)}));
  three[0].alive = false;
  EXPECT_THAT(plan_leaders(three, all, 9), ElementsAre(leader_move{p(1), b(3), b(2)})) << "nobody goes to a dead one";
}

TEST(placement, whatever_happens_replicas_stay_apart_plans_end_and_never_make_racks_worse) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    test::random dice{seed};
    std::vector<host> all;
    for (std::int32_t i = 1, n = 1 + static_cast<std::int32_t>(dice.below(7)); i <= n; ++i)
      all.push_back({b(i), dice.one_in(2) ? "" : std::string(1, static_cast<char>('a' + dice.below(3)))});
    std::vector<placed> now;
    const auto racks_of = [&](const placed& one) {
      std::set<std::string> racks;
      for (auto id : one.replicas) {
        const auto& h = all[static_cast<std::size_t>(id.value - 1)];
        racks.insert(h.rack.empty() ? std::to_string(id.value) : "rack " + h.rack);
      }
      return racks.size();
    };
    for (int step = 0; step < 8; ++step) {
      for (auto& h : all) h.draining = dice.one_in(5), h.alive = !dice.one_in(5);
      const auto replicas = static_cast<std::int16_t>(1 + dice.below(4));
      auto chosen = place(all, now, static_cast<std::int32_t>(dice.below(6)), replicas);
      const auto takers = std::ranges::count_if(all, [](const host& h) { return h.alive && !h.draining; });
      ASSERT_EQ(chosen.ok(), replicas <= takers) << seed;
      if (chosen)
        for (auto& made : with(*chosen, static_cast<std::uint32_t>(now.size()))) now.push_back(made);
      const auto before = now;
      const auto plan = plan_moves(all, now, 10'000);
      carry_out(now, plan);
      for (std::size_t i = 0; i < now.size(); ++i) {
        const std::set<broker_id> apart(now[i].replicas.begin(), now[i].replicas.end());
        ASSERT_EQ(apart.size(), now[i].replicas.size()) << seed;
        const bool forced = std::ranges::any_of(
            before[i].replicas, [&](auto id) { return all[static_cast<std::size_t>(id.value - 1)].draining; });
        if (!forced) {
          ASSERT_GE(racks_of(now[i]), racks_of(before[i])) << seed;
        }
      }
      for (const auto& m : plan) {
        const auto& to = all[static_cast<std::size_t>(m.to.value - 1)];
        ASSERT_TRUE(to.alive && !to.draining) << seed;
      }
      ASSERT_THAT(plan_moves(all, now, 10'000), IsEmpty()) << seed << ": a plan that is carried out leaves nothing";
      for (auto& one : now) one.leader = one.replicas.front();
    }
  }
}

}  // namespace
}  // namespace dohle::rules
