// The folder on disk: `folder` over lock, identity, journal and the logs.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/folder.hpp"
#include "store/identity.hpp"
#include "store/journal_recovery.hpp"
#include "store/partition_log.hpp"

namespace dohle::store {

class data_folder final : public folder {
 public:
  static result<std::unique_ptr<folder>> open(const std::filesystem::path& path, const options& settings);
  /// Notes how far the journal reaches. Nothing depends on this being called.
  ~data_folder() override;

  const std::filesystem::path& path() const override { return context_->path; }
  const std::string& identity() const override { return identity_.uuid; }
  store::journal& journal() override { return *context_->journal; }
  result<std::shared_ptr<log>> open_log(partition_id id) override;
  std::vector<partition_id> partitions() const override;
  result<void> drop_log(partition_id id) override;
  result<void> retire_journals() override;

 private:
  data_folder(std::shared_ptr<log_context> context, folder_lock lock, store::identity who)
      : lock_(std::move(lock)), context_(std::move(context)), identity_(std::move(who)) {}
  result<void> recover();
  result<void> check_reach(const found_journal& found) const;
  result<void> find_directories(std::set<std::uint32_t>& with_segments);
  result<void> remove_tombstones(const std::set<std::uint32_t>& mentioned);
  result<void> note_floor(std::uint64_t group);

  folder_lock lock_;  ///< released last
  std::shared_ptr<log_context> context_;
  mutable std::mutex mutex_;  ///< guards what follows
  store::identity identity_;  ///< the uuid never changes
  std::map<std::uint32_t, std::shared_ptr<partition_log>> logs_;
  std::set<std::uint32_t> dropped_;
  std::mutex floor_mutex_;  ///< one writer of IDENTITY at a time
  std::chrono::steady_clock::time_point floor_noted_{};
};

}  // namespace dohle::store
