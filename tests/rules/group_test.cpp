#include "rules/group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rules/consumer_protocol.hpp"
#include "schema/limits.hpp"
#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

using std::chrono::seconds;

bytes text(const std::string& s) { return bytes::copy(s); }

join_group_request joining(const std::string& member, const std::string& instance = "") {
  join_group_request r;
  r.group = "g";
  r.member = member;
  r.instance = instance;
  r.protocols = {{"sticky", text("s")}, {"range", text("r")}};
  r.session_timeout = seconds{10};
  r.rebalance_timeout = seconds{30};
  return r;
}
sync_group_request syncing(const std::string& member, std::int32_t g, std::vector<group_assignment> all = {}) {
  return {"g", generation{g}, member, "", std::move(all)};
}
heartbeat_request beat(const std::string& member, std::int32_t g, const std::string& instance = "") {
  return {"g", generation{g}, member, instance};
}
commit_offsets_request commit(const std::string& member, std::int32_t g) {
  return {"g", generation{g}, member, "", {{"t", partition_index{0}, offset{5}, ""}}};
}
timestamp at(std::int64_t ms) { return timestamp{1'000'000 + ms}; }

errc only_join(const group_effects& e) {
  EXPECT_EQ(e.joins.size(), 1U);
  return e.joins.empty() ? errc::internal : e.joins[0].second.code();
}
errc only_sync(const group_effects& e) {
  EXPECT_EQ(e.syncs.size(), 1U);
  return e.syncs.empty() ? errc::internal : e.syncs[0].second.code();
}

/// "a" leads, "b" follows, generation 2, Stable at 0 ms; "a" has "x", "b" has "y".
group pair_of(const std::string& instance_a = "", const std::string& instance_b = "") {
  group g{"g"};
  EXPECT_EQ(only_join(g.join(1, joining("", instance_a), "a", at(0))), errc::ok);
  EXPECT_TRUE(g.join(2, joining("", instance_b), "b", at(0)).joins.empty());
  const auto joined = g.join(3, joining("a", instance_a), "", at(0));
  EXPECT_EQ(joined.joins.size(), 2U);
  EXPECT_TRUE(g.sync(4, syncing("b", 2), at(0)).syncs.empty());
  const auto synced = g.sync(5, syncing("a", 2, {{"a", text("x")}, {"b", text("y")}}), at(0));
  EXPECT_EQ(synced.syncs.size(), 2U);
  EXPECT_TRUE(synced.persist);
  EXPECT_EQ(g.state(), group_state::stable);
  return g;
}

TEST(group, the_first_member_leads_and_gets_what_it_assigns) {
  group g{"g"};
  const auto joined = g.join(1, joining(""), "a", at(0));
  ASSERT_EQ(only_join(joined), errc::ok);
  const auto& answer = joined.joins[0].second.value();
  EXPECT_EQ(answer.generation, generation{1});
  EXPECT_EQ(answer.protocol, "sticky");
  EXPECT_EQ(answer.leader, "a");
  EXPECT_EQ(answer.member, "a");
  EXPECT_EQ(answer.members, (std::vector<group_member>{{"a", "", text("s")}}));
  EXPECT_EQ(g.state(), group_state::completing_rebalance);
  const auto synced = g.sync(2, syncing("a", 1, {{"a", text("all")}, {"stranger", text("none")}}), at(5));
  EXPECT_EQ(synced.syncs[0].second.value().assignment, text("all"));
  EXPECT_TRUE(synced.persist);
  EXPECT_EQ(g.describe().state, "Stable");
  EXPECT_EQ(g.describe().members[0].assignment, text("all"));
}

TEST(group, a_second_member_makes_the_first_join_again) {
  auto g = pair_of();
  EXPECT_TRUE(g.heartbeat(beat("a", 2), at(100)).ok());
  EXPECT_TRUE(g.join(9, joining(""), "c", at(200)).joins.empty());
  EXPECT_EQ(g.heartbeat(beat("a", 2), at(300)).code(), errc::rebalancing);
  EXPECT_TRUE(g.check_commit(commit("a", 2), at(300)).ok());  // the last commit before joining again
  EXPECT_EQ(only_sync(g.sync(10, syncing("a", 2), at(300))), errc::rebalancing);
  EXPECT_TRUE(g.join(11, joining("a"), "", at(400)).joins.empty());
  const auto last = g.join(12, joining("b"), "", at(400));
  ASSERT_EQ(last.joins.size(), 3U);
  for (const auto& [t, answer] : last.joins) {
    EXPECT_EQ(answer.value().generation, generation{3});
    EXPECT_EQ(answer.value().leader, "a");
    EXPECT_EQ(answer.value().members.size(), answer.value().member == "a" ? 3U : 0U);
  }
  EXPECT_EQ(g.check_commit(commit("a", 3), at(500)).code(), errc::rebalancing);
  EXPECT_EQ(g.check_commit(commit("a", 2), at(500)).code(), errc::stale_generation);
  EXPECT_EQ(g.heartbeat(beat("b", 2), at(500)).code(), errc::stale_generation);
}

TEST(group, who_does_not_join_in_time_is_left_out) {
  auto g = pair_of();
  const auto e = g.leave({"g", "b", ""}, at(0)).effects;
  EXPECT_EQ(g.state(), group_state::preparing_rebalance);
  EXPECT_TRUE(g.join(9, joining(""), "c", at(100)).joins.empty());
  for (int s = 1; s < 30; s += 5) EXPECT_EQ(g.heartbeat(beat("a", 2), at(1000 * s)).code(), errc::rebalancing);
  EXPECT_TRUE(g.tick(at(29'999)).joins.empty());
  const auto over = g.tick(at(30'000));  // "a" beats but never joins: its records take too long
  ASSERT_EQ(only_join(over), errc::ok);
  EXPECT_EQ(over.joins[0].second.value().leader, "c");
  EXPECT_EQ(g.member_count(), 1U);
  EXPECT_EQ(g.heartbeat(beat("a", 2), at(30'001)).code(), errc::unknown_member);
  EXPECT_EQ(g.check_commit(commit("a", 2), at(30'001)).code(), errc::unknown_member);
}

TEST(group, a_silent_member_is_lost_after_its_session) {
  auto g = pair_of();
  EXPECT_EQ(g.next_deadline(), at(10'000));
  EXPECT_TRUE(g.heartbeat(beat("a", 2), at(8'000)).ok());
  g.tick(at(9'999));
  EXPECT_EQ(g.state(), group_state::stable);
  g.tick(at(10'000));
  EXPECT_EQ(g.state(), group_state::preparing_rebalance);
  EXPECT_EQ(g.member_count(), 1U);
  const auto e = g.tick(at(18'000));
  EXPECT_EQ(g.state(), group_state::empty);
  EXPECT_TRUE(e.persist);
  EXPECT_FALSE(e.next_deadline);
  EXPECT_EQ(g.generation(), generation{3});
}

TEST(group, who_never_asks_for_its_assignment_is_left_out) {
  group g{"g"};
  g.join(1, joining(""), "a", at(0));
  g.join(2, joining(""), "b", at(0));
  g.join(3, joining("a"), "", at(0));
  g.sync(4, syncing("b", 2), at(0));  // "a" leads and is gone: "b" waits for it
  for (int s = 5; s < 30; s += 5) EXPECT_TRUE(g.heartbeat(beat("a", 2), at(1000 * s)).ok());
  const auto e = g.tick(at(30'000));
  EXPECT_EQ(only_sync(e), errc::rebalancing);
  EXPECT_EQ(g.member_count(), 1U);
  const auto again = g.join(5, joining("b"), "", at(30'100));
  EXPECT_EQ(again.joins[0].second.value().leader, "b");
}

TEST(group, leaving_hands_the_partitions_on) {
  auto g = pair_of();
  EXPECT_EQ(g.leave({"g", "stranger", ""}, at(0)).answer.code(), errc::unknown_member);
  EXPECT_TRUE(g.leave({"g", "a", ""}, at(0)).answer.ok());
  EXPECT_EQ(g.heartbeat(beat("b", 2), at(0)).code(), errc::rebalancing);
  const auto joined = g.join(9, joining("b"), "", at(0));
  EXPECT_EQ(joined.joins[0].second.value().generation, generation{3});
  const auto left = g.leave({"g", "b", ""}, at(0));
  EXPECT_TRUE(left.effects.persist);
  EXPECT_EQ(g.state(), group_state::empty);
  EXPECT_TRUE(g.snapshot().members.empty());
}

TEST(group, a_lost_answer_is_given_again) {
  auto g = pair_of();
  const auto again = g.join(9, joining("b"), "", at(10));
  ASSERT_EQ(only_join(again), errc::ok);
  EXPECT_EQ(again.joins[0].second.value().generation, generation{2});
  EXPECT_EQ(g.state(), group_state::stable);
  EXPECT_EQ(g.sync(10, syncing("b", 2), at(10)).syncs[0].second.value().assignment, text("y"));
}

TEST(group, the_leader_joining_again_starts_a_rebalance) {
  auto g = pair_of();
  EXPECT_TRUE(g.join(9, joining("a"), "", at(10)).joins.empty());
  EXPECT_EQ(g.state(), group_state::preparing_rebalance);
  const auto replaced = g.join(10, joining("a"), "", at(11));  // sent twice: the first is answered too
  ASSERT_EQ(only_join(replaced), errc::rebalancing);
  EXPECT_EQ(replaced.joins[0].first, 9U);
}

TEST(group, the_protocol_most_like_among_those_all_speak_is_chosen) {
  group g{"g"};
  const auto with = [](std::vector<std::string> names, const std::string& member) {
    auto r = joining(member);
    r.protocols.clear();
    for (const auto& n : names) r.protocols.push_back({n, text(n)});
    return r;
  };
  g.join(1, with({"a", "b", "c"}, ""), "m1", at(0));
  g.join(2, with({"c", "b"}, ""), "m2", at(0));
  g.join(3, with({"d", "c", "b"}, ""), "m3", at(0));
  EXPECT_EQ(only_join(g.join(4, with({"a"}, ""), "m4", at(0))), errc::inconsistent_protocol);
  auto stream = with({"b"}, "");
  stream.protocol_type = "connect";
  EXPECT_EQ(only_join(g.join(5, stream, "m5", at(0))), errc::inconsistent_protocol);
  const auto e = g.join(6, with({"a", "b", "c"}, "m1"), "", at(0));
  ASSERT_EQ(e.joins.size(), 3U);
  EXPECT_EQ(e.joins[0].second.value().protocol, "c");  // "b" and "c" are spoken by all; two like "c" better
}

TEST(group, joins_that_make_no_sense_are_refused) {
  group g{"g"};
  auto r = joining("");
  r.session_timeout = milliseconds{10};
  EXPECT_EQ(only_join(g.join(1, r, "a", at(0))), errc::invalid_session_timeout);
  r.session_timeout = std::chrono::hours{1};
  EXPECT_EQ(only_join(g.join(1, r, "a", at(0))), errc::invalid_session_timeout);
  r = joining("");
  r.protocols.clear();
  EXPECT_EQ(only_join(g.join(1, r, "a", at(0))), errc::invalid_request);
  r = joining("");
  r.protocols.push_back(r.protocols[0]);
  EXPECT_EQ(only_join(g.join(1, r, "a", at(0))), errc::invalid_request);
  r = joining("");
  r.protocols[0].metadata = text(std::string(limits::max_group_metadata + 1, 'x'));
  EXPECT_EQ(only_join(g.join(1, r, "a", at(0))), errc::invalid_request);
  EXPECT_EQ(only_join(g.join(1, joining("nobody"), "", at(0))), errc::unknown_member);
  EXPECT_EQ(g.state(), group_state::empty);
}

TEST(group, members_and_their_metadata_are_bounded) {
  group g{"g"};
  auto r = joining("");
  r.protocols = {{"range", text(std::string(limits::max_group_metadata - 10, 'x'))}};
  for (int i = 0; i < 8; ++i) {
    const auto e = g.join(static_cast<token>(i), r, "m" + std::to_string(i), at(0));
    for (const auto& [t, answer] : e.joins) EXPECT_TRUE(answer.ok());
  }
  EXPECT_EQ(only_join(g.join(9, r, "m9", at(0))), errc::busy);
}

TEST(group, a_static_member_comes_back_without_a_rebalance) {
  auto g = pair_of("ia", "ib");
  const auto back = g.join(9, joining("", "ib"), "b2", at(10));
  ASSERT_EQ(only_join(back), errc::ok);
  EXPECT_TRUE(back.persist);
  EXPECT_EQ(back.joins[0].second.value().member, "b2");
  EXPECT_EQ(back.joins[0].second.value().generation, generation{2});
  EXPECT_EQ(g.state(), group_state::stable);
  EXPECT_EQ(g.sync(10, syncing("b2", 2), at(10)).syncs[0].second.value().assignment, text("y"));
  EXPECT_EQ(g.heartbeat(beat("b", 2, "ib"), at(10)).code(), errc::fenced_instance);
  EXPECT_EQ(g.heartbeat(beat("b", 2), at(10)).code(), errc::unknown_member);
  EXPECT_TRUE(g.heartbeat(beat("a", 2, "ia"), at(10)).ok());
}

TEST(group, a_static_leader_that_comes_back_does_not_assign_anew) {
  auto g = pair_of("ia", "ib");
  const auto back = g.join(9, joining("", "ia"), "a2", at(10));
  ASSERT_EQ(only_join(back), errc::ok);
  EXPECT_EQ(back.joins[0].second.value().leader, "a");
  EXPECT_TRUE(back.joins[0].second.value().members.empty());
  g.join(10, joining("a2", "ia"), "", at(20));  // as leader it may ask for a rebalance
  EXPECT_EQ(g.state(), group_state::preparing_rebalance);
}

TEST(group, a_static_member_with_other_topics_makes_a_rebalance) {
  const auto with = [](std::vector<std::string> topics, std::vector<topic_partition> owned) {
    return encode_subscription({"", "", std::move(topics), std::move(owned), {}});
  };
  group g{"g"};
  auto r = joining("", "ia");
  r.protocols = {{"sticky", with({"t"}, {{"t", partition_index{0}}})}};
  g.join(1, r, "a", at(0));
  g.sync(2, syncing("a", 1, {{"a", text("x")}}), at(0));
  r.protocols = {{"sticky", with({"t"}, {})}};  // owns nothing yet: that is no other wish
  EXPECT_EQ(g.join(3, r, "a2", at(0)).joins[0].second.value().generation, generation{1});
  r.protocols = {{"sticky", with({"t", "u"}, {})}};
  EXPECT_EQ(g.join(4, r, "a3", at(0)).joins[0].second.value().generation, generation{2});
}

TEST(group, a_static_member_keeps_its_place_while_it_restarts) {
  auto g = pair_of("ia", "");
  EXPECT_TRUE(g.join(9, joining(""), "c", at(0)).joins.empty());
  g.join(10, joining("b"), "", at(0));
  auto r = joining("a", "ia");
  for (int s = 5; s < 30; s += 5) EXPECT_EQ(g.heartbeat(beat("a", 2, "ia"), at(1000 * s)).code(), errc::rebalancing);
  const auto e = g.tick(at(30'000));
  EXPECT_EQ(e.joins.size(), 2U);
  EXPECT_EQ(g.member_count(), 3U);
  g.tick(at(35'000));  // silent since 25 s
  EXPECT_EQ(g.member_count(), 2U);
}

TEST(group, the_initial_delay_gathers_members) {
  group g{"g", {seconds{3}}};
  EXPECT_EQ(g.join(1, joining(""), "a", at(0)).next_deadline, at(3'000));
  EXPECT_TRUE(g.join(2, joining(""), "b", at(2'000)).joins.empty());
  EXPECT_TRUE(g.tick(at(3'000)).joins.empty());  // somebody came: wait once more
  const auto e = g.tick(at(6'000));
  ASSERT_EQ(e.joins.size(), 2U);
  EXPECT_EQ(e.joins[0].second.value().generation, generation{1});
}

TEST(group, without_members_anybody_commits_and_deletes) {
  group g{"g"};
  commit_offsets_request r;
  r.group = "g";
  r.offsets = {{"t", partition_index{0}, offset{5}, ""}};
  EXPECT_TRUE(g.check_commit(r, at(0)).ok());
  EXPECT_TRUE(g.check_delete().ok());
  EXPECT_EQ(g.check_commit(commit("a", 1), at(0)).code(), errc::unknown_member);
  g.join(1, joining(""), "a", at(0));
  EXPECT_EQ(g.check_commit(r, at(0)).code(), errc::group_not_empty);
  EXPECT_EQ(g.check_delete().code(), errc::group_not_empty);
  r.offsets[0].metadata.resize(limits::max_commit_metadata + 1);
  EXPECT_EQ(g.check_commit(r, at(0)).code(), errc::invalid_request);
}

TEST(group, a_restart_keeps_a_stable_group) {
  const auto before = pair_of("ia", "");
  auto g = group::restore(before.id(), before.snapshot(), at(50'000));
  EXPECT_EQ(g.snapshot(), before.snapshot());
  EXPECT_EQ(g.state(), group_state::stable);
  EXPECT_TRUE(g.heartbeat(beat("b", 2), at(51'000)).ok());
  EXPECT_TRUE(g.check_commit(commit("a", 2), at(51'000)).ok());
  EXPECT_EQ(g.sync(1, syncing("b", 2), at(51'000)).syncs[0].second.value().assignment, text("y"));
  g.tick(at(60'999));
  EXPECT_EQ(g.member_count(), 2U);
  g.tick(at(61'000));  // a session after they were last heard of
  EXPECT_EQ(g.state(), group_state::empty);
  EXPECT_EQ(group::restore(g.id(), g.snapshot(), at(0)).generation(), generation{3});
}

TEST(group, closing_answers_all_that_wait) {
  auto g = pair_of();
  g.join(9, joining(""), "c", at(0));
  const auto e = g.close({errc::not_leader, "moved", ""});
  EXPECT_EQ(only_join(e), errc::not_leader);
  EXPECT_FALSE(e.next_deadline);
  EXPECT_EQ(g.state(), group_state::dead);
  EXPECT_EQ(only_join(g.join(10, joining(""), "d", at(0))), errc::not_leader);
  EXPECT_EQ(g.heartbeat(beat("a", 2), at(0)).code(), errc::not_leader);
}

TEST(group_death, a_moving_group_is_not_persisted) {
  group g{"g"};
  g.join(1, joining(""), "a", at(0));
  EXPECT_DEATH(static_cast<void>(g.snapshot()), "broken invariant");
}

TEST(group, within_a_transaction_nobody_needs_to_be_a_member_but_who_says_so_must) {
  auto g = pair_of();
  auto r = commit("", -1);
  EXPECT_EQ(g.check_commit(r, at(1)).code(), errc::group_not_empty);
  r.within = in_transaction{producer_id{1}, 0};
  EXPECT_TRUE(g.check_commit(r, at(1)).ok());
  r = commit("stranger", 2);
  r.within = in_transaction{producer_id{1}, 0};
  EXPECT_EQ(g.check_commit(r, at(1)).code(), errc::unknown_member);
  r = commit("a", 1);
  r.within = in_transaction{producer_id{1}, 0};
  EXPECT_EQ(g.check_commit(r, at(1)).code(), errc::stale_generation);
  r.generation = generation{2};
  EXPECT_TRUE(g.check_commit(r, at(1)).ok());
}

TEST(group, what_members_read_is_told_by_their_subscriptions) {
  group g{"g"};
  EXPECT_TRUE(g.subscribed_topics()->empty());
  auto r = joining("");
  r.client_host = "10.0.0.7";
  r.protocols = {{"range", encode_subscription({"", "", {"clicks", "views"}, {}, {}})}};
  g.join(1, r, "a", at(0));
  g.sync(2, syncing("a", 1), at(0));
  EXPECT_EQ(*g.subscribed_topics(), (std::set<std::string>{"clicks", "views"}));
  EXPECT_EQ(g.describe().members.at(0).client_host, "10.0.0.7");
  EXPECT_EQ(group::restore("g", g.snapshot(), at(0)).describe().members.at(0).client_host, "10.0.0.7");
  auto opaque = pair_of();
  EXPECT_EQ(opaque.subscribed_topics().code(), errc::group_not_empty);
}

}  // namespace
}  // namespace dohle::rules
