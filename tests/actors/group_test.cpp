#include "actors/group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;

class group_test : public testing::Test {
 protected:
  group_test() {
    w.start();
    EXPECT_TRUE(w.ask(create_topic_request{.name = "t", .partitions = 2}).ok());
  }
  static join_group_request join(std::string member = "") {
    join_group_request r;
    r.group = "g";
    r.member = std::move(member);
    r.client = "c";
    r.protocols = {{"range", bytes::copy("subscription")}};
    r.session_timeout = 10s;
    return r;
  }
  /// One member that joined and synced.
  join_group_response alone() {
    auto joined = w.ask(join());
    EXPECT_TRUE(joined.ok());
    sync_group_request s{"g", joined->generation, joined->member, "", {{joined->member, bytes::copy("mine")}}};
    EXPECT_EQ(w.ask(s)->assignment, bytes::copy("mine"));
    return *joined;
  }
  result<commit_offsets_response> commit(const join_group_response& m, std::int64_t at) {
    return w.ask(
        commit_offsets_request{"g", m.generation, m.member, "", {{"t", partition_index{0}, offset{at}, "note"}}});
  }
  std::optional<offset> committed() {
    auto got = w.ask(fetch_offsets_request{"g", {}});
    if (!got || got->offsets.empty()) return std::nullopt;
    return got->offsets[0].offset;
  }
  world w;
};

TEST_F(group_test, a_second_member_waits_until_the_first_joins_again) {
  auto first = alone();
  auto second = w.send(join());
  EXPECT_FALSE(second->has_value());
  EXPECT_EQ(w.ask(heartbeat_request{"g", first.generation, first.member, ""}).code(), errc::rebalancing);
  auto again = w.ask(join(first.member));
  ASSERT_TRUE(again.ok());
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ(again->generation, second->value()->generation);
  EXPECT_GT(again->generation, first.generation);
}

TEST_F(group_test, a_silent_member_is_lost_after_its_session) {
  auto m = alone();
  w.advance(9s);
  EXPECT_TRUE(w.ask(heartbeat_request{"g", m.generation, m.member, ""}).ok());
  w.advance(11s);
  EXPECT_EQ(w.ask(heartbeat_request{"g", m.generation, m.member, ""}).code(), errc::unknown_member);
}

TEST_F(group_test, commits_are_fenced_by_generation_and_member) {
  auto m = alone();
  EXPECT_TRUE(commit(m, 5).ok());
  EXPECT_EQ(committed(), offset{5});
  auto old = m;
  old.generation = generation{m.generation.value - 1};
  EXPECT_EQ(commit(old, 9).code(), errc::stale_generation);
  old = m;
  old.member = "stranger";
  EXPECT_EQ(commit(old, 9).code(), errc::unknown_member);
  EXPECT_EQ(committed(), offset{5});
}

TEST_F(group_test, offsets_and_members_survive_a_restart) {
  auto m = alone();
  ASSERT_TRUE(commit(m, 5).ok());
  w.stop();
  w.start();
  EXPECT_EQ(committed(), offset{5});
  EXPECT_TRUE(w.ask(heartbeat_request{"g", m.generation, m.member, ""}).ok());
  EXPECT_TRUE(commit(m, 6).ok());
  w.advance(11s);
  EXPECT_EQ(w.ask(describe_group_request{"g"})->state, "Empty");
  EXPECT_EQ(committed(), offset{6});
}

TEST_F(group_test, a_group_is_deleted_only_when_empty_and_forgets_its_offsets) {
  auto m = alone();
  ASSERT_TRUE(commit(m, 5).ok());
  EXPECT_EQ(w.ask(delete_group_request{"g"}).code(), errc::group_not_empty);
  EXPECT_TRUE(w.ask(leave_group_request{"g", m.member, ""}).ok());
  EXPECT_EQ(w.ask(list_groups_request{})->groups.size(), 1u);
  EXPECT_TRUE(w.ask(delete_group_request{"g"}).ok());
  EXPECT_TRUE(w.ask(list_groups_request{})->groups.empty());
  w.stop();
  w.start();
  EXPECT_EQ(committed(), std::nullopt);
  EXPECT_EQ(w.ask(describe_group_request{"g"}).code(), errc::unknown_group);
}

TEST_F(group_test, deleting_a_topic_forgets_its_offsets) {
  auto m = alone();
  ASSERT_TRUE(commit(m, 5).ok());
  ASSERT_TRUE(w.ask(delete_topic_request{"t"}).ok());
  EXPECT_EQ(committed(), std::nullopt);
}

TEST_F(group_test, without_members_anybody_may_commit) {
  EXPECT_TRUE(
      w.ask(commit_offsets_request{"g", generation{-1}, "", "", {{"t", partition_index{1}, offset{3}, ""}}}).ok());
  EXPECT_EQ(committed(), offset{3});
  EXPECT_EQ(w.ask(commit_offsets_request{"", generation{-1}, "", "", {}}).code(), errc::invalid_request);
}

}  // namespace
}  // namespace dohle::actors
