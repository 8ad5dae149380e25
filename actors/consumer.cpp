// The facade class `consumer`.
#include "actors/consumer.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <future>
#include <set>
#include <utility>

#include "actors/impl.hpp"
#include "actors/request_traits.hpp"

namespace dohle {

namespace actors {

result<void> check_options(const consumer_options& o) {
  const auto bad = [](const std::string& what, const std::string& hint) {
    return error{errc::invalid_config, what, hint};
  };
  if (o.fetch_bytes == 0 || o.prefetch_bytes == 0) return bad("fetch_bytes or prefetch_bytes is 0", "leave them out");
  if (o.fetch_bytes > limits::max_fetch_bytes)
    return bad("fetch_bytes " + std::to_string(o.fetch_bytes) + " is more than a broker sends at once",
               "give at most " + std::to_string(limits::max_fetch_bytes));
  if (o.max_wait < duration::zero()) return bad("max_wait is negative", "give 0 or more");
  if (o.group.empty()) return {};
  if (o.assignors.empty()) return bad("a group's member needs an assignor", "leave assignors out");
  if (o.session_timeout < limits::min_session_timeout || o.session_timeout > limits::max_session_timeout)
    return bad("session_timeout is out of range", "give 1 s to 30 min");
  if (o.heartbeat_interval <= duration::zero() || o.heartbeat_interval >= o.session_timeout)
    return bad("heartbeat_interval must be shorter than session_timeout", "give about a third of it");
  if (o.max_processing <= duration::zero()) return bad("max_processing is not positive", "give some minutes");
  return {};
}

}  // namespace actors

consumer::impl::impl(std::shared_ptr<client::impl> owner, consumer_options options)
    : owner_(std::move(owner)),
      options_(std::move(options)),
      spawned_(actors::spawn_consumer(owner_->endpoint.home_system(), owner_->endpoint, options_, owner_->options.name,
                                      owner_->options.request_timeout)) {}

consumer::impl::~impl() { (void)close(limits::drop_timeout); }

result<void> consumer::impl::need_group(const std::string& what) const {
  if (!options_.group.empty()) return {};
  return error{errc::invalid_config, what + " needs a group, and this consumer has none",
               "give consumer_options a group's name"};
}

result<void> consumer::impl::subscribe(std::vector<std::string> topics) {
  if (closed_) return error{errc::closed, "the consumer is closed", "make a new one"};
  if (auto ok = need_group("subscribe"); !ok) return ok;
  if (topics.empty()) return error{errc::invalid_request, "no topic to subscribe to", "name at least one"};
  spawned_.core->pause(true);
  caf::anon_send(spawned_.actor, actors::subscribe_call{std::move(topics), nullptr});
  return {};
}

result<void> consumer::impl::assign(std::vector<assigned_range> ranges) {
  if (closed_) return error{errc::closed, "the consumer is closed", "make a new one"};
  std::set<topic_partition> seen;
  for (const auto& r : ranges) {
    const auto name = r.partition.topic + "[" + std::to_string(r.partition.partition.value) + "]";
    if (!seen.insert(r.partition).second)
      return error{errc::invalid_request, name + " is assigned twice", "give one range a partition"};
    if (r.from.value < 0 || r.partition.partition.value < 0)
      return error{errc::invalid_request, name + " from offset " + std::to_string(r.from.value) + " is negative",
                   "ask list_offsets where it begins"};
  }
  // Out of the group first, or its next rebalance would take these ranges away.
  std::promise<void> left;
  auto gone = left.get_future();
  auto shared = std::make_shared<std::promise<void>>(std::move(left));
  if (!options_.group.empty()) {
    caf::anon_send(spawned_.actor, actors::subscribe_call{{}, [shared] { shared->set_value(); }});
    gone.wait_for(limits::drop_timeout);
  }
  spawned_.core->assign(ranges);
  caf::anon_send(spawned_.actor, actors::wake_atom::value);
  return {};
}

result<void> consumer::impl::commit(const std::map<topic_partition, offset>& offsets, duration timeout) {
  if (auto ok = need_group("commit"); !ok) return ok;
  if (offsets.empty()) return {};
  const auto assigned = spawned_.core->assignment();
  for (const auto& [p, at] : offsets) {
    // Somebody else may have read on from there: an old position must not overwrite theirs.
    if (spawned_.core->member().empty() || std::binary_search(assigned.begin(), assigned.end(), p)) continue;
    return error{errc::stale_generation,
                 p.topic + "[" + std::to_string(p.partition.value) + "] is no longer assigned to this member of " +
                     options_.group,
                 "poll again: its records come to whoever has it now"};
  }
  commit_offsets_request r;
  r.group = options_.group;
  r.generation = spawned_.core->generation();
  r.member = spawned_.core->member();
  if (!r.member.empty()) r.instance = options_.instance;
  for (const auto& [p, at] : offsets) r.offsets.push_back({p.topic, p.partition, at, {}});
  auto answer = owner_->call(request{std::move(r)}, timeout);
  if (!answer) return answer.error();
  if (auto* e = std::get_if<error>(&*answer)) {
    const bool moved =
        e->code == errc::rebalancing || e->code == errc::stale_generation || e->code == errc::unknown_member;
    if (moved && e->hint.empty()) e->hint = "poll again: the partitions are being shared out anew";
    return *e;
  }
  return {};
}

result<std::map<topic_partition, offset>> consumer::impl::committed(duration timeout) {
  if (auto ok = need_group("committed"); !ok) return ok.error();
  auto partitions = spawned_.core->assignment();
  std::map<topic_partition, offset> out;
  if (partitions.empty()) return out;
  auto answer = owner_->call(request{fetch_offsets_request{options_.group, std::move(partitions)}}, timeout);
  if (!answer) return answer.error();
  auto typed = actors::typed_answer<fetch_offsets_request>(std::move(*answer));
  if (!typed) return typed.error();
  for (const auto& c : typed->offsets) out.emplace(topic_partition{c.topic, c.partition}, c.offset);
  return out;
}

result<void> consumer::impl::close(duration timeout) {
  if (closed_.exchange(true)) return {};
  spawned_.core->close();
  auto left = std::make_shared<std::promise<void>>();
  auto gone = left->get_future();
  caf::anon_send(spawned_.actor, actors::subscribe_call{{}, [left] { left->set_value(); }});
  left.reset();  // the actor holds it alone: should that end first, the wait below ends too
  const bool in_time = gone.wait_for(std::min<duration>(timeout, limits::max_wait)) == std::future_status::ready;
  caf::anon_send_exit(spawned_.actor, caf::exit_reason::user_shutdown);
  if (in_time) return {};
  return error{errc::timeout, "group " + options_.group + " was not left in time",
               "nothing: the broker takes the member out when its session is over"};
}

// --- the facade ----------------------------------------------------------------------------------------------------

consumer::consumer(std::shared_ptr<impl> i) : impl_(std::move(i)) {}

result<void> consumer::subscribe(std::vector<std::string> topics) { return impl_->subscribe(std::move(topics)); }
result<void> consumer::assign(std::vector<assigned_range> ranges) { return impl_->assign(std::move(ranges)); }
result<polled> consumer::poll(std::size_t max_records, duration timeout) {
  return impl_->core().poll(max_records, timeout);
}
bool consumer::finished() const { return impl_->core().finished(); }
std::vector<topic_partition> consumer::assignment() const { return impl_->core().assignment(); }
std::map<topic_partition, offset> consumer::positions() const { return impl_->core().positions(); }
result<void> consumer::seek(const topic_partition& partition, offset to) { return impl_->core().seek(partition, to); }
result<void> consumer::commit(const std::map<topic_partition, offset>& offsets, duration timeout) {
  return impl_->commit(offsets, timeout);
}
result<std::map<topic_partition, offset>> consumer::committed(duration timeout) { return impl_->committed(timeout); }
std::map<topic_partition, std::int64_t> consumer::lag() const { return impl_->core().lag(); }
std::string consumer::member() const { return impl_->core().member(); }
dohle::generation consumer::generation() const { return impl_->core().generation(); }
result<void> consumer::close(duration timeout) { return impl_->close(timeout); }

}  // namespace dohle
