#include "actors/disk.hpp"
#include "actors/system.hpp"

namespace dohle::actors {

namespace {

result<fetch_response> on_fetch(const cold_fetch& m) {
  const auto most = std::min<std::size_t>(m.what.max_bytes, limits::max_fetch_bytes);
  auto batches = m.what.backward ? m.log->read_back(m.what.from, most) : m.log->read(m.what.from, most, m.limit);
  if (!batches) return batches.error();
  return fetch_response{m.limit, m.log->start(), std::move(*batches)};
}

result<list_offsets_response> on_list_offsets(const cold_list_offsets& m) {
  auto found = m.what.query == offset_query::max_timestamp ? m.log->find_max_time(m.limit)
                                                           : m.log->find_time(m.what.at, m.limit);
  if (!found) return found.error();
  if (!found->has_value()) return list_offsets_response{};
  return list_offsets_response{(*found)->offset, (*found)->at};
}

}  // namespace

caf::behavior reader(caf::event_based_actor* self, bool detached) {
  if (detached) stand_back();
  return {
      [](const cold_fetch& m) { return on_fetch(m); },
      [](const cold_list_offsets& m) { return on_list_offsets(m); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
