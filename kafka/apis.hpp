// The APIs that are served, with the versions that are advertised. A version between the bounds works whole, or it is
// not advertised.
#pragma once

#include <cstdint>
#include <span>

#include "kafka/exchange.hpp"

namespace dohle::kafka {

struct served_api {
  std::int16_t key;
  std::int16_t first;         ///< as advertised
  std::int16_t first_served;  ///< below it requests are answered with `unsupported_version`
  std::int16_t last;
  std::int16_t flexible_from;
  exchange (*handle)(const context&, const call&, reader&);  ///< the reader stands behind the header
};

std::span<const served_api> served_apis();
const served_api* find_api(std::int16_t key);

// --- one function an API; each in the file of its kind -------------------------------------------------------------

// brokers.cpp
exchange on(const context&, const call&, const api_versions_request&);
exchange on(const context&, const call&, metadata_request&);
exchange on(const context&, const call&, const describe_cluster_request&);
exchange on(const context&, const call&, const find_coordinator_request&);
exchange on(const context&, const call&, describe_topic_partitions_request&);
// produce.cpp
exchange on(const context&, const call&, produce_request&);
// transactions.cpp
exchange on(const context&, const call&, const init_producer_id_request&);
exchange on(const context&, const call&, const add_partitions_to_txn_request&);
exchange on(const context&, const call&, const add_offsets_to_txn_request&);
exchange on(const context&, const call&, const end_txn_request&);
exchange on(const context&, const call&, const describe_transactions_request&);
exchange on(const context&, const call&, const list_transactions_request&);
exchange on(const context&, const call&, const write_txn_markers_request&);
exchange on(const context&, const call&, describe_producers_request&);
// fetch.cpp
exchange on(const context&, const call&, fetch_request&);
// offsets.cpp
exchange on(const context&, const call&, list_offsets_request&);
exchange on(const context&, const call&, offset_for_leader_epoch_request&);
exchange on(const context&, const call&, offset_commit_request&);
exchange on(const context&, const call&, offset_fetch_request&);
exchange on(const context&, const call&, txn_offset_commit_request&);
exchange on(const context&, const call&, offset_delete_request&);
// groups.cpp
exchange on(const context&, const call&, join_group_request&);
exchange on(const context&, const call&, sync_group_request&);
exchange on(const context&, const call&, heartbeat_request&);
exchange on(const context&, const call&, leave_group_request&);
exchange on(const context&, const call&, describe_groups_request&);
exchange on(const context&, const call&, const list_groups_request&);
exchange on(const context&, const call&, delete_groups_request&);
// consumer_groups.cpp
exchange on(const context&, const call&, consumer_group_heartbeat_request&);
exchange on(const context&, const call&, consumer_group_describe_request&);
// topics.cpp
exchange on(const context&, const call&, create_topics_request&);
exchange on(const context&, const call&, delete_topics_request&);
exchange on(const context&, const call&, create_partitions_request&);
exchange on(const context&, const call&, delete_records_request&);
// log_dirs.cpp
exchange on(const context&, const call&, describe_log_dirs_request&);
exchange on(const context&, const call&, alter_replica_log_dirs_request&);
// configs.cpp
exchange on(const context&, const call&, describe_configs_request&);
exchange on(const context&, const call&, alter_configs_request&);
exchange on(const context&, const call&, incremental_alter_configs_request&);
// cluster.cpp
exchange on(const context&, const call&, elect_leaders_request&);
exchange on(const context&, const call&, alter_partition_reassignments_request&);
exchange on(const context&, const call&, const list_partition_reassignments_request&);
exchange on(const context&, const call&, const describe_quorum_request&);
exchange on(const context&, const call&, list_config_resources_request&);
// access.cpp
exchange on(const context&, const call&, const describe_acls_request&);
exchange on(const context&, const call&, const create_acls_request&);
exchange on(const context&, const call&, const delete_acls_request&);
exchange on(const context&, const call&, const describe_client_quotas_request&);
exchange on(const context&, const call&, const describe_user_scram_credentials_request&);

}  // namespace dohle::kafka
