// Any bytes as a Kafka request: refused, or an exchange that ends, whatever its questions are answered with.
#include "kafka/exchange.hpp"
#include "schema/error.hpp"

namespace {

using namespace dohle;

/// Nothing, or an error, for each question.
std::vector<response> answers(const kafka::exchange& e, bool errors) {
  std::vector<response> all(e.asks.size(), error{errc::unknown_topic, "no", ""});
  if (errors) return all;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (std::holds_alternative<metadata_request>(e.asks[i])) all[i] = metadata_response{};
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  dohle::kafka::context with;
  with.me = broker_id{1};
  with.host = "127.0.0.1";
  with.auto_create = (data[0] & 2) != 0;
  if ((data[0] & 4) != 0) with.topics.name_of = [](const auto&) { return std::string{"clicks"}; };
  auto begun = dohle::kafka::begin(with, bytes::copy({reinterpret_cast<const char*>(data + 1), size - 1}));
  if (!begun) return 0;
  auto now = std::move(*begun);
  for (int steps = 0; now.then; ++steps) {
    DOHLE_ASSERT(steps < 10, "an exchange ends");
    auto then = now.then;
    now = then(now.until == dohle::kafka::exchange::waiting::for_all ? answers(now, (data[0] & 1) != 0)
                                                                     : std::vector<response>{});
  }
  return 0;
}
