// Does it matter how much is stored? Two brokers on one disk, a small history and a large one, measured in turn:
// produce, read the tail, and one event at a time while somebody replays the large history from a cold start.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "actors/client.hpp"
#include "bench/runs.hpp"
#include "bench/server.hpp"
#include "bench/work.hpp"

namespace dohle::bench {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t event_bytes = 1024;
constexpr std::uint64_t gb_events = 1'000'000'000 / event_bytes;
constexpr std::uint64_t round_events = gb_events / 2;

workload of(std::uint64_t events) { return {.topic = "bench", .events = events, .event_bytes = event_bytes}; }

std::vector<assigned_range> newest(const client& c, std::int64_t events) {
  auto ranges = whole(c, "bench");
  for (auto& r : ranges) r.from = std::max(r.from, *r.end - events);
  return ranges;
}

/// What the page cache holds of these files goes; nobody has them open.
void forget_pages(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    auto fd = static_cast<int>(must_call(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC), "open"));
    ::fsync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
}

class history {
 public:
  history(const settings& s, std::uint64_t gb) : folder_(s.folder), name_(", " + std::to_string(gb) + " GB stored") {
    start();
    make_topic(*client_, "bench");
    send_all(*client_, of(gb * gb_events));
    wait_quiet(process_->pid());
  }
  void measure(report& r) {
    r.add("produce, TCP, 1024 B" + name_, send_all(*client_, of(round_events)));
    r.add("consume, TCP, tail, 1024 B" + name_,
          read_all(*client_, newest(*client_, limits::tail_cache_bytes / 2 / event_bytes), event_bytes));
    wait_quiet(process_->pid());
  }
  /// Closed and opened with nothing of it in memory.
  void cool() {
    client_->close();
    process_.reset();
    forget_pages(folder_.path());
    start();
  }
  const dohle::client& client() const { return *client_; }
  const std::string& name() const { return name_; }
  std::string url() const { return process_->url(); }

 private:
  void start() {
    process_.emplace(folder_.path() / "data");
    client_.emplace(must(client::connect(process_->url()), "connecting"));
  }
  scratch folder_;
  std::string name_;
  std::optional<server> process_;
  std::optional<dohle::client> client_;
};

/// Reads everything from the start until told to stop, on a connection of its own.
void replay(const std::string& url, const std::atomic<bool>& stop, std::atomic<std::uint64_t>& read) {
  auto c = must(client::connect(url), "connecting");
  auto in = must(c.make_consumer({}), "opening a consumer");
  must(in.assign(whole(c, "bench")), "assigning");
  while (!stop && !in.finished()) read += must(in.poll(100'000, patience), "polling").record_count;
  must(in.close(patience), "closing the consumer");
}

/// The large history has a second topic that somebody writes to one event at a time, with and without a replay beside.
void measure_cold_replay(const settings& s, report& r, history& large) {
  large.cool();
  make_topic(large.client(), "hot");
  const auto base = "one event, durable, TCP" + large.name();
  for (int i = 0; i < s.rounds; ++i) {
    r.add(base, one_at_a_time(large.client(), "hot", s.latencies));
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> read = 0;
    stopwatch clock;
    std::thread reader([&] { replay(large.url(), stop, read); });
    auto m = one_at_a_time(large.client(), "hot", s.latencies);
    m["replay_mb_per_s"] = static_cast<double>(read) * event_bytes / clock.seconds() / 1e6;
    stop = true;
    reader.join();
    r.add(base + ", beside a cold replay", std::move(m));
    large.cool();
  }
  r.ratio(base + ", beside a cold replay", base, "p99_us");
}

}  // namespace

void run_stored(const settings& s, report& r) {
  history small(s, 1), large(s, s.stored_gb);
  for (int i = 0; i < s.rounds; ++i) {
    small.measure(r);
    large.measure(r);
  }
  for (const char* what : {"produce, TCP, 1024 B", "consume, TCP, tail, 1024 B"})
    r.ratio(what + large.name(), what + small.name(), "events_per_s");
  measure_cold_replay(s, r, large);
}

}  // namespace dohle::bench
