// Topics come, grow and go.
#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

create_topic_request to_ours(const context& with, const create_topics_request_creatable_topic& t, bool validate_only) {
  create_topic_request r;
  r.name = t.name;
  r.partitions = !t.assignments.empty() ? static_cast<std::int32_t>(t.assignments.size())
                 : t.num_partitions < 0 ? with.default_partitions
                                        : t.num_partitions;
  r.replicas = t.replication_factor < 0 ? std::int16_t{1} : t.replication_factor;
  if (!t.assignments.empty()) r.replicas = static_cast<std::int16_t>(t.assignments.front().broker_ids.size());
  for (const auto& entry : t.configs)
    if (entry.value) r.configs.push_back({entry.name, *entry.value});
  r.validate_only = validate_only;
  return r;
}

/// What a client may do about it depends on which part of its wish was wrong.
error_code code_of(const error& e, const create_topic_request& asked) {
  if (e.code != errc::invalid_request) return to_kafka(e.code);
  if (asked.partitions < 1 || asked.partitions > limits::max_partitions_per_topic)
    return error_code::invalid_partitions;
  return error_code::invalid_replication_factor;
}

create_topics_response_creatable_topic_result created(const create_topic_request& asked, response& r) {
  create_topics_response_creatable_topic_result out;
  out.name = asked.name;
  auto made = typed<topic_description>(r);
  if (!made) {
    out.error_code = number(code_of(made.error(), asked));
    out.error_message = made.error().message;
    return out;
  }
  out.error_message.reset();
  if (!made->partitions.empty()) out.topic_id = id_of(made->partitions.front().info.id);
  out.num_partitions = static_cast<std::int32_t>(made->partitions.size());
  out.replication_factor = asked.replicas;
  auto& configs = out.configs.emplace();
  for (const auto& entry : made->configs)
    configs.push_back({entry.name, entry.value, false, static_cast<std::int8_t>(entry.is_default ? 5 : 1), false});
  return out;
}

}  // namespace

exchange on(const context& with, const call& c, create_topics_request& m) {
  std::vector<request> asks;
  for (const auto& t : m.topics) asks.push_back(to_ours(with, t, m.validate_only));
  if (asks.empty()) return reply(c, create_topics_response{});
  auto asked = asks;
  return ask(std::move(asks), [=](std::vector<response> r) {
    create_topics_response answer;
    for (std::size_t i = 0; i < r.size(); ++i)
      answer.topics.push_back(created(std::get<create_topic_request>(asked[i]), r[i]));
    return reply(c, answer);
  });
}

namespace {

exchange delete_named(const call& c, const std::vector<delete_topics_response_deletable_topic_result>& lines) {
  std::vector<request> asks;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].error_code != 0) continue;
    places.push_back(i);
    asks.push_back(delete_topic_request{*lines[i].name});
  }
  delete_topics_response answer;
  answer.responses = lines;
  if (asks.empty()) return reply(c, answer);
  return ask(std::move(asks), [=](std::vector<response> r) {
    auto filled = answer;
    for (std::size_t i = 0; i < r.size(); ++i) {
      auto& line = filled.responses[places[i]];
      auto gone = typed<delete_topic_response>(r[i]);
      line.error_code = number(gone.code());
      if (!gone) line.error_message = gone.error().message;
    }
    return reply(c, filled);
  });
}

}  // namespace

exchange on(const context& with, const call& c, delete_topics_request& m) {
  std::vector<delete_topics_response_deletable_topic_result> lines;
  for (const auto& name : m.topic_names) lines.emplace_back().name = name;
  for (const auto& t : m.topics) {  // since version 6
    auto& line = lines.emplace_back();
    line.name = t.name;
    line.topic_id = t.topic_id;
    if (t.name) {
      line.topic_id = with.topics.id_of(*t.name);
    } else {
      line.name = with.topics.name_of(t.topic_id);
      if (line.name->empty()) line.error_code = number(error_code::unknown_topic_id), line.name.reset();
    }
  }
  return delete_named(c, lines);
}

exchange on(const context&, const call& c, delete_records_request& m) {
  delete_records_response answer;
  std::vector<request> asks;
  for (const auto& t : m.topics) {
    auto& topic = answer.topics.emplace_back();
    topic.name = t.name;
    for (const auto& p : t.partitions) {
      topic.partitions.emplace_back().partition_index = p.partition_index;
      asks.push_back(dohle::delete_records_request{t.name, partition_index{p.partition_index}, offset{p.offset}});
    }
  }
  if (asks.empty()) return reply(c, answer);
  return ask(std::move(asks), [=](std::vector<response> r) {
    auto filled = answer;
    std::size_t i = 0;
    for (auto& t : filled.topics) {
      for (auto& p : t.partitions) {
        auto deleted = typed<dohle::delete_records_response>(r[i++]);
        p.error_code = number(deleted.code());
        p.low_watermark = deleted ? deleted->start.value : -1;
      }
    }
    return reply(c, filled);
  });
}

exchange on(const context&, const call& c, create_partitions_request& m) {
  std::vector<request> asks;
  for (const auto& t : m.topics) {
    if (m.validate_only)
      asks.push_back(describe_topic_request{t.name});
    else
      asks.push_back(alter_topic_request{.name = t.name, .set = {}, .reset = {}, .partitions = t.count});
  }
  if (asks.empty()) return reply(c, create_partitions_response{});
  return ask(std::move(asks), [=](std::vector<response> r) {
    create_partitions_response answer;
    for (std::size_t i = 0; i < r.size(); ++i) {
      auto& line = answer.results.emplace_back();
      line.name = m.topics[i].name;
      auto grown = typed<topic_description>(r[i]);
      const bool too_few =
          m.validate_only && grown && m.topics[i].count <= static_cast<std::int32_t>(grown->partitions.size());
      if (grown && !too_few) continue;
      line.error_code = number(!grown && grown.code() == errc::unknown_topic ? error_code::unknown_topic_or_partition
                                                                             : error_code::invalid_partitions);
      line.error_message = grown ? "the topic has as many partitions already" : grown.error().message;
    }
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
