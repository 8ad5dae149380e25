// dohle topic create|list|describe|alter|delete|delete-records
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "tools/output.hpp"
#include "tools/place.hpp"
#include "tools/program.hpp"
#include "tools/units.hpp"

namespace dohle::tools {

namespace {

struct topic_options {
  std::vector<std::string> names;
  int partitions = 0;
  int replicas = 1;
  std::vector<std::string> set;
  std::vector<std::string> reset;
  bool lenient = false;  ///< --if-not-exists, --if-exists
  bool yes = false;
  bool internal = false;
  std::string before;
  std::vector<int> only;  ///< partitions
  bool execute = false;
};

result<std::vector<config_entry>> parse_settings(const std::vector<std::string>& pairs) {
  std::vector<config_entry> entries;
  for (const auto& pair : pairs) {
    auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return error{errc::invalid_request, fmt::format("'{}' is not a setting", pair),
                   "NAME=VALUE, e.g. retention.ms=86400000"};
    }
    entries.push_back({pair.substr(0, equals), pair.substr(equals + 1), false});
  }
  return entries;
}

json partition_json(const partition_description& p) {
  json replicas = json::array();
  for (auto replica : p.info.replicas) replicas.push_back(replica.value);
  return {{"partition", p.info.index.value},
          {"leader", p.info.leader.value},
          {"epoch", p.info.epoch.value},
          {"replicas", replicas},
          {"start", p.start.value},
          {"end", p.high_watermark.value},
          {"records", p.high_watermark - p.start},
          {"bytes", p.size_bytes},
          {"max_timestamp", p.max_timestamp.value < 0 ? json(nullptr) : json(p.max_timestamp.value)},
          {"cleaned_until", p.cleaned_until.value},
          {"dirty_bytes", p.dirty_bytes},
          {"damaged_places", p.damaged_places}};
}

json topic_json(const topic_description& t) {
  json partitions = json::array();
  std::int64_t records = 0;
  std::uint64_t bytes = 0;
  for (const auto& p : t.partitions) {
    partitions.push_back(partition_json(p));
    records += p.high_watermark - p.start;
    bytes += p.size_bytes;
  }
  json configs = json::array();
  for (const auto& c : t.configs) configs.push_back({{"name", c.name}, {"value", c.value}, {"default", c.is_default}});
  return {{"name", t.name}, {"internal", t.internal},   {"created", t.created.value}, {"records", records},
          {"bytes", bytes}, {"partitions", partitions}, {"configs", configs}};
}

void print_topic(const topic_description& t) {
  print_line(fmt::format("{}: {} partition{}, created {}", t.name, t.partitions.size(),
                         t.partitions.size() == 1 ? "" : "s", format_time(t.created)));
  table rows{{"PARTITION", "LEADER", "EPOCH", "START", "END", "RECORDS", "SIZE", "NEWEST"}, {}};
  for (const auto& p : t.partitions) {
    rows.rows.push_back({std::to_string(p.info.index.value), std::to_string(p.info.leader.value),
                         std::to_string(p.info.epoch.value), std::to_string(p.start.value),
                         std::to_string(p.high_watermark.value), std::to_string(p.high_watermark - p.start),
                         format_size(p.size_bytes), format_time(p.max_timestamp)});
  }
  print(rows);
  table settings{{"SETTING", "VALUE", "FROM"}, {}};
  for (const auto& c : t.configs) settings.rows.push_back({c.name, c.value, c.is_default ? "default" : "topic"});
  if (!settings.rows.empty()) {
    print_line("");
    print(settings);
  }
}

result<int> create(const common_options& common, const topic_options& o) {
  auto settings = parse_settings(o.set);
  if (!settings) return settings.error();
  auto s = open_session(common, missing_folder::create);
  if (!s) return s.error();
  json made = json::array();
  for (const auto& name : o.names) {
    auto answer = s->call(
        create_topic_request{name, std::max(1, o.partitions), static_cast<std::int16_t>(o.replicas), *settings, false});
    if (!answer && answer.code() == errc::topic_exists && o.lenient) answer = s->call(describe_topic_request{name});
    if (!answer) return answer.error();
    made.push_back(topic_json(*answer));
    if (!common.json)
      say(fmt::format("topic {} has {} partition{}", name, answer->partitions.size(),
                      answer->partitions.size() == 1 ? "" : "s"));
  }
  if (common.json) print(made);
  s->close();
  return 0;
}

result<int> list(const common_options& common, const topic_options& o) {
  auto s = open_session(common);
  if (!s) return s.error();
  auto answer = s->call(metadata_request{{}, o.internal});
  if (!answer) return answer.error();
  auto& topics = answer->topics;
  std::sort(topics.begin(), topics.end(), [](auto& a, auto& b) { return a.name < b.name; });
  json found = json::array();
  table rows{{"TOPIC", "PARTITIONS"}, {}};
  for (const auto& t : topics) {
    found.push_back({{"name", t.name}, {"partitions", t.partitions.size()}, {"internal", t.internal}});
    rows.rows.push_back({t.name, std::to_string(t.partitions.size())});
  }
  if (common.json) {
    print(found);
  } else if (topics.empty()) {
    say("there are no topics yet: dohle topic create TOPIC");
  } else {
    print(rows);
  }
  s->close();
  return 0;
}

result<int> describe(const common_options& common, const topic_options& o) {
  auto s = open_session(common);
  if (!s) return s.error();
  json found = json::array();
  bool first = true;
  for (const auto& name : o.names) {
    auto answer = s->call(describe_topic_request{name});
    if (!answer) return answer.error();
    if (common.json) {
      found.push_back(topic_json(*answer));
    } else {
      if (!first) print_line("");
      print_topic(*answer);
    }
    first = false;
  }
  if (common.json) print(found);
  s->close();
  return 0;
}

result<int> alter(const common_options& common, const topic_options& o) {
  auto settings = parse_settings(o.set);
  if (!settings) return settings.error();
  if (settings->empty() && o.reset.empty() && o.partitions == 0) {
    return error{errc::invalid_request, "nothing to alter was named",
                 "--set NAME=VALUE, --reset NAME or --partitions N"};
  }
  auto s = open_session(common);
  if (!s) return s.error();
  auto answer = s->call(alter_topic_request{o.names.front(), *settings, o.reset, o.partitions});
  if (!answer) return answer.error();
  if (common.json) {
    print(json::array({topic_json(*answer)}));
  } else {
    print_topic(*answer);
  }
  s->close();
  return 0;
}

/// Asks on a terminal; a script that got as far as this meant it.
bool confirmed(const std::vector<std::string>& names) {
  if (::isatty(STDIN_FILENO) != 1) return true;
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  fmt::print(stderr, "delete {} with all records? [y/N] ", list);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

result<int> remove(const common_options& common, const topic_options& o) {
  if (!o.yes && !confirmed(o.names)) {
    return error{errc::invalid_request, "nothing was deleted", "--yes to delete without the question"};
  }
  auto s = open_session(common);
  if (!s) return s.error();
  json gone = json::array();
  for (const auto& name : o.names) {
    auto answer = s->call(delete_topic_request{name});
    bool absent = !answer && answer.code() == errc::unknown_topic;
    if (!answer && !(absent && o.lenient)) return answer.error();
    gone.push_back({{"name", name}, {"deleted", !absent}});
    if (!common.json) say((absent ? "there was no topic " : "deleted topic ") + name);
  }
  if (common.json) print(gone);
  s->close();
  return 0;
}

/// What goes of each partition, and what went when it is told to.
result<int> delete_records(const common_options& common, const topic_options& o) {
  auto before = parse_place(o.before);
  if (!before) return before.error();
  auto s = open_session(common);
  if (!s) return s.error();
  const auto& topic = o.names.front();
  auto partitions = partitions_of(*s, topic, o.only);
  if (!partitions) return partitions.error();
  auto extents = extents_of(*s, topic, *partitions);
  if (!extents) return extents.error();
  auto starts = resolve(*s, topic, *before, *extents);
  if (!starts) return starts.error();
  json rows = json::array();
  table shown{{"PARTITION", "START", "NEW START", "RECORDS"}, {}};
  for (auto& [partition, to] : *starts) {
    const auto from = (*extents)[partition].start;
    if (o.execute && to > from) {
      auto answer = s->call(delete_records_request{topic, partition, to});
      if (!answer) return answer.error();
      to = answer->start;
    }
    rows.push_back({{"partition", partition.value}, {"from", from.value}, {"to", to.value}, {"records", to - from}});
    shown.rows.push_back({std::to_string(partition.value), std::to_string(from.value), std::to_string(to.value),
                          std::to_string(to - from)});
  }
  if (common.json) {
    print(json{{"topic", topic}, {"executed", o.execute}, {"partitions", rows}});
  } else {
    print(shown);
    if (!o.execute) say("nothing was deleted yet: the same with --execute deletes these records for ever");
  }
  s->close();
  return 0;
}

template <class Run>
CLI::App* leaf(CLI::App& parent, program& p, const char* name, const char* description,
               const std::shared_ptr<topic_options>& o, Run run) {
  auto* command = add_client_command(parent, p, name, description);
  command->callback([&p, o, run] { p.chosen = [&p, o, run] { return run(p.common, *o); }; });
  return command;
}

}  // namespace

void add_topic(program& p) {
  auto o = std::make_shared<topic_options>();
  auto* topic = add_group_of_commands(p.app, "topic", "Create, look at and change topics");

  auto* command = leaf(*topic, p, "create", "Create topics", o, create);
  command->add_option("topic", o->names, "Names")->required();
  command->add_option("-p,--partitions", o->partitions, "Partitions (default 1)")->check(CLI::PositiveNumber);
  command->add_option("-r,--replicas", o->replicas, "Replicas of each partition (default 1)")
      ->check(CLI::Range(1, 1000));
  command->add_option("-c,--set", o->set, "A setting of the topic; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--if-not-exists", o->lenient, "Not an error when it exists already");

  command = leaf(*topic, p, "list", "List topics", o, list)->alias("ls");
  command->add_flag("--internal", o->internal, "Dohle's own topics, too");

  command =
      leaf(*topic, p, "describe", "Partitions, offsets, sizes and settings of topics", o, describe)->alias("show");
  command->add_option("topic", o->names, "Names")->required();

  command = leaf(*topic, p, "alter", "Change settings, add partitions", o, alter)->alias("set");
  command->add_option("topic", o->names, "Name")->required()->expected(1);
  command->add_option("-p,--partitions", o->partitions, "New number of partitions, never fewer")
      ->check(CLI::PositiveNumber);
  command->add_option("-c,--set", o->set, "A setting to change; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_option("--reset", o->reset, "A setting that goes back to its default; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);

  command = leaf(*topic, p, "delete", "Delete topics and all their records", o, remove)->alias("rm");
  command->add_option("topic", o->names, "Names")->required();
  command->add_flag("-y,--yes", o->yes, "Do not ask");
  command->add_flag("--if-exists", o->lenient, "Not an error when there is none");

  command = leaf(*topic, p, "delete-records", "Delete the records before a place", o, delete_records);
  command->add_option("topic", o->names, "Name")->required()->expected(1);
  command->add_option("--before", o->before, "The first place that stays: end, an offset, or a time: -7d, 2024-05-01")
      ->required()
      ->type_name("PLACE");
  command->add_option("-p,--partition", o->only, "Only this partition; may be repeated")
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_flag("--execute", o->execute, "Do it; without this the plan is only shown");
}

}  // namespace dohle::tools
