// What a broker finds in its folder before any actor runs: topics, groups, logs. Plain functions, called once, on the
// thread that opens the broker; they may wait for the disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/group.hpp"
#include "rules/cluster_state.hpp"
#include "schema/record_batch.hpp"
#include "store/folder.hpp"

namespace dohle::actors {

/// The internal partitions that every broker has before it knows of any topic. Those that came after the first topics
/// have the last ids: folders that were made before stay right.
inline constexpr partition_id cluster_partition{0};
inline constexpr partition_id groups_partition{1};
inline constexpr partition_id transactions_partition{0xffff'ffff};

struct opened_log {
  std::shared_ptr<store::log> log;
  store::log_history history;
};

struct loaded_folder {
  rules::cluster_state cluster;
  std::map<std::string, stored_group> groups;
  std::map<std::string, transaction_value> transactions;
  std::map<partition_id, opened_log> logs;  ///< of every partition that a topic names, and of the internal ones
};

/// Calls `each` with every record of the log that is flushed, in order.
result<void> read_all(store::log& log, const std::function<result<void>(const record_view&)>& each);

/// Reads the internal partitions, opens the log of every partition, and drops files that no topic names any more.
result<loaded_folder> load(store::folder& folder);

}  // namespace dohle::actors
