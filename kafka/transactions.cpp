// Producers' identities and transactions. Clients of both generations of Kafka's protocol (KIP-890) are told apart by
// the versions they speak: the newer one's epoch rises with each decision, and its parts join by themselves.
#include <algorithm>

#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

/// Since `fenced_from` a version tells an older instance of a producer from an epoch that is wrong.
error_code code_of(const error& e, int version, int fenced_from) {
  if (e.code == errc::producer_fenced && version >= fenced_from) return error_code::producer_fenced;
  if (e.code == errc::unknown_producer || e.code == errc::unknown_transaction)
    return error_code::invalid_producer_id_mapping;
  return to_kafka(e.code);
}

template <class Response>
std::int16_t code_in(response& r, int version, int fenced_from) {
  auto answer = typed<Response>(r);
  return answer ? number(error_code::none) : number(code_of(answer.error(), version, fenced_from));
}

}  // namespace

exchange on(const context&, const call& c, const init_producer_id_request& m) {
  if (m.transactional_id && m.transactional_id->empty()) {
    init_producer_id_response refused;
    refused.error_code = number(error_code::invalid_request);
    return reply(c, refused);
  }
  init_producer_request r;
  if (m.transactional_id) {
    r.transaction = *m.transactional_id;
    r.timeout = milliseconds{m.transaction_timeout_ms};
    r.id = producer_id{m.producer_id};
    r.epoch = m.producer_epoch;
  }
  return ask({std::move(r)}, [=](std::vector<response> done) {
    constexpr int fenced_from = 4;
    init_producer_id_response answer;
    auto made = typed<init_producer_response>(done[0]);
    if (!made) {
      answer.error_code = number(code_of(made.error(), c.version, fenced_from));
      return reply(c, answer);
    }
    answer.producer_id = made->id.value;
    answer.producer_epoch = made->epoch;
    return reply(c, answer);
  });
}

namespace {

using topic_result = add_partitions_to_txn_response_topic_result;

/// A line for each partition: its own error, or `all`.
exchange answer_adds(const call& c, const add_partitions_to_txn_request& m, std::int16_t all,
                     const std::function<std::int16_t(const topic_partition&)>& own) {
  add_partitions_to_txn_response answer;
  for (const auto& t : m.v3_and_below_topics) {
    auto& line = answer.results_by_topic_v3_and_below.emplace_back(topic_result{t.name, {}});
    for (auto p : t.partitions) {
      auto code = own(topic_partition{t.name, partition_index{p}});
      line.results_by_partition.push_back({p, code != 0 ? code : all});
    }
  }
  return reply(c, answer);
}

}  // namespace

exchange on(const context&, const call& c, const add_partitions_to_txn_request& m) {
  dohle::metadata_request look;
  for (const auto& t : m.v3_and_below_topics) look.topics.push_back(t.name);
  if (look.topics.empty()) return reply(c, add_partitions_to_txn_response{});
  return ask({std::move(look)}, [=](std::vector<response> looked) {
    auto found = typed<dohle::metadata_response>(looked[0]);
    const auto none = [](const topic_partition&) { return std::int16_t{0}; };
    if (!found) return answer_adds(c, m, number(found.code()), none);
    const auto unknown = [topics = found->topics](const topic_partition& p) {
      return has_partition(find_topic(topics, p.topic), p.partition.value)
                 ? std::int16_t{0}
                 : number(error_code::unknown_topic_or_partition);
    };
    add_to_transaction_request r{m.v3_and_below_transactional_id, producer_id{m.v3_and_below_producer_id},
                                 m.v3_and_below_producer_epoch};
    for (const auto& t : m.v3_and_below_topics)
      for (auto p : t.partitions) r.partitions.push_back({t.name, partition_index{p}});
    // One that is not there spoils all: the producer must know of each before it goes on.
    if (std::any_of(r.partitions.begin(), r.partitions.end(), [&](const auto& p) { return unknown(p) != 0; }))
      return answer_adds(c, m, number(error_code::operation_not_attempted), unknown);
    return ask({std::move(r)}, [=](std::vector<response> done) {
      constexpr int fenced_from = 2;
      return answer_adds(c, m, code_in<add_to_transaction_response>(done[0], c.version, fenced_from), none);
    });
  });
}

exchange on(const context&, const call& c, const add_offsets_to_txn_request& m) {
  add_to_transaction_request r{m.transactional_id, producer_id{m.producer_id}, m.producer_epoch, {}, {m.group_id}};
  return ask({std::move(r)}, [=](std::vector<response> done) {
    constexpr int fenced_from = 2;
    add_offsets_to_txn_response answer;
    answer.error_code = code_in<add_to_transaction_response>(done[0], c.version, fenced_from);
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, const end_txn_request& m) {
  constexpr int bumps_from = 5;
  end_transaction_request r{m.transactional_id, producer_id{m.producer_id}, m.producer_epoch, m.committed,
                            c.version >= bumps_from};
  return ask({std::move(r)}, [=](std::vector<response> done) {
    constexpr int fenced_from = 2;
    end_txn_response answer;
    auto ended = typed<end_transaction_response>(done[0]);
    if (!ended) {
      answer.error_code = number(code_of(ended.error(), c.version, fenced_from));
    } else {
      answer.producer_id = ended->producer.value;
      answer.producer_epoch = ended->epoch;
    }
    return reply(c, answer);
  });
}

// --- what there is -------------------------------------------------------------------------------------------------

exchange on(const context&, const call& c, const describe_transactions_request& m) {
  std::vector<request> asks;
  for (const auto& name : m.transactional_ids) asks.push_back(describe_transaction_request{name});
  if (asks.empty()) return reply(c, describe_transactions_response{});
  return ask(std::move(asks), [=, names = m.transactional_ids](std::vector<response> done) {
    describe_transactions_response answer;
    for (std::size_t i = 0; i < done.size(); ++i) {
      auto& line = answer.transaction_states.emplace_back();
      line.transactional_id = names[i];
      auto d = typed<describe_transaction_response>(done[i]);
      line.error_code = number(d.code());
      if (!d) continue;
      line.transaction_state = d->state;
      line.transaction_timeout_ms = static_cast<std::int32_t>(d->timeout.count());
      line.transaction_start_time_ms = d->started.value;
      line.producer_id = d->producer.value;
      line.producer_epoch = d->epoch;
      for (const auto& p : d->partitions) {
        if (line.topics.empty() || line.topics.back().topic != p.topic) line.topics.push_back({p.topic, {}});
        line.topics.back().partitions.push_back(p.partition.value);
      }
    }
    return reply(c, answer);
  });
}

namespace {

template <class T>
bool passes(const std::vector<T>& filter, const T& value) {
  return filter.empty() || std::find(filter.begin(), filter.end(), value) != filter.end();
}

bool is_state(std::string_view name) {
  constexpr std::string_view all[] = {"Empty",        "Ongoing",        "PrepareCommit",
                                      "PrepareAbort", "CompleteCommit", "CompleteAbort"};
  return std::find(std::begin(all), std::end(all), name) != std::end(all);
}

}  // namespace

exchange on(const context& with, const call& c, const list_transactions_request& m) {
  dohle::list_transactions_request all{m.transactional_id_pattern.value_or("")};
  return ask({std::move(all)}, [=, now = with.now](std::vector<response> done) {
    list_transactions_response answer;
    auto found = typed<dohle::list_transactions_response>(done[0]);
    answer.error_code = number(found.code());
    for (const auto& s : m.state_filters)
      if (!is_state(s)) answer.unknown_state_filters.push_back(s);
    if (!found) return reply(c, answer);
    for (auto& t : found->transactions) {
      if (!passes(m.state_filters, t.state) || !passes(m.producer_id_filters, t.producer.value)) continue;
      // Longer open than that: none that is not open.
      if (m.duration_filter >= 0 && (t.started == no_timestamp || now.value - t.started.value <= m.duration_filter))
        continue;
      answer.transaction_states.push_back({t.transaction, t.producer.value, t.state});
    }
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, const write_txn_markers_request& m) {
  std::vector<request> asks;
  for (const auto& marker : m.markers)
    for (const auto& t : marker.topics)
      for (auto p : t.partition_indexes)
        asks.push_back(write_marker_request{t.name, partition_index{p}, producer_id{marker.producer_id},
                                            marker.producer_epoch, marker.transaction_result});
  if (asks.empty()) return reply(c, write_txn_markers_response{});
  return ask(std::move(asks), [=](std::vector<response> r) {
    write_txn_markers_response answer;
    std::size_t i = 0;
    for (const auto& marker : m.markers) {
      auto& of_producer = answer.markers.emplace_back();
      of_producer.producer_id = marker.producer_id;
      for (const auto& t : marker.topics) {
        auto& topic = of_producer.topics.emplace_back();
        topic.name = t.name;
        for (auto p : t.partition_indexes)
          topic.partitions.push_back({p, number(typed<write_marker_response>(r[i++]).code())});
      }
    }
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, describe_producers_request& m) {
  std::vector<request> asks;
  for (const auto& t : m.topics)
    for (auto p : t.partition_indexes) asks.push_back(dohle::describe_producers_request{t.name, partition_index{p}});
  if (asks.empty()) return reply(c, describe_producers_response{});
  return ask(std::move(asks), [c, topics = std::move(m.topics)](std::vector<response> r) {
    describe_producers_response answer;
    std::size_t i = 0;
    for (const auto& t : topics) {
      auto& topic = answer.topics.emplace_back();
      topic.name = t.name;
      for (auto p : t.partition_indexes) {
        auto found = typed<dohle::describe_producers_response>(r[i++]);
        auto& line = topic.partitions.emplace_back();
        line.partition_index = p;
        line.error_code = number(found.code());
        if (!found) {
          line.error_message = found.error().message;
          continue;
        }
        for (const auto& a : found->producers)
          line.active_producers.push_back({a.id.value, a.epoch, a.last_sequence, a.last.value, 0,
                                           a.transaction_start ? a.transaction_start->value : -1});
      }
    }
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
