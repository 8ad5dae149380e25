// The limit that produce is measured against: the same batches, appended to a plain file and flushed in groups. No
// index, no recovery, no second copy. Owned by the run: the file lies in the given folder and goes with it.
#pragma once

#include <filesystem>

#include "bench/figure.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

/// As the journal does it: one thread hands over ready batches (built before the clock starts) with as many under way
/// as a producer may have; another takes all that wait, at most a group, writes them and flushes once.
measured flat_log(const std::filesystem::path& folder, const workload& w);

/// The disk alone: `total` bytes in groups of this size, one write and one flush each, nobody to wait for. `events` is
/// what they would have held.
measured flat_groups(const std::filesystem::path& folder, std::size_t group_bytes, std::uint64_t total, double events);

/// As many files as partitions: each batch of `batch_bytes` is written to one of them, in turn, and flushed alone.
measured flat_files(const std::filesystem::path& folder, int files, std::size_t batch_bytes, double events_per_batch,
                    int batches);

/// 4 KiB appended and flushed, one after the other.
measured flush_latency(const std::filesystem::path& folder, int times);

}  // namespace dohle::bench
