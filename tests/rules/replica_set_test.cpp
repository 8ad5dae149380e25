// Rule R12: learner first, one change at a time, effective on append, reverted when cut, none before the leader's epoch
// is committed; a voter is a broker with its disk.
#include "rules/replica_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <vector>

#include "rules/replication.hpp"
#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

position at(std::int32_t e, std::int64_t end) { return {epoch{e}, offset{end}}; }
replica_id id(std::int32_t broker, std::uint64_t disk = 1) { return {broker_id{broker}, {disk, disk}}; }

constexpr auto add = set_change_kind::add_learner;
constexpr auto promote = set_change_kind::promote;
constexpr auto remove = set_change_kind::remove;

/// Broker 1 leads epoch 5 with voters 1, 2, 3; its mark is on all disks, records up to 10 are committed.
struct partition {
  partition() {
    epoch_history log;
    log.open(epoch{4});
    log.append(epoch{4}, 10);
    r = restored(broker_id{1}, {broker_id{1}, broker_id{2}, broker_id{3}}, {epoch{4}, -1, offset{10}}, log);
    start_election(r);
    become_leader(r);
    r.log.open(epoch{5});
    for (std::int32_t b = 1; b <= 3; ++b) on_flushed(r, broker_id{b}, at(5, 10));
    sets.commit(r.high_watermark);
  }
  result<replica_set> ask(set_change_kind kind, replica_id who) const { return changed_set(r, sets, {kind, who}); }
  /// The leader appends the changed set.
  void change(set_change_kind kind, replica_id who) {
    auto set = ask(kind, who);
    ASSERT_TRUE(set) << to_string(set.error());
    const auto before = sets.current();
    sets.append(r.log.end().end, *set);
    append_records(r, 1);
    adopt(r, id(1), before, sets);
  }
  /// Everybody named has everything on disk.
  void flush(const std::vector<std::int32_t>& brokers) {
    for (auto b : brokers) on_flushed(r, broker_id{b}, r.log.end());
    sets.commit(r.high_watermark);
    adopt(r, id(1), sets.current(), sets);
  }
  replica r;
  replica_sets sets{{{id(1), id(2), id(3)}, {}}};
};

TEST(replica_set, a_replica_begins_as_a_learner) {
  partition p;
  EXPECT_EQ(p.ask(promote, id(4)).code(), errc::invalid_request);
  p.change(add, id(4));
  EXPECT_EQ(p.r.voters.size(), 3U);
  EXPECT_EQ(p.r.learners, std::vector{broker_id{4}});
  p.flush({1, 2});
  EXPECT_EQ(p.ask(promote, id(4)).code(), errc::busy);  // has not caught up
  on_flushed(p.r, broker_id{4}, at(4, 10));
  EXPECT_EQ(p.ask(promote, id(4)).code(), errc::busy);  // nor with records of an earlier epoch alone
  on_flushed(p.r, broker_id{4}, at(5, 11));
  p.change(promote, id(4));
  EXPECT_EQ(p.r.voters.size(), 4U);
  EXPECT_TRUE(p.r.learners.empty());
}

TEST(replica_set, changes_come_one_at_a_time) {
  partition p;
  p.change(add, id(4));
  EXPECT_EQ(p.ask(add, id(5)).code(), errc::busy);
  EXPECT_EQ(p.ask(remove, id(2)).code(), errc::busy);
  p.flush({1});
  EXPECT_EQ(p.ask(add, id(5)).code(), errc::busy);  // the leader's disk is no majority
  p.flush({1, 2});
  EXPECT_TRUE(p.ask(add, id(5)));
}

TEST(replica_set, none_before_the_leaders_own_epoch_is_committed) {
  partition p;
  start_election(p.r);
  EXPECT_EQ(p.ask(add, id(4)).code(), errc::not_leader);
  become_leader(p.r);
  p.r.log.open(epoch{6});
  on_flushed(p.r, broker_id{1}, at(6, 10));
  EXPECT_EQ(p.ask(add, id(4)).code(), errc::busy);
  on_flushed(p.r, broker_id{2}, at(5, 10));
  EXPECT_EQ(p.ask(add, id(4)).code(), errc::busy);
  on_flushed(p.r, broker_id{2}, at(6, 10));
  EXPECT_TRUE(p.ask(add, id(4)));
}

TEST(replica_set, a_set_rules_from_its_append_and_until_it_is_cut) {
  replica_sets sets{{{id(1), id(2), id(3)}, {}}};
  const replica_set more{{id(1), id(2), id(3)}, {id(4)}};
  const replica_set most{{id(1), id(2), id(3), id(4)}, {}};
  sets.append(offset{10}, more);
  EXPECT_EQ(sets.current(), more);
  EXPECT_FALSE(sets.settled());
  sets.commit(offset{10});
  EXPECT_FALSE(sets.settled());  // all before 10 is committed, the record at 10 is not
  EXPECT_FALSE(sets.truncate(offset{11}));
  EXPECT_TRUE(sets.truncate(offset{10}));
  EXPECT_EQ(sets.current().learners.size(), 0U);
  sets.append(offset{10}, more);
  sets.append(offset{20}, most);  // a follower that lags is sent several at once
  EXPECT_EQ(sets.current(), most);
  sets.commit(offset{11});
  EXPECT_FALSE(sets.settled());
  EXPECT_TRUE(sets.truncate(offset{15}));
  EXPECT_EQ(sets.current(), more);
  EXPECT_TRUE(sets.settled());
}

TEST(replica_set, a_new_set_counts_at_once) {
  partition p;
  p.change(add, id(4));
  p.flush({1, 2, 4});
  p.change(promote, id(4));  // record 11
  EXPECT_FALSE(on_flushed(p.r, broker_id{1}, at(5, 12)));
  EXPECT_FALSE(on_flushed(p.r, broker_id{4}, at(5, 12)));  // two of four are no majority
  EXPECT_TRUE(on_flushed(p.r, broker_id{3}, at(5, 12)));
}

TEST(replica_set, a_broker_that_lost_its_disk_is_another_replica) {
  partition p;
  EXPECT_TRUE(is_member(p.sets.current(), id(3)));
  EXPECT_FALSE(is_member(p.sets.current(), id(3, 2)));
  EXPECT_EQ(p.ask(add, id(3, 2)).code(), errc::invalid_request);  // the one with the old disk goes first
  EXPECT_EQ(p.ask(remove, id(3, 2)).code(), errc::invalid_request);
  p.change(remove, id(3));
  EXPECT_EQ(flushed_of(p.r, broker_id{3}), position{});
  p.flush({1, 2});
  p.change(add, id(3, 2));
  EXPECT_EQ(flushed_of(p.r, broker_id{3}), position{});  // what the old one had proves nothing
  p.flush({1, 2});
  EXPECT_EQ(p.ask(promote, id(3, 2)).code(), errc::busy);
}

TEST(replica_set, a_disk_that_changes_under_a_broker_is_forgotten_too) {
  partition p;
  adopt(p.r, id(1), {{id(1), id(2), id(3)}, {}}, replica_sets{{{id(1), id(2), id(3, 2)}, {}}});
  EXPECT_EQ(flushed_of(p.r, broker_id{2}), at(5, 10));
  EXPECT_EQ(flushed_of(p.r, broker_id{3}), position{});
}

TEST(replica_set, who_lost_its_disk_does_not_stand_in_its_former_name) {
  partition p;
  resign(p.r);
  adopt(p.r, id(1), p.sets.current(), p.sets);
  EXPECT_TRUE(may_stand(p.r));
  adopt(p.r, id(1, 2), p.sets.current(), p.sets);
  EXPECT_TRUE(is_voter(p.r, p.r.me));  // the majority is still that of three
  EXPECT_FALSE(may_stand(p.r));
}

TEST(replica_set, the_last_voter_stays) {
  partition p;
  p.change(remove, id(2));
  p.flush({1, 3});
  p.change(remove, id(3));
  p.flush({1});
  EXPECT_EQ(p.ask(remove, id(1)).code(), errc::invalid_request);
}

TEST(replica_set, a_leader_removed_leads_until_that_is_committed) {
  partition p;
  p.change(remove, id(1));
  EXPECT_FALSE(must_resign(p.r, p.sets));
  p.flush({1, 2});
  EXPECT_FALSE(must_resign(p.r, p.sets));  // it no longer counts itself
  p.flush({3});
  EXPECT_TRUE(must_resign(p.r, p.sets));
}

TEST(replica_set, a_voter_that_leaves_may_stand_until_that_is_committed) {
  // Only broker 1 has the set without it, and so the longest log: of 2, 3 nobody can win against it.
  partition p;
  p.change(remove, id(1));
  resign(p.r);
  EXPECT_FALSE(is_voter(p.r, p.r.me));
  ASSERT_TRUE(may_stand(p.r));
  start_election(p.r);
  EXPECT_FALSE(wins(p.r, std::vector{broker_id{1}, broker_id{2}}));  // its own vote does not count
  EXPECT_TRUE(wins(p.r, std::vector{broker_id{2}, broker_id{3}}));
  become_leader(p.r);
  p.r.log.open(p.r.current);
  p.flush({2, 3});
  EXPECT_FALSE(may_stand(p.r));
  EXPECT_TRUE(must_resign(p.r, p.sets));
}

TEST(replica_set, majorities_before_and_after_any_change_meet) {
  test::random random{11};
  int changes = 0;
  for (int run = 0; run < 300; ++run) {
    partition p;
    for (int step = 0; step < 20; ++step) {
      const auto kind = static_cast<set_change_kind>(random.below(3));
      const auto who = id(static_cast<std::int32_t>(random.below(7)), 1 + random.next() % 2);
      const auto before = p.sets.current().voters;
      const auto set = p.ask(kind, who);
      if (!set) continue;
      ++changes;
      p.change(kind, who);
      // One voter more, one less, or none: two majorities that do not meet would need more.
      std::vector<replica_id> all = before;
      for (const auto& v : set->voters) {
        if (std::ranges::find(all, v) == all.end()) all.push_back(v);
      }
      ASSERT_LE(all.size(), std::max(before.size(), set->voters.size()));
      ASSERT_LE(std::max(before.size(), set->voters.size()) - std::min(before.size(), set->voters.size()), 1U);
      std::map<broker_id, int> places;
      for (const auto* part : {&set->voters, &set->learners}) {
        for (const auto& m : *part) ASSERT_EQ(++places[m.broker], 1) << "a broker twice";
      }
      if (!random.one_in(4)) p.flush({0, 1, 2, 3, 4, 5, 6});
    }
  }
  EXPECT_GT(changes, 500);
}

}  // namespace
}  // namespace dohle::rules
