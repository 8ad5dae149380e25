// A DataFrame (anything with __arrow_c_stream__) as records to send.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bindings/arrow_column.hpp"
#include "bindings/convert.hpp"

namespace dohle::bindings {

/// Which column is what. Without `value`, a row's value is a JSON object of the columns that are nothing else.
struct frame_columns {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::optional<std::string> timestamp;
  std::optional<std::string> headers;
};

/// Walks the rows. Made with the GIL; TypeError or ValueError when the frame's columns do not fit.
class frame_reader {
 public:
  frame_reader(const py::object& frame, const frame_columns& columns);

  /// The next row as a record, false at the end. Its views live until the next call. Needs no GIL; a failure of the
  /// frame's own stream is thrown as RuntimeError.
  bool next(outgoing_record& record);
  /// The next call of `next` gives the same row again.
  void step_back() { --row_; }

 private:
  const arrow_column* find(const std::optional<std::string>& name, const char* role) const;
  bool next_array();
  void fill_headers(outgoing_record& record) const;

  py::object capsule_;
  ArrowArrayStream* stream_ = nullptr;
  arrow_owned<ArrowSchema> schema_;
  arrow_owned<ArrowArray> array_;
  std::vector<arrow_column> columns_;
  const arrow_column* key_ = nullptr;
  const arrow_column* value_ = nullptr;
  const arrow_column* timestamp_ = nullptr;
  const arrow_column* headers_ = nullptr;
  std::vector<std::pair<std::string, const arrow_column*>> json_;  ///< `"name":` and its column
  std::string text_;
  std::int64_t row_ = 0;
};

}  // namespace dohle::bindings
