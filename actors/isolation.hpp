// What an isolated fetch answer says of aborted transactions. Plain functions of the leader and the reader.
#pragma once

#include <vector>

#include "schema/messages.hpp"
#include "store/log.hpp"

namespace dohle::actors {

/// The offsets that batches cover, holes included.
struct offset_span {
  offset first;
  offset end;
};
/// `batches` as a fetch answer holds them, in either direction; not empty.
offset_span span_of(const std::vector<bytes>& batches);

/// As an answer names them: by `first`, each once.
std::vector<aborted_transaction> named(std::vector<store::ended_transaction> aborted);

}  // namespace dohle::actors
