// The benchmarks by name. Each runs its own rounds, with the machine's limits in the same rounds, and leaves its
// figures in the report. Folders are theirs and gone afterwards.
#pragma once

#include <cstdint>
#include <filesystem>

#include "bench/figure.hpp"

namespace dohle::bench {

struct settings {
  std::filesystem::path folder;  ///< on the disk to be measured
  int rounds = 3;
  std::uint64_t events = 2'000'000;  ///< of 100 bytes; larger ones are fewer by their size
  int latencies = 5'000;             ///< samples of a closed loop
  double seconds = 10;               ///< that a quiet broker is watched
  int connections = 1'000;           ///< idle ones
  std::uint64_t stored_gb = 10;      ///< of the large history
};

void run_limits(const settings& s, report& r);      ///< memcpy, loopback TCP
void run_produce(const settings& s, report& r);     ///< durable produce beside the flat log
void run_consume(const settings& s, report& r);     ///< reading back over loopback and embedded
void run_partitions(const settings& s, report& r);  ///< 6 and 100 partitions, keyed
void run_latency(const settings& s, report& r);     ///< one event at a time beside a 4 KiB flush; end to end
void run_open(const settings& s, report& r);        ///< time to open a folder: full journal, many segments
void run_stored(const settings& s, report& r);      ///< a large history beside a small one; a cold replay
void run_idle(const settings& s, report& r);        ///< CPU of a quiet broker, start-up, memory

}  // namespace dohle::bench
