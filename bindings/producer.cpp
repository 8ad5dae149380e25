#include "bindings/producer.hpp"

#include <pybind11/stl.h>

#include "bindings/arrow_in.hpp"
#include "bindings/client.hpp"

namespace dohle::bindings {
namespace {

/// Records between two looks at signals, in loops that do not wait: about a millisecond.
constexpr std::size_t records_per_look = 1024;

std::optional<std::string_view> key_view(const py::object& key) {
  if (key.is_none()) return std::nullopt;
  if (auto view = view_of_text(key.ptr())) return view;
  throw py::type_error("a key is bytes, str or None, not " + std::string(Py_TYPE(key.ptr())->tp_name) +
                       " (try: key=str(...))");
}

/// Headers are a dict or pairs of name and bytes, str or None. `kept` holds the items while the views are used.
std::vector<header_view> header_views(const py::object& headers, py::object& kept) {
  std::vector<header_view> views;
  if (headers.is_none()) return views;
  kept = py::list(py::isinstance<py::dict>(headers) ? headers.attr("items")() : headers);
  for (py::handle item : kept) {
    auto pair = py::reinterpret_borrow<py::object>(item);
    if (!PyTuple_Check(pair.ptr()) || PyTuple_GET_SIZE(pair.ptr()) != 2) {
      throw py::type_error("headers are a dict or pairs of name and value");
    }
    PyObject* name = PyTuple_GET_ITEM(pair.ptr(), 0);
    PyObject* value = PyTuple_GET_ITEM(pair.ptr(), 1);
    auto name_text = PyUnicode_Check(name) ? view_of_text(name) : std::nullopt;
    auto value_text = value == Py_None ? std::nullopt : view_of_text(value);
    if (!name_text || (!value_text && value != Py_None)) {
      throw py::type_error("a header's name is a str and its value bytes, str or None");
    }
    views.push_back({.key = *name_text, .value = value_text});
  }
  return views;
}

bool is_pair(PyObject* item) { return PyTuple_CheckExact(item) && PyTuple_GET_SIZE(item) == 2; }

ack_level to_ack_level(const std::string& name) {
  if (name == "majority" || name == "all") return ack_level::majority;
  if (name == "leader") return ack_level::leader;
  if (name == "none") return ack_level::none;
  throw py::value_error("acks is \"all\" (flushed on a majority), \"leader\" or \"none\", not \"" + name + "\"");
}

const char* to_name(ack_level level) {
  switch (level) {
    case ack_level::none: return "none";
    case ack_level::leader: return "leader";
    case ack_level::majority: return "majority";
  }
  return "unknown";
}

/// Partition, offset, milliseconds, level.
using receipt_row = std::tuple<std::int32_t, std::int64_t, std::int64_t, std::string>;

/// None while the outcome is not known.
std::optional<receipt_row> wait_for(const ack& self, std::optional<double> timeout) {
  std::optional<result<receipt>> outcome;
  wait_in_slices(countdown(timeout), [&](duration slice) {
    auto now = self.wait(slice);
    if (!now && now.code() == errc::timeout && !self.ready()) return false;
    outcome = std::move(now);
    return true;
  });
  if (!outcome) return std::nullopt;
  const receipt r = unwrap(std::move(*outcome));
  return receipt_row{r.partition.value, r.offset.value, r.timestamp.value, to_name(r.level)};
}

}  // namespace

std::optional<std::string_view> core_producer::value_view(const py::object& value, py::object& kept) const {
  if (value.is_none()) return std::nullopt;
  if (auto view = view_of_text(value.ptr())) return view;
  kept = encode_(value);
  auto view = view_of_text(kept.ptr());
  if (!view) throw py::type_error("the encoder of this producer must return bytes or str");
  return view;
}

ack core_producer::hand_over(const outgoing_record& record, countdown left) {
  auto sent = producer_.get().send(record, duration{0});
  if (sent.code() == errc::buffer_full && !left.over()) {
    producer p = producer_.get();
    wait_in_slices(left, [&](duration slice) {
      sent = p.send(record, slice);
      return sent.code() != errc::buffer_full;
    });
    if (sent.code() == errc::buffer_full) {
      raise({errc::timeout,
             "no room for the record within the time-out: " + std::to_string(p.buffered_bytes()) +
                 " bytes wait to be stored in '" + p.topic() + "'",
             "a larger buffer, a longer time-out, or see whether the broker is reachable"});
    }
  }
  return unwrap(std::move(sent));
}

ack core_producer::send(const py::object& value, const py::object& key, std::optional<std::int64_t> timestamp_ms,
                        std::optional<std::int32_t> partition, const py::object& headers,
                        std::optional<double> timeout) {
  py::object kept_value;
  py::object kept_headers;
  outgoing_record record;
  record.key = key_view(key);
  record.value = value_view(value, kept_value);
  if (timestamp_ms) record.at = timestamp{*timestamp_ms};
  if (partition) record.partition = partition_index{*partition};
  record.headers = header_views(headers, kept_headers);
  return hand_over(record, countdown(timeout));
}

std::size_t core_producer::send_many(const py::typing::Iterable<py::object>& items, std::optional<double> timeout) {
  std::size_t count = 0;
  for (py::handle item : items) {
    py::object kept;
    outgoing_record record;
    py::object value = py::reinterpret_borrow<py::object>(item);
    if (is_pair(item.ptr())) {
      record.key = key_view(py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(item.ptr(), 0)));
      value = py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(item.ptr(), 1));
    }
    record.value = value_view(value, kept);
    hand_over(record, countdown(timeout));
    if (++count % records_per_look == 0) {
      check_signals();
      py::gil_scoped_release let_others_run;
    }
  }
  return count;
}

std::size_t core_producer::send_frame(const py::object& frame, const std::optional<std::string>& key,
                                      const std::optional<std::string>& value,
                                      const std::optional<std::string>& timestamp,
                                      const std::optional<std::string>& headers) {
  frame_reader rows(frame, {.key = key, .value = value, .timestamp = timestamp, .headers = headers});
  producer p = producer_.get();
  std::size_t count = 0;
  outgoing_record record;
  result<void> failed;
  for (bool more = true; more;) {
    {
      py::gil_scoped_release release;
      for (std::size_t i = 0; i < records_per_look && failed.ok() && (more = rows.next(record)); ++i) {
        auto sent = p.send(record, duration{0});
        if (sent.code() == errc::buffer_full) sent = p.send(record, wait_slice);
        if (sent.code() == errc::buffer_full) {
          rows.step_back();  // tried again after a look at signals
          break;
        }
        if (!sent) failed = sent.error();
        count += sent.ok() ? 1 : 0;
      }
    }
    unwrap(failed);
    check_signals();
  }
  return count;
}

bool core_producer::flush(std::optional<double> timeout) {
  return wait_in_slices(countdown(timeout), [p = producer_.get()](duration slice) mutable {
    return p.flush(slice).code() != errc::timeout || p.buffered_bytes() == 0;
  });
}

std::tuple<std::uint64_t, std::uint64_t, std::vector<error_row>> core_producer::outcome() {
  producer::outcome o = producer_.get().take_outcome();
  std::vector<error_row> errors;
  for (const error& e : o.errors) {
    errors.emplace_back(std::string(to_string(e.code)), e.message, e.hint, is_retriable(e.code));
  }
  return {o.acknowledged, o.failed, std::move(errors)};
}

void core_producer::close(std::optional<double> timeout) {
  if (!producer_.open()) return;
  const bool flushed = flush(timeout);
  // Everything has its outcome, or the time is over: either way the end itself does not wait.
  in_background([p = producer_.get()]() mutable { return p.close(duration{0}).ok(); });
  producer_.reset();
  if (!flushed) {
    raise({errc::timeout, "the producer was closed before all records had their outcome",
           "a longer time-out; what was stored is not known for the last records"});
  }
}

void bind_producer(py::module_& m) {
  using py::arg;
  py::class_<ack>(m, "Ack", "The future of one sent record.")
      .def("ready", &ack::ready)
      .def("wait", &wait_for, arg("timeout"),
           "(partition, offset, timestamp_ms, level), or None when the time-out passed first.");

  py::class_<core_producer>(m, "Producer")
      .def("send", &core_producer::send, arg("value"), arg("key"), arg("timestamp_ms"), arg("partition"),
           arg("headers"), arg("timeout"))
      .def("send_many", &core_producer::send_many, arg("items"), arg("timeout"))
      .def("send_frame", &core_producer::send_frame, arg("frame"), arg("key"), arg("value"), arg("timestamp"),
           arg("headers"))
      .def("flush", &core_producer::flush, arg("timeout"))
      .def("outcome", &core_producer::outcome,
           "(acknowledged, failed, errors) since the last call; an error is (code, message, hint, retriable).")
      .def_property_readonly("buffered_bytes", &core_producer::buffered_bytes)
      .def_property_readonly("topic", &core_producer::topic)
      .def_property_readonly("open", &core_producer::open)
      .def("close", &core_producer::close, arg("timeout"));
}

void add_producer_methods(client_class& c) {
  using py::arg;
  c.def(
      "producer",
      [](core_client& self, const std::string& topic, const std::string& acks, const std::string& compression,
         std::optional<double> linger, std::optional<std::size_t> batch_bytes, std::optional<std::size_t> buffer_bytes,
         std::optional<double> delivery_timeout, bool idempotent, py::object encode) {
        producer_options o;
        o.acks = to_ack_level(acks);
        o.compression = unwrap(parse_compression(compression));
        if (linger) o.linger = to_duration(*linger);
        o.batch_bytes = batch_bytes.value_or(o.batch_bytes);
        o.buffer_bytes = buffer_bytes.value_or(o.buffer_bytes);
        if (delivery_timeout) o.delivery_timeout = to_duration(*delivery_timeout);
        o.idempotent = idempotent;
        auto made = in_background([client = self.facade(), topic, o] { return client.make_producer(topic, o); });
        return core_producer(unwrap(std::move(made)), std::move(encode));
      },
      arg("topic"), arg("acks"), arg("compression"), arg("linger"), arg("batch_bytes"), arg("buffer_bytes"),
      arg("delivery_timeout"), arg("idempotent"), arg("encode"));
}

}  // namespace dohle::bindings
