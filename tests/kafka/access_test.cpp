#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

TEST(access_test, without_an_authorizer_there_are_no_rules_and_none_can_be_made) {
  EXPECT_EQ((conversation<describe_acls_request>(describe_acls_request{}, 2).result().error_code),
            number(error_code::security_disabled));
  create_acls_request make;
  make.creations.resize(2);
  auto made = conversation<create_acls_request>(make, 3).result().results;
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[1].error_code, number(error_code::security_disabled));
  delete_acls_request remove;
  remove.filters.resize(1);
  EXPECT_EQ((conversation<delete_acls_request>(remove, 3).result().filter_results.at(0).error_code),
            number(error_code::security_disabled));
}

TEST(access_test, nobody_is_limited_and_there_are_no_users) {
  auto quotas = conversation<describe_client_quotas_request>({}, 1).result();
  EXPECT_EQ(quotas.error_code, 0);
  ASSERT_TRUE(quotas.entries.has_value());
  EXPECT_TRUE(quotas.entries->empty());
  describe_user_scram_credentials_request m;
  EXPECT_TRUE(conversation<describe_user_scram_credentials_request>(m, 0).result().results.empty());
  m.users.emplace().push_back({"ann"});
  EXPECT_EQ(conversation<describe_user_scram_credentials_request>(m, 0).result().results.at(0).error_code,
            number(error_code::resource_not_found));
}

}  // namespace
}  // namespace dohle::kafka
