#include "bench/flat_log.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "schema/record_batch.hpp"

namespace dohle::bench {

namespace {

class plain_file {
 public:
  explicit plain_file(const std::filesystem::path& path)
      : path_(path), fd_(static_cast<int>(must_call(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644), "open"))) {}
  ~plain_file() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  plain_file(const plain_file&) = delete;
  plain_file& operator=(const plain_file&) = delete;

  void append(std::vector<iovec> parts) {
    std::size_t first = 0;
    while (first < parts.size()) {
      auto n = static_cast<std::size_t>(must_call(
          ::writev(fd_, &parts[first], static_cast<int>(std::min<std::size_t>(parts.size() - first, 1024))), "write"));
      while (first < parts.size() && n >= parts[first].iov_len) n -= parts[first++].iov_len;
      if (n > 0) {
        parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + n;
        parts[first].iov_len -= n;
      }
    }
  }
  void append(const void* data, std::size_t size) { append({iovec{const_cast<void*>(data), size}}); }
  void flush() { must_call(::fdatasync(fd_), "fdatasync"); }

 private:
  std::filesystem::path path_;
  int fd_;
};

/// Batches under way between the thread that makes them and the one that writes them.
class pipe_of_batches {
 public:
  void put(bytes batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return under_way_ < limits::default_producer_requests; });
    ++under_way_;
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
  }
  void end() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  /// All that wait, at most a group; empty at the end.
  std::vector<bytes> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty() || ended_; });
    std::vector<bytes> group;
    std::size_t size = 0;
    while (!waiting_.empty() && size < limits::max_group_bytes) {
      size += waiting_.front().size();
      group.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return group;
  }
  void done(std::size_t n) {
    std::lock_guard lock(mutex_);
    under_way_ -= n;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<bytes> waiting_;
  std::size_t under_way_ = 0;
  bool ended_ = false;
};

struct ready_batch {
  bytes data;
  std::int32_t events = 0;
};

/// A few different ones, handed over in turn.
std::vector<ready_batch> ready_batches(const workload& w) {
  payloads values(w.event_bytes);
  std::vector<ready_batch> batches;
  std::uint64_t n = 0;
  for (int i = 0; i < 8; ++i) {
    batch_builder builder(w.batch_bytes + w.event_bytes + 1024);
    while (builder.size_bytes() < w.batch_bytes)
      must(builder.add(timestamp{1'700'000'000'000}, std::nullopt, values.at(n++)), "building a batch");
    auto events = builder.count();
    batches.push_back({must(builder.build(), "building a batch"), events});
  }
  return batches;
}

}  // namespace

measured flat_log(const std::filesystem::path& folder, const workload& w) {
  auto batches = ready_batches(w);
  plain_file file(folder / "flat.log");
  pipe_of_batches pipe;
  double events = 0;
  double stored = 0;
  double groups = 0;
  stopwatch clock;
  std::thread maker([&] {
    for (std::size_t i = 0; events < static_cast<double>(w.events); ++i) {
      const auto& b = batches[i % batches.size()];
      events += b.events;
      stored += static_cast<double>(b.data.size());
      pipe.put(b.data);
    }
    pipe.end();
  });
  for (auto group = pipe.take(); !group.empty(); group = pipe.take()) {
    std::vector<iovec> parts;
    for (const auto& b : group) parts.push_back({const_cast<char*>(b.data()), b.size()});
    file.append(std::move(parts));
    file.flush();
    ++groups;
    pipe.done(group.size());
  }
  auto seconds = clock.seconds();
  maker.join();
  return {{"events_per_s", events / seconds},
          {"mb_per_s", events * static_cast<double>(w.event_bytes) / seconds / 1e6},
          {"stored_mb_per_s", stored / seconds / 1e6},
          {"group_bytes", stored / groups},
          {"flushes_per_s", groups / seconds}};
}

measured flat_groups(const std::filesystem::path& folder, std::size_t group_bytes, std::uint64_t total, double events) {
  payloads data(group_bytes);
  plain_file file(folder / "flat.groups");
  std::uint64_t written = 0;
  stopwatch clock;
  for (std::uint64_t i = 0; written < total; ++i, written += group_bytes) {
    auto group = data.at(i);
    file.append(group.data(), group.size());
    file.flush();
  }
  auto seconds = clock.seconds();
  auto share = static_cast<double>(written) / static_cast<double>(total);
  return {{"events_per_s", events * share / seconds},
          {"stored_mb_per_s", static_cast<double>(written) / seconds / 1e6},
          {"group_bytes", static_cast<double>(group_bytes)}};
}

measured flat_files(const std::filesystem::path& folder, int files, std::size_t batch_bytes, double events_per_batch,
                    int batches) {
  payloads data(batch_bytes);
  std::deque<plain_file> open;
  for (int i = 0; i < files; ++i) open.emplace_back(folder / ("flat." + std::to_string(i)));
  stopwatch clock;
  for (int i = 0; i < batches; ++i) {
    auto& file = open[static_cast<std::size_t>(i % files)];
    file.append(data.at(static_cast<std::uint64_t>(i)).data(), data.size());
    file.flush();
  }
  auto seconds = clock.seconds();
  return {{"events_per_s", events_per_batch * batches / seconds}, {"batch_bytes", static_cast<double>(batch_bytes)}};
}

measured flush_latency(const std::filesystem::path& folder, int times) {
  payloads data(4096);
  plain_file file(folder / "flat.small");
  std::vector<std::int64_t> waits;
  for (int i = 0; i < times; ++i) {
    stopwatch one;
    file.append(data.at(static_cast<std::uint64_t>(i)).data(), data.size());
    file.flush();
    waits.push_back(one.nanoseconds());
  }
  return percentiles(std::move(waits));
}

}  // namespace dohle::bench
