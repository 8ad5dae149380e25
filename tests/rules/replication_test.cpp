// Rules R5 (a follower cuts on a proven difference only, never what is committed), R6 (only flushed entries are
// acknowledged), R7 (committed = a majority at a position of the leader's epoch) and R17 (stale answers are dropped).
#include "rules/replication.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace dohle::rules {
namespace {

position at(std::int32_t e, std::int64_t end) { return {epoch{e}, offset{end}}; }
const std::vector<broker_id> three{broker_id{1}, broker_id{2}, broker_id{3}};

epoch_history log_of(const std::vector<log_entry>& entries) {
  epoch_history log;
  for (const auto& e : entries) log.append(e);
  return log;
}

/// Broker 1, leader of epoch 4: records of epoch 1 up to 5, of epoch 3 up to 8, the mark of 4.
replica leading() {
  const auto log = log_of({{epoch{1}, 0}, {epoch{1}, 5}, {epoch{3}, 0}, {epoch{3}, 3}});
  auto r = restored(broker_id{1}, three, {epoch{3}, -1, offset{4}}, log);
  start_election(r);
  become_leader(r);
  r.log.open(r.current);
  return r;
}

/// Broker 2, which has fetched once: records of epoch 1 up to 5 and of epoch 2 up to 7.
replica following(offset high_watermark = offset{4}) {
  const auto log = log_of({{epoch{1}, 0}, {epoch{1}, 5}, {epoch{2}, 0}, {epoch{2}, 2}});
  auto r = restored(broker_id{2}, three, {epoch{4}, -1, high_watermark}, log);
  next_fetch(r);
  return r;
}

replica_fetch fetch_of(std::int32_t who, position p, std::int32_t e = 4) { return {epoch{e}, broker_id{who}, p, 1}; }

replica_answer entries(const replica& to, std::vector<log_entry> what, std::int64_t high_watermark) {
  return {epoch{4}, broker_id{1},    to.log.end(),          to.fetch_number, answer_kind::entries,
          {},       std::move(what), offset{high_watermark}};
}

replica_answer diverged(const replica& to, position point) {
  return {epoch{4}, broker_id{1}, to.log.end(), to.fetch_number, answer_kind::diverged, point, {}, offset{8}};
}

// --- the leader ----------------------------------------------------------------------------------------------------

TEST(replication, a_fetch_is_answered_with_entries_or_where_the_logs_part) {
  struct row {
    position asked;
    answer_kind kind;
    position point;
  };
  const std::vector<row> rows{
      {at(0, 0), answer_kind::entries, {}},        {at(1, 3), answer_kind::entries, {}},
      {at(3, 8), answer_kind::entries, {}},        {at(4, 8), answer_kind::entries, {}},
      {at(1, 6), answer_kind::diverged, at(1, 5)}, {at(2, 7), answer_kind::diverged, at(1, 5)},
      {at(3, 9), answer_kind::diverged, at(3, 8)}, {at(4, 9), answer_kind::diverged, at(4, 8)},
  };
  for (const auto& row : rows) {
    auto r = leading();
    const auto done = on_fetch(r, fetch_of(2, row.asked));
    ASSERT_TRUE(done.answer);
    EXPECT_EQ(done.answer->kind, row.kind);
    EXPECT_EQ(done.answer->point, row.point);
    EXPECT_EQ(done.answer->asked, row.asked);
    // Only what is in both logs counts as acknowledged.
    EXPECT_EQ(flushed_of(r, broker_id{2}), row.kind == answer_kind::entries ? row.asked : position{});
  }
}

TEST(replication, committed_is_what_a_majority_flushed_in_the_leaders_own_epoch) {
  auto r = leading();
  append_records(r, 4);
  EXPECT_FALSE(on_fetch(r, fetch_of(2, at(4, 10))).advanced);  // the leader's own is not flushed yet
  EXPECT_FALSE(on_own_flush(r, at(3, 8)));                     // all of it of earlier epochs: Raft's figure 8
  EXPECT_FALSE(on_fetch(r, fetch_of(3, at(3, 8))).advanced);
  EXPECT_EQ(r.high_watermark, offset{4});
  EXPECT_TRUE(on_own_flush(r, at(4, 9)));
  EXPECT_EQ(r.high_watermark, offset{9});
  EXPECT_TRUE(on_own_flush(r, at(4, 12)));
  EXPECT_EQ(r.high_watermark, offset{10});
  const auto done = on_fetch(r, fetch_of(3, at(4, 11)));
  EXPECT_TRUE(done.advanced);
  EXPECT_EQ(done.answer->high_watermark, offset{11});
  EXPECT_FALSE(on_fetch(r, fetch_of(2, at(4, 9))).advanced);  // one that was on its way for long
  EXPECT_EQ(flushed_of(r, broker_id{2}), at(4, 10));
}

TEST(replication, learners_are_sent_everything_and_count_for_nothing) {
  auto r = leading();
  r.learners = {broker_id{7}};
  on_own_flush(r, at(4, 8));
  EXPECT_FALSE(on_fetch(r, fetch_of(7, at(4, 8))).advanced);
  EXPECT_EQ(flushed_of(r, broker_id{7}), at(4, 8));
  EXPECT_FALSE(on_fetch(r, fetch_of(9, at(4, 8))).advanced);  // a stranger
  EXPECT_EQ(flushed_of(r, broker_id{9}), position{});
}

TEST(replication, a_fetch_from_a_later_epoch_ends_the_reign) {
  auto r = leading();
  const auto done = on_fetch(r, fetch_of(2, at(4, 8), 6));
  EXPECT_FALSE(done.answer);
  EXPECT_EQ(done.persist, (hard_state{epoch{6}, -1, offset{4}}));
  EXPECT_EQ(r.role, replica_role::follower);
}

TEST(replication, a_leader_says_when_it_no_longer_knows) {
  auto r = leading();
  r.log.forget_before(offset{5});
  const auto done = on_fetch(r, fetch_of(2, at(1, 3)));
  EXPECT_EQ(done.answer->kind, answer_kind::forgotten);
  EXPECT_EQ(done.answer->point, at(1, 5));
  EXPECT_EQ(flushed_of(r, broker_id{2}), position{});
}

// --- the follower --------------------------------------------------------------------------------------------------

TEST(replication, a_follower_asks_only_when_all_it_has_is_flushed) {
  auto r = following();
  ASSERT_TRUE(on_answer(r, entries(r, {{epoch{2}, 1}, {epoch{4}, 0}, {epoch{4}, 2}}, 0)).append);
  EXPECT_EQ(r.log.end(), at(4, 10));
  EXPECT_FALSE(may_fetch(r));
  on_own_flush(r, at(2, 8));
  EXPECT_FALSE(may_fetch(r));
  on_own_flush(r, at(4, 10));
  ASSERT_TRUE(may_fetch(r));
  EXPECT_EQ(next_fetch(r).at, at(4, 10));
}

TEST(replication, the_leaders_watermark_is_believed_as_far_as_one_holds) {
  auto r = following();
  const auto done = on_answer(r, entries(r, {{epoch{2}, 1}}, 30));
  EXPECT_TRUE(done.advanced);
  EXPECT_EQ(r.high_watermark, offset{8});
  on_own_flush(r, r.log.end());
  next_fetch(r);
  EXPECT_FALSE(on_answer(r, entries(r, {}, 5)).advanced);  // and never goes back
  EXPECT_EQ(r.high_watermark, offset{8});
}

TEST(replication, a_follower_cuts_where_the_leader_says_and_asks_again) {
  auto r = following();
  const auto done = on_answer(r, diverged(r, at(1, 5)));
  EXPECT_TRUE(done.taken);
  EXPECT_EQ(done.truncate, at(1, 5));
  EXPECT_EQ(r.log.end(), at(1, 5));
  EXPECT_EQ(next_fetch(r).at, at(1, 5));
  EXPECT_EQ(r.leader, broker_id{1});
}

TEST(replication, a_point_that_is_not_before_the_end_cuts_nothing) {
  auto r = following();
  EXPECT_FALSE(on_answer(r, diverged(r, at(2, 7))).taken);  // else it would ask the same for ever
  EXPECT_FALSE(on_answer(r, diverged(r, at(5, 5))).taken);
  EXPECT_EQ(r.log.end(), at(2, 7));
}

TEST(replication_death, what_is_committed_is_never_cut) {
  auto r = following(offset{6});
  EXPECT_DEATH(on_answer(r, diverged(r, at(1, 5))), "what is committed is never cut");
}

TEST(replication, a_new_epoch_alone_cuts_nothing) {
  auto r = following();
  observe(r, epoch{9});
  EXPECT_EQ(r.log.end(), at(2, 7));  // above its watermark 4: no truncation to it (KIP-101)
}

TEST(replication, stale_answers_are_dropped) {
  const auto changed = [](auto change) {
    auto r = following();
    auto a = entries(r, {{epoch{2}, 1}}, 8);
    change(r, a);
    const auto before = r.log.end();
    const auto done = on_answer(r, a);
    EXPECT_EQ(r.log.end() != before, done.append);
    EXPECT_EQ(done.advanced, done.taken);
    return done.taken;
  };
  EXPECT_TRUE(changed([](auto&, auto&) {}));
  EXPECT_FALSE(changed([](auto& r, auto&) { next_fetch(r); }));                  // another fetch is under way
  EXPECT_FALSE(changed([](auto&, auto& a) { a.asked.end = offset{6}; }));        // to an end that is no more
  EXPECT_FALSE(changed([](auto&, auto& a) { a.epoch = epoch{3}; }));             // of a leader deposed
  EXPECT_FALSE(changed([](auto& r, auto&) { observe(r, epoch{5}); }));           // likewise
  EXPECT_FALSE(changed([](auto& r, auto&) { r.role = replica_role::leader; }));  // leaders ask nobody
  EXPECT_FALSE(changed([](auto& r, auto& a) { on_answer(r, a); }));              // twice
}

TEST(replication, entries_that_no_leader_wrote_are_refused) {
  const std::vector<std::vector<log_entry>> wrong{
      {{epoch{4}, 1}},   // no mark before
      {{epoch{2}, -3}},  // no number of records
      {{epoch{2}, 0}},   // the mark twice
      {{epoch{2}, 1}, {epoch{1}, 1}},
      {{epoch{5}, 0}},  // of an epoch after the leader's
  };
  for (const auto& what : wrong) {
    auto r = following();
    EXPECT_FALSE(on_answer(r, entries(r, what, 8)).taken);
    EXPECT_EQ(r.log.end(), at(2, 7));
    EXPECT_EQ(r.high_watermark, offset{4});
  }
}

TEST(replication, an_answer_from_a_later_epoch_is_persisted_before_anything_is_said_in_it) {
  auto r = following();
  auto a = entries(r, {{epoch{6}, 0}}, 0);
  a.epoch = epoch{6};
  const auto done = on_answer(r, a);
  EXPECT_TRUE(done.append);
  EXPECT_EQ(done.persist, (hard_state{epoch{6}, -1, offset{4}}));
}

TEST(replication, a_candidate_that_hears_the_epochs_leader_follows_it) {
  auto r = following();
  start_election(r);
  auto a = entries(r, {}, 0);
  a.epoch = r.current;
  EXPECT_TRUE(on_answer(r, a).taken);
  EXPECT_EQ(r.role, replica_role::follower);
}

TEST(replication_death, who_does_not_lead_does_not_write) {
  auto r = following();
  EXPECT_DEATH(append_records(r, 1), "only the leader writes");
}

}  // namespace
}  // namespace dohle::rules
