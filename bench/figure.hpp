// What a benchmark says: figures by name, one value a round, printed as one JSON line a figure. Owned by the run;
// values of the same round lie at the same index, so that ratios are taken within a round.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"

namespace dohle::bench {

/// Values of one measurement by key, e.g. {"events_per_s", 2.1e6}.
using measured = std::map<std::string, double>;

class report {
 public:
  /// `folder` lies on the disk that is measured: every line names its file system.
  explicit report(std::string folder) : folder_(std::move(folder)) {}
  void add(const std::string& figure, measured values);
  /// A figure "<name> / <over>" from the same rounds of both, made when printing.
  void ratio(const std::string& name, const std::string& over, const std::string& key);
  /// The values of the last round of a figure.
  const measured& last(const std::string& figure) const { return rounds_.at(figure).back(); }
  /// One JSON line a figure on standard output: medians, and the range of the leading key.
  void print() const;

 private:
  struct wanted_ratio {
    std::string name, over, key;
  };
  std::string folder_;
  std::vector<std::string> order_;
  std::map<std::string, std::vector<measured>> rounds_;
  std::vector<wanted_ratio> ratios_;
};

double median(std::vector<double> values);

/// {"p50_us", "p99_us", "p999_us", "samples"} of waits in nanoseconds.
measured percentiles(std::vector<std::int64_t> nanoseconds);

class stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }
  std::int64_t nanoseconds() const { return (clock::now() - start_).count(); }

 private:
  using clock = std::chrono::steady_clock;
  clock::time_point start_ = clock::now();
};

/// A measurement that cannot go on ends the program with the reason; a figure is never made of a failed run.
[[noreturn]] inline void give_up(std::string_view doing, std::string_view why) {
  throw std::runtime_error(std::string(doing) + ": " + std::string(why));
}
template <class T>
T must(result<T> r, std::string_view doing) {
  if (!r) give_up(doing, to_string(r.error()));
  return std::move(r).value();
}
inline void must(const result<void>& r, std::string_view doing) {
  if (!r) give_up(doing, to_string(r.error()));
}
/// For system calls: -1 with errno is an error.
long must_call(long returned, std::string_view doing);

}  // namespace dohle::bench
