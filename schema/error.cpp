#include "schema/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace dohle {

std::string_view to_string(errc code) {
  switch (code) {
    case errc::ok: return "ok";
    case errc::invalid_request: return "invalid_request";
    case errc::unsupported_version: return "unsupported_version";
    case errc::unknown_topic: return "unknown_topic";
    case errc::unknown_partition: return "unknown_partition";
    case errc::topic_exists: return "topic_exists";
    case errc::invalid_topic: return "invalid_topic";
    case errc::invalid_config: return "invalid_config";
    case errc::offset_out_of_range: return "offset_out_of_range";
    case errc::record_too_large: return "record_too_large";
    case errc::corrupt_batch: return "corrupt_batch";
    case errc::not_leader: return "not_leader";
    case errc::stale_epoch: return "stale_epoch";
    case errc::timeout: return "timeout";
    case errc::unknown_outcome: return "unknown_outcome";
    case errc::busy: return "busy";
    case errc::not_authorized: return "not_authorized";
    case errc::invalid_record: return "invalid_record";
    case errc::out_of_order_sequence: return "out_of_order_sequence";
    case errc::producer_fenced: return "producer_fenced";
    case errc::unknown_producer: return "unknown_producer";
    case errc::buffer_full: return "buffer_full";
    case errc::unknown_transaction: return "unknown_transaction";
    case errc::invalid_transaction: return "invalid_transaction";
    case errc::concurrent_transactions: return "concurrent_transactions";
    case errc::invalid_transaction_timeout: return "invalid_transaction_timeout";
    case errc::abortable_transaction: return "abortable_transaction";
    case errc::unknown_group: return "unknown_group";
    case errc::unknown_member: return "unknown_member";
    case errc::stale_generation: return "stale_generation";
    case errc::rebalancing: return "rebalancing";
    case errc::member_id_required: return "member_id_required";
    case errc::inconsistent_protocol: return "inconsistent_protocol";
    case errc::fenced_instance: return "fenced_instance";
    case errc::group_not_empty: return "group_not_empty";
    case errc::invalid_session_timeout: return "invalid_session_timeout";
    case errc::loading: return "loading";
    case errc::unstable_offset: return "unstable_offset";
    case errc::group_subscribed: return "group_subscribed";
    case errc::fenced_member_epoch: return "fenced_member_epoch";
    case errc::stale_member_epoch: return "stale_member_epoch";
    case errc::unreleased_instance: return "unreleased_instance";
    case errc::unknown_assignor: return "unknown_assignor";
    case errc::invalid_pattern: return "invalid_pattern";
    case errc::storage_full: return "storage_full";
    case errc::storage_failed: return "storage_failed";
    case errc::corrupt_data: return "corrupt_data";
    case errc::folder_locked: return "folder_locked";
    case errc::wrong_folder: return "wrong_folder";
    case errc::newer_format: return "newer_format";
    case errc::connection_failed: return "connection_failed";
    case errc::closed: return "closed";
    case errc::internal: return "internal";
  }
  return "unknown_error";
}

bool is_retriable(errc code) {
  switch (code) {
    case errc::not_leader:
    case errc::stale_epoch:
    case errc::timeout:
    case errc::unknown_outcome:
    case errc::busy:
    case errc::rebalancing:
    case errc::loading:
    case errc::concurrent_transactions:
    case errc::unstable_offset:
    case errc::storage_full:
    case errc::connection_failed:
    case errc::buffer_full: return true;
    default: return false;
  }
}

std::string to_string(const error& e) {
  std::string text{to_string(e.code)};
  if (!e.message.empty()) text += ": " + e.message;
  if (!e.hint.empty()) text += " (try: " + e.hint + ")";
  return text;
}

void invariant_broken(const char* expression, const char* file, int line, std::string_view why) {
  std::fprintf(stderr, "dohle: broken invariant at %s:%d: %s: %.*s\n", file, line, expression,
               static_cast<int>(why.size()), why.data());
  std::abort();
}

}  // namespace dohle
