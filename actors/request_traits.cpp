#include "actors/request_traits.hpp"

#include <string>

#include "schema/limits.hpp"

namespace dohle::actors {

namespace {

constexpr std::size_t kinds = std::variant_size_v<request>;

constexpr std::array<std::string_view, kinds> names = {"hello",
                                                       "metadata",
                                                       "create_topic",
                                                       "describe_topic",
                                                       "alter_topic",
                                                       "delete_topic",
                                                       "init_producer",
                                                       "produce",
                                                       "fetch",
                                                       "list_offsets",
                                                       "join_group",
                                                       "sync_group",
                                                       "heartbeat",
                                                       "leave_group",
                                                       "commit_offsets",
                                                       "fetch_offsets",
                                                       "describe_group",
                                                       "list_groups",
                                                       "delete_group",
                                                       "delete_records",
                                                       "add_to_transaction",
                                                       "end_transaction",
                                                       "list_transactions",
                                                       "describe_transaction",
                                                       "describe_producers",
                                                       "epoch_end",
                                                       "delete_offsets",
                                                       "consumer_heartbeat",
                                                       "describe_consumer_group",
                                                       "write_marker"};
static_assert(names.back() == "write_marker", "a name for each request, in their order");

template <class... Rs>
constexpr std::array<std::size_t, sizeof...(Rs)> answer_indices(type_list<Rs...>) {
  return {detail::index_of<typename Rs::response, response>::value...};
}
constexpr auto answers = answer_indices(all_requests{});

}  // namespace

std::string_view request_name(std::size_t kind) { return names.at(kind); }

bool is_answer_to(std::size_t kind, const response& answer) {
  return answer.index() == answers.at(kind) || std::holds_alternative<error>(answer);
}

bool changes_state(std::size_t kind) {
  switch (kind) {
    case kind_of<create_topic_request>:
    case kind_of<alter_topic_request>:
    case kind_of<delete_topic_request>:
    case kind_of<init_producer_request>:
    case kind_of<produce_request>:
    case kind_of<leave_group_request>:
    case kind_of<commit_offsets_request>:
    case kind_of<delete_group_request>:
    case kind_of<delete_records_request>:
    case kind_of<delete_offsets_request>:
    case kind_of<write_marker_request>: return true;
    // Join, sync and heartbeat too: a member that says them again loses nothing. So with what makes up a transaction.
    default: return false;
  }
}

std::chrono::milliseconds extra_wait(const request& what) {
  if (auto* f = std::get_if<fetch_request>(&what)) return f->max_wait;
  if (auto* j = std::get_if<join_group_request>(&what)) return j->rebalance_timeout;
  // A sync waits for the group's leader, which the coordinator gives at most a session.
  if (std::holds_alternative<sync_group_request>(what)) return limits::max_sync_wait;
  return std::chrono::milliseconds{0};
}

std::size_t weight(const request& what) {
  constexpr std::size_t base = 256;
  if (auto* p = std::get_if<produce_request>(&what)) return base + p->batch.size();
  if (auto* c = std::get_if<commit_offsets_request>(&what)) return base + c->offsets.size() * base;
  if (auto* f = std::get_if<fetch_offsets_request>(&what)) return base + f->partitions.size() * base;
  if (auto* d = std::get_if<delete_offsets_request>(&what)) return base + d->partitions.size() * base;
  if (auto* a = std::get_if<add_to_transaction_request>(&what))
    return base + (a->partitions.size() + a->groups.size()) * base;
  if (auto* h = std::get_if<consumer_heartbeat_request>(&what))
    return base + ((h->topics ? h->topics->size() : 0) + (h->owned ? h->owned->size() : 0)) * base;
  if (auto* s = std::get_if<sync_group_request>(&what)) {
    std::size_t sum = base;
    for (const auto& a : s->assignments) sum += base + a.assignment.size();
    return sum;
  }
  if (auto* j = std::get_if<join_group_request>(&what)) {
    std::size_t sum = base;
    for (const auto& p : j->protocols) sum += base + p.metadata.size();
    return sum;
  }
  return base;
}

}  // namespace dohle::actors
