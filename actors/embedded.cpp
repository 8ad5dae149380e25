#include <caf/send.hpp>
#include <random>

#include "actors/broker.hpp"
#include "actors/embed.hpp"
#include "actors/impl.hpp"
#include "actors/wall_clock.hpp"

namespace dohle {

namespace actors {

namespace {

/// "name-" and 128 random bits: member ids are never used twice, whoever restarts.
std::string name_member(const std::string& client) {
  thread_local std::random_device device;
  char id[33];
  for (int i = 0; i < 4; ++i) std::snprintf(id + i * 8, 9, "%08x", device());
  return (client.empty() ? "member" : client.substr(0, limits::max_client_name)) + "-" + id;
}

}  // namespace

result<spawned_broker> spawn_broker(caf::actor_system& system, const broker_options& options) {
  if (options.path.empty()) return error{errc::invalid_request, "a broker needs a folder", "broker_options::path"};
  store::options store_options;
  store_options.journal_file_bytes = options.journal_file_bytes;
  store_options.segment_bytes = options.segment_bytes;
  store_options.tail_cache_bytes = options.tail_cache_bytes;
  auto folder = store::folder::open(options.path, store_options);
  if (!folder) return folder.error();
  auto setup = std::make_shared<broker_setup>();
  auto loaded = load(**folder);
  if (!loaded) return loaded.error();
  setup->loaded = std::move(*loaded);
  setup->folder = std::move(*folder);
  if (options.listen) {
    auto socket = listen_on(*options.listen);
    if (!socket) return socket.error();
    setup->socket = std::move(*socket);
  }
  if (options.kafka) {
    auto sockets = listen_on_loopback(*options.kafka);
    if (!sockets) return sockets.error();
    setup->kafka_sockets = std::move(*sockets);
  }
  if (!options.kafka_advertised.empty()) {
    auto told = parse_url("dohle://" + options.kafka_advertised);
    if (!told) return told.error();
    setup->kafka_advertised = told->front();
  }
  setup->kafka_auto_create = options.kafka_auto_create;
  setup->auto_create_topics = options.auto_create_topics;
  setup->default_partitions = options.default_partitions;
  setup->wall_clock = wall_clock;
  setup->name_member = name_member;
  setup->storage_failed = end_process_on_failure();
  spawned_broker out;
  out.listening = setup->socket ? setup->socket->address : "";
  out.kafka = setup->kafka_sockets.empty() ? "" : setup->kafka_sockets.front().address;
  out.path = options.path.string();
  out.endpoint = system.spawn(broker, setup);
  return out;
}

void stop(const spawned_broker& b) { caf::anon_send(b.endpoint, stop_atom::value); }

client client_of(caf::actor_system& system, const spawned_broker& b) {
  return client{std::make_shared<client::impl>(std::make_shared<runtime>(system), b.endpoint, "embedded",
                                               client_options{}, false)};
}

}  // namespace actors

// --- the blocking face ---------------------------------------------------------------------------------------------

namespace {

/// A folder that goes with its owner.
class temporary_folder {
 public:
  temporary_folder() = default;
  ~temporary_folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  result<std::filesystem::path> make() {
    std::error_code failed;
    auto base = std::filesystem::temp_directory_path(failed);
    auto name = (base / "dohle-XXXXXX").string();
    if (failed || mkdtemp(name.data()) == nullptr)
      return error{errc::storage_failed, "no temporary folder could be made below " + base.string(), "give a path"};
    path_ = name;
    return path_;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

class broker::impl {
 public:
  ~impl() { (void)close(std::chrono::seconds(30)); }

  result<void> close(duration timeout) {
    if (closed_ || !spawned.endpoint) return {};
    actors::stop(spawned);
    if (!actors::wait_for_end(spawned.endpoint, timeout))
      return error{errc::timeout, "the broker on " + spawned.path + " has not ended yet", "close it again"};
    closed_ = true;
    return {};
  }

  // Clients may share the runtime and outlive the broker; the temporary folder goes last.
  temporary_folder temporary;
  std::shared_ptr<actors::runtime> rt;
  actors::spawned_broker spawned;
  std::filesystem::path path;

 private:
  bool closed_ = false;
};

broker::broker(std::shared_ptr<impl> i) : impl_(std::move(i)) {}

result<broker> broker::open(const broker_options& options) {
  auto i = std::make_shared<impl>();
  auto given = options;
  if (given.path.empty()) {
    auto made = i->temporary.make();
    if (!made) return made.error();
    given.path = *made;
  }
  i->path = given.path;
  i->rt = std::make_shared<actors::runtime>(options.worker_threads);
  auto spawned = actors::spawn_broker(i->rt->system(), given);
  if (!spawned) return spawned.error();
  i->spawned = std::move(*spawned);
  return broker{std::move(i)};
}

client broker::client() const {
  return dohle::client{
      std::make_shared<client::impl>(impl_->rt, impl_->spawned.endpoint, "embedded", client_options{}, false)};
}

std::string broker::listening() const { return impl_->spawned.listening; }
std::string broker::kafka_listening() const { return impl_->spawned.kafka; }

const std::filesystem::path& broker::path() const { return impl_->path; }

result<void> broker::close(duration timeout) { return impl_->close(timeout); }

}  // namespace dohle
