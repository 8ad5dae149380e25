// The whole conversation between actors. Requests and responses are those of schema/messages.hpp: an actor that answers
// them is an *endpoint* (the broker of this process, or a link to one elsewhere); it answers X_request with
// result<X_response>. The other structs are what the broker's own actors tell each other. Nothing here leaves the
// process: on the wire stands schema/codec.hpp. One struct a message, immutable once sent.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/actor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "schema/messages.hpp"
#include "store/folder.hpp"

namespace dohle::actors {

using tick_atom = caf::atom_constant<caf::atom("tick")>;

/// From a thread outside the actor system: the answer is handed to `done`, on an actor's thread, exactly once.
struct blocking_call {
  request what;
  std::function<void(response)> done;
};

// --- journal writer ------------------------------------------------------------------------------------------------

/// Leader -> journal writer. Answered by `appended` or `refused` to the sender, in the order of the appends.
struct append {
  std::vector<store::entry> entries;  ///< all of one partition
  std::uint32_t attempt = 0;          ///< the leader's count of refusals; older attempts are refused unseen
};
/// These entries are flushed to disk.
struct appended {
  std::vector<store::flushed_entry> entries;
};
/// Nothing of attempt `attempt` or before that was not yet answered will be flushed.
struct refused {
  std::uint32_t attempt = 0;
  error why;
};

// --- settler and readers -------------------------------------------------------------------------------------------

/// Leader -> settler: this log is committed up to `limit` and may be settled so far.
struct settle_up_to {
  std::shared_ptr<store::log> log;
  offset limit;
};
/// Leader -> reader (detached, may touch the disk): answers the fetch in the leader's place.
struct cold_fetch {
  std::shared_ptr<store::log> log;
  fetch_request what;
  offset high_watermark;
};
struct cold_list_offsets {
  std::shared_ptr<store::log> log;
  list_offsets_request what;
  offset high_watermark;
};

}  // namespace dohle::actors

#define DOHLE_MESSAGE(name)                                   \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::name##_request)        \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::result<dohle::name##_response>)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::create_topic_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::describe_topic_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::alter_topic_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::result<dohle::topic_description>)
DOHLE_MESSAGE(hello)
DOHLE_MESSAGE(metadata)
DOHLE_MESSAGE(delete_topic)
DOHLE_MESSAGE(init_producer)
DOHLE_MESSAGE(produce)
DOHLE_MESSAGE(fetch)
DOHLE_MESSAGE(list_offsets)
DOHLE_MESSAGE(join_group)
DOHLE_MESSAGE(sync_group)
DOHLE_MESSAGE(heartbeat)
DOHLE_MESSAGE(leave_group)
DOHLE_MESSAGE(commit_offsets)
DOHLE_MESSAGE(fetch_offsets)
DOHLE_MESSAGE(describe_group)
DOHLE_MESSAGE(list_groups)
DOHLE_MESSAGE(delete_group)
#undef DOHLE_MESSAGE
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::blocking_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::append)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::appended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::settle_up_to)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::cold_fetch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dohle::actors::cold_list_offsets)
