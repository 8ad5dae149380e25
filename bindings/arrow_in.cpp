#include "bindings/arrow_in.hpp"

#include <stdexcept>

namespace dohle::bindings {
namespace {

ArrowArrayStream* stream_of(const py::object& capsule) {
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.ptr(), arrow_stream_capsule));
  if (stream == nullptr) throw py::error_already_set();
  return stream;
}

[[noreturn]] void stream_failed(ArrowArrayStream* stream, int code) {
  const char* why = stream->get_last_error(stream);
  throw std::runtime_error("the frame's Arrow stream failed: " +
                           (why == nullptr ? "error " + std::to_string(code) : std::string(why)));
}

}  // namespace

frame_reader::frame_reader(const py::object& frame, const frame_columns& columns) {
  if (!py::hasattr(frame, "__arrow_c_stream__")) {
    throw py::type_error("a frame needs the method __arrow_c_stream__, and " +
                         std::string(Py_TYPE(frame.ptr())->tp_name) +
                         " has none (try: a polars, pandas >= 3 or pyarrow table)");
  }
  capsule_ = frame.attr("__arrow_c_stream__")();
  stream_ = stream_of(capsule_);
  if (const int code = stream_->get_schema(stream_, schema_.get()); code != 0) stream_failed(stream_, code);
  if (std::string_view(schema_->format) != "+s") throw py::type_error("a frame is a stream of rows with named columns");
  columns_.reserve(static_cast<std::size_t>(schema_->n_children));
  for (std::int64_t i = 0; i < schema_->n_children; ++i) {
    columns_.emplace_back(*schema_->children[i], schema_->children[i]->name);
  }
  key_ = find(columns.key, "key");
  value_ = find(columns.value, "value");
  timestamp_ = find(columns.timestamp, "timestamp");
  headers_ = find(columns.headers, "headers");
  if (key_ != nullptr) key_->check_text("key", true);
  if (timestamp_ != nullptr) timestamp_->check_time("timestamp");
  if (headers_ != nullptr) headers_->check_headers();
  if (value_ != nullptr) {
    value_->check_text("value", true);
    return;
  }
  for (const arrow_column& c : columns_) {
    if (&c == key_ || &c == timestamp_ || &c == headers_) continue;
    c.check_json();
    std::string name;
    append_json_string(c.name(), name);
    json_.emplace_back(name + ":", &c);
  }
}

const arrow_column* frame_reader::find(const std::optional<std::string>& name, const char* role) const {
  if (!name) return nullptr;
  std::string known;
  for (const arrow_column& c : columns_) {
    if (c.name() == *name) return &c;
    known += (known.empty() ? "" : ", ") + c.name();
  }
  throw py::value_error(std::string(role) + "='" + *name + "' names no column of the frame (try: " + known + ")");
}

bool frame_reader::next_array() {
  array_.reset();
  if (const int code = stream_->get_next(stream_, array_.get()); code != 0) stream_failed(stream_, code);
  if (array_->release == nullptr) return false;
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].bind(*array_->children[i], array_->offset);
  row_ = 0;
  return true;
}

bool frame_reader::next(outgoing_record& record) {
  while (array_->release == nullptr || row_ == array_->length) {
    if (!next_array()) return false;
  }
  record.key = key_ != nullptr ? key_->text(row_) : std::nullopt;
  record.at = no_timestamp;
  if (timestamp_ != nullptr) {
    if (const auto ms = timestamp_->time_ms(row_)) record.at = timestamp{*ms};
  }
  if (headers_ != nullptr) fill_headers(record);
  if (value_ != nullptr) {
    record.value = value_->text(row_);
  } else {
    text_.clear();
    for (const auto& [name, column] : json_) {
      text_ += text_.empty() ? '{' : ',';
      text_ += name;
      column->append_json(row_, text_);
    }
    text_ += json_.empty() ? "{}" : "}";
    record.value = text_;
  }
  ++row_;
  return true;
}

void frame_reader::fill_headers(outgoing_record& record) const {
  record.headers.clear();
  if (headers_->is_null(row_)) return;
  const auto [first, last] = headers_->list_range(row_);
  const arrow_column& pair = headers_->child(0);
  for (std::int64_t i = first; i < last; ++i) {
    record.headers.push_back({.key = pair.child(0).text(i).value_or(""), .value = pair.child(1).text(i)});
  }
}

}  // namespace dohle::bindings
