#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

TEST(groups_test, joining_says_the_same_in_every_version) {
  for (int version = 0; version <= 9; ++version) {
    join_group_request m;
    m.group_id = "g";
    m.session_timeout_ms = 10'000;
    m.rebalance_timeout_ms = 20'000;
    m.protocol_type = "consumer";
    m.protocols.push_back({"range", bytes::copy("meta")});
    conversation<join_group_request> c(m, version);
    const auto& r = c.asked<dohle::join_group_request>();
    EXPECT_EQ(r.client, "tester");
    EXPECT_EQ(r.rebalance_timeout.count(), version == 0 ? 10'000 : 20'000);
    EXPECT_EQ(r.protocols.at(0).metadata.view(), "meta");
    dohle::join_group_response joined{generation{3}, "range", "me", "me", {{"me", "", bytes::copy("meta")}}};
    auto answer = c.answer({joined}).result();
    EXPECT_EQ(answer.generation_id, 3);
    EXPECT_EQ(answer.protocol_name, "range");
    EXPECT_EQ(answer.members.at(0).metadata.view(), "meta");
  }
}

TEST(groups_test, errors_of_a_group_are_kafkas) {
  heartbeat_request m;
  m.group_id = "g";
  EXPECT_EQ((conversation<heartbeat_request>(m, 3).answer({error{errc::rebalancing, "", ""}}).result().error_code),
            number(error_code::rebalance_in_progress));
  sync_group_request s;
  s.protocol_name = "range";
  auto synced =
      conversation<sync_group_request>(s, 5).answer({dohle::sync_group_response{bytes::copy("mine")}}).result();
  EXPECT_EQ(synced.assignment.view(), "mine");
  EXPECT_EQ(synced.protocol_name, "range");
}

TEST(groups_test, one_member_leaves_or_many) {
  leave_group_request one;
  one.member_id = "me";
  EXPECT_EQ(
      (conversation<leave_group_request>(one, 1).answer({error{errc::unknown_member, "", ""}}).result().error_code),
      number(error_code::unknown_member_id));
  leave_group_request many;
  many.members.push_back({"a", std::nullopt, std::nullopt});
  many.members.push_back({"", "static", std::nullopt});
  conversation<leave_group_request> c(many, 4);
  EXPECT_EQ(c.asked<dohle::leave_group_request>(1).instance, "static");
  auto left = c.answer({dohle::leave_group_response{}, error{errc::unknown_member, "", ""}}).result();
  EXPECT_EQ(left.members.at(0).error_code, 0);
  EXPECT_EQ(left.members.at(1).error_code, number(error_code::unknown_member_id));
}

TEST(groups_test, a_group_that_nobody_knows_is_dead_or_not_found) {
  describe_groups_request m;
  m.groups = {"g"};
  auto old = conversation<describe_groups_request>(m, 5).answer({error{errc::unknown_group, "", ""}}).result();
  EXPECT_EQ(old.groups[0].group_state, "Dead");
  EXPECT_EQ(old.groups[0].error_code, 0);
  auto now = conversation<describe_groups_request>(m, 6).answer({error{errc::unknown_group, "", ""}}).result();
  EXPECT_EQ(now.groups[0].error_code, number(error_code::group_id_not_found));
  describe_group_response assigned{"g", "Stable", "consumer", "uniform", generation{3}, {}, "consumer"};
  auto other = conversation<describe_groups_request>(m, 6).answer({assigned}).result();
  EXPECT_EQ(other.groups[0].error_code, number(error_code::group_id_not_found)) << "ConsumerGroupDescribe tells it";
}

TEST(groups_test, groups_are_listed_as_the_filters_say_and_deleted) {
  list_groups_request m;
  m.states_filter = {"Stable"};
  dohle::list_groups_response all{{{"a", "Stable", "consumer"}, {"b", "Empty", "consumer"}}};
  auto listed = conversation<list_groups_request>(m, 5).answer({all}).result();
  ASSERT_EQ(listed.groups.size(), 1U);
  EXPECT_EQ(listed.groups[0].group_id, "a");
  EXPECT_EQ(listed.groups[0].group_type, "Classic");
  delete_groups_request d;
  d.groups_names = {"a", "b"};
  auto gone = conversation<delete_groups_request>(d, 2)
                  .answer({error{errc::group_not_empty, "", ""}, delete_group_response{}})
                  .result();
  EXPECT_EQ(gone.results[0].error_code, number(error_code::non_empty_group));
  EXPECT_EQ(gone.results[1].error_code, 0);
}

}  // namespace
}  // namespace dohle::kafka
