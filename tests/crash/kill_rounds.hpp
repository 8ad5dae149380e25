// Kills a writing process at random moments, and where the shim is there at named points, and checks what it left:
// everything it acknowledged, in order, once, and at most the one group that was on its way. Rounds go on with the same
// folder, so that recovery is itself cut and recovered.
//
// The page cache survives a killed process: this shows that the order of writes and recovery are right, not the flush.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "schema/record_batch.hpp"
#include "store/folder.hpp"
#include "tests/crash/chance.hpp"
#include "tests/crash/disk_shim.hpp"

namespace dohle::crash {

namespace fs = std::filesystem;

constexpr std::uint32_t partitions = 3;

// Small files, so that rolling, settling, sealing and retiring happen all the time.
constexpr store::options settings{
    .journal_file_bytes = 600'000, .segment_bytes = 1'200'000, .tail_cache_bytes = 100'000};

[[noreturn]] inline void fail(const std::string& why) {
  std::fprintf(stderr, "store_crash: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T need(result<T> r, const char* what) {
  if (!r) fail(std::string{what} + ": " + to_string(r.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}

inline void need(result<void> r, const char* what) {
  if (!r) fail(std::string{what} + ": " + to_string(r.error()));
}

/// What the record at an offset must say.
inline std::string value_at(std::uint32_t partition, offset at) {
  const auto n = static_cast<std::uint64_t>(at.value) * partitions + partition;
  std::string value = std::to_string(partition) + "/" + std::to_string(at.value) + ":";
  value.append(n * 2654435761u % 9000, static_cast<char>('a' + n % 26));
  return value;
}

inline store::entry append(store::log& to, std::uint32_t partition, int count) {
  batch_builder builder;
  for (int i = 0; i < count; ++i)
    need(builder.add(timestamp{to.end().value + i}, std::nullopt, value_at(partition, to.end() + i)), "building");
  bytes batch = need(builder.build(), "building");
  stamp_batch(batch, to.end(), epoch{1}, std::nullopt);
  return to.append(batch, need(read_header(batch.view()), "building"));
}

/// One acknowledgement: the ends of all partitions after a group.
struct ack {
  std::int64_t ends[partitions];
};

/// The process ends right after the nth operation of a kind, if it comes so far: flushes are few, writes are many.
inline std::string named_point(generator& chance) {
  constexpr struct {
    const char* kind;
    std::uint64_t most;
  } points[] = {{"create", 30}, {"write", 300}, {"flush", 100},
                {"rename", 20}, {"remove", 40}, {"flush_directory", 30}};
  const auto& point = points[chance.below(std::size(points))];
  return std::string{"kill "} + point.kind + " " + std::to_string(1 + chance.below(point.most));
}

[[noreturn]] inline void write_until_killed(const fs::path& path, std::uint64_t seed, int acks, bool at_point) {
  generator chance{seed};
  if (at_point) dohle_disk_plan(named_point(chance).c_str());
  auto folder = need(store::folder::open(path, settings), "the writer cannot open");
  std::vector<std::shared_ptr<store::log>> logs;
  for (std::uint32_t p = 0; p < partitions; ++p) logs.push_back(need(folder->open_log(partition_id{p}), "log"));
  std::thread settler([&] {
    for (int round = 0;; ++round) {
      for (auto& log : logs) need(log->settle(log->flushed(), 300'000), "settling");
      if (round % 8 == 7) {  // records are deleted too: the newest remain, so that a start that went back shows
        auto& log = logs[static_cast<std::size_t>(round / 8) % partitions];
        need(log->delete_before(log->flushed() - 500, log->flushed()), "deleting");
      }
      need(folder->retire_journals(), "retiring");
    }
  });
  settler.detach();
  for (;;) {
    std::vector<store::entry> group;
    std::vector<std::uint32_t> owner;
    for (auto n = 1 + chance.below(6); n > 0; --n) {
      const auto p = static_cast<std::uint32_t>(chance.below(partitions));
      group.push_back(append(*logs[p], p, static_cast<int>(1 + chance.below(20))));
      owner.push_back(p);
    }
    const auto places = need(folder->journal().commit(group), "persisting");
    for (std::size_t i = 0; i < places.size(); ++i) logs[owner[i]]->on_flushed({places[i]});
    ack a{};
    for (std::uint32_t p = 0; p < partitions; ++p) a.ends[p] = logs[p]->flushed().value;
    if (::write(acks, &a, sizeof a) != sizeof a) std::_Exit(1);
  }
}

inline void check(const fs::path& path, const ack& acked, ack& found) {
  auto folder = need(store::folder::open(path, settings), "what was left cannot be opened");
  for (std::uint32_t p = 0; p < partitions; ++p) {
    auto log = need(folder->open_log(partition_id{p}), "log");
    found.ends[p] = log->end().value;
    if (found.ends[p] < acked.ends[p])
      fail("partition " + std::to_string(p) + " lost acknowledged records: " + std::to_string(acked.ends[p]) +
           " were, " + std::to_string(found.ends[p]) + " are there");
    offset next = log->start();
    while (next < log->end()) {
      for (const bytes& part : need(log->read(next, 1 << 20, log->end()), "reading")) {
        for (std::size_t at = 0; at < part.size();) {
          const auto header = need(
              validate_batch(part.view().substr(at, need(read_header(part.view().substr(at)), "batch").size_bytes())),
              "batch");
          auto reader = need(batch_reader::open(part.part(at)), "batch");
          for (auto record = need(reader.next(), "record"); record; record = need(reader.next(), "record")) {
            if (record->offset < log->start()) continue;  // deleted
            if (record->offset != next || record->value != value_at(p, next))
              fail("partition " + std::to_string(p) + " has another record at offset " + std::to_string(next.value));
            ++next.value;
          }
          at += header.size_bytes();
        }
      }
    }
  }
}

struct tally {
  std::uint64_t groups = 0;        ///< acknowledged
  std::uint64_t before_first = 0;  ///< kills before a first acknowledgement: in recovery, mostly
  std::uint64_t at_points = 0;     ///< kills at a named point
  ack ends{};
};

/// Ends this process with a message when a round shows a fault.
inline tally kill_rounds(const fs::path& path, int rounds, std::uint64_t seed) {
  generator chance{seed};
  ack acked{};
  tally seen_in_all;
  for (int round = 0; round < rounds; ++round) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    const std::uint64_t child_seed = chance.next();
    // Three of four are killed between or within groups, after so many; the others so early that it may be in recovery.
    // At a named point it ends by itself, if it comes so far.
    const std::uint64_t groups = round % 4 == 2 ? ~std::uint64_t{0} : 1 + chance.below(60);
    const auto pause = std::chrono::microseconds(chance.below(round % 4 == 2 ? 10'000 : 2'000));
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(path, child_seed, ends[1], dohle_disk_plan && round % 2 == 1);
    }
    ::close(ends[1]);
    // Acknowledgements are read while it runs, so that a full pipe does not stop it.
    std::uint64_t seen = 0;
    bool killed = false;
    const auto kill_soon = [&] {
      std::this_thread::sleep_for(pause);
      ::kill(child, SIGKILL);
      killed = true;
    };
    if (groups == ~std::uint64_t{0}) kill_soon();
    for (ack a{}; ::read(ends[0], &a, sizeof a) == static_cast<ssize_t>(sizeof a);) {
      acked = a;
      if (++seen >= groups && !killed) kill_soon();
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
      fail("the writer ended by itself in round " + std::to_string(round));
    seen_in_all.groups += seen;
    seen_in_all.before_first += seen == 0;
    seen_in_all.at_points += !killed;
    ack found{};
    check(path, acked, found);
    acked = found;
  }
  seen_in_all.ends = acked;
  return seen_in_all;
}

}  // namespace dohle::crash
