// Consumers and batches as _core.Consumer and _core.Batch.
#include <pybind11/stl.h>

#include <tuple>

#include "bindings/arrow_out.hpp"
#include "bindings/client.hpp"

namespace dohle::bindings {
namespace {

using offset_row = std::tuple<std::string, std::int32_t, std::int64_t>;
/// Topic, partition, first offset, end (None = for ever).
using range_row = std::tuple<std::string, std::int32_t, std::int64_t, std::optional<std::int64_t>>;
using column_names = std::optional<std::vector<std::string>>;

topic_partition make_source(const std::string& topic, std::int32_t partition) {
  return {.topic = topic, .partition = partition_index{partition}};
}

std::map<topic_partition, offset> to_offsets(const std::vector<offset_row>& rows) {
  std::map<topic_partition, offset> offsets;
  for (const auto& [topic, partition, at] : rows) offsets[make_source(topic, partition)] = offset{at};
  return offsets;
}

std::vector<offset_row> to_rows(const std::map<topic_partition, offset>& offsets) {
  std::vector<offset_row> rows;
  for (const auto& [source, at] : offsets) rows.emplace_back(source.topic, source.partition.value, at.value);
  return rows;
}

class core_consumer {
 public:
  explicit core_consumer(consumer c) : consumer_("consumer", std::move(c)) {}

  void subscribe(std::vector<std::string> topics) {
    unwrap(in_background(
        [c = consumer_.get(), topics = std::move(topics)]() mutable { return c.subscribe(std::move(topics)); }));
  }

  void assign(const std::vector<range_row>& rows, bool backward) {
    std::vector<assigned_range> ranges;
    for (const auto& [topic, partition, first, end] : rows) {
      auto source = make_source(topic, partition);
      if (backward)
        ranges.push_back({.partition = source, .from = offset{end.value()}, .end = offset{first}, .backward = true});
      else
        ranges.push_back(
            {.partition = source, .from = offset{first}, .end = end ? std::optional(offset{*end}) : std::nullopt});
    }
    unwrap(in_background(
        [c = consumer_.get(), ranges = std::move(ranges)]() mutable { return c.assign(std::move(ranges)); }));
  }

  /// Whatever is there as soon as something is; empty when the time is over or the ranges are read to their ends.
  core_batch poll(std::size_t max_records, std::optional<double> timeout) {
    consumer c = consumer_.get();
    result<polled> got;
    wait_in_slices(countdown(timeout), [&](duration slice) {
      got = c.poll(max_records, slice);
      return !got || got->record_count > 0 || c.finished();
    });
    return core_batch(unwrap(std::move(got)).chunks);
  }

  bool finished() { return consumer_.get().finished(); }

  std::vector<std::pair<std::string, std::int32_t>> assignment() {
    std::vector<std::pair<std::string, std::int32_t>> rows;
    for (const topic_partition& p : consumer_.get().assignment()) rows.emplace_back(p.topic, p.partition.value);
    return rows;
  }
  std::vector<offset_row> positions() { return to_rows(consumer_.get().positions()); }
  std::vector<offset_row> lag() {
    std::vector<offset_row> rows;
    for (const auto& [source, behind] : consumer_.get().lag()) {
      rows.emplace_back(source.topic, source.partition.value, behind);
    }
    return rows;
  }
  std::vector<offset_row> committed(double timeout) {
    return to_rows(unwrap(
        in_background([c = consumer_.get(), wait = to_duration(timeout)]() mutable { return c.committed(wait); })));
  }

  void seek(const std::string& topic, std::int32_t partition, std::int64_t to) {
    consumer c = consumer_.get();
    result<void> done;
    {
      py::gil_scoped_release release;
      done = c.seek(make_source(topic, partition), offset{to});
    }
    unwrap(done);
  }

  void commit(const std::vector<offset_row>& rows, double timeout) {
    unwrap(in_background([c = consumer_.get(), offsets = to_offsets(rows), wait = to_duration(timeout)]() mutable {
      return c.commit(offsets, wait);
    }));
  }

  py::capsule arrow_stream(const column_names& columns) {
    return stream_capsule(consumer_.get(), parse_columns(columns));
  }

  std::string member() { return consumer_.get().member(); }
  std::int32_t generation() { return consumer_.get().generation().value; }
  bool open() const { return consumer_.open(); }
  void close(double timeout) {
    if (!consumer_.open()) return;
    auto closed = in_background([c = consumer_.get(), wait = to_duration(timeout)]() mutable { return c.close(wait); });
    consumer_.reset();
    unwrap(closed);
  }

 private:
  handle<consumer> consumer_;
};

consumer_options to_options(std::string group, std::string instance, bool from_latest, std::optional<double> session,
                            std::optional<double> heartbeat, std::optional<double> max_processing,
                            std::optional<std::size_t> fetch_bytes, std::optional<std::size_t> prefetch_bytes) {
  consumer_options o;
  o.group = std::move(group);
  o.instance = std::move(instance);
  o.start = from_latest ? start_at::latest : start_at::earliest;
  if (session) o.session_timeout = to_duration(*session);
  if (heartbeat) o.heartbeat_interval = to_duration(*heartbeat);
  if (max_processing) o.max_processing = to_duration(*max_processing);
  o.fetch_bytes = fetch_bytes.value_or(o.fetch_bytes);
  o.prefetch_bytes = prefetch_bytes.value_or(o.prefetch_bytes);
  return o;
}

void bind_batch(py::module_& m) {
  using py::arg;
  py::class_<core_batch>(m, "Batch", "Records of one poll; their memory is shared by all slices.")
      .def(py::init<>())
      .def("__len__", &core_batch::size)
      .def("records", &core_batch::records, arg("start"), arg("stop"))
      .def("slice", &core_batch::slice, arg("start"), arg("step"), arg("count"))
      .def("newest", &core_batch::newest, arg("count"))
      .def("joined", &core_batch::joined, arg("other"))
      .def("ranges", &core_batch::ranges, "(topic, partition, first, last, count) of each partition in it.")
      .def_property_readonly("value_bytes", &core_batch::value_bytes)
      .def(
          "arrow_stream",
          [](const core_batch& self, const column_names& columns) {
            return stream_capsule(self, parse_columns(columns));
          },
          arg("columns"));
  m.def(
      "arrow_schema", [](const column_names& columns) { return schema_capsule(parse_columns(columns)); },
      arg("columns"));
}

}  // namespace

void bind_consumer(py::module_& m) {
  using py::arg;
  bind_batch(m);
  py::class_<core_consumer>(m, "Consumer")
      .def("subscribe", &core_consumer::subscribe, arg("topics"))
      .def("assign", &core_consumer::assign, arg("ranges"), arg("backward") = false,
           "Ranges (topic, partition, first, end); backward each is read from its end to its first record.")
      .def("poll", &core_consumer::poll, arg("max_records"), arg("timeout"))
      .def_property_readonly("finished", &core_consumer::finished)
      .def_property_readonly("assignment", &core_consumer::assignment)
      .def_property_readonly("positions", &core_consumer::positions)
      .def_property_readonly("lag", &core_consumer::lag)
      .def("committed", &core_consumer::committed, arg("timeout"))
      .def("seek", &core_consumer::seek, arg("topic"), arg("partition"), arg("to"))
      .def("commit", &core_consumer::commit, arg("offsets"), arg("timeout"))
      .def("arrow_stream", &core_consumer::arrow_stream, arg("columns"))
      .def_property_readonly("member", &core_consumer::member)
      .def_property_readonly("generation", &core_consumer::generation)
      .def_property_readonly("open", &core_consumer::open)
      .def("close", &core_consumer::close, arg("timeout"));
}

void add_consumer_methods(client_class& c) {
  using py::arg;
  c.def(
      "consumer",
      [](core_client& self, std::string group, std::string instance, bool from_latest, std::optional<double> session,
         std::optional<double> heartbeat, std::optional<double> max_processing, std::optional<std::size_t> fetch_bytes,
         std::optional<std::size_t> prefetch_bytes, bool committed) {
        auto options = to_options(std::move(group), std::move(instance), from_latest, session, heartbeat,
                                  max_processing, fetch_bytes, prefetch_bytes);
        options.isolation = committed ? isolation::committed : isolation::uncommitted;
        return core_consumer(unwrap(in_background(
            [client = self.facade(), options = std::move(options)] { return client.make_consumer(options); })));
      },
      arg("group"), arg("instance"), arg("from_latest"), arg("session_timeout"), arg("heartbeat_interval"),
      arg("max_processing"), arg("fetch_bytes"), arg("prefetch_bytes"), arg("committed"));
}

}  // namespace dohle::bindings
