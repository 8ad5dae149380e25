// Random schedules of a consumer group: members join, sync, beat, vanish, leave, come back under a static name, while
// time passes and the coordinator restarts. After each step the promises of rules/group.hpp are checked.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "rules/group.hpp"
#include "tests/rules/random.hpp"

namespace dohle::rules {
namespace {

/// One client process as it sees itself.
struct client {
  std::string instance;
  std::string member;
  generation in{0};
  bool leads = false;
  std::vector<group_member> others;
};

class schedule {
 public:
  explicit schedule(std::uint64_t seed) : random_(seed), group_("g", {milliseconds{random_.one_in(3) ? 3'000 : 0}}) {
    for (int i = 0; i < 5; ++i) clients_.push_back({i < 2 ? "static-" + std::to_string(i) : "", "", {}, false, {}});
  }

  void step() {
    now_.value += random_.below(4) == 0 ? random_.below(6'000) : random_.below(200);
    const auto before = group_.generation();
    auto i = static_cast<std::size_t>(random_.below(std::ssize(clients_)));
    auto& c = clients_[i];
    const auto what = random_.below(100);
    if (what < 35) {
      join(i);
    } else if (what < 65 && !c.member.empty()) {
      sync(i);
    } else if (what < 80 && !c.member.empty()) {
      const auto answer = group_.heartbeat({"g", c.in, c.member, c.instance}, now_);
      if (answer.code() == errc::unknown_member || answer.code() == errc::fenced_instance) c.member.clear();
    } else if (what < 83 && !c.member.empty()) {
      auto left = group_.leave({"g", c.member, ""}, now_);
      c.member.clear();
      take(left.effects);
    } else if (what < 86) {
      c.member.clear();  // the process dies and forgets
    } else if (what < 88 && waiting_.empty() && rested_) {
      group_ = group::restore(group_.id(), *rested_, now_);  // the broker restarts from what it persisted last
    } else {
      take(group_.tick(now_));
    }
    if (what < 86 || what >= 88) {
      EXPECT_GE(group_.generation(), before);
    }
    check();
  }

  /// Nobody does anything any more: every wait must end by the deadlines the group itself names.
  void drain() {
    for (int i = 0; i < 100 && group_.next_deadline(); ++i) {
      now_ = std::max(now_, *group_.next_deadline());
      take(group_.tick(now_));
      check();
    }
    EXPECT_TRUE(waiting_.empty()) << waiting_.size() << " requests were never answered";
    EXPECT_EQ(group_.state(), group_state::empty);
    EXPECT_EQ(group_.member_count(), 0U);
  }

  int assignments() const { return given_; }

 private:
  void join(std::size_t i) {
    auto& c = clients_[i];
    join_group_request r;
    r.group = "g";
    r.member = c.member;
    r.instance = c.instance;
    r.protocols = {{"range", bytes::copy(random_.one_in(8) ? "changed" : "same")}};
    r.session_timeout = milliseconds{6'000};
    r.rebalance_timeout = milliseconds{10'000};
    const auto t = next_token_++;
    waiting_[t] = i;
    take(group_.join(t, r, "m" + std::to_string(next_member_++), now_));
  }

  void sync(std::size_t i) {
    auto& c = clients_[i];
    sync_group_request r{"g", c.in, c.member, c.instance, {}};
    if (c.leads) {
      for (const auto& m : c.others) r.assignments.push_back({m.id, mark(c.in, m.id)});
    }
    const auto t = next_token_++;
    waiting_[t] = i;
    asked_[t] = {c.in, c.member};
    take(group_.sync(t, r, now_));
  }

  static bytes mark(generation g, const std::string& member) {
    return bytes::copy(std::to_string(g.value) + "/" + member);
  }

  void take(const group_effects& e) {
    EXPECT_EQ(e.next_deadline, group_.next_deadline());
    if (e.persist) rested_ = group_.snapshot();
    for (const auto& [t, answer] : e.joins) {
      auto& c = clients_[answered(t)];
      if (!answer) {
        if (answer.code() != errc::rebalancing) c.member.clear();
        continue;
      }
      c.member = answer->member;
      c.in = answer->generation;
      c.leads = answer->leader == answer->member;
      c.others = answer->members;
      EXPECT_EQ(c.in, group_.generation());
    }
    for (const auto& [t, answer] : e.syncs) {
      answered(t);
      if (!answer) continue;
      ++given_;
      const auto& [in, member] = asked_.at(t);
      // Nobody is ever handed the assignment of another generation, and what it gets is what its leader meant for it;
      // a static member that came back has that of the process before.
      EXPECT_EQ(in, group_.generation());
      EXPECT_EQ(group_.state(), group_state::stable);
      const std::string got{answer->assignment.view()};
      if (!got.empty()) {
        EXPECT_TRUE(got.starts_with(std::to_string(in.value) + "/")) << got;
        EXPECT_TRUE(taken_by(in, got, member)) << got << " was given to two members";
      }
    }
  }

  /// Static members share a name, so an assignment belongs to the name; others to one id for ever.
  bool taken_by(generation in, const std::string& got, const std::string& member) {
    std::string owner = member;
    for (const auto& m : group_.describe().members) {
      if (m.id == member && !m.instance.empty()) owner = m.instance;
    }
    const auto [at, fresh] = owners_.try_emplace({in.value, got}, owner);
    return fresh || at->second == owner;
  }

  std::size_t answered(token t) {
    const auto found = waiting_.find(t);
    EXPECT_NE(found, waiting_.end()) << "token " << t << " was answered twice";
    if (found == waiting_.end()) return 0;
    const auto i = found->second;
    waiting_.erase(found);
    return i;
  }

  void check() {
    const auto d = group_.describe();
    std::set<std::string> ids;
    std::set<std::string> instances;
    for (const auto& m : d.members) {
      EXPECT_TRUE(ids.insert(m.id).second);
      if (!m.instance.empty()) {
        EXPECT_TRUE(instances.insert(m.instance).second);
      }
    }
    const bool idle = group_.state() == group_state::empty;
    EXPECT_EQ(idle, d.members.empty());
    EXPECT_EQ(group_.next_deadline().has_value(), !idle);
    if (group_.state() == group_state::stable || idle) {
      EXPECT_EQ(group_.snapshot().members.size(), d.members.size());
      EXPECT_TRUE(waiting_.empty()) << "a group at rest lets nobody wait";
    }
  }

  test::random random_;
  group group_;
  timestamp now_{1'000};
  std::vector<client> clients_;
  token next_token_ = 1;
  int next_member_ = 1;
  int given_ = 0;
  std::map<token, std::size_t> waiting_;
  std::map<token, std::pair<generation, std::string>> asked_;
  std::map<std::pair<std::int32_t, std::string>, std::string> owners_;
  std::optional<group_value> rested_;
};

TEST(group_schedule, every_wait_ends_and_no_assignment_goes_to_two) {
  int given = 0;
  for (std::uint64_t seed = 1; seed <= 10'000; ++seed) {
    schedule s{seed};
    for (int i = 0; i < 60; ++i) s.step();
    s.drain();
    given += s.assignments();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(given, 10'000);
}

}  // namespace
}  // namespace dohle::rules
