// Reading: one request of ours a partition. A round takes what is there; when that is less than the client waits for,
// the exchange waits until one partition has more, and goes round again. Sessions are not kept: every answer says
// session 0, which is legal and makes each request complete.
#include <algorithm>
#include <memory>

#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

struct fetching {
  call c;
  fetch_request asked;
  std::vector<request> asks;  ///< a round: one for each partition, in the order of the request
};
using fetching_pointer = std::shared_ptr<const fetching>;

struct gathered {
  fetch_response answer;
  std::size_t bytes = 0;
  bool failed = false;          ///< a partition has an error: told at once
  std::vector<request> beyond;  ///< the same partitions from where this round ended
};

std::vector<request> round_of(const fetch_request& m) {
  std::vector<request> asks;
  for (const auto& t : m.topics) {
    for (const auto& p : t.partitions) {
      dohle::fetch_request r;
      r.topic = t.topic;
      r.partition = partition_index{p.partition};
      r.from = offset{p.fetch_offset};
      r.isolation = isolation_of(m.isolation_level);
      r.max_bytes = static_cast<std::uint32_t>(std::max(0, std::min(p.partition_max_bytes, m.max_bytes)));
      asks.push_back(std::move(r));
    }
  }
  return asks;
}

void fail(fetch_response_partition_data& to, error_code why) {
  to.error_code = number(why);
  to.high_watermark = to.last_stable_offset = to.log_start_offset = -1;
}

/// Kafka's rule: the first batch comes whole even when it is larger than allowed, everything behind it must fit.
bool fits(const gathered& so_far, std::size_t more, const fetch_request& m) {
  return so_far.bytes == 0 || so_far.bytes + more <= static_cast<std::size_t>(std::max(0, m.max_bytes));
}

void add(gathered& to, fetch_response_partition_data& line, dohle::fetch_request asked, response& from,
         const fetch_request& m) {
  line.partition_index = asked.partition.value;
  line.records.null = false;
  auto r = typed<dohle::fetch_response>(from);
  if (!r) {
    to.failed = true;
    const bool no_such_id = asked.topic.empty();
    return fail(line, no_such_id ? error_code::unknown_topic_id : to_kafka(r.code()));
  }
  line.high_watermark = r->high_watermark.value;
  line.last_stable_offset = r->last_stable.value;
  line.log_start_offset = r->start.value;
  for (auto& batch : r->batches) {
    if (!fits(to, batch.size(), m)) break;
    to.bytes += batch.size();
    line.records.pieces.push_back(std::move(batch));
  }
  const bool isolated = asked.isolation == isolation::committed;
  line.aborted_transactions.reset();
  if (isolated) {
    line.aborted_transactions.emplace();
    for (const auto& a : r->aborted) line.aborted_transactions->push_back({a.producer.value, a.first.value});
  }
  asked.from = std::max(asked.from, isolated ? r->last_stable : r->high_watermark);
  to.beyond.push_back(std::move(asked));
}

gathered gather(const fetching& f, std::vector<response> r) {
  gathered g;
  std::size_t i = 0;
  for (const auto& t : f.asked.topics) {
    auto& topic = g.answer.responses.emplace_back();
    topic.topic = t.topic;
    topic.topic_id = t.topic_id;
    for (std::size_t n = 0; n < t.partitions.size(); ++n, ++i)
      add(g, topic.partitions.emplace_back(), std::get<dohle::fetch_request>(f.asks[i]), r[i], f.asked);
  }
  return g;
}

exchange go_round(const fetching_pointer& f, bool last);

exchange wait_for_more(const fetching_pointer& f, std::vector<request> beyond) {
  exchange e;
  e.asks = std::move(beyond);
  e.until = exchange::waiting::for_the_first;
  e.patience = milliseconds{std::clamp(f->asked.max_wait_ms, 0, 300'000)};
  e.then = [f](std::vector<response> first) { return go_round(f, first.empty()); };
  return e;
}

exchange go_round(const fetching_pointer& f, bool last) {
  return ask(f->asks, [f, last](std::vector<response> r) {
    auto g = gather(*f, std::move(r));
    const bool enough = g.bytes >= static_cast<std::size_t>(std::max(0, f->asked.min_bytes));
    if (enough || last || g.failed || f->asked.max_wait_ms <= 0) return reply(f->c, g.answer);
    return wait_for_more(f, std::move(g.beyond));
  });
}

}  // namespace

exchange on(const context& with, const call& c, fetch_request& m) {
  constexpr int by_id_from = 13;
  fetch_response none;
  if (m.session_id != 0 && m.session_epoch != -1) {
    none.error_code = number(error_code::fetch_session_id_not_found);
    return reply(c, none);
  }
  if (c.version >= by_id_from)
    for (auto& t : m.topics) t.topic = with.topics.name_of(t.topic_id);
  auto f = std::make_shared<fetching>();
  f->c = c;
  f->asks = round_of(m);
  f->asked = std::move(m);
  if (f->asks.empty()) return reply(c, none);  // a consumer that closes its session asks for nothing
  return go_round(f, false);
}

}  // namespace dohle::kafka
