#include "actors/isolation.hpp"

#include <algorithm>
#include <limits>

#include "schema/record_batch.hpp"

namespace dohle::actors {

offset_span span_of(const std::vector<bytes>& batches) {
  offset_span span{offset{std::numeric_limits<std::int64_t>::max()}, offset{}};
  for (const auto& piece : batches) {
    for (auto rest = piece.view(); !rest.empty();) {
      auto header = read_header(rest);
      DOHLE_ASSERT(header.ok(), "what the log gives out is whole batches");
      span.first = std::min(span.first, header->base);
      span.end = std::max(span.end, header->end());
      rest.remove_prefix(header->size_bytes());
    }
  }
  return span;
}

std::vector<aborted_transaction> named(std::vector<store::ended_transaction> aborted) {
  std::ranges::sort(aborted, {}, [](const auto& a) { return std::pair{a.first, a.producer}; });
  std::vector<aborted_transaction> out;
  out.reserve(aborted.size());
  for (const auto& a : aborted) out.push_back({a.producer, a.first});
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace dohle::actors
