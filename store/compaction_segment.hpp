// A segment that is written in one go, from batches with holes between them, under a temporary name: what compaction
// makes. Chunks touch each other all the same: each begins where the one before ends, so that every offset has one.
// Owner: a pass of compaction. The file goes with it unless it was finished.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "schema/record_batch.hpp"
#include "store/lmdb.hpp"
#include "store/log.hpp"
#include "store/segment_format.hpp"

namespace dohle::store {

class segment_builder {
 public:
  /// `meta`: of the segments whose place it takes: partition, folder, base and generation count.
  static result<std::unique_ptr<segment_builder>> begin(const std::filesystem::path& directory,
                                                        const segment_meta& meta, std::size_t map_bytes);
  ~segment_builder();
  segment_builder(const segment_builder&) = delete;
  segment_builder& operator=(const segment_builder&) = delete;

  /// The next batch of the segment, whole and checked.
  result<void> add(const batch_header& header, std::string_view batch);
  /// What the index of the segment that goes says of an abort marker that was added.
  result<void> add_aborted(const aborted_entry& entry);
  /// What was added is in the file, though perhaps not on the disk.
  result<void> commit();
  /// The file is whole and durable under its temporary name. `last`: what only the segments that go know.
  result<void> finish(const segment_meta& last, const std::vector<producer_state>& producers, offset cleaned_until);

  std::uint64_t bytes() const { return meta_.bytes + body_.size(); }
  const segment_meta& meta() const { return meta_; }
  const std::filesystem::path& temporary() const { return tmp_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  segment_builder(std::filesystem::path path, std::filesystem::path tmp, const segment_meta& meta);
  result<lmdb::transaction*> writing();
  result<void> write_chunk();

  const std::filesystem::path path_;
  const std::filesystem::path tmp_;
  segment_meta meta_;
  chunk_header chunk_;       ///< of what is in `body_`
  std::uint64_t first_ = 0;  ///< base of the first batch in it; a hole may lie before
  std::vector<char> body_;   ///< batches of the next chunk
  std::unique_ptr<lmdb::environment> env_;
  std::optional<lmdb::transaction> txn_;
};

}  // namespace dohle::store
