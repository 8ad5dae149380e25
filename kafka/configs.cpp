// Configs of topics and of the broker: complete, with their sources, because consoles and Connect decide by them.
#include <algorithm>

#include "kafka/apis.hpp"
#include "kafka/config_texts.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

enum source : std::int8_t { topics_own = 1, static_broker = 4, default_value = 5 };
enum operation : std::int8_t { set = 0, reset = 1, append = 2, subtract = 3 };

struct fixed_config {
  std::string_view name, value;
  value_type type;
  source from = default_value;
};

using line = describe_configs_response_resource_result;

/// What a client wants to hear of each config beside its value.
struct wanted {
  bool synonyms = false;
  bool documentation = false;
};

line of(const config_entry& entry, wanted with) {
  const auto told = tell(entry.name);
  line out;
  out.name = entry.name;
  out.value = entry.value;
  out.config_source = entry.is_default ? default_value : topics_own;
  out.config_type = told.type;
  out.documentation.reset();
  if (with.documentation) out.documentation = std::string(told.documentation);
  if (!with.synonyms) return out;
  if (!entry.is_default) out.synonyms.push_back({entry.name, entry.value, topics_own});
  if (entry.is_default) out.synonyms.push_back({std::string(told.broker_name), entry.value, default_value});
  return out;
}

line of(const fixed_config& f, wanted with) {
  line out;
  out.name = f.name;
  out.value = std::string(f.value);
  out.read_only = true;
  out.config_source = f.from;
  out.config_type = f.type;
  out.documentation.reset();
  if (with.synonyms) out.synonyms.push_back({out.name, out.value, f.from});
  return out;
}

std::vector<line> of_this_broker(const context& with, wanted what) {
  const std::string id = std::to_string(with.me.value);
  const std::string partitions = std::to_string(with.default_partitions);
  const std::string address = "PLAINTEXT://" + with.host + ":" + std::to_string(with.port);
  const std::string most_request = std::to_string(limits::max_kafka_frame_bytes);
  const std::string idle = std::to_string(milliseconds{limits::max_kafka_idle}.count());
  const std::string transaction = std::to_string(milliseconds{limits::max_transaction_timeout}.count());
  const fixed_config own[] = {{"advertised.listeners", address, text, static_broker},
                              {"auto.create.topics.enable", with.auto_create ? "true" : "false", boolean},
                              {"broker.id", id, int32, static_broker},
                              {"default.replication.factor", "1", int32},
                              {"connections.max.idle.ms", idle, int64},
                              {"delete.topic.enable", "true", boolean},
                              {"log.dirs", with.folder, text, static_broker},
                              {"node.id", id, int32, static_broker},
                              {"num.partitions", partitions, int32},
                              {"offsets.topic.replication.factor", "1", int16},
                              {"socket.request.max.bytes", most_request, int32},
                              {"transaction.max.timeout.ms", transaction, int32},
                              {"transaction.state.log.replication.factor", "1", int16}};
  std::vector<line> out;
  for (const auto& f : own) out.push_back(of(f, what));
  for (const auto& entry : with.topic_defaults) {
    const auto told = tell(entry.name);
    out.push_back(of(fixed_config{told.broker_name, entry.value, told.type}, what));
  }
  std::sort(out.begin(), out.end(), [](const line& x, const line& y) { return x.name < y.name; });
  return out;
}

void keep_asked(std::vector<line>& lines, const std::optional<std::vector<std::string>>& names) {
  if (!names) return;
  std::erase_if(lines, [&](const line& l) { return std::find(names->begin(), names->end(), l.name) == names->end(); });
}

describe_configs_response_result begin_result(std::int8_t type, const std::string& name) {
  describe_configs_response_result out;
  out.resource_type = type;
  out.resource_name = name;
  out.error_message.reset();
  return out;
}

describe_configs_response_result broker_result(const context& with, const describe_configs_request_resource& asked,
                                               wanted what) {
  auto out = begin_result(asked.resource_type, asked.resource_name);
  if (!asked.resource_name.empty() && asked.resource_name != std::to_string(with.me.value)) {
    out.error_code = number(error_code::invalid_request);
    out.error_message = "this is broker " + std::to_string(with.me.value);
    return out;
  }
  out.configs = of_this_broker(with, what);
  keep_asked(out.configs, asked.configuration_keys);
  return out;
}

describe_configs_response_result topic_result(const describe_configs_request_resource& asked, response& r,
                                              wanted what) {
  auto out = begin_result(asked.resource_type, asked.resource_name);
  auto found = typed<topic_description>(r);
  out.error_code = number(found.code());
  if (!found) {
    out.error_message = found.error().message;
    return out;
  }
  for (const auto& entry : found->configs) out.configs.push_back(of(entry, what));
  std::sort(out.configs.begin(), out.configs.end(), [](const line& a, const line& b) { return a.name < b.name; });
  keep_asked(out.configs, asked.configuration_keys);
  return out;
}

}  // namespace

exchange on(const context& with, const call& c, describe_configs_request& m) {
  const wanted what{m.include_synonyms, m.include_documentation};
  std::vector<request> asks;
  for (const auto& r : m.resources)
    if (r.resource_type == of_topic) asks.push_back(describe_topic_request{r.resource_name});
  auto finish = [=](std::vector<response> found) {
    describe_configs_response answer;
    std::size_t next = 0;
    for (const auto& r : m.resources) {
      if (r.resource_type == of_topic) {
        answer.results.push_back(topic_result(r, found[next++], what));
      } else if (r.resource_type == of_broker) {
        answer.results.push_back(broker_result(with, r, what));
      } else {
        answer.results.push_back(begin_result(r.resource_type, r.resource_name));
      }
    }
    return reply(c, answer);
  };
  return asks.empty() ? finish({}) : ask(std::move(asks), finish);
}

// --- altering ------------------------------------------------------------------------------------------------------

namespace {

/// One wish for one resource, whichever of the two APIs it came by.
struct wish {
  std::int8_t type = 0;
  std::string name;
  bool replace_all = false;  ///< what is not named goes back to its default
  std::vector<incremental_alter_configs_request_alterable_config> changes;
};

struct outcome {
  errc code = errc::ok;
  std::string message;
};

std::string current(const topic_description& t, const std::string& name) {
  for (const auto& entry : t.configs)
    if (entry.name == name) return entry.value;
  return "";
}

std::string with_item(const std::string& list, const std::string& item, bool there) {
  std::string out;
  for (std::size_t at = 0; at < list.size();) {
    auto comma = std::min(list.find(',', at), list.size());
    auto word = list.substr(at, comma - at);
    if (word != item && !word.empty()) out += (out.empty() ? "" : ",") + word;
    at = comma + 1;
  }
  if (there) out += (out.empty() ? "" : ",") + item;
  return out;
}

alter_topic_request to_ours(const wish& w, const topic_description& now) {
  alter_topic_request r;
  r.name = w.name;
  for (const auto& change : w.changes) {
    const auto value = change.value.value_or("");
    if (change.config_operation == reset || !change.value)
      r.reset.push_back(change.name);
    else if (change.config_operation == set)
      r.set.push_back({change.name, value});
    else
      r.set.push_back({change.name, with_item(current(now, change.name), value, change.config_operation == append)});
  }
  if (!w.replace_all) return r;
  for (const auto& entry : now.configs) {
    const bool named =
        std::any_of(w.changes.begin(), w.changes.end(), [&](const auto& x) { return x.name == entry.name; });
    if (!entry.is_default && !named) r.reset.push_back(entry.name);
  }
  return r;
}

using finish_alter = std::function<exchange(const std::vector<outcome>&)>;

outcome outcome_of(const response& r) {
  if (const auto* failed = std::get_if<error>(&r)) return {failed->code, failed->message};
  return {};
}

/// Nothing was set at run time, so it can be taken back: tools do so to be sure.
outcome outcome_of_broker(const wish& w) {
  const auto takes_back = [](const auto& change) { return change.config_operation == reset; };
  if (std::all_of(w.changes.begin(), w.changes.end(), takes_back)) return {};
  return {errc::invalid_config, "a broker's configs are in its file"};
}

/// Looks at the topics as they are, then alters each.
exchange alter(std::vector<wish> wishes, bool validate_only, const finish_alter& finish) {
  std::vector<request> asks;
  for (const auto& w : wishes) asks.push_back(describe_topic_request{w.name});
  if (asks.empty()) return finish({});
  return ask(std::move(asks), [=](std::vector<response> found) {
    std::vector<outcome> outcomes;
    std::vector<request> alters;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < wishes.size(); ++i) {
      outcomes.push_back(wishes[i].type == of_topic ? outcome_of(found[i]) : outcome_of_broker(wishes[i]));
      if (wishes[i].type != of_topic) continue;
      if (outcomes.back().code != errc::ok || validate_only) continue;
      places.push_back(i);
      alters.push_back(to_ours(wishes[i], std::get<topic_description>(found[i])));
    }
    if (alters.empty()) return finish(outcomes);
    return ask(std::move(alters), [=](std::vector<response> done) {
      auto all = outcomes;
      for (std::size_t i = 0; i < done.size(); ++i) all[places[i]] = outcome_of(done[i]);
      return finish(all);
    });
  });
}

template <class Response>
finish_alter answer_with(const call& c, const std::vector<wish>& wishes) {
  return [=](const std::vector<outcome>& outcomes) {
    Response answer;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      auto& out = answer.responses.emplace_back();
      out.error_code = number(outcomes[i].code);
      out.error_message.reset();
      if (outcomes[i].code != errc::ok) out.error_message = outcomes[i].message;
      out.resource_type = wishes[i].type;
      out.resource_name = wishes[i].name;
    }
    return reply(c, answer);
  };
}

}  // namespace

exchange on(const context&, const call& c, alter_configs_request& m) {
  std::vector<wish> wishes;
  for (const auto& r : m.resources) {
    wishes.push_back({r.resource_type, r.resource_name, true, {}});
    for (const auto& entry : r.configs) wishes.back().changes.push_back({entry.name, set, entry.value});
  }
  return alter(wishes, m.validate_only, answer_with<alter_configs_response>(c, wishes));
}

exchange on(const context&, const call& c, incremental_alter_configs_request& m) {
  std::vector<wish> wishes;
  for (const auto& r : m.resources) wishes.push_back({r.resource_type, r.resource_name, false, r.configs});
  return alter(wishes, m.validate_only, answer_with<incremental_alter_configs_response>(c, wishes));
}

}  // namespace dohle::kafka
