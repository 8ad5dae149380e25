// Appending: one request of ours a partition, all at once; the batch stays a view of the frame it came in.
#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"
#include "schema/record_batch.hpp"

namespace dohle::kafka {

namespace {

struct place {
  std::size_t topic, partition;  ///< in the answer
  bytes batch;
};

error_code refuse(const produce_request& m) {
  if (m.acks < -1 || m.acks > 1) return error_code::invalid_required_acks;
  return error_code::none;
}

/// Kafka's clients tell apart what a batch may be refused for.
error_code code_of(const error& e) {
  return e.code == errc::invalid_request ? error_code::invalid_record : to_kafka(e.code);
}

/// What makes a batch unfit for a topic that compacts. Clients fail these records and send the others again.
std::vector<produce_response_batch_index_and_error_message> keyless_records(const bytes& batch) {
  std::vector<produce_response_batch_index_and_error_message> out;
  auto reader = batch_reader::open(batch);
  if (!reader) return out;
  auto record = reader->next();
  for (std::int32_t i = 0; record && *record; ++i, record = reader->next())
    if (!(*record)->key) out.push_back({i, "a record without a key for a topic that compacts"});
  return out;
}

void fill(produce_response_partition_produce_response& to, response& from, const bytes& batch) {
  auto r = typed<dohle::produce_response>(from);
  if (r) {
    to.base_offset = r->base.value;
    to.log_append_time_ms = r->append_time.value;
    return;
  }
  to.error_code = number(code_of(r.error()));
  to.base_offset = -1;
  to.error_message = r.error().message;
  if (r.code() == errc::invalid_record) to.record_errors = keyless_records(batch);
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

exchange on(const context& with, const call& c, produce_request& m) {
  produce_response answer;
  std::vector<request> asks;
  std::vector<place> places;
  const auto refused = refuse(m);
  constexpr int enlists_from = 12;  // before it clients add their partitions themselves
  constexpr int by_id_from = 13;
  const bool by_id = c.version >= by_id_from;
  if (by_id) name_topics(with, m.topic_data);
  for (auto& t : m.topic_data) {
    answer.responses.push_back({t.name, t.topic_id, {}});
    for (auto& p : t.partition_data) {
      auto& line = answer.responses.back().partition_responses.emplace_back();
      line.index = p.index;
      line.error_code = number(p.records.null ? error_code::invalid_record : refused);
      if (by_id && t.name.empty()) line.error_code = number(error_code::unknown_topic_id);
      line.base_offset = -1;
      if (line.error_code != 0) continue;
      auto& batch = p.records.pieces.front();
      places.push_back({answer.responses.size() - 1, answer.responses.back().partition_responses.size() - 1, batch});
      asks.push_back(dohle::produce_request{t.name, partition_index{p.index}, static_cast<ack_level>(m.acks),
                                            std::move(batch), c.version >= enlists_from});
    }
  }
  if (asks.empty()) return finish(c, m.acks, answer);
  return ask(std::move(asks), [c, acks = m.acks, answer = std::move(answer),
                               places = std::move(places)](std::vector<response> r) {
    auto filled = answer;
    for (std::size_t i = 0; i < r.size(); ++i)
      fill(filled.responses[places[i].topic].partition_responses[places[i].partition], r[i], places[i].batch);
    return finish(c, acks, filled);
  });
}

}  // namespace dohle::kafka
