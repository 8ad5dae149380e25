#include "kafka/errors.hpp"

namespace dohle::kafka {

error_code to_kafka(errc e) {
  using k = error_code;
  switch (e) {
    case errc::ok: return k::none;
    case errc::invalid_request: return k::invalid_request;
    case errc::unsupported_version: return k::unsupported_version;
    case errc::unknown_topic:
    case errc::unknown_partition: return k::unknown_topic_or_partition;
    case errc::topic_exists: return k::topic_already_exists;
    case errc::invalid_topic: return k::invalid_topic_exception;
    case errc::invalid_config: return k::invalid_config;
    case errc::offset_out_of_range: return k::offset_out_of_range;
    case errc::record_too_large: return k::message_too_large;
    case errc::corrupt_batch: return k::corrupt_message;
    case errc::not_leader: return k::not_leader_or_follower;
    case errc::stale_epoch: return k::fenced_leader_epoch;
    case errc::not_authorized: return k::topic_authorization_failed;
    case errc::invalid_record: return k::invalid_record;
    case errc::out_of_order_sequence: return k::out_of_order_sequence_number;
    case errc::producer_fenced: return k::invalid_producer_epoch;
    case errc::unknown_producer: return k::unknown_producer_id;
    case errc::unknown_transaction: return k::transactional_id_not_found;
    case errc::invalid_transaction: return k::invalid_txn_state;
    case errc::concurrent_transactions: return k::concurrent_transactions;
    case errc::invalid_transaction_timeout: return k::invalid_transaction_timeout;
    case errc::abortable_transaction: return k::transaction_abortable;
    case errc::unknown_group: return k::group_id_not_found;
    case errc::unknown_member: return k::unknown_member_id;
    case errc::stale_generation: return k::illegal_generation;
    case errc::rebalancing: return k::rebalance_in_progress;
    case errc::member_id_required: return k::member_id_required;
    case errc::inconsistent_protocol: return k::inconsistent_group_protocol;
    case errc::fenced_instance: return k::fenced_instance_id;
    case errc::group_not_empty: return k::non_empty_group;
    case errc::invalid_session_timeout: return k::invalid_session_timeout;
    case errc::loading: return k::coordinator_load_in_progress;
    case errc::unstable_offset: return k::unstable_offset_commit;
    case errc::group_subscribed: return k::group_subscribed_to_topic;
    case errc::fenced_member_epoch: return k::fenced_member_epoch;
    case errc::stale_member_epoch: return k::stale_member_epoch;
    case errc::unreleased_instance: return k::unreleased_instance_id;
    case errc::unknown_assignor: return k::unsupported_assignor;
    case errc::invalid_pattern: return k::invalid_regular_expression;
    case errc::storage_full:
    case errc::storage_failed:
    case errc::corrupt_data: return k::kafka_storage_error;
    case errc::closed:
      return k::not_leader_or_follower;  // the broker is going: look for another
    // Whether it was done is not known, or it was not: in both a client asks again.
    case errc::timeout:
    case errc::unknown_outcome:
    case errc::busy:
    case errc::buffer_full:
    case errc::connection_failed: return k::request_timed_out;
    case errc::folder_locked:
    case errc::wrong_folder:
    case errc::newer_format:
    case errc::internal: break;
  }
  return k::unknown_server_error;
}

}  // namespace dohle::kafka
