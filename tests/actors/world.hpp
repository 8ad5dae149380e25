// A broker on one thread with virtual time: the real actors and the real store in a temporary folder, driven by CAF's
// deterministic scheduler. Time passes only when a test says so.
#pragma once

#include <stdlib.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "actors/broker.hpp"
#include "actors/messages.hpp"
#include "schema/record_batch.hpp"

namespace dohle::actors {

/// A folder that goes with the test.
class scratch {
 public:
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "dohle-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~scratch() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A journal on a disk that a test can fill and empty, and whose groups it can count.
class faulty_journal : public store::journal {
 public:
  explicit faulty_journal(store::journal& inner) : inner_(inner) {}
  result<std::vector<store::flushed_entry>> commit(std::span<const store::entry> entries) override {
    if (full) return error{errc::storage_full, "the disk is full", "make room"};
    ++groups;
    return inner_.commit(entries);
  }
  std::size_t file_count() const override { return files.value_or(inner_.file_count()); }

  bool full = false;
  int groups = 0;
  std::optional<std::size_t> files;  ///< pretended

 private:
  store::journal& inner_;
};

class faulty_folder : public store::folder {
 public:
  explicit faulty_folder(std::unique_ptr<store::folder> inner)
      : inner_(std::move(inner)), journal_(inner_->journal()) {}
  const std::filesystem::path& path() const override { return inner_->path(); }
  const std::string& identity() const override { return inner_->identity(); }
  faulty_journal& journal() override { return journal_; }
  result<std::shared_ptr<store::log>> open_log(partition_id id) override { return inner_->open_log(id); }
  std::vector<partition_id> partitions() const override { return inner_->partitions(); }
  result<void> drop_log(partition_id id) override { return inner_->drop_log(id); }
  result<void> retire_journals() override { return inner_->retire_journals(); }

 private:
  std::unique_ptr<store::folder> inner_;
  faulty_journal journal_;
};

class world {
 public:
  world()
      : system_(configured(config_)), sched_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {}
  ~world() { stop(); }

  /// Opens the folder (again) and spawns the broker.
  void start() {
    auto folder = store::folder::open(data_.path() / "data", store_options);
    if (!folder) throw std::runtime_error(to_string(folder.error()));
    auto faulty = std::make_shared<faulty_folder>(std::move(*folder));
    auto loaded = load(*faulty);
    if (!loaded) throw std::runtime_error(to_string(loaded.error()));
    auto setup = std::make_shared<broker_setup>();
    disk = &faulty->journal();
    setup->folder = std::move(faulty);
    setup->loaded = std::move(*loaded);
    setup->detached = false;
    setup->auto_create_topics = auto_create;
    setup->wall_clock = [this] { return wall; };
    setup->name_member = [this](const std::string& client) { return client + "-" + std::to_string(++names_); };
    setup->storage_failed = [](const error& e) { throw std::runtime_error(to_string(e)); };
    broker_ = system_.spawn(broker, setup);
    run();
  }
  /// Ends the broker and closes its folder.
  void stop() {
    if (!broker_) return;
    caf::anon_send(broker_, stop_atom::value);
    broker_ = nullptr;
    run();
  }

  void run() { sched_.run(); }
  void advance(std::chrono::milliseconds by) {
    sched_.advance_time(by);
    run();
  }

  /// Sends a request; the answer comes into the returned slot when an actor gave it.
  template <class Request>
  std::shared_ptr<std::optional<result<typename Request::response>>> send(Request r) {
    auto slot = std::make_shared<std::optional<result<typename Request::response>>>();
    blocking_call call{std::move(r), [slot](response a) {
                         if (auto* e = std::get_if<error>(&a))
                           slot->emplace(*e);
                         else
                           slot->emplace(std::get<typename Request::response>(std::move(a)));
                       }};
    caf::anon_send(broker_, std::move(call));
    run();
    return slot;
  }
  /// Hands in a request without running anything: several of them meet in the actors' mailboxes.
  template <class Request>
  void post(Request r) {
    caf::anon_send(broker_, blocking_call{std::move(r), [](const response&) {}});
  }
  /// For requests that are answered without time passing.
  template <class Request>
  result<typename Request::response> ask(Request r) {
    auto slot = send(std::move(r));
    if (!slot->has_value()) return error{errc::timeout, "no answer yet", ""};
    return std::move(**slot);
  }

  const std::filesystem::path& folder() const { return data_.path(); }

  timestamp wall{1'700'000'000'000};
  bool auto_create = false;
  store::options store_options;
  faulty_journal* disk = nullptr;  ///< of the broker that runs

 private:
  static caf::actor_system_config& configured(caf::actor_system_config& cfg) {
    cfg.set("scheduler.policy", caf::atom("testing"));
    return cfg;
  }
  scratch data_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& sched_;
  caf::actor broker_;
  int names_ = 0;
};

/// A batch of `count` records "<text>-<n>" from `first` on.
inline bytes batch_of(const std::string& text, int count, int first = 0, producer_stamp from = {},
                      timestamp at = timestamp{1'700'000'000'000}) {
  batch_builder b;
  for (int i = 0; i < count; ++i) (void)b.add(at, std::nullopt, text + "-" + std::to_string(first + i));
  return *b.build(compression::none, from);
}

/// Values of all records in an answer, from the asked offset on.
inline std::vector<std::string> values_of(const fetch_response& r, offset from) {
  std::vector<std::string> out;
  for (const auto& part : r.batches) {
    for (auto rest = part; !rest.empty();) {
      auto size = read_header(rest.view())->size_bytes();
      auto reader = batch_reader::open(rest.part(0, size));
      for (auto v = reader->next(); v->has_value(); v = reader->next())
        if ((*v)->offset >= from) out.emplace_back(*(*v)->value);
      rest = rest.part(size);
    }
  }
  return out;
}

}  // namespace dohle::actors
