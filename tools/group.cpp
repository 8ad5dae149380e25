// dohle group list|describe|reset-offsets|delete
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <memory>

#include "rules/consumer_protocol.hpp"
#include "tools/output.hpp"
#include "tools/place.hpp"
#include "tools/program.hpp"

namespace dohle::tools {

namespace {

struct group_options {
  std::vector<std::string> names;
  std::vector<std::string> topics;
  std::vector<int> partitions;
  std::string to;
  bool execute = false;
  bool lenient = false;
};

error no_group(const std::string& name) {
  return {errc::unknown_group, fmt::format("there is no group '{}'", name), "dohle group list"};
}

/// Committed offset and end of one partition.
struct progress {
  topic_partition partition;
  std::optional<offset> committed;
  offset end;
  bool gone = false;  ///< its topic was deleted
};

result<std::vector<progress>> progress_of(const session& s, const std::string& group) {
  auto committed = s.call(fetch_offsets_request{group, {}});
  if (!committed) return committed.error();
  std::vector<progress> all;
  for (const auto& c : committed->offsets) {
    progress p{{c.topic, c.partition}, c.offset, {}, false};
    auto end = s.call(list_offsets_request{c.topic, c.partition, offset_query::latest, no_timestamp});
    if (end) {
      p.end = end->offset.value_or(offset{0});
    } else if (end.code() == errc::unknown_topic || end.code() == errc::unknown_partition) {
      p.gone = true;
    } else {
      return end.error();
    }
    all.push_back(std::move(p));
  }
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.partition < b.partition; });
  return all;
}

/// A group is there when it has members or offsets; one that only a wrong name asked for is "Dead" and has neither.
bool exists(const describe_group_response& g, const std::vector<progress>& offsets) {
  return !offsets.empty() || !g.members.empty() || (g.state != "Dead" && !g.state.empty());
}

struct described {
  describe_group_response group;
  std::vector<progress> offsets;
};

result<described> look_at(const session& s, const std::string& name) {
  auto group = s.call(describe_group_request{name});
  if (!group && group.code() == errc::unknown_group) return no_group(name);
  if (!group) return group.error();
  auto offsets = progress_of(s, name);
  if (!offsets) return offsets.error();
  if (!exists(*group, *offsets)) return no_group(name);
  return described{std::move(*group), std::move(*offsets)};
}

/// What a member reads; nothing when its bytes are not of Kafka's consumer protocol.
std::vector<topic_partition> share_of(const described_member& m) {
  if (m.assignment.empty()) return {};
  auto share = rules::decode_assignment(m.assignment);
  return share ? *share : std::vector<topic_partition>{};
}

/// "clicks[0,3] views[1]"
std::string share_text(const described_member& m) {
  std::map<std::string, std::string> topics;
  for (const auto& p : share_of(m)) {
    auto& list = topics[p.topic];
    list += (list.empty() ? "" : ",") + std::to_string(p.partition.value);
  }
  std::string text;
  for (const auto& [topic, list] : topics) text += (text.empty() ? "" : " ") + topic + "[" + list + "]";
  return text.empty() ? "-" : text;
}

json describe_json(const described& d) {
  json members = json::array();
  for (const auto& m : d.group.members) {
    json share = json::array();
    for (const auto& p : share_of(m)) share.push_back({{"topic", p.topic}, {"partition", p.partition.value}});
    members.push_back({{"id", m.id},
                       {"instance", m.instance.empty() ? json(nullptr) : json(m.instance)},
                       {"client", m.client},
                       {"partitions", share}});
  }
  json offsets = json::array();
  std::int64_t total = 0;
  for (const auto& p : d.offsets) {
    auto lag = p.gone ? 0 : std::max<std::int64_t>(0, p.end - *p.committed);
    total += lag;
    offsets.push_back({{"topic", p.partition.topic},
                       {"partition", p.partition.partition.value},
                       {"committed", p.committed->value},
                       {"end", p.gone ? json(nullptr) : json(p.end.value)},
                       {"lag", p.gone ? json(nullptr) : json(lag)}});
  }
  return {{"group", d.group.group},
          {"state", d.group.state},
          {"protocol_type", d.group.protocol_type},
          {"protocol", d.group.protocol},
          {"generation", d.group.generation.value},
          {"lag", total},
          {"members", members},
          {"offsets", offsets}};
}

void describe_text(const described& d) {
  print_line(fmt::format("{}: {}, {} member{}", printable(d.group.group), d.group.state, d.group.members.size(),
                         d.group.members.size() == 1 ? "" : "s"));
  table offsets{{"TOPIC", "PARTITION", "COMMITTED", "END", "LAG"}, {}};
  for (const auto& p : d.offsets) {
    offsets.rows.push_back({p.partition.topic, std::to_string(p.partition.partition.value),
                            std::to_string(p.committed->value), p.gone ? "deleted" : std::to_string(p.end.value),
                            p.gone ? "-" : std::to_string(std::max<std::int64_t>(0, p.end - *p.committed))});
  }
  if (!offsets.rows.empty()) print(offsets);
  table members{{"MEMBER", "INSTANCE", "CLIENT", "PARTITIONS"}, {}};
  for (const auto& m : d.group.members) {
    members.rows.push_back({printable(m.id), m.instance.empty() ? "-" : printable(m.instance), printable(m.client),
                            printable(share_text(m))});
  }
  if (!members.rows.empty()) {
    print_line("");
    print(members);
  }
}

result<int> list(const common_options& common, const group_options&) {
  auto s = open_session(common);
  if (!s) return s.error();
  auto answer = s->call(list_groups_request{});
  if (!answer) return answer.error();
  std::sort(answer->groups.begin(), answer->groups.end(), [](auto& a, auto& b) { return a.group < b.group; });
  json found = json::array();
  table rows{{"GROUP", "STATE", "PROTOCOL"}, {}};
  for (const auto& g : answer->groups) {
    found.push_back({{"group", g.group}, {"state", g.state}, {"protocol_type", g.protocol_type}});
    rows.rows.push_back({printable(g.group), g.state, g.protocol_type.empty() ? "-" : printable(g.protocol_type)});
  }
  if (common.json) {
    print(found);
  } else if (rows.rows.empty()) {
    say("there are no groups yet: dohle consume TOPIC --group GROUP makes one");
  } else {
    print(rows);
  }
  s->close();
  return 0;
}

result<int> describe(const common_options& common, const group_options& o) {
  auto s = open_session(common);
  if (!s) return s.error();
  json found = json::array();
  for (std::size_t i = 0; i < o.names.size(); ++i) {
    auto d = look_at(*s, o.names[i]);
    if (!d) return d.error();
    if (common.json) {
      found.push_back(describe_json(*d));
    } else {
      if (i > 0) print_line("");
      describe_text(*d);
    }
  }
  if (common.json) print(found);
  s->close();
  return 0;
}

struct change {
  topic_partition partition;
  std::optional<offset> before;
  offset after;
};

result<std::vector<change>> plan_reset(const session& s, const group_options& o, const std::vector<progress>& now) {
  auto where = parse_place(o.to);
  if (!where) return where.error();
  std::vector<std::string> topics = o.topics;
  if (topics.empty()) {
    for (const auto& p : now) {
      if (!p.gone) topics.push_back(p.partition.topic);
    }
  }
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  std::vector<change> changes;
  for (const auto& topic : topics) {
    auto partitions = partitions_of(s, topic, o.partitions);
    if (!partitions) return partitions.error();
    auto extents = extents_of(s, topic, *partitions);
    if (!extents) return extents.error();
    auto offsets = resolve(s, topic, *where, *extents);
    if (!offsets) return offsets.error();
    for (const auto& [partition, to] : *offsets) {
      topic_partition tp{topic, partition};
      auto at = std::find_if(now.begin(), now.end(), [&](auto& p) { return p.partition == tp; });
      changes.push_back({tp, at == now.end() ? std::nullopt : at->committed, to});
    }
  }
  return changes;
}

void print_plan(const common_options& common, const std::string& group, const std::vector<change>& changes, bool done) {
  json list = json::array();
  table rows{{"TOPIC", "PARTITION", "FROM", "TO"}, {}};
  for (const auto& c : changes) {
    list.push_back({{"topic", c.partition.topic},
                    {"partition", c.partition.partition.value},
                    {"from", c.before ? json(c.before->value) : json(nullptr)},
                    {"to", c.after.value}});
    rows.rows.push_back({c.partition.topic, std::to_string(c.partition.partition.value),
                         c.before ? std::to_string(c.before->value) : "-", std::to_string(c.after.value)});
  }
  if (common.json) {
    print(json{{"group", group}, {"executed", done}, {"offsets", list}});
    return;
  }
  print(rows);
  say(done ? "the offsets are reset" : "nothing was changed: the same command with --execute does it");
}

result<int> reset_offsets(const common_options& common, const group_options& o) {
  const auto& group = o.names.front();
  auto s = open_session(common);
  if (!s) return s.error();
  auto d = look_at(*s, group);
  if (!d && (d.code() != errc::unknown_group || o.topics.empty())) return d.error();  // --topic may found a group
  if (d && !d->group.members.empty()) {
    return error{errc::group_not_empty,
                 fmt::format("group '{}' has {} running member(s)", group, d->group.members.size()),
                 fmt::format("stop its consumers first: dohle group describe {} lists them", group)};
  }
  auto changes = plan_reset(*s, o, d ? d->offsets : std::vector<progress>{});
  if (!changes) return changes.error();
  if (o.execute) {
    commit_offsets_request request;
    request.group = group;
    for (const auto& c : *changes) request.offsets.push_back({c.partition.topic, c.partition.partition, c.after, {}});
    auto done = s->call(std::move(request));
    if (!done) return done.error();
  }
  print_plan(common, group, *changes, o.execute);
  s->close();
  return 0;
}

result<int> remove(const common_options& common, const group_options& o) {
  auto s = open_session(common);
  if (!s) return s.error();
  json gone = json::array();
  for (const auto& name : o.names) {
    auto answer = s->call(delete_group_request{name});
    bool absent = !answer && answer.code() == errc::unknown_group;
    if (!answer && !(absent && o.lenient)) return answer.error();
    gone.push_back({{"group", name}, {"deleted", !absent}});
    if (!common.json) say((absent ? "there was no group " : "deleted group ") + printable(name));
  }
  if (common.json) print(gone);
  s->close();
  return 0;
}

template <class Run>
CLI::App* leaf(CLI::App& parent, program& p, const char* name, const char* description,
               const std::shared_ptr<group_options>& o, Run run) {
  auto* command = add_client_command(parent, p, name, description);
  command->callback([&p, o, run] { p.chosen = [&p, o, run] { return run(p.common, *o); }; });
  return command;
}

}  // namespace

void add_group(program& p) {
  auto o = std::make_shared<group_options>();
  auto* group = add_group_of_commands(p.app, "group", "Consumer groups: who reads, how far, how far behind");

  leaf(*group, p, "list", "List groups", o, list)->alias("ls");

  auto* command = leaf(*group, p, "describe", "State, members, committed offsets and lag", o, describe)->alias("show");
  command->add_option("group", o->names, "Groups")->required();

  command = leaf(*group, p, "reset-offsets", "Move where a group goes on (shows the plan; --execute does it)", o,
                 reset_offsets)
                ->alias("seek");
  command->add_option("group", o->names, "Group")->required()->expected(1);
  command->add_option("--to", o->to, "start, end, an offset, or a time: -1h, 2024-05-01T12:30Z, @MILLISECONDS")
      ->required()
      ->type_name("PLACE");
  command
      ->add_option("-t,--topic", o->topics, "Only this topic; may be repeated (default: all the group has offsets of)")
      ->allow_extra_args(false)
      ->type_name("TOPIC");
  command->add_option("-p,--partition", o->partitions, "Only this partition; may be repeated")
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_flag("--execute", o->execute, "Do it");

  command = leaf(*group, p, "delete", "Forget groups and their offsets", o, remove)->alias("rm");
  command->add_option("group", o->names, "Groups")->required();
  command->add_flag("--if-exists", o->lenient, "Not an error when there is none");
}

}  // namespace dohle::tools
