// How the broker's own actors keep what they decide: as records of an internal topic, appended like any other data.
#pragma once

#include <caf/actor.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "actors/messages.hpp"
#include "schema/record_batch.hpp"

namespace dohle::actors {

inline error shutting_down() { return {errc::closed, "the broker is shutting down", "connect again later"}; }

/// Appends what was built, as one batch, to the only partition of an internal topic; `then` gets the outcome when it is
/// durable.
template <class Self>
void append_records(Self* self, const caf::actor& leader, std::string_view topic, batch_builder& builder,
                    std::function<void(const result<void>&)> then) {
  auto batch = builder.build();
  if (!batch) return then(batch.error());
  produce_request r{std::string(topic), partition_index{0}, ack_level::majority, std::move(*batch)};
  self->request(leader, caf::infinite, std::move(r))
      .then([then](const result<produce_response>& a) { then(a ? result<void>{} : result<void>{a.error()}); },
            [then](const caf::error&) { then(shutting_down()); });
}

}  // namespace dohle::actors
