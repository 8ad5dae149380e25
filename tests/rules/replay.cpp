#include "tests/rules/replay.hpp"

#include <algorithm>
#include <sstream>

namespace dohle::rules::test {

namespace {

std::string text(position at) { return std::to_string(at.epoch.value) + "." + std::to_string(at.end.value); }

template <class Id>
Id read_id(std::istream& in) {
  typename Id::rep value{};
  in >> value;
  return Id{value};
}

position read_position(std::istream& in) {
  position at;
  char dot{};
  in >> at.epoch.value >> dot >> at.end.value;
  return at;
}

const char* name(replica_role role) {
  switch (role) {
    case replica_role::follower: return "follower";
    case replica_role::candidate: return "candidate";
    case replica_role::leader: return "leader";
  }
  return "?";
}

}  // namespace

replay::replay(std::int32_t replicas) {
  std::vector<broker_id> voters;
  for (std::int32_t i = 0; i < replicas; ++i) voters.push_back(broker_id{i});
  for (auto me : voters) machines_.push_back({restored(me, voters, {}, epoch_history{}), {}, {}});
}

std::optional<std::string> replay::step(const std::string& line) {
  const auto first = line.find(" | ");
  const auto second = line.find(" | ", first == std::string::npos ? first : first + 3);
  if (second == std::string::npos) return "not a step: " + line;
  const auto sends = line.substr(first + 3, second - first - 3);
  sent_.clear();
  act(line.substr(0, first), sends);
  for (const auto& m : machines_) check(m);
  if (fault_) return *fault_;
  if (sent_ != sends) return "the rules send '" + sent_ + "', not '" + sends + "'";
  const auto expected = line.substr(second + 3);
  if (states() != expected) return "the rules know " + states() + ", not " + expected;
  return std::nullopt;
}

// --- what happens --------------------------------------------------------------------------------------------------

void replay::act(const std::string& action, const std::string& sends) {
  std::istringstream in(action);
  std::string verb;
  std::size_t who = 0;
  in >> verb >> who;
  if (!in || who >= machines_.size()) {
    fault_ = "no action: " + action;
    return;
  }
  auto& m = machines_[who];
  if (verb == "deliver") {
    std::string message;
    std::getline(in >> std::ws, message);
    if (!ever_sent_.contains(std::to_string(who) + " " + message)) fault_ = "nobody sent it: " + message;
    std::istringstream words(message);
    deliver(m, words, sends);
  } else if (verb == "fetch") {
    on_own_flush(m.rules, m.rules.log.end());
    if (!may_fetch(m.rules)) {
      fault_ = "a leader fetches";
      return;
    }
    const auto f = next_fetch(m.rules);
    std::istringstream to(sends);  // whom it asks is the caller's choice
    send(m, read_id<broker_id>(to),
         "fetch " + std::to_string(f.epoch.value) + " " + std::to_string(f.who.value) + " " + text(f.at) + " " +
             std::to_string(f.number));
  } else if (verb == "append") {
    if (m.rules.role != replica_role::leader) {
      fault_ = "not the leader appends";
      return;
    }
    append_records(m.rules, 1);
    m.log.push_back({m.rules.current, 0});
    in >> m.log.back().value;
  } else if (verb == "flush") {
    on_own_flush(m.rules, m.rules.log.end());
  } else if (verb == "campaign") {
    campaign(m);
  } else if (verb == "crash") {
    crash(m, read_position(in));
  } else {
    fault_ = "no action: " + action;
  }
}

void replay::campaign(machine& m) {
  const auto asked = rules::campaign(m.rules);
  persist(m, asked.persist);
  for (auto voter : m.rules.voters) {
    if (voter == m.rules.me) continue;
    send(m, voter,
         "vote? " + std::to_string(asked.request.epoch.value) + " " + std::to_string(asked.request.candidate.value) +
             " " + text(asked.request.at));
  }
}

/// Unflushed entries may or may not have reached the disk; the watermark is learned again, as in the model.
void replay::crash(machine& m, position keep) {
  auto log = m.rules.log;
  if (keep < m.rules.on_disk || log.common_point(keep) != keep) fault_ = "a crash cannot leave " + text(keep);
  log.truncate(keep);
  while (!m.log.empty() && std::ssize(m.log) > 0) {
    position end;
    for (const auto& e : m.log) end = {e.epoch, end.end + (e.value != 0)};
    if (end == log.end()) break;
    m.log.pop_back();
  }
  m.rules = restored(m.rules.me, m.rules.voters, {m.disk.epoch, m.disk.vote, offset{0}}, std::move(log));
}

void replay::deliver(machine& m, std::istream& message, const std::string& sends) {
  std::string kind;
  message >> kind;
  if (kind == "vote?") {
    vote_request ask;
    ask.epoch = read_id<epoch>(message);
    ask.candidate = read_id<broker_id>(message);
    ask.at = read_position(message);
    const auto done = on_vote_request(m.rules, ask);
    persist(m, done.persist);
    if (done.answer.granted)
      send(m, ask.candidate,
           "vote! " + std::to_string(done.answer.epoch.value) + " " + std::to_string(done.answer.voter.value));
  } else if (kind == "vote!") {
    vote_answer vote;
    vote.epoch = read_id<epoch>(message);
    vote.voter = read_id<broker_id>(message);
    vote.granted = true;
    const auto done = on_vote(m.rules, vote);
    persist(m, done.persist);
    if (done.won) m.log.push_back({m.rules.current, 0});
  } else if (kind == "fetch") {
    replica_fetch f;
    f.epoch = read_id<epoch>(message);
    f.who = read_id<broker_id>(message);
    f.at = read_position(message);
    message >> f.number;
    answer_fetch(m, f, sends);
  } else {
    take_answer(m, message, kind == "entries" ? answer_kind::entries : answer_kind::diverged);
  }
}

void replay::answer_fetch(machine& m, const replica_fetch& f, const std::string& sends) {
  const auto done = on_fetch(m.rules, f);
  persist(m, done.persist);
  if (!done.answer) return;
  const auto& a = *done.answer;
  std::ostringstream out;
  if (a.kind == answer_kind::diverged) {
    out << "diverged " << a.epoch.value << " " << text(a.asked) << " " << a.number << " " << text(a.point);
  } else {
    out << "entries " << a.epoch.value << " " << text(a.asked) << " " << a.number << " " << a.high_watermark.value;
    auto count = std::ranges::count(sends, ':');  // how many are sent is the caller's choice
    position end;
    for (const auto& e : m.log) {
      const bool beyond = end == a.asked || end > a.asked;
      end = {e.epoch, end.end + (e.value != 0)};
      if (beyond && count-- > 0) out << " " << e.epoch.value << ":" << (e.value ? std::to_string(e.value) : "*");
    }
  }
  send(m, f.who, out.str());
}

void replay::take_answer(machine& m, std::istream& message, answer_kind kind) {
  replica_answer a;
  a.kind = kind;
  a.epoch = read_id<epoch>(message);
  a.asked = read_position(message);
  message >> a.number;
  std::vector<entry> entries;
  if (kind == answer_kind::diverged) {
    a.point = read_position(message);
  } else {
    message >> a.high_watermark.value;
    for (std::string word; message >> word;) {
      std::istringstream in(word);
      entry e{read_id<epoch>(in), 0};
      in.ignore();
      if (in.peek() != '*') in >> e.value;
      entries.push_back(e);
      a.entries.push_back({e.epoch, e.value != 0});
    }
  }
  const auto done = on_answer(m.rules, a);
  persist(m, done.persist);
  if (done.truncate) {
    const auto keep = *done.truncate;
    position end;
    const auto gone = std::ranges::find_if(m.log, [&](const entry& e) {
      end = {e.epoch, end.end + (e.value != 0)};
      return end > keep;
    });
    m.log.erase(gone, m.log.end());
  }
  if (done.append) m.log.insert(m.log.end(), entries.begin(), entries.end());
}

// --- the broker around the rules -----------------------------------------------------------------------------------

void replay::persist(machine& m, const std::optional<hard_state>& state) {
  if (state) m.disk = *state;
}

void replay::send(const machine& from, broker_id to, const std::string& message) {
  if (from.disk.epoch != from.rules.current || from.disk.vote != from.rules.vote)
    fault_ = "epoch and vote are spoken before they are persisted: " + message;
  const auto sent = std::to_string(to.value) + " " + message;
  ever_sent_.insert(sent);
  sent_ += (sent_.empty() ? "" : "; ") + sent;
}

void replay::check(const machine& m) {
  epoch_history told;
  for (const auto& e : m.log) told.append({e.epoch, e.value != 0});
  if (told != m.rules.log) fault_ = "what outcomes told is not what the rules believe to be in the log";
  if (m.rules.high_watermark > m.rules.log.end().end) fault_ = "the high watermark lies beyond the log";
}

std::string replay::states() const {
  std::string all;
  for (const auto& m : machines_) {
    const auto& r = m.rules;
    all += (all.empty() ? "" : " ") + std::to_string(r.current.value) + "," +
           (r.vote == -1 ? "-" : std::to_string(r.vote)) + "," + name(r.role) + "," + text(r.log.end()) + "," +
           text(r.on_disk) + "," + std::to_string(r.high_watermark.value);
  }
  return all;
}

std::optional<std::string> replay_trace(std::istream& in, int& steps) {
  std::string line;
  std::int32_t replicas = 0;
  std::string word;
  if (!std::getline(in, line) || !(std::istringstream(line) >> word >> replicas) || word != "replicas" ||
      replicas < 1 || replicas > 9)
    return "line 1: not a trace";
  replay world(replicas);
  for (int number = 2; std::getline(in, line); ++number) {
    if (auto difference = world.step(line))
      return "line " + std::to_string(number) + ": " + *difference + "\n  at: " + line;
    ++steps;
  }
  return std::nullopt;
}

}  // namespace dohle::rules::test
