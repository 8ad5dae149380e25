// Replays a trace of tests/model/replication_model.py through the rules: does what each line says, and compares what
// the rules send and what they then know with what the line says. It also is what a broker is around the rules: it
// keeps the logs' entries and what is persisted, and does with them only what outcomes ask for.
//
//   deliver 1 vote? 1 0 0.0 | 0 vote! 1 1 | 1,0,candidate,0.0,0.0,0 1,0,follower,0.0,0.0,0
//   (what happens)          | (is sent)   | (each replica: epoch, vote, role, end, flushed end, high watermark)
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/election.hpp"
#include "rules/replication.hpp"

namespace dohle::rules::test {

class replay {
 public:
  explicit replay(std::int32_t replicas);

  /// Does one step. What the rules did differently, if they did.
  std::optional<std::string> step(const std::string& line);

 private:
  /// value 0 = a mark; the model counts values from 1.
  struct entry {
    dohle::epoch epoch;
    std::int64_t value = 0;
  };
  struct machine {
    replica rules;
    hard_state disk;         ///< what outcomes asked to persist
    std::vector<entry> log;  ///< what the log holds, flushed or not
  };

  void act(const std::string& action, const std::string& sends);
  void deliver(machine&, std::istream& message, const std::string& sends);
  void answer_fetch(machine&, const replica_fetch&, const std::string& sends);
  void take_answer(machine&, std::istream& message, answer_kind);
  void crash(machine&, position keep);
  void campaign(machine&);

  void persist(machine&, const std::optional<hard_state>&);
  void send(const machine& from, broker_id to, const std::string& message);
  void check(const machine&);
  std::string states() const;

  std::vector<machine> machines_;
  std::set<std::string> ever_sent_;
  std::string sent_;  ///< in this step
  std::optional<std::string> fault_;
};

/// A whole trace, first line "replicas N". The first difference, with its line, if there is one. `steps` counts.
std::optional<std::string> replay_trace(std::istream&, int& steps);

}  // namespace dohle::rules::test
