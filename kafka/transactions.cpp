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

using adding = add_partitions_to_txn_request_transaction;
using added = add_partitions_to_txn_response_result;

/// Until version 3 a request is of one transaction, and that is not in a list.
constexpr int many_from = 4;

std::vector<adding> transactions_of(const call& c, const add_partitions_to_txn_request& m) {
  if (c.version >= many_from) return m.transactions;
  return {{m.v3_and_below_transactional_id, m.v3_and_below_producer_id, m.v3_and_below_producer_epoch, false,
           m.v3_and_below_topics}};
}

exchange answer_adds(const call& c, std::vector<added> all) {
  add_partitions_to_txn_response answer;
  if (c.version >= many_from)
    answer.results_by_transaction = std::move(all);
  else
    answer.results_by_topic_v3_and_below = std::move(all.front().topic_results);
  return reply(c, answer);
}

/// A line for each partition, with what `code` says of it.
template <class Code>
added lines_of(const adding& t, Code code) {
  added out{t.transactional_id, {}};
  for (const auto& topic : t.topics) {
    auto& line = out.topic_results.emplace_back();
    line.name = topic.name;
    for (auto p : topic.partitions) line.results_by_partition.push_back({p, number(code(topic.name, p))});
  }
  return out;
}

request question_of(const adding& t) {
  if (t.verify_only) return describe_transaction_request{t.transactional_id};
  add_to_transaction_request r{t.transactional_id, producer_id{t.producer_id}, t.producer_epoch};
  for (const auto& topic : t.topics)
    for (auto p : topic.partitions) r.partitions.push_back({topic.name, partition_index{p}});
  return r;
}

added outcome_of(const call& c, const adding& t, response& done) {
  constexpr int fenced_from = 2;
  const auto all = [&](error_code code) { return lines_of(t, [=](const auto&, auto) { return code; }); };
  if (!t.verify_only) {
    auto made = typed<add_to_transaction_response>(done);
    return all(made ? error_code::none : code_of(made.error(), c.version, fenced_from));
  }
  auto is = typed<describe_transaction_response>(done);
  if (!is) return all(code_of(is.error(), c.version, fenced_from));
  if (is->producer.value != t.producer_id) return all(error_code::invalid_producer_id_mapping);
  if (is->epoch != t.producer_epoch) return all(error_code::producer_fenced);
  return lines_of(t, [&](const std::string& topic, std::int32_t p) {
    const topic_partition part{topic, partition_index{p}};
    const bool takes_part = std::find(is->partitions.begin(), is->partitions.end(), part) != is->partitions.end();
    return takes_part ? error_code::none : error_code::transaction_abortable;
  });
}

}  // namespace

exchange on(const context&, const call& c, const add_partitions_to_txn_request& m) {
  const auto all = transactions_of(c, m);
  dohle::metadata_request look;
  for (const auto& t : all)
    for (const auto& topic : t.topics) look.topics.push_back(topic.name);
  std::vector<added> lines;
  if (look.topics.empty()) {
    for (const auto& t : all) lines.push_back({t.transactional_id, {}});
    return answer_adds(c, std::move(lines));
  }
  return ask({std::move(look)}, [=](std::vector<response> looked) {
    auto found = typed<dohle::metadata_response>(looked[0]);
    const auto there = [&](const std::string& topic, std::int32_t p) {
      return found && has_partition(find_topic(found->topics, topic), p);
    };
    // One that is not there spoils all of a transaction: its producer must know of each before it goes on.
    const auto not_tried = found ? error_code::operation_not_attempted : to_kafka(found.code());
    const auto gone = found ? error_code::unknown_topic_or_partition : to_kafka(found.code());
    std::vector<added> answers;
    std::vector<request> asks;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < all.size(); ++i) {
      bool whole = true;
      answers.push_back(lines_of(all[i], [&](const std::string& topic, std::int32_t p) {
        const bool is = there(topic, p);
        whole = whole && is;
        return is ? not_tried : gone;
      }));
      if (!whole) continue;
      places.push_back(i);
      asks.push_back(question_of(all[i]));
    }
    if (asks.empty()) return answer_adds(c, std::move(answers));
    return ask(std::move(asks), [=](std::vector<response> done) {
      auto filled = answers;
      for (std::size_t i = 0; i < done.size(); ++i) filled[places[i]] = outcome_of(c, all[places[i]], done[i]);
      return answer_adds(c, std::move(filled));
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
