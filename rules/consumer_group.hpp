// A consumer group whose members the broker assigns (Kafka's newer protocol, KIP-848), as a state machine, pure:
// heartbeats, topics and time come in, answers come out. Owner: the group's actor, at the group's coordinator.
//
// Whatever changes who reads what (a member, a subscription, a topic) raises the group's epoch. A newer epoch gets a
// target assignment of its own, at the next heartbeat; each member then comes to it at its own pace
// (rules/reconciliation.hpp), and its epoch says how far it is. `now` may come from any clock that never goes back.
// Invariants: epochs only grow; a partition has one owner at most, who may have to give it up yet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/assignment.hpp"
#include "rules/reconciliation.hpp"
#include "schema/error.hpp"
#include "schema/messages.hpp"
#include "schema/stored.hpp"

namespace dohle::rules {

/// Kafka's names of the two ways to assign: balanced with few moves (the default), and neighbours to neighbours.
inline constexpr std::string_view uniform_assignor = "uniform";
inline constexpr std::string_view range_assignor = "range";

struct consumer_group_options {
  milliseconds heartbeat_interval{5'000};  ///< Kafka's group.consumer.heartbeat.interval.ms
  milliseconds session_timeout{45'000};    ///< Kafka's group.consumer.session.timeout.ms
};

/// What there is to read.
struct known_topics {
  partition_counts counts;
  std::map<std::string, std::set<std::string>> matches;  ///< pattern -> the topics that it names
};

struct consumer_effects {
  result<consumer_heartbeat_response> answer;
  /// Take `snapshot()` now and persist it; send the answer only when that is durable.
  bool persist = false;
  /// Call `tick` at this time or soon after, unless a later effect says another one. None: nothing is due.
  std::optional<timestamp> next_deadline;
};

class consumer_group {
 public:
  explicit consumer_group(std::string id, consumer_group_options options = {});
  /// As it was persisted; each member has one session time-out to be heard of.
  static consumer_group restore(std::string id, consumer_group_value from, timestamp now,
                                consumer_group_options options = {});

  /// Before a heartbeat that names topics or a pattern, and when topics change. True: persist.
  bool learn(known_topics topics);
  /// Enters, stays or leaves. A member without a name gets `suggested_member`.
  consumer_effects heartbeat(const consumer_heartbeat_request& r, const std::string& suggested_member, timestamp now);
  /// Sends a static member away, whoever it is now.
  consumer_effects remove_instance(const std::string& instance, timestamp now);
  /// Time passed: members that were silent or busy too long go.
  consumer_effects tick(timestamp now);

  /// May these offsets be committed? The generation is the member's epoch.
  result<void> check_commit(const commit_offsets_request& r) const;
  result<void> check_delete() const;
  std::set<std::string> subscribed_topics() const;
  /// In use now: what `learn` should match.
  std::set<std::string> patterns() const;
  consumer_group_value snapshot() const;
  describe_consumer_group_response describe() const;
  /// The same in the words that both protocols share: a share is what Kafka's consumer protocol says of it.
  describe_group_response outline() const;
  std::size_t member_count() const { return members_.size(); }
  std::int32_t epoch() const { return epoch_; }

 private:
  struct member {
    std::string id, instance, rack, client, client_host;
    milliseconds rebalance_timeout{0};
    std::set<std::string> topics;
    std::string pattern;
    std::string assignor;
    consumer_position at;
    partition_set target;
    timestamp session_end;
    std::optional<timestamp> revoke_end;  ///< fenced unless it gave up before
  };

  std::optional<error> refuse(const consumer_heartbeat_request& r) const;
  std::optional<error> refuse_join(const consumer_heartbeat_request& r, const std::string& id) const;
  result<member*> find(const consumer_heartbeat_request& r);
  std::optional<error> check_epoch(const member& m, const consumer_heartbeat_request& r) const;
  result<member*> enter(const consumer_heartbeat_request& r, const std::string& id);
  result<consumer_heartbeat_response> leave(const consumer_heartbeat_request& r, timestamp now);
  bool subscribe(member& m, const consumer_heartbeat_request& r);
  void assign_anew();
  void move(member& m, consumer_position to, timestamp now);
  void release(const member& m);
  void remove(const std::string& id);
  void alive(member& m, timestamp now);
  void due(timestamp at);
  std::set<std::string> read_by(const member& m) const;
  std::string chosen_assignor() const;
  std::string_view state() const;
  partition_counts read_counts() const;
  consumer_effects effects(result<consumer_heartbeat_response> answer);

  std::string id_;
  consumer_group_options options_;
  std::int32_t epoch_ = 0;
  std::int32_t assignment_epoch_ = 0;
  std::map<std::string, member> members_;
  std::map<std::string, std::string> instances_;   ///< static member's name -> id
  std::map<topic_partition, std::string> owners_;  ///< of what is assigned or to be given up
  known_topics topics_;
  partition_counts read_;             ///< the topics that this epoch is about, as they were
  std::size_t subscribed_bytes_ = 0;  ///< subscriptions of all members
  std::optional<timestamp> floor_;    ///< nothing is due before it
  bool changed_ = false;              ///< since effects were taken
};

}  // namespace dohle::rules
