#include "kafka/apis.hpp"

#include <algorithm>
#include <array>

namespace dohle::kafka {

namespace {

template <class Message>
exchange handle(const context& with, const call& c, reader& r) {
  Message m;
  read(r, m);
  if (!r.ok()) return malformed();
  return on(with, c, m);
}

template <class Message>
constexpr served_api serve(std::int16_t first, std::int16_t last) {
  const auto known = static_cast<std::int16_t>(Message::first_version);
  return {Message::api_key, first, std::max(first, known), last, static_cast<std::int16_t>(Message::flexible_from),
          handle<Message>};
}

/// Produce and JoinGroup are advertised from 0, as Kafka does: older librdkafka concludes from it that compression and
/// groups are there. InitProducerId stays below 6, which Kafka itself calls unstable.
constexpr std::array all{
    serve<produce_request>(0, 13),
    serve<fetch_request>(4, 18),
    serve<list_offsets_request>(1, 11),
    serve<metadata_request>(0, 13),
    serve<offset_commit_request>(2, 10),
    serve<offset_fetch_request>(1, 10),
    serve<find_coordinator_request>(0, 6),
    serve<join_group_request>(0, 9),
    serve<heartbeat_request>(0, 4),
    serve<leave_group_request>(0, 5),
    serve<sync_group_request>(0, 5),
    serve<describe_groups_request>(0, 6),
    serve<list_groups_request>(0, 5),
    serve<api_versions_request>(0, 5),
    serve<create_topics_request>(2, 7),
    serve<delete_topics_request>(1, 6),
    serve<delete_records_request>(0, 2),
    serve<init_producer_id_request>(0, 5),
    serve<offset_for_leader_epoch_request>(2, 4),
    serve<add_partitions_to_txn_request>(0, 5),
    serve<add_offsets_to_txn_request>(0, 4),
    serve<end_txn_request>(0, 5),
    serve<write_txn_markers_request>(1, 2),
    serve<txn_offset_commit_request>(0, 6),
    serve<describe_acls_request>(1, 3),
    serve<create_acls_request>(1, 3),
    serve<delete_acls_request>(1, 3),
    serve<describe_configs_request>(1, 4),
    serve<alter_configs_request>(0, 2),
    serve<alter_replica_log_dirs_request>(1, 2),
    serve<describe_log_dirs_request>(1, 5),
    serve<create_partitions_request>(0, 3),
    serve<delete_groups_request>(0, 3),
    serve<elect_leaders_request>(0, 2),
    serve<incremental_alter_configs_request>(0, 1),
    serve<alter_partition_reassignments_request>(0, 1),
    serve<list_partition_reassignments_request>(0, 0),
    serve<offset_delete_request>(0, 0),
    serve<describe_client_quotas_request>(0, 1),
    serve<describe_user_scram_credentials_request>(0, 0),
    serve<describe_quorum_request>(0, 2),
    serve<describe_cluster_request>(0, 2),
    serve<list_config_resources_request>(0, 1),
    serve<describe_topic_partitions_request>(0, 0),
    serve<describe_producers_request>(0, 0),
    serve<describe_transactions_request>(0, 0),
    serve<consumer_group_heartbeat_request>(0, 1),
    serve<consumer_group_describe_request>(0, 1),
    serve<list_transactions_request>(0, 2),
};

}  // namespace

std::span<const served_api> served_apis() { return all; }

const served_api* find_api(std::int16_t key) {
  auto found = std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.key == key; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace dohle::kafka
