// A producer as _core.Producer: one record, many records, a frame.
#pragma once

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/convert.hpp"

namespace dohle::bindings {

using error_row = std::tuple<std::string, std::string, std::string, bool>;

class core_producer {
 public:
  /// `encode` turns what is not bytes or text into one of them (JSON); it is called only by the sending thread.
  core_producer(producer p, py::object encode) : producer_("producer", std::move(p)), encode_(std::move(encode)) {}

  ack send(const py::object& value, const py::object& key, std::optional<std::int64_t> timestamp_ms,
           std::optional<std::int32_t> partition, const py::object& headers, std::optional<double> timeout);
  std::size_t send_many(const py::typing::Iterable<py::object>& items, std::optional<double> timeout);
  std::size_t send_frame(const py::object& frame, const std::optional<std::string>& key,
                         const std::optional<std::string>& value, const std::optional<std::string>& timestamp,
                         const std::optional<std::string>& headers);

  /// False when the time-out passed first. A record's own error stays with its ack and with `outcome`.
  bool flush(std::optional<double> timeout);
  /// Acknowledged, failed, first errors (code, message, hint, retriable) since the last call.
  std::tuple<std::uint64_t, std::uint64_t, std::vector<error_row>> outcome();
  std::size_t buffered_bytes() { return producer_.get().buffered_bytes(); }
  std::string topic() { return producer_.get().topic(); }
  bool open() const { return producer_.open(); }
  void close(std::optional<double> timeout);

 private:
  /// Sends without waiting when there is room, else waits for it without the GIL.
  ack hand_over(const outgoing_record& record, countdown left);
  /// The bytes of a value; `kept` owns them when they had to be made.
  std::optional<std::string_view> value_view(const py::object& value, py::object& kept) const;

  handle<producer> producer_;
  py::object encode_;
};

}  // namespace dohle::bindings
