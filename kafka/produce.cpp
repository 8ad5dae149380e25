// Appending: one request of ours a partition, all at once; the batch stays a view of the frame it came in.
#include "kafka/apis.hpp"
#include "kafka/errors.hpp"

namespace dohle::kafka {

namespace {

struct place {
  std::size_t topic, partition;  ///< in the answer
};

error_code refuse(const produce_request& m) {
  if (m.acks < -1 || m.acks > 1) return error_code::invalid_required_acks;
  return error_code::none;
}

/// Kafka's clients tell apart what a batch may be refused for.
error_code code_of(const error& e) {
  return e.code == errc::invalid_request ? error_code::invalid_record : to_kafka(e.code);
}

void fill(produce_response_partition_produce_response& to, response& from) {
  auto r = typed<dohle::produce_response>(from);
  if (r) {
    to.base_offset = r->base.value;
    to.log_append_time_ms = r->append_time.value;
    return;
  }
  to.error_code = number(code_of(r.error()));
  to.base_offset = -1;
  to.error_message = r.error().message;
}

exchange finish(const call& c, std::int16_t acks, const produce_response& answer) {
  if (acks != 0) return reply(c, answer);
  // Nobody waits for an answer: a failure can only be shown by closing, which makes the client look for its leader.
  for (const auto& t : answer.responses)
    for (const auto& p : t.partition_responses)
      if (p.error_code != 0) return malformed();
  return {};
}

}  // namespace

exchange on(const context&, const call& c, produce_request& m) {
  produce_response answer;
  std::vector<request> asks;
  std::vector<place> places;
  const auto refused = refuse(m);
  constexpr int enlists_from = 12;  // before it clients add their partitions themselves
  for (auto& t : m.topic_data) {
    answer.responses.push_back({t.name, {}, {}});
    for (auto& p : t.partition_data) {
      auto& line = answer.responses.back().partition_responses.emplace_back();
      line.index = p.index;
      line.error_code = number(p.records.null ? error_code::invalid_record : refused);
      line.base_offset = -1;
      if (line.error_code != 0) continue;
      places.push_back({answer.responses.size() - 1, answer.responses.back().partition_responses.size() - 1});
      asks.push_back(dohle::produce_request{t.name, partition_index{p.index}, static_cast<ack_level>(m.acks),
                                            std::move(p.records.pieces.front()), c.version >= enlists_from});
    }
  }
  if (asks.empty()) return finish(c, m.acks, answer);
  return ask(std::move(asks), [=, acks = m.acks](std::vector<response> r) {
    auto filled = answer;
    for (std::size_t i = 0; i < r.size(); ++i)
      fill(filled.responses[places[i].topic].partition_responses[places[i].partition], r[i]);
    return finish(c, acks, filled);
  });
}

}  // namespace dohle::kafka
