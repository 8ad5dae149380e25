#include "rules/consumer_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "schema/limits.hpp"
#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

using std::chrono::seconds;

timestamp at(std::int64_t s) { return timestamp{1'000'000 + s * 1000}; }

std::vector<topic_partition> places(const std::string& topic, std::vector<std::int32_t> partitions) {
  std::vector<topic_partition> out;
  for (auto p : partitions) out.push_back({topic, partition_index{p}});
  return out;
}

/// A member as a client plays it: it owns what it was told, and says so.
struct player {
  std::string id;
  std::string instance;
  std::vector<std::string> topics{"t"};
  std::int32_t epoch = 0;
  std::vector<topic_partition> owned;

  consumer_heartbeat_request says() const {
    consumer_heartbeat_request r;
    r.group = "g";
    r.member = id;
    r.instance = instance;
    r.member_epoch = epoch;
    r.owned = owned;
    if (epoch == 0) {
      r.rebalance_timeout = seconds{60};
      r.topics = topics;
    }
    return r;
  }
  errc hears(const consumer_effects& e) {
    if (!e.answer) return e.answer.code();
    epoch = e.answer->member_epoch;
    if (e.answer->assignment) owned = *e.answer->assignment;
    return errc::ok;
  }
  errc beat(consumer_group& g, timestamp now) { return hears(g.heartbeat(says(), "", now)); }
};

consumer_group group_of(std::int32_t partitions) {
  consumer_group g{"g"};
  g.learn({{{"t", partitions}, {"u", 2}}, {}});
  return g;
}

TEST(consumer_group, the_first_member_gets_everything_at_once) {
  auto g = group_of(3);
  player a{"a"};
  ASSERT_EQ(a.beat(g, at(0)), errc::ok);
  EXPECT_EQ(a.epoch, 1);
  EXPECT_EQ(a.owned, places("t", {0, 1, 2}));
  EXPECT_EQ(g.describe().state, "Stable");
  EXPECT_FALSE(g.heartbeat(a.says(), "", at(1)).persist);
}

TEST(consumer_group, partitions_move_when_their_owner_gave_them_up) {
  auto g = group_of(4);
  player a{"a"}, b{"b"};
  a.beat(g, at(0));
  b.beat(g, at(1));
  EXPECT_TRUE(b.owned.empty());
  EXPECT_EQ(b.epoch, 2);
  EXPECT_EQ(g.describe().state, "Reconciling");
  auto told = g.heartbeat(a.says(), "", at(2));
  EXPECT_EQ(told.answer->member_epoch, 1);
  EXPECT_EQ(told.answer->assignment->size(), 2U);
  EXPECT_EQ(a.beat(g, at(3)), errc::ok);  // still owns all four: no step
  EXPECT_TRUE(b.beat(g, at(3)) == errc::ok && b.owned.empty());
  a.owned = *told.answer->assignment;
  a.beat(g, at(4));
  EXPECT_EQ(a.epoch, 2);
  b.beat(g, at(5));
  EXPECT_EQ(b.owned.size(), 2U);
  EXPECT_EQ(g.describe().state, "Stable");
}

TEST(consumer_group, who_leaves_or_is_silent_hands_everything_on) {
  auto g = group_of(2);
  player a{"a"}, b{"b"}, c{"c"};
  for (int i = 0; i < 4; ++i)
    for (auto* p : {&a, &b}) p->beat(g, at(0));
  ASSERT_EQ(a.owned.size() + b.owned.size(), 2U);
  auto bye = a.says();
  bye.member_epoch = -1;
  EXPECT_EQ(g.heartbeat(bye, "", at(1)).answer->member_epoch, -1);
  b.beat(g, at(2));
  EXPECT_EQ(b.owned, places("t", {0, 1}));
  c.beat(g, at(3));
  EXPECT_EQ(g.tick(at(46)).next_deadline, at(47));
  EXPECT_EQ(g.member_count(), 2U);
  g.tick(at(47));
  EXPECT_EQ(b.beat(g, at(47)), errc::unknown_member);
  c.beat(g, at(47));
  EXPECT_EQ(c.owned, places("t", {0, 1}));
  EXPECT_EQ(g.tick(at(200)).next_deadline, std::nullopt);
  EXPECT_EQ(g.describe().state, "Empty");
}

TEST(consumer_group, who_does_not_give_up_in_time_is_sent_away) {
  auto g = group_of(2);
  player a{"a"}, b{"b"};
  a.beat(g, at(0));
  b.beat(g, at(0));
  const auto all = a.says();
  for (int s = 1; s < 60; s += 10) {
    g.heartbeat(all, "", at(s));
    b.beat(g, at(s));
    g.tick(at(s));
  }
  EXPECT_EQ(g.member_count(), 2U);
  g.tick(at(61));
  EXPECT_EQ(g.heartbeat(all, "", at(61)).answer.code(), errc::unknown_member);
  b.beat(g, at(61));
  EXPECT_EQ(b.owned.size(), 2U);
}

TEST(consumer_group, epochs_fence) {
  auto g = group_of(2);
  player a{"a"}, b{"b"};
  a.beat(g, at(0));
  auto r = a.says();
  r.member_epoch = 9;
  EXPECT_EQ(g.heartbeat(r, "", at(0)).answer.code(), errc::fenced_member_epoch);
  b.beat(g, at(0));
  auto early = a.says();
  for (int i = 0; i < 3; ++i) a.beat(g, at(0));
  ASSERT_EQ(a.epoch, 2);
  EXPECT_EQ(g.heartbeat(early, "", at(0)).answer.code(), errc::fenced_member_epoch);  // says to own both yet
  early.owned = a.owned;
  EXPECT_EQ(g.heartbeat(early, "", at(0)).answer->member_epoch, 2);  // only the answer was lost
  player again{"a"};
  EXPECT_EQ(again.beat(g, at(1)), errc::ok);
  EXPECT_EQ(again.owned, a.owned);
  r.member = "stranger";
  EXPECT_EQ(g.heartbeat(r, "", at(0)).answer.code(), errc::unknown_member);

  commit_offsets_request c{"g", generation{2}, "a", "", {{"t", partition_index{0}, offset{1}, ""}}, {}};
  EXPECT_TRUE(g.check_commit(c).ok());
  c.generation = generation{1};
  EXPECT_EQ(g.check_commit(c).code(), errc::stale_member_epoch);
  c.within = in_transaction{producer_id{1}};
  EXPECT_EQ(g.check_commit(c).code(), errc::stale_generation);
  c.member = "stranger";
  EXPECT_EQ(g.check_commit(c).code(), errc::unknown_member);
  EXPECT_EQ(g.check_delete().code(), errc::group_not_empty);
}

TEST(consumer_group, a_static_member_comes_back_to_what_it_had) {
  auto g = group_of(2);
  player a{"a", "one"}, b{"b", "two"};
  for (int i = 0; i < 4; ++i)
    for (auto* p : {&a, &b}) p->beat(g, at(0));
  const auto had = a.owned;
  player taker{"c", "one"};
  EXPECT_EQ(taker.beat(g, at(0)), errc::unreleased_instance);
  auto bye = a.says();
  bye.member_epoch = -2;
  EXPECT_TRUE(g.heartbeat(bye, "", at(1)).answer.ok());
  const auto epoch = g.epoch();
  b.beat(g, at(2));
  EXPECT_EQ(b.owned.size(), 1U);
  EXPECT_EQ(taker.beat(g, at(3)), errc::ok);
  EXPECT_EQ(taker.owned, had);
  EXPECT_EQ(g.epoch(), epoch);
  EXPECT_EQ(a.beat(g, at(3)), errc::fenced_instance);
  EXPECT_TRUE(g.remove_instance("one", at(4)).answer.ok());
  EXPECT_EQ(g.remove_instance("one", at(4)).answer.code(), errc::unknown_member);
}

TEST(consumer_group, subscriptions_topics_and_patterns_raise_the_epoch) {
  auto g = group_of(1);
  player a{"a"};
  a.beat(g, at(0));
  auto r = a.says();
  r.topics = std::vector<std::string>{"u"};
  a.hears(g.heartbeat(r, "", at(1)));
  for (int i = 0; i < 2; ++i) a.beat(g, at(1));
  EXPECT_EQ(a.owned, places("u", {0, 1}));
  EXPECT_TRUE(g.learn({{{"t", 1}, {"u", 3}}, {}}));
  EXPECT_FALSE(g.learn({{{"t", 5}, {"u", 3}}, {}}));  // nobody reads t
  a.beat(g, at(2));
  EXPECT_EQ(a.owned, places("u", {0, 1, 2}));
  r = a.says();
  r.topics = std::vector<std::string>{};
  r.pattern = "t.*";
  EXPECT_FALSE(g.learn({{{"t", 1}, {"u", 3}}, {{"t.*", {"t"}}}}));
  a.hears(g.heartbeat(r, "", at(3)));
  for (int i = 0; i < 2; ++i) a.beat(g, at(3));
  EXPECT_EQ(a.owned, places("t", {0}));
  EXPECT_EQ(g.patterns(), std::set<std::string>{"t.*"});
}

TEST(consumer_group, most_members_choose_how_to_assign) {
  auto g = group_of(4);
  player a{"a"}, b{"b"};
  auto r = a.says();
  r.assignor = "range";
  a.hears(g.heartbeat(r, "", at(0)));
  EXPECT_EQ(g.describe().assignor, "range");
  b.beat(g, at(0));
  for (int i = 0; i < 3; ++i)
    for (auto* p : {&a, &b}) p->beat(g, at(0));
  EXPECT_EQ(a.owned, places("t", {0, 1}));
  r.member = "c";
  r.assignor = "magic";
  EXPECT_EQ(g.heartbeat(r, "", at(0)).answer.code(), errc::unknown_assignor);
}

TEST(consumer_group, a_request_that_says_too_little_is_refused) {
  using request_type = consumer_heartbeat_request;
  auto g = group_of(1);
  const auto refused = [&](const std::function<void(request_type&)>& change) {
    auto r = player{"a"}.says();
    change(r);
    return g.heartbeat(r, "made", at(0)).answer.code();
  };
  EXPECT_EQ(refused([](request_type& r) { r.topics.reset(); }), errc::invalid_request);
  EXPECT_EQ(refused([](request_type& r) { r.rebalance_timeout.reset(); }), errc::invalid_request);
  EXPECT_EQ(refused([](request_type& r) { r.owned.reset(); }), errc::invalid_request);
  EXPECT_EQ(refused([](request_type& r) { r.member_epoch = -3; }), errc::invalid_request);
  EXPECT_EQ(refused([](request_type& r) { r.member_epoch = -2; }), errc::invalid_request);
  EXPECT_EQ(refused([](request_type& r) { r.pattern = std::string(limits::max_group_name + 1, 'x'); }),
            errc::invalid_request);
  EXPECT_EQ(refused([](request_type& r) { r.member.clear(); }), errc::ok);  // is given a name
  EXPECT_EQ(g.describe().members.at(0).id, "made");
}

/// Members come, go, stay silent, lose answers and are restored from what was persisted, in any order. Whatever
/// happens nobody owns what another owns, and after a while of heartbeats all is assigned, evenly.
TEST(consumer_group, a_random_walk_never_has_two_owners_and_comes_to_rest_in_balance) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    test::random dice{seed};
    const auto partitions = static_cast<std::int32_t>(1 + dice.below(20));
    auto g = group_of(partitions);
    std::vector<player> players;
    int names = 0;
    std::int64_t clock = 0;
    const auto check = [&] {
      std::map<topic_partition, std::string> owner;
      for (const auto& p : players)
        for (const auto& place : p.owned)
          ASSERT_TRUE(owner.emplace(place, p.id).second) << "seed " << seed << ": " << place.partition.value;
    };
    const auto beat = [&](player& p, bool lost) {
      auto e = g.heartbeat(p.says(), "", at(clock));
      if (lost) return;
      // A client gives up at once what it is to give up, and says so with its next heartbeat.
      if (p.hears(e) != errc::ok) p = {p.id + "'"};
    };
    for (int step = 0; step < 400; ++step) {
      const auto what = dice.below(20);
      if (players.empty() || (what == 0 && players.size() < 8)) {
        players.push_back({"m" + std::to_string(names++)});
      } else if (what == 1) {
        auto gone = players.begin() + dice.below(static_cast<std::int64_t>(players.size()));
        auto bye = gone->says();
        bye.member_epoch = -1;
        if (gone->epoch > 0) g.heartbeat(bye, "", at(clock));
        players.erase(gone);
      } else if (what == 2) {
        const auto counts = partition_counts{{"t", partitions}, {"u", 2}};
        g = consumer_group::restore("g", g.snapshot(), at(clock));
        g.learn({counts, {}});
      } else {
        beat(players[static_cast<std::size_t>(dice.below(static_cast<std::int64_t>(players.size())))], what == 3);
      }
      check();
    }
    for (int round = 0; round < 16; ++round) {
      clock += 10;  // who never came back after a lost join goes with its session
      for (auto& p : players) beat(p, false);
      g.tick(at(clock));
      check();
    }
    std::size_t least = 1'000, most = 0, sum = 0;
    for (const auto& p : players) {
      least = std::min(least, p.owned.size());
      most = std::max(most, p.owned.size());
      sum += p.owned.size();
    }
    EXPECT_EQ(sum, static_cast<std::size_t>(partitions)) << "seed " << seed;
    EXPECT_LE(most, least + 1) << "seed " << seed;
    EXPECT_EQ(g.describe().state, "Stable") << "seed " << seed;
  }
}

}  // namespace
}  // namespace dohle::rules
