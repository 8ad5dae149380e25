// The work that figures are made of: topics, payloads, sending them all, reading them all. Everything sent or read is
// counted, and a count that is off ends the program: a fast wrong answer is no figure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actors/client.hpp"
#include "bench/figure.hpp"

namespace dohle::bench {

/// Payloads that differ from one another, cut from one block of noise (the same in every run).
class payloads {
 public:
  explicit payloads(std::size_t size);
  std::string_view at(std::uint64_t i) const { return {noise_.data() + (i * 61) % span_, size_}; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::size_t span_;
  std::vector<char> noise_;
};

/// A broker in this process.
broker open_embedded(const std::filesystem::path& folder);

void make_topic(const client& c, const std::string& name, std::int32_t partitions = 1);

struct workload {
  std::string topic;
  std::uint64_t events = 0;
  std::size_t event_bytes = 100;
  std::size_t batch_bytes = limits::default_batch_bytes;
  std::uint64_t keys = 0;  ///< 0 = no keys, else so many different ones
};

/// Sends all of it and waits until all of it is acknowledged. {"events_per_s", "mb_per_s"} of payload; "failed" is
/// never there, because one failed event ends the program.
measured send_all(const client& c, const workload& w);

/// Reads these ranges to their ends, looks at each record, checks offsets and sizes.
measured read_all(const client& c, const std::vector<assigned_range>& ranges, std::size_t event_bytes);

/// Sends what it is given at once.
producer immediate_producer(const client& c, const std::string& topic);

/// One event of 100 bytes, its acknowledgement, the next one: percentiles of the waits.
measured one_at_a_time(const client& c, const std::string& topic, int times);

/// Every partition of the topic from its start to its present end.
std::vector<assigned_range> whole(const client& c, const std::string& topic);
std::uint64_t count(const std::vector<assigned_range>& ranges);

/// Adds "server_cpu_s_per_million" (or "cpu_s_per_million" for this process) for what `events` cost since `before`.
void add_cpu(measured& m, const std::string& key, double before, double after, double events);

inline constexpr auto patience = std::chrono::seconds(60);

}  // namespace dohle::bench
