// Records on their way into Python: the chunks that a poll returned and an order over them, as _core.Batch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/convert.hpp"

namespace dohle::bindings {

/// Where a record is: the chunk and the place in it.
struct record_ref {
  std::uint32_t chunk;
  std::uint32_t index;
};

/// Topic, partition, first offset, last offset, records.
using batch_range = std::tuple<std::string, std::int32_t, std::int64_t, std::int64_t, std::int64_t>;

/// Immutable. The chunks' memory lives as long as the batch; the Python records hold copies of their own.
class core_batch {
 public:
  core_batch() = default;
  explicit core_batch(std::vector<chunk> chunks);

  std::size_t size() const { return refs_.size(); }
  const record_view& at(record_ref r) const { return (*chunks_[r.chunk])[r.index]; }
  const topic_partition& source(record_ref r) const { return chunks_[r.chunk]->source(); }
  const std::vector<record_ref>& refs() const { return refs_; }

  /// Python records [start, stop), of the class dohle.records.Record.
  object_list records(std::size_t start, std::size_t stop) const;
  /// Every `step`th record from `start` on, `count` of them, over the same memory.
  core_batch slice(std::size_t start, std::ptrdiff_t step, std::size_t count) const;
  /// Of records that come newest first in each partition, the last `count` by timestamp, now the oldest first; records
  /// of one partition keep their order, whatever their timestamps say.
  core_batch newest(std::size_t count) const;
  /// Both, this one first.
  core_batch joined(const core_batch& other) const;
  /// One for each partition in it.
  std::vector<batch_range> ranges() const;
  std::size_t value_bytes() const;

 private:
  std::vector<std::shared_ptr<const chunk>> chunks_;
  std::vector<record_ref> refs_;
};

}  // namespace dohle::bindings
