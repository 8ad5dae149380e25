// One column of a foreign Arrow array, read value by value: text, numbers, times, and any value as JSON. Views of the
// struct; whoever made the column keeps the array alive. A type that cannot be read is a TypeError that names the
// column and what to cast it to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bindings/arrow_abi.hpp"

namespace dohle::bindings {

class arrow_column {
 public:
  enum class kind : std::uint8_t {
    null,
    boolean,
    int8,
    uint8,
    int16,
    uint16,
    int32,
    uint32,
    int64,
    uint64,
    float32,
    float64,
    text,
    large_text,
    text_view,
    binary,
    large_binary,
    binary_view,
    date_days,
    date_ms,
    time_s,
    time_ms,
    time_us,
    time_ns,
    list,
    large_list,
    structure,
    unreadable
  };

  /// `where` is the column's name for messages.
  arrow_column(const ArrowSchema& schema, std::string where);
  /// Points the column at an array of its schema; `shift` is the parent's offset.
  void bind(const ArrowArray& array, std::int64_t shift);

  const std::string& name() const { return name_; }
  /// TypeErrors unless the values are what the caller needs; `role` is the argument that named the column.
  void check_text(const char* role, bool binary_too) const;
  void check_time(const char* role) const;
  void check_json() const;
  void check_headers() const;

  bool is_null(std::int64_t row) const;
  /// Of a text or binary column; none for null.
  std::optional<std::string_view> text(std::int64_t row) const;
  /// Milliseconds since 1970-01-01 UTC, of a date or timestamp column; a time without a zone is UTC.
  std::optional<std::int64_t> time_ms(std::int64_t row) const;
  /// Appends the value as JSON: times as ISO 8601 (Z when the column has a zone), NaN and infinity as null.
  void append_json(std::int64_t row, std::string& out) const;
  /// First and last child row of a list value.
  std::pair<std::int64_t, std::int64_t> list_range(std::int64_t row) const;
  const arrow_column& child(std::size_t i) const { return children_[i]; }

 private:
  template <class T>
  T at(std::size_t buffer, std::int64_t index) const {
    return static_cast<const T*>(array_->buffers[buffer])[index];
  }
  std::int64_t physical(std::int64_t row) const { return row + shift_; }
  std::string_view plain_text(std::int64_t index) const;
  std::int64_t integer(std::int64_t index) const;
  void append_number(std::int64_t index, std::string& out) const;
  void append_time(std::int64_t index, std::string& out) const;
  bool is_text() const { return kind_ >= kind::text && kind_ <= kind::text_view; }
  bool is_binary() const { return kind_ >= kind::binary && kind_ <= kind::binary_view; }
  bool is_time() const { return kind_ >= kind::date_days && kind_ <= kind::time_ns; }
  const arrow_column& meaning() const { return dictionary_ ? *dictionary_ : *this; }

  std::string name_;
  std::string format_;
  kind kind_ = kind::unreadable;
  bool zoned_ = false;
  std::vector<arrow_column> children_;
  std::unique_ptr<arrow_column> dictionary_;  ///< the values, when this column holds indices
  const ArrowArray* array_ = nullptr;
  std::int64_t shift_ = 0;
};

/// Appends `text` as a JSON string; bytes that are not UTF-8 become '?'.
void append_json_string(std::string_view text, std::string& out);

}  // namespace dohle::bindings
