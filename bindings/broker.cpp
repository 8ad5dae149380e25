// Opening: a broker in this process, a connection to another one.
#include <pybind11/stl.h>

#include "bindings/client.hpp"

namespace dohle::bindings {
namespace {

class core_broker {
 public:
  explicit core_broker(broker b) : broker_("broker", std::move(b)) {}

  core_client client() { return core_client(broker_.get().client()); }
  std::string listening() { return broker_.get().listening(); }
  std::string kafka_listening() { return broker_.get().kafka_listening(); }
  std::string path() { return broker_.get().path().string(); }
  bool open() const { return broker_.open(); }
  void close(double timeout) {
    if (!broker_.open()) return;
    auto closed = in_background([b = broker_.get(), wait = to_duration(timeout)]() mutable { return b.close(wait); });
    broker_.reset();
    unwrap(closed);
  }

 private:
  handle<broker> broker_;
};

core_broker open_broker(const std::string& path, std::optional<std::string> listen, std::optional<std::string> kafka,
                        bool kafka_auto_create, bool auto_create_topics, std::int32_t default_partitions,
                        std::optional<std::size_t> journal_file_bytes, std::optional<std::size_t> segment_bytes,
                        std::optional<std::size_t> tail_cache_bytes, std::size_t threads) {
  broker_options o;
  o.path = path;
  o.listen = std::move(listen);
  o.kafka = std::move(kafka);
  o.kafka_auto_create = kafka_auto_create;
  o.auto_create_topics = auto_create_topics;
  o.default_partitions = default_partitions;
  o.journal_file_bytes = journal_file_bytes.value_or(o.journal_file_bytes);
  o.segment_bytes = segment_bytes.value_or(o.segment_bytes);
  o.tail_cache_bytes = tail_cache_bytes.value_or(o.tail_cache_bytes);
  o.worker_threads = threads;
  return core_broker(unwrap(in_background([o] { return broker::open(o); })));
}

core_client connect(const std::string& url, const std::string& name, double connect_timeout, double request_timeout) {
  client_options o;
  o.name = name;
  o.connect_timeout = to_duration(connect_timeout);
  o.request_timeout = to_duration(request_timeout);
  return core_client(unwrap(in_background([url, o] { return client::connect(url, o); })));
}

}  // namespace

void bind_broker(py::module_& m) {
  client_class c(m, "Client", "A connection, or the way into a broker of this process.");
  c.def_property_readonly("address", [](core_client& self) { return self.facade().address(); })
      .def_property_readonly("open", &core_client::open)
      .def("close", &core_client::close);
  add_topic_methods(c);
  add_group_methods(c);
  add_producer_methods(c);
  add_transactional_methods(c);
  add_consumer_methods(c);

  py::class_<core_broker>(m, "Broker", "A broker in this process; owns its data folder.")
      .def("client", &core_broker::client)
      .def_property_readonly("listening", &core_broker::listening)
      .def_property_readonly("kafka_listening", &core_broker::kafka_listening)
      .def_property_readonly("path", &core_broker::path)
      .def_property_readonly("open", &core_broker::open)
      .def("close", &core_broker::close, py::arg("timeout"));

  using py::arg;
  m.def("open_broker", &open_broker, arg("path"), arg("listen"), arg("kafka"), arg("kafka_auto_create"),
        arg("auto_create_topics"), arg("default_partitions"), arg("journal_file_bytes"), arg("segment_bytes"),
        arg("tail_cache_bytes"), arg("threads"),
        "Opens a data folder; an empty path is a temporary one, removed at close.");
  m.def("connect", &connect, arg("url"), arg("name"), arg("connect_timeout"), arg("request_timeout"));
}

}  // namespace dohle::bindings
