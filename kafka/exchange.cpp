#include "kafka/exchange.hpp"

#include "kafka/apis.hpp"
#include "kafka/errors.hpp"

namespace dohle::kafka {

namespace {

error hostile(const std::string& what) { return {errc::invalid_request, what, "a Kafka client on this port"}; }

/// A client newer than this broker asks for its versions in one it does not know: told in the oldest form.
exchange unsupported_versions_answer(call c) {
  c.version = 0;
  api_versions_response answer;
  answer.error_code = number(error_code::unsupported_version);
  for (const auto& a : served_apis()) answer.api_keys.push_back({a.key, a.first, a.last});
  return reply(c, answer);
}

}  // namespace

result<exchange> begin(const context& with, bytes frame) {
  reader header(frame, 0, false);
  call c;
  std::optional<std::string> client;
  header.get(c.api);
  header.get(c.version);
  header.get(c.correlation);
  header.get(client);
  if (!header.ok()) return hostile("a frame is shorter than a request's header");
  c.client = client.value_or("");
  const auto* api = find_api(c.api);
  if (!api) return hostile("API " + std::to_string(c.api) + " is not served");
  if (c.version < api->first_served || c.version > api->last) {
    if (c.api == api_versions_request::api_key) return unsupported_versions_answer(std::move(c));
    return hostile("version " + std::to_string(c.version) + " of API " + std::to_string(c.api) + " is not served");
  }
  reader body(frame.part(frame.size() - header.remaining()), c.version, c.version >= api->flexible_from);
  body.tags([](std::uint32_t) {});  // of the header
  auto begun = api->handle(with, c, body);
  if (begun.failed) return hostile("a request of API " + std::to_string(c.api) + " is malformed");
  return begun;
}

}  // namespace dohle::kafka
