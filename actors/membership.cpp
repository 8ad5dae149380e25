#include "actors/membership.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "actors/request_traits.hpp"
#include "rules/consumer_protocol.hpp"
#include "schema/limits.hpp"

namespace dohle::actors {

namespace {

/// list_offsets in flight at once: the rest waits here instead of in the connection.
constexpr std::size_t max_starts = 100;

std::string_view protocol_of(assignor a) {
  switch (a) {
    case assignor::range: return rules::range_protocol;
    case assignor::round_robin: return rules::round_robin_protocol;
    case assignor::sticky: return rules::sticky_protocol;
  }
  return rules::range_protocol;
}

milliseconds to_milliseconds(duration d) { return std::chrono::duration_cast<milliseconds>(d); }

/// Trying again cannot help: the program has to change something.
bool lasting(errc code) {
  return !is_retriable(code) && code != errc::unknown_member && code != errc::unknown_group &&
         code != errc::stale_generation && code != errc::member_id_required && code != errc::unknown_topic &&
         code != errc::unknown_partition;
}

bool contains(const std::vector<topic_partition>& list, const topic_partition& p) {
  return std::find(list.begin(), list.end(), p) != list.end();
}

}  // namespace

membership::membership(const consumer_options& options, std::string client, duration patience)
    : options_(options), client_(std::move(client)), patience_(patience), backoff_(limits::retry_backoff) {}

bool membership::in_group() const {
  return phase_ == phase::stable || phase_ == phase::placing || phase_ == phase::planning;
}

void membership::say(effects& e, request what) {
  talk_ = ++last_token_;
  e.asks.push_back({talk_, std::move(what)});
}

// --- the way in ----------------------------------------------------------------------------------------------------

membership::effects membership::subscribe(std::vector<std::string> topics, time_point now) {
  effects e;
  topics_ = std::move(topics);
  std::sort(topics_.begin(), topics_.end());
  topics_.erase(std::unique(topics_.begin(), topics_.end()), topics_.end());
  problem_.reset();
  failing_since_.reset();
  heard_ = now;
  e.pause = true;
  find(e);
  return e;
}

void membership::find(effects& e) {
  phase_ = phase::finding;
  retry_at_.reset();
  say(e, metadata_request{topics_, false});
}

void membership::take_metadata(effects& e, const metadata_response& m, time_point now) {
  for (const auto& t : topics_) {
    const bool known = std::any_of(m.topics.begin(), m.topics.end(), [&](const auto& i) { return i.name == t; });
    if (known) continue;
    problem_ = error{errc::unknown_topic, "there is no topic \"" + t + "\" for group " + options_.group,
                     "create it; the consumer joins by itself then"};
    retry_at_ = now + limits::max_retry_backoff;
    return;
  }
  succeeded();
  join(e);
}

void membership::join(effects& e) {
  phase_ = phase::joining;
  rejoin_ = false;
  retry_at_.reset();
  heartbeat_.reset();
  count_.reset();
  starts_.clear();
  unplaced_.clear();
  e.pause = true;
  join_group_request j;
  j.group = options_.group;
  j.member = member_;
  j.instance = options_.instance;
  j.client = client_;
  j.session_timeout = to_milliseconds(options_.session_timeout);
  j.rebalance_timeout = to_milliseconds(options_.max_processing);
  const auto metadata = rules::encode_subscription({member_, options_.instance, topics_, owned_, {}});
  for (auto a : options_.assignors) j.protocols.push_back({std::string{protocol_of(a)}, metadata});
  say(e, std::move(j));
}

void membership::joined(effects& e, const join_group_response& j, time_point now) {
  succeeded();
  member_ = j.member;
  generation_ = j.generation;
  protocol_ = j.protocol;
  heard_ = last_heartbeat_ = now;
  members_.clear();
  if (j.leader != j.member) {
    phase_ = phase::syncing;
    return say(e, sync_group_request{options_.group, generation_, member_, options_.instance, {}});
  }
  std::set<std::string> topics;
  for (const auto& m : j.members) {
    auto s = rules::decode_subscription(m.metadata);
    if (!s) s = rules::subscription{};  // a stranger's bytes: it gets nothing, the others theirs
    s->member = m.id;
    s->instance = m.instance;
    topics.insert(s->topics.begin(), s->topics.end());
    members_.push_back(std::move(*s));
  }
  phase_ = phase::planning;
  say(e, metadata_request{{topics.begin(), topics.end()}, false});
}

void membership::hand_out(effects& e, const metadata_response& m) {
  counts_.clear();
  for (const auto& t : m.topics) counts_[t.name] = static_cast<std::int32_t>(t.partitions.size());
  std::vector<group_assignment> shares;
  auto shared = rules::assign(protocol_, members_, counts_);
  if (!shared) {
    problem_ = shared.error();
    phase_ = phase::failed;
    return;
  }
  for (const auto& [member, partitions] : *shared) shares.push_back({member, rules::encode_assignment(partitions)});
  phase_ = phase::syncing;
  say(e, sync_group_request{options_.group, generation_, member_, options_.instance, std::move(shares)});
}

void membership::synced(effects& e, const sync_group_response& s, time_point now) {
  succeeded();
  heard_ = last_heartbeat_ = counted_ = now;
  given_.clear();
  if (!s.assignment.empty()) {
    auto partitions = rules::decode_assignment(s.assignment);
    if (!partitions) {
      problem_ = partitions.error();
      phase_ = phase::failed;
      return;
    }
    given_ = std::move(*partitions);
  }
  phase_ = phase::placing;
  placement_ = {};
  // Nobody else can have read a partition that was this member's in the generation just before.
  const bool unbroken = owned_in_.value >= 0 && generation_.value == owned_in_.value + 1;
  std::vector<topic_partition> fresh;
  for (const auto& p : given_) (unbroken && contains(owned_, p) ? placement_.kept : fresh).push_back(p);
  if (fresh.empty()) return placed(e, now);
  say(e, fetch_offsets_request{options_.group, std::move(fresh)});
}

void membership::place(effects& e, const fetch_offsets_response& f, time_point now) {
  succeeded();
  for (const auto& c : f.offsets) {
    const topic_partition p{c.topic, c.partition};
    if (contains(given_, p) && !contains(placement_.kept, p)) placement_.begin.push_back({p, c.offset, std::nullopt});
  }
  unplaced_.clear();
  for (const auto& p : given_) {
    const bool has = std::any_of(placement_.begin.begin(), placement_.begin.end(),
                                 [&](const assigned_range& r) { return r.partition == p; });
    if (!has && !contains(placement_.kept, p)) unplaced_.push_back(p);
  }
  talk_ = ++last_token_;  // the conversation goes on in list_offsets requests of their own
  ask_starts(e);
  if (starts_.empty()) placed(e, now);
}

void membership::ask_starts(effects& e) {
  while (!unplaced_.empty() && starts_.size() < max_starts) {
    auto p = std::move(unplaced_.back());
    unplaced_.pop_back();
    const auto query = options_.start == start_at::earliest ? offset_query::earliest : offset_query::latest;
    e.asks.push_back(
        {++last_token_, list_offsets_request{p.topic, p.partition, query, no_timestamp, options_.isolation}});
    starts_.emplace(last_token_, std::move(p));
  }
}

void membership::start_answered(effects& e, const topic_partition& p, const response& a, time_point now) {
  if (auto* why = std::get_if<error>(&a)) {
    unplaced_.push_back(p);
    return failed(e, *why, now);
  }
  const auto* found = std::get_if<list_offsets_response>(&a);
  placement_.begin.push_back({p, found && found->offset ? *found->offset : offset{0}, std::nullopt});
  ask_starts(e);
  if (starts_.empty() && unplaced_.empty()) placed(e, now);
}

void membership::placed(effects& e, time_point) {
  succeeded();
  phase_ = phase::stable;
  owned_ = given_;
  owned_in_ = generation_;
  e.assignment = std::move(placement_);
  e.pause = false;
}

// --- staying in ----------------------------------------------------------------------------------------------------

membership::effects membership::tick(reader r, time_point now) {
  effects e;
  processing_end_.reset();
  if (r.processing) processing_end_ = r.last_poll + options_.max_processing;
  const bool too_slow = processing_end_ && now >= *processing_end_;
  if (phase_ == phase::stable && too_slow) {
    // The reader seems stuck; its partitions are better with somebody else until it polls again.
    if (options_.instance.empty()) e.asks.push_back({++last_token_, leave_group_request{options_.group, member_, {}}});
    member_.clear();
    give_up_partitions(e);
    phase_ = phase::away;
    return e;
  }
  if (in_group() && now >= heard_ + options_.session_timeout) {
    // The coordinator has given this member up by now, so others may read its partitions.
    give_up_partitions(e);
    join(e);
  } else if (in_group() && !heartbeat_ && now >= last_heartbeat_ + options_.heartbeat_interval) {
    last_heartbeat_ = now;
    heartbeat_ = ++last_token_;
    e.asks.push_back({*heartbeat_, heartbeat_request{options_.group, generation_, member_, options_.instance}});
  }
  if (phase_ == phase::stable && !members_.empty() && !count_ && now >= counted_ + limits::group_metadata_interval) {
    std::vector<std::string> topics;
    for (const auto& [t, n] : counts_) topics.push_back(t);
    count_ = ++last_token_;
    e.asks.push_back({*count_, metadata_request{std::move(topics), false}});
  }
  if (retry_at_ && now >= *retry_at_) {
    retry_at_.reset();
    if (phase_ == phase::finding)
      find(e);
    else if (phase_ == phase::placing && !unplaced_.empty())
      ask_starts(e);
    else if (phase_ != phase::stable)
      join(e);
  }
  if (rejoin_ && phase_ == phase::stable) want_rejoin(e, r, now);
  return e;
}

std::optional<membership::time_point> membership::next_tick() const {
  std::optional<time_point> at;
  const auto consider = [&](time_point t) {
    if (!at || t < *at) at = t;
  };
  if (retry_at_) consider(*retry_at_);
  if (in_group()) {
    consider(heartbeat_ ? heard_ + options_.session_timeout : last_heartbeat_ + options_.heartbeat_interval);
    if (processing_end_) consider(*processing_end_);
  }
  if (phase_ == phase::stable && !members_.empty() && !count_) consider(counted_ + limits::group_metadata_interval);
  return at;
}

membership::effects membership::polled(time_point now) {
  effects e;
  processing_end_.reset();
  if (phase_ == phase::away) {
    heard_ = now;
    find(e);
  } else if (rejoin_ && phase_ == phase::stable) {
    join(e);
  }
  return e;
}

void membership::want_rejoin(effects& e, reader r, time_point now) {
  rejoin_ = true;
  if (!r.processing || now >= r.last_poll + options_.max_processing) join(e);
}

void membership::heartbeat_answered(effects& e, const response& a, reader r, time_point now) {
  heartbeat_.reset();
  const auto* why = std::get_if<error>(&a);
  if (!why || why->code == errc::rebalancing) {
    heard_ = now;
    if (!why) return;
    return phase_ == phase::stable ? want_rejoin(e, r, now) : join(e);
  }
  switch (why->code) {
    case errc::unknown_group:
    case errc::unknown_member: member_.clear(); [[fallthrough]];
    case errc::stale_generation: give_up_partitions(e); return join(e);
    default: break;
  }
  if (lasting(why->code)) return failed(e, *why, now);
  if (now - heard_ < options_.session_timeout) return;  // the next heartbeat may get through
  give_up_partitions(e);
  join(e);
}

/// The leader looks whether topics grew; the answer of the group is a new generation.
void membership::recount(effects& e, const response& a, reader r, time_point now) {
  count_.reset();
  counted_ = now;
  const auto* m = std::get_if<metadata_response>(&a);
  if (!m || phase_ != phase::stable) return;
  rules::partition_counts counts;
  for (const auto& t : m->topics) counts[t.name] = static_cast<std::int32_t>(t.partitions.size());
  if (counts != counts_) want_rejoin(e, r, now);
}

void membership::give_up_partitions(effects& e) {
  owned_.clear();
  owned_in_ = dohle::generation{-1};
  e.assignment = placement{};
  e.pause = true;
}

// --- answers -------------------------------------------------------------------------------------------------------

membership::effects membership::answered(std::uint64_t token, response answer, reader r, time_point now) {
  effects e;
  if (token == heartbeat_) {
    heartbeat_answered(e, answer, r, now);
  } else if (token == count_) {
    recount(e, answer, r, now);
  } else if (auto start = starts_.find(token); start != starts_.end()) {
    const auto p = std::move(start->second);
    starts_.erase(start);
    start_answered(e, p, answer, now);
  } else if (token == talk_) {
    if (phase_ == phase::leaving) {
      phase_ = phase::outside;
      e.left = true;
    } else if (auto* why = std::get_if<error>(&answer)) {
      failed(e, *why, now);
    } else if (auto* m = std::get_if<metadata_response>(&answer)) {
      phase_ == phase::finding ? take_metadata(e, *m, now) : hand_out(e, *m);
    } else if (auto* j = std::get_if<join_group_response>(&answer)) {
      joined(e, *j, now);
    } else if (auto* s = std::get_if<sync_group_response>(&answer)) {
      synced(e, *s, now);
    } else if (auto* f = std::get_if<fetch_offsets_response>(&answer)) {
      place(e, *f, now);
    }
  }
  return e;
}

void membership::failed(effects& e, const error& why, time_point now) {
  const bool forgotten = why.code == errc::unknown_member || why.code == errc::unknown_group;
  if (forgotten) member_.clear();
  if (forgotten || why.code == errc::stale_generation) give_up_partitions(e);
  if (lasting(why.code)) {
    give_up_partitions(e);
    phase_ = phase::failed;
    problem_ = why;
    retry_at_.reset();
    return;
  }
  if (!failing_since_) failing_since_ = now;
  if (now - *failing_since_ >= patience_) problem_ = why;
  // A rebalance that began anew wants a quick answer; a broker that is away does not.
  retry_at_ = why.code == errc::rebalancing ? now : now + backoff_;
  if (why.code != errc::rebalancing) backoff_ = std::min<duration>(backoff_ * 2, limits::max_retry_backoff);
}

void membership::succeeded() {
  backoff_ = limits::retry_backoff;
  failing_since_.reset();
  problem_.reset();
}

membership::effects membership::leave(time_point) {
  effects e;
  const bool in = !member_.empty() && phase_ != phase::failed && phase_ != phase::away;
  give_up_partitions(e);
  retry_at_.reset();
  rejoin_ = false;
  if (in && options_.instance.empty()) {
    phase_ = phase::leaving;
    say(e, leave_group_request{options_.group, member_, {}});
  } else {
    phase_ = phase::outside;
    e.left = true;
  }
  member_.clear();
  return e;
}

}  // namespace dohle::actors
