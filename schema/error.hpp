// The one error enum and result<T>. Expected outcomes are values of these; broken invariants are DOHLE_ASSERT, which
// ends the process with a message in release builds too. Standard library only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dohle {

/// Numbers are part of the native protocol: append, never renumber.
enum class errc : std::uint16_t {
  ok = 0,
  // requests
  invalid_request = 1,      ///< malformed or contradictory
  unsupported_version = 2,  ///< protocol version or feature that this side does not speak
  unknown_topic = 3,
  unknown_partition = 4,
  topic_exists = 5,
  invalid_topic = 6,  ///< a name that cannot be a topic's
  invalid_config = 7,
  offset_out_of_range = 8,
  record_too_large = 9,
  corrupt_batch = 10,  ///< a batch that arrived damaged or malformed
  not_leader = 11,
  stale_epoch = 12,
  timeout = 13,          ///< nothing was done
  unknown_outcome = 14,  ///< it may or may not have been done
  busy = 15,             ///< a bound was reached; try again
  not_authorized = 16,
  invalid_record = 17,  ///< a record that this topic does not take, such as one without a key where keys compact
  // producers
  out_of_order_sequence = 20,
  producer_fenced = 21,  ///< a newer instance of this producer exists
  unknown_producer = 22,
  buffer_full = 23,  ///< the client's own buffer, when asked not to wait
  // transactions
  unknown_transaction = 24,
  invalid_transaction = 25,          ///< what was asked does not fit the state of the transaction
  concurrent_transactions = 26,      ///< the one before is still being decided; try again
  invalid_transaction_timeout = 27,  ///< longer than the broker allows
  abortable_transaction = 28,        ///< this transaction cannot be committed: abort it and do it again
  // groups
  unknown_group = 30,
  unknown_member = 31,
  stale_generation = 32,
  rebalancing = 33,
  member_id_required = 34,
  inconsistent_protocol = 35,
  fenced_instance = 36,  ///< another process uses this static member's name
  group_not_empty = 37,
  invalid_session_timeout = 38,
  loading = 39,          ///< the coordinator still reads its partition; try again
  unstable_offset = 40,  ///< a transaction that is open decides it; try again
  group_subscribed = 41,
  fenced_member_epoch = 42,
  stale_member_epoch = 43,
  unreleased_instance = 44,  ///< the static member of this name has not left
  unknown_assignor = 45,
  invalid_pattern = 46,
  // storage
  storage_full = 50,
  storage_failed = 51,  ///< an I/O error; the broker ends
  corrupt_data = 52,    ///< stored bytes fail their checksum; names file and offset
  folder_locked = 53,
  wrong_folder = 54,  ///< not a data folder, or not this broker's
  newer_format = 55,
  // connections
  connection_failed = 60,
  closed = 61,
  internal = 99  ///< a defect of ours
};

/// The name as users see it, e.g. "offset_out_of_range".
std::string_view to_string(errc);

/// True when the same request may succeed later without a change.
bool is_retriable(errc);

/// What went wrong, where, and what to try. `message` is one sentence that names the thing; `hint` may be empty.
struct error {
  errc code = errc::internal;
  std::string message;
  std::string hint;
  friend bool operator==(const error&, const error&) = default;
};

/// "offset_out_of_range: offset 17 of clicks[0] is past the end 12 (try: ...)"
std::string to_string(const error&);

/// A value or an error.
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;
  result() : state_(std::in_place_index<0>) {}
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(dohle::error e) : state_(std::in_place_index<1>, std::move(e)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const dohle::error& error() const { return std::get<1>(state_); }
  errc code() const { return ok() ? errc::ok : error().code; }
  friend bool operator==(const result&, const result&) = default;

 private:
  std::variant<T, dohle::error> state_;
};

template <>
class [[nodiscard]] result<void> : public result<std::monostate> {
 public:
  using result<std::monostate>::result;
};

/// Ends the process: an invariant of ours is broken and going on could lose data.
[[noreturn]] void invariant_broken(const char* expression, const char* file, int line, std::string_view why);

}  // namespace dohle

/// `DOHLE_ASSERT(condition, "why it must hold")`: on in every build.
#define DOHLE_ASSERT(condition, why) \
  ((condition) ? static_cast<void>(0) : ::dohle::invariant_broken(#condition, __FILE__, __LINE__, (why)))
