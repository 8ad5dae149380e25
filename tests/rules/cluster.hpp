// A partition's replicas in one process, for random schedules of rules/replication.hpp, election.hpp, liveness.hpp and
// replica_set.hpp: a network that loses, delays and cuts, disks that flush late and keep their order, processes that
// crash, sleep and lose their disk, and an operator who moves replicas and offices. Promises are checked as they are
// made; a broken one is a failure of the test that runs.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rules/liveness.hpp"
#include "rules/replica_set.hpp"
#include "rules/replication.hpp"
#include "tests/rules/random.hpp"

namespace dohle::rules::test {

class cluster {
 public:
  /// `voters` brokers hold the partition at first, two more can.
  cluster(std::uint64_t seed, int voters);

  /// Ten milliseconds, with whatever happens in them.
  void step(bool faults);
  /// No more faults, everybody is up and reaches everybody. True when within `limit` one leads and what is produced
  /// then is committed everywhere it should be.
  bool heals(moment limit);

  std::size_t committed() const { return committed_.size(); }
  std::size_t elections() const { return leaders_.size(); }
  int transfers() const { return transfers_; }
  int set_changes() const { return set_changes_; }
  int cuts() const { return cuts_; }

 private:
  /// value 0: a mark. set: the replica set that the record carries, by its place in `sets_`.
  struct entry {
    dohle::epoch epoch;
    std::int64_t value = 0;
    std::optional<std::size_t> set;
    friend bool operator==(const entry&, const entry&) = default;
  };
  using entries = std::vector<entry>;

  struct beat {
    dohle::epoch epoch;
    std::uint64_t round = 0;
  };
  struct beat_answer {
    dohle::epoch epoch;
    std::uint64_t round = 0;
  };
  struct answer {
    replica_answer head;
    entries body;
  };
  struct stand_now {
    dohle::epoch epoch;
  };
  using body = std::variant<vote_request, vote_answer, replica_fetch, answer, beat, beat_answer, stand_now>;
  struct message {
    replica_id from;
    std::size_t to = 0;
    body what;
    moment due{0};
  };

  /// In the order of the journal.
  struct write {
    std::optional<hard_state> state;
    std::optional<position> cut;
    entries append;
    std::vector<message> then;  ///< leave when it is flushed
  };
  struct disk {
    hard_state state;
    entries log;
  };

  struct node {
    replica_id id;
    replica r;
    liveness l;
    replica_sets sets{replica_set{}};
    entries log;
    disk flushed;
    std::deque<write> writes;
    std::size_t flushing = 0;  ///< the first of `writes` that a flush under way covers
    moment flush_end{0}, next_tick{0}, next_fetch{0}, asleep_until{0}, down_until{0};
    bool up = true;
    dohle::epoch seen_epoch;  ///< for the check that it never falls, over crashes too
  };

  void start(node&, disk from, bool wiped);
  void run(node&);
  void tick(node&);
  void write_next(node&);
  void flush(node&);
  void crash(node&);
  void faults();
  void operate(node& leader);
  void append(node& leader, std::optional<std::size_t> set);

  void receive(node&, const message&);
  void on(node&, const replica_id& from, const vote_request&);
  void on(node&, const replica_id& from, const vote_answer&);
  void on(node&, const replica_id& from, const replica_fetch&);
  void on(node&, const replica_id& from, const answer&);
  void on(node&, const replica_id& from, const beat&);
  void on(node&, const replica_id& from, const beat_answer&);
  void on(node&, const replica_id& from, const stand_now&);

  void stand(node&, const campaign_outcome&);
  void take_office(node&);
  void persist(node&, const std::optional<hard_state>&);
  void send(node&, broker_id to, body);
  void post(const node&, message);
  void take_entries(node&, const entries&);
  void cut_to(node&, position);
  void check(node&);
  const node* leader() const;
  bool agreed() const;

  random random_;
  moment now_{0};
  std::vector<node> nodes_;
  std::vector<message> net_;
  std::set<std::pair<std::size_t, std::size_t>> cut_links_;  ///< one way
  std::vector<replica_set> sets_;
  std::set<replica_id> wiped_;

  std::vector<entry> committed_;  ///< records, in the order of their offsets
  std::map<epoch, broker_id> leaders_;
  std::map<std::pair<broker_id, epoch>, std::pair<broker_id, disk_incarnation>> votes_;
  std::int64_t next_value_ = 1;
  std::uint64_t next_disk_ = 1;
  int transfers_ = 0, set_changes_ = 0, cuts_ = 0;
};

}  // namespace dohle::rules::test
