#include <algorithm>
#include <iterator>

#include "actors/disk.hpp"
#include "actors/isolation.hpp"
#include "actors/system.hpp"

namespace dohle::actors {

namespace {

/// The aborted transactions that reach into `span`: those on disk, and those that the leader still had in memory.
/// nullopt: more than one answer may name.
result<std::optional<std::vector<aborted_transaction>>> aborted_in(const cold_fetch& m, offset_span span) {
  auto found = m.log->aborted(span.first, span.end, limits::max_fetch_aborted);
  if (!found) return found.error();
  if (!*found) return std::optional<std::vector<aborted_transaction>>{};
  std::ranges::copy_if(m.aborted, std::back_inserter(**found),
                       [&](const auto& a) { return a.marker >= span.first && a.first < span.end; });
  auto out = named(std::move(**found));
  if (out.size() > limits::max_fetch_aborted) return std::optional<std::vector<aborted_transaction>>{};
  return std::optional{std::move(out)};
}

/// An answer that would have to name too many aborted transactions becomes shorter until it has not. The last batch
/// that is left can be touched by one transaction of each producer at most, which is fewer.
result<fetch_response> on_fetch(const cold_fetch& m) {
  for (auto most = std::min<std::size_t>(m.what.max_bytes, limits::max_cold_fetch_bytes);; most /= 2) {
    auto batches = m.what.backward ? m.log->read_back(m.what.from, most) : m.log->read(m.what.from, most, m.limit);
    if (!batches) return batches.error();
    fetch_response answer{m.high_watermark, m.log->start(), std::move(*batches), m.last_stable, {}};
    if (m.what.isolation == isolation::uncommitted || answer.batches.empty()) return answer;
    auto aborted = aborted_in(m, span_of(answer.batches));
    if (!aborted) return aborted.error();
    if (!*aborted && most > 0) continue;
    if (!*aborted) return error{errc::internal, "a batch is touched by too many transactions", ""};
    answer.aborted = std::move(**aborted);
    return answer;
  }
}

result<list_offsets_response> on_list_offsets(const cold_list_offsets& m) {
  auto found = m.what.query == offset_query::max_timestamp ? m.log->find_max_time(m.limit)
                                                           : m.log->find_time(m.what.at, m.limit);
  if (!found) return found.error();
  if (!found->has_value()) return list_offsets_response{};
  return list_offsets_response{(*found)->offset, (*found)->at};
}

result<epoch_end_response> on_epoch_end(const cold_epoch_end& m) {
  auto found = m.log->epoch_end(m.what.epoch, m.limit);
  if (!found) return found.error();
  return *found ? epoch_end_response{(*found)->epoch, (*found)->end} : epoch_end_response{};
}

result<describe_producers_response> on_producers(const cold_producers& m) {
  auto found = m.log->history();
  if (!found) return found.error();
  describe_producers_response out;
  for (const auto& p : found->producers) out.producers.push_back({p.id, p.epoch, p.last_sequence, p.at, p.transaction});
  return out;
}

}  // namespace

caf::behavior reader(caf::event_based_actor* self, bool detached) {
  if (detached) stand_back();
  return {
      [](const cold_fetch& m) { return on_fetch(m); },
      [](const cold_list_offsets& m) { return on_list_offsets(m); },
      [](const cold_epoch_end& m) { return on_epoch_end(m); },
      [](const cold_producers& m) { return on_producers(m); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
