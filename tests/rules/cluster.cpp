#include "tests/rules/cluster.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dohle::rules::test {

namespace {

constexpr election_times times{moment{400}, moment{80}};
constexpr moment tick_interval{40};

template <class Log>
position end_of(const Log& log) {
  position end;
  for (const auto& e : log) end = {e.epoch, end.end + (e.value != 0)};
  return end;
}

/// Everything beyond `keep` goes.
template <class Log>
void cut(Log& log, position keep) {
  position end;
  const auto gone = std::ranges::find_if(log, [&](const auto& e) {
    end = {e.epoch, end.end + (e.value != 0)};
    return end > keep;
  });
  log.erase(gone, log.end());
}

}  // namespace

cluster::cluster(std::uint64_t seed, int voters) : random_(seed), nodes_(static_cast<std::size_t>(voters) + 2) {
  replica_set first;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].id = {broker_id{static_cast<std::int32_t>(i)}, {0, next_disk_++}};
    if (i < static_cast<std::size_t>(voters)) first.voters.push_back(nodes_[i].id);
  }
  sets_.push_back(first);
  for (auto& n : nodes_) start(n, {}, false);
}

// --- machines ------------------------------------------------------------------------------------------------------

void cluster::start(node& n, disk from, bool wiped) {
  if (wiped) {
    wiped_.insert(n.id);
    n.id.disk = {0, next_disk_++};
    n.seen_epoch = epoch{0};
    from = {};
  }
  epoch_history history;
  n.sets = replica_sets{sets_.front()};
  offset at{0};
  for (const auto& e : from.log) {
    history.append({e.epoch, e.value != 0});
    if (e.set) n.sets.append(at, sets_[*e.set]);
    at = at + (e.value != 0);
  }
  from.state.high_watermark = std::min(from.state.high_watermark, at);
  n.r = restored(n.id.broker, {}, from.state, history);
  n.sets.commit(n.r.high_watermark);
  adopt(n.r, n.id, n.sets.current(), n.sets);
  n.l = started(times, now_, random_.next());
  n.log = from.log;
  n.flushed = std::move(from);
  n.writes.clear();
  n.flushing = 0;
  n.next_tick = n.next_fetch = now_;
  n.up = true;
}

/// The writes that were under way or waiting: some of the first of them reached the disk, none of their messages left.
void cluster::crash(node& n) {
  auto left = n.flushed;
  const auto reached = random_.below(std::ssize(n.writes) + 1);
  for (std::int64_t i = 0; i < reached; ++i) {
    const auto& w = n.writes[static_cast<std::size_t>(i)];
    if (w.state) left.state = *w.state;
    if (w.cut) cut(left.log, *w.cut);
    left.log.insert(left.log.end(), w.append.begin(), w.append.end());
  }
  n.flushed = std::move(left);
  n.up = false;
  n.down_until = now_ + moment{random_.below(1'500)};
}

void cluster::flush(node& n) {
  auto behind = n.writes.begin() + static_cast<std::ptrdiff_t>(n.flushing);
  std::vector<write> done(n.writes.begin(), behind);
  n.writes.erase(n.writes.begin(), behind);
  n.flushing = 0;
  for (auto& w : done) {
    if (w.state) n.flushed.state = *w.state;
    if (w.cut) cut(n.flushed.log, *w.cut);
    n.flushed.log.insert(n.flushed.log.end(), w.append.begin(), w.append.end());
    for (auto& m : w.then) post(n, std::move(m));
  }
  const auto end = end_of(n.flushed.log);
  if (n.r.log.common_point(end) == end) on_own_flush(n.r, end);  // else a cut is behind it in the journal
  check(n);
}

void cluster::persist(node& n, const std::optional<hard_state>& state) {
  if (state) n.writes.push_back({state, std::nullopt, {}, {}});
}

/// Behind what is to be persisted before it may be said.
void cluster::send(node& n, broker_id to, body what) {
  message m{n.id, static_cast<std::size_t>(to.value), std::move(what), moment{0}};
  const auto last = std::ranges::find_if(n.writes.rbegin(), n.writes.rend(), [](const auto& w) { return !!w.state; });
  last == n.writes.rend() ? post(n, std::move(m)) : last->then.push_back(std::move(m));
}

void cluster::post(const node& n, message m) {
  if (const auto* vote = std::get_if<vote_answer>(&m.what); vote && vote->granted && !vote->pre) {
    ASSERT_EQ(n.flushed.state.epoch, vote->epoch) << "a vote is spoken before it is on disk";
    const auto to = nodes_[m.to].id.broker;
    const auto [known, fresh] = votes_.try_emplace({n.id.broker, vote->epoch}, to, n.id.disk);
    ASSERT_TRUE(fresh || known->second.first == to || known->second.second != n.id.disk) << "two votes in an epoch";
  }
  if (cut_links_.contains({static_cast<std::size_t>(n.id.broker.value), m.to}) || random_.one_in(30)) return;
  m.due = now_ + moment{1 + random_.below(random_.one_in(20) ? 300 : 15)};
  if (random_.one_in(40)) net_.push_back(m);
  net_.push_back(std::move(m));
}

void cluster::run(node& n) {
  if (!n.up) {
    if (now_ >= n.down_until) start(n, n.flushed, false);
    return;
  }
  if (now_ < n.asleep_until) return;
  if (n.flushing > 0 && now_ >= n.flush_end) flush(n);
  if (n.flushing == 0 && !n.writes.empty()) {
    n.flushing = n.writes.size();
    n.flush_end = now_ + moment{random_.below(random_.one_in(20) ? 200 : 25)};
  }
  if (now_ >= n.next_tick) tick(n);
  if (n.r.leader && *n.r.leader != n.r.me && may_fetch(n.r) && now_ >= n.next_fetch) {
    n.next_fetch = now_ + moment{60};
    send(n, *n.r.leader, next_fetch(n.r));
  }
}

void cluster::tick(node& n) {
  n.next_tick = now_ + tick_interval;
  const auto done = on_tick(n.r, n.l, now_, random_.next());
  if (done.pre_vote) {
    for (auto voter : n.r.voters) {
      if (voter != n.r.me) send(n, voter, *done.pre_vote);
    }
  }
  if (done.campaign) stand(n, *done.campaign);
  if (done.stand_now) send(n, *done.stand_now, stand_now{n.r.current});
  if (done.round) {
    for (const auto* all : {&n.r.voters, &n.r.learners}) {
      for (auto b : *all) {
        if (b != n.r.me) send(n, b, beat{n.r.current, *done.round});
      }
    }
  }
  if (must_resign(n.r, n.sets)) resign(n.r);
  check(n);
}

// --- the conversation ----------------------------------------------------------------------------------------------

void cluster::receive(node& n, const message& m) {
  std::visit([&](const auto& what) { on(n, m.from, what); }, m.what);
  check(n);
}

void cluster::stand(node& n, const campaign_outcome& c) {
  persist(n, c.persist);
  if (c.won) return take_office(n);
  for (auto voter : n.r.voters) {
    if (voter != n.r.me) send(n, voter, c.request);
  }
}

void cluster::take_office(node& n) {
  const auto [known, fresh] = leaders_.try_emplace(n.r.current, n.r.me);
  ASSERT_TRUE(fresh) << "two leaders in epoch " << n.r.current.value;
  if (known == std::prev(leaders_.end())) {  // else its votes are old: others have moved on, and it commits nothing
    entries records;
    for (const auto& e : n.log) {
      if (e.value != 0) records.push_back(e);
    }
    ASSERT_GE(records.size(), committed_.size()) << "a leader lacks committed records";
    ASSERT_TRUE(std::equal(committed_.begin(), committed_.end(), records.begin())) << "a leader has other records";
  }
  n.log.push_back({n.r.current, 0, std::nullopt});
  n.writes.push_back({std::nullopt, std::nullopt, {n.log.back()}, {}});
  begin_reign(n.r, n.l, now_);
}

void cluster::on(node& n, const replica_id& from, const vote_request& ask) {
  if (ask.pre) return send(n, from.broker, on_pre_vote_request(n.r, n.l, ask, now_));
  const auto done = on_vote_request(n.r, n.l, ask, now_);
  persist(n, done.persist);
  send(n, from.broker, done.answer);
}

void cluster::on(node& n, const replica_id& from, const vote_answer& a) {
  if (!is_member(n.sets.current(), from)) return;
  if (a.pre) {
    const auto done = on_pre_vote(n.r, n.l, a, now_, random_.next());
    persist(n, done.persist);
    if (done.campaign) stand(n, *done.campaign);
  } else {
    const auto done = on_vote(n.r, a);
    persist(n, done.persist);
    if (done.won) take_office(n);
  }
}

void cluster::on(node& n, const replica_id& from, const replica_fetch& f) {
  if (!is_member(n.sets.current(), from)) return;
  on_response(n.r, n.l, f.who, f.epoch, 0, now_);
  auto done = on_fetch(n.r, f);
  persist(n, done.persist);
  if (!done.answer) return;
  answer a{*done.answer, {}};
  if (a.head.kind == answer_kind::entries) {
    auto room = random_.below(6);
    position end;
    for (const auto& e : n.log) {
      const bool beyond = end >= f.at;
      end = {e.epoch, end.end + (e.value != 0)};
      if (!beyond || room-- <= 0) continue;
      a.body.push_back(e);
      a.head.entries.push_back({e.epoch, e.value != 0});
    }
  }
  send(n, f.who, std::move(a));
  if (const auto target = step_transfer(n.r, n.l)) send(n, *target, stand_now{n.r.current});
}

void cluster::on(node& n, const replica_id&, const answer& a) {
  persist(n, on_leader_alive(n.r, n.l, a.head.epoch, a.head.leader, now_, random_.next()));
  const auto done = on_answer(n.r, a.head);
  if (done.truncate) cut_to(n, *done.truncate);
  if (done.append) take_entries(n, a.body);
  if (done.taken) n.next_fetch = now_;
}

void cluster::on(node& n, const replica_id& from, const beat& b) {
  persist(n, on_leader_alive(n.r, n.l, b.epoch, from.broker, now_, random_.next()));
  send(n, from.broker, beat_answer{n.r.current, b.round});
}

void cluster::on(node& n, const replica_id& from, const beat_answer& b) {
  if (is_member(n.sets.current(), from)) on_response(n.r, n.l, from.broker, b.epoch, b.round, now_);
}

void cluster::on(node& n, const replica_id&, const stand_now& s) {
  if (const auto c = on_stand_now(n.r, n.l, s.epoch, now_, random_.next())) {
    ++transfers_;
    stand(n, *c);
  }
}

// --- logs ----------------------------------------------------------------------------------------------------------

void cluster::take_entries(node& n, const entries& more) {
  const auto before = n.sets.current();
  for (const auto& e : more) {
    if (e.set) n.sets.append(end_of(n.log).end, sets_[*e.set]);
    n.log.push_back(e);
  }
  if (n.sets.current() != before) adopt(n.r, n.id, before, n.sets);
  n.writes.push_back({std::nullopt, std::nullopt, more, {}});
}

void cluster::cut_to(node& n, position at) {
  ++cuts_;
  cut(n.log, at);
  const auto before = n.sets.current();
  if (n.sets.truncate(at.end)) adopt(n.r, n.id, before, n.sets);
  n.writes.push_back({std::nullopt, at, {}, {}});
}

void cluster::append(node& n, std::optional<std::size_t> set) {
  append_records(n.r, 1);
  take_entries(n, {{n.r.current, next_value_++, set}});
}

void cluster::check(node& n) {
  ASSERT_GE(n.r.current, n.seen_epoch) << "an epoch fell";
  n.seen_epoch = n.flushed.state.epoch;
  ASSERT_EQ(end_of(n.log), n.r.log.end()) << "the rules know another log";
  n.sets.commit(n.r.high_watermark);
  adopt(n.r, n.id, n.sets.current(), n.sets);
  std::int64_t at = 0;
  for (const auto& e : n.log) {
    if (e.value == 0) continue;
    if (at == n.r.high_watermark.value) break;
    if (at < std::ssize(committed_)) {
      ASSERT_EQ(e, committed_[static_cast<std::size_t>(at)]) << "record " << at << " was committed as another";
    } else {
      committed_.push_back(e);
    }
    ++at;
  }
  ASSERT_EQ(at, n.r.high_watermark.value) << "the watermark lies beyond the log";
}

// --- what happens --------------------------------------------------------------------------------------------------

void cluster::operate(node& n) {
  if (may_append(n.r, n.l) && random_.one_in(4)) append(n, std::nullopt);
  if (random_.one_in(150)) (void)start_transfer(n.r, n.l, random_.pick(n.r.voters), now_);
  if (!may_append(n.r, n.l) || !random_.one_in(10)) return;
  const auto& set = n.sets.current();
  set_change change{set_change_kind::add_learner, random_.pick(nodes_).id};
  const auto lost = std::ranges::find_if(set.voters, [&](const auto& v) { return wiped_.contains(v); });
  if (lost != set.voters.end()) {
    change = {set_change_kind::remove, *lost};
  } else if (!set.learners.empty()) {
    change = {wiped_.contains(set.learners[0]) ? set_change_kind::remove : set_change_kind::promote, set.learners[0]};
  } else if (set.voters.size() > 3) {
    change = {set_change_kind::remove, random_.pick(set.voters)};
  }
  if (const auto changed = changed_set(n.r, n.sets, change)) {
    ++set_changes_;
    sets_.push_back(*changed);
    append(n, sets_.size() - 1);
  }
}

void cluster::faults() {
  auto& n = nodes_[static_cast<std::size_t>(random_.below(std::ssize(nodes_)))];
  const auto other = static_cast<std::size_t>(random_.below(std::ssize(nodes_)));
  const auto me = static_cast<std::size_t>(n.id.broker.value);
  const auto safe = [&](const node& of) {  // a majority must outlive every lost disk
    const auto& voters = of.sets.current().voters;
    return voters.size() >= 3 && std::ranges::none_of(voters, [&](const auto& v) { return wiped_.contains(v); });
  };
  if (random_.one_in(150) && n.up) crash(n);
  if (random_.one_in(150)) n.asleep_until = now_ + moment{random_.below(1'500)};
  if (random_.one_in(60)) cut_links_.insert({me, other});
  if (random_.one_in(100)) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) cut_links_.insert({{me, i}, {i, me}});
  }
  if (random_.one_in(120)) cut_links_.clear();
  if (random_.one_in(900) && std::ranges::all_of(nodes_, safe)) start(n, {}, true);
}

void cluster::step(bool faulty) {
  now_ += moment{10};
  if (faulty) faults();
  std::vector<message> due;
  const auto later = std::stable_partition(net_.begin(), net_.end(), [&](const message& m) {
    return m.due > now_ || (nodes_[m.to].up && now_ < nodes_[m.to].asleep_until);
  });
  due.assign(later, net_.end());
  net_.erase(later, net_.end());
  for (const auto& m : due) {
    if (nodes_[m.to].up) receive(nodes_[m.to], m);
  }
  for (auto& n : nodes_) {
    run(n);
    if (n.up && now_ >= n.asleep_until && n.r.role == replica_role::leader) operate(n);
  }
}

const cluster::node* cluster::leader() const {
  const auto found = std::ranges::find_if(
      nodes_, [&](const node& n) { return n.up && may_serve(n.r) && may_acknowledge(n.r, n.l, now_); });
  return found == nodes_.end() ? nullptr : &*found;
}

/// A majority of the leader's set follows it closely.
bool cluster::agreed() const {
  const auto* first = leader();
  return first && first->r.log.end().end - first->r.high_watermark < 20 &&
         std::ranges::count_if(nodes_, [&](const node& n) { return n.r.current == first->r.current; }) * 2 >
             std::ssize(first->r.voters);
}

bool cluster::heals(moment limit) {
  cut_links_.clear();
  for (auto& n : nodes_) n.asleep_until = n.down_until = now_;
  const auto end = now_ + limit;
  const auto before = committed_.size();
  while (now_ < end && !(agreed() && committed_.size() > before + 20)) step(false);
  return agreed() && committed_.size() > before + 20;
}

}  // namespace dohle::rules::test
