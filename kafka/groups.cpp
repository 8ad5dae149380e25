// Consumer groups, classic protocol: the same conversation as ours, whose names were Kafka's from the beginning.
#include <algorithm>

#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

exchange on(const context& with, const call& c, join_group_request& m) {
  dohle::join_group_request r;
  r.group = m.group_id;
  r.member = m.member_id;
  r.instance = m.group_instance_id.value_or("");
  r.client = c.client;
  r.client_host = with.client_host;
  r.protocol_type = m.protocol_type;
  for (auto& p : m.protocols) r.protocols.push_back({p.name, p.metadata});
  r.session_timeout = milliseconds{m.session_timeout_ms};
  // Version 0 had one time-out for both.
  r.rebalance_timeout = milliseconds{m.rebalance_timeout_ms < 0 ? m.session_timeout_ms : m.rebalance_timeout_ms};
  return ask({std::move(r)}, [=, type = m.protocol_type, asked = m.member_id](std::vector<response> done) {
    join_group_response answer;
    auto joined = typed<dohle::join_group_response>(done[0]);
    answer.error_code = number(joined.code());
    answer.member_id = asked;
    if (joined) {
      answer.generation_id = joined->generation.value;
      answer.protocol_type = type;
      answer.protocol_name = joined->protocol;
      answer.leader = joined->leader;
      answer.member_id = joined->member;
      for (auto& g : joined->members) {
        auto& line = answer.members.emplace_back();
        line.member_id = g.id;
        if (!g.instance.empty()) line.group_instance_id = g.instance;
        line.metadata = g.metadata;
      }
    }
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, sync_group_request& m) {
  dohle::sync_group_request r;
  r.group = m.group_id;
  r.generation = generation{m.generation_id};
  r.member = m.member_id;
  r.instance = m.group_instance_id.value_or("");
  for (auto& a : m.assignments) r.assignments.push_back({a.member_id, a.assignment});
  return ask({std::move(r)}, [=, type = m.protocol_type, name = m.protocol_name](std::vector<response> done) {
    sync_group_response answer;
    auto synced = typed<dohle::sync_group_response>(done[0]);
    answer.error_code = number(synced.code());
    answer.protocol_type = type;
    answer.protocol_name = name;
    if (synced) answer.assignment = synced->assignment;
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, heartbeat_request& m) {
  dohle::heartbeat_request r{m.group_id, generation{m.generation_id}, m.member_id, m.group_instance_id.value_or("")};
  return ask({std::move(r)}, [=](std::vector<response> done) {
    heartbeat_response answer;
    answer.error_code = number(typed<dohle::heartbeat_response>(done[0]).code());
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, leave_group_request& m) {
  const bool one = c.version < 3;
  if (one) m.members.push_back({m.member_id, std::nullopt, std::nullopt});
  std::vector<request> asks;
  for (const auto& member : m.members)
    asks.push_back(dohle::leave_group_request{m.group_id, member.member_id, member.group_instance_id.value_or("")});
  if (asks.empty()) return reply(c, leave_group_response{});
  return ask(std::move(asks), [=, members = m.members](std::vector<response> done) {
    leave_group_response answer;
    for (std::size_t i = 0; i < done.size(); ++i) {
      auto code = number(typed<dohle::leave_group_response>(done[i]).code());
      if (one)
        answer.error_code = code;
      else
        answer.members.push_back({members[i].member_id, members[i].group_instance_id, code});
    }
    return reply(c, answer);
  });
}

namespace {

describe_groups_response_described_group described(const call& c, const std::string& name, response& r) {
  describe_groups_response_described_group out;
  out.group_id = name;
  auto found = typed<describe_group_response>(r);
  if (found && found->type != "classic")
    found = error{errc::unknown_group, "group " + name + " is not a classic group", "ConsumerGroupDescribe"};
  if (!found) {
    // Before version 6 a group that nobody knows was a dead one.
    const bool unknown = found.code() == errc::unknown_group;
    out.group_state = unknown ? "Dead" : "";
    if (!unknown || c.version >= 6) out.error_code = number(found.code());
    if (out.error_code != 0) out.error_message = found.error().message;
    return out;
  }
  out.group_state = found->state;
  out.protocol_type = found->protocol_type;
  out.protocol_data = found->protocol;
  for (auto& m : found->members) {
    auto& line = out.members.emplace_back();
    line.member_id = m.id;
    if (!m.instance.empty()) line.group_instance_id = m.instance;
    line.client_id = m.client;
    line.client_host = shown_host(m.client_host);
    line.member_metadata = m.metadata;
    line.member_assignment = m.assignment;
  }
  return out;
}

}  // namespace

exchange on(const context&, const call& c, describe_groups_request& m) {
  std::vector<request> asks;
  for (const auto& g : m.groups) asks.push_back(describe_group_request{g});
  if (asks.empty()) return reply(c, describe_groups_response{});
  return ask(std::move(asks), [=](std::vector<response> done) {
    describe_groups_response answer;
    for (std::size_t i = 0; i < done.size(); ++i) answer.groups.push_back(described(c, m.groups[i], done[i]));
    return reply(c, answer);
  });
}

namespace {

/// States and types are filtered by name, in small letters or large ones.
bool is_same(std::string_view a, std::string_view b) {
  const auto lower = [](char x) { return x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

exchange on(const context&, const call& c, const list_groups_request& m) {
  return ask({dohle::list_groups_request{}}, [=](std::vector<response> done) {
    list_groups_response answer;
    auto found = typed<dohle::list_groups_response>(done[0]);
    answer.error_code = number(found.code());
    const auto wanted = [](const std::vector<std::string>& filter, const std::string& value) {
      return filter.empty() || std::ranges::any_of(filter, [&](const auto& f) { return is_same(f, value); });
    };
    if (found) {
      for (auto& g : found->groups) {
        if (!wanted(m.states_filter, g.state) || !wanted(m.types_filter, g.type)) continue;
        answer.groups.push_back({g.group, g.protocol_type, g.state, g.type == "classic" ? "Classic" : "Consumer"});
      }
    }
    return reply(c, answer);
  });
}

exchange on(const context&, const call& c, delete_groups_request& m) {
  std::vector<request> asks;
  for (const auto& g : m.groups_names) asks.push_back(delete_group_request{g});
  if (asks.empty()) return reply(c, delete_groups_response{});
  return ask(std::move(asks), [=](std::vector<response> done) {
    delete_groups_response answer;
    for (std::size_t i = 0; i < done.size(); ++i) {
      auto& line = answer.results.emplace_back();
      line.group_id = m.groups_names[i];
      auto gone = typed<delete_group_response>(done[i]);
      line.error_code = number(gone.code());
      if (!gone) line.error_message = gone.error().message;
    }
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
