// Counts the flushes of this process: the program's own fdatasync stands before the C library's, so LMDB calls it. That
// is how a run knows which groups the journal really made.
#pragma once

#include <cstdint>

namespace dohle::bench {

struct flush_count {
  std::uint64_t journal = 0;  ///< of files in a journal's folder
  std::uint64_t other = 0;    ///< segments, catalogue, what the benchmarks write themselves
  double journal_seconds = 0;
};

/// Since the program began.
flush_count flushes();

}  // namespace dohle::bench
