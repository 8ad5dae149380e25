// Who may do what, and how much of it: everybody everything, because this broker has no authorizer.
#include "kafka/apis.hpp"
#include "kafka/errors.hpp"

namespace dohle::kafka {

namespace {

constexpr auto no_authorizer = "this broker has no authorizer";

}  // namespace

exchange on(const context&, const call& c, const describe_acls_request&) {
  describe_acls_response answer;
  answer.error_code = number(error_code::security_disabled);
  answer.error_message = no_authorizer;
  return reply(c, answer);
}

exchange on(const context&, const call& c, const create_acls_request& m) {
  create_acls_response answer;
  answer.results.assign(m.creations.size(), {number(error_code::security_disabled), no_authorizer});
  return reply(c, answer);
}

exchange on(const context&, const call& c, const delete_acls_request& m) {
  delete_acls_response answer;
  answer.filter_results.assign(m.filters.size(), {number(error_code::security_disabled), no_authorizer, {}});
  return reply(c, answer);
}

exchange on(const context&, const call& c, const describe_client_quotas_request&) {
  describe_client_quotas_response answer;
  answer.error_message.reset();
  answer.entries.emplace();  // nobody is limited
  return reply(c, answer);
}

exchange on(const context&, const call& c, const describe_user_scram_credentials_request& m) {
  describe_user_scram_credentials_response answer;
  answer.error_message.reset();
  if (m.users)
    for (const auto& asked : *m.users)
      answer.results.push_back({asked.name, number(error_code::resource_not_found), "there are no users", {}});
  return reply(c, answer);
}

}  // namespace dohle::kafka
