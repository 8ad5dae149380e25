// The structs of the Arrow C data and stream interfaces, as their specification gives them to be copied. The names and
// layouts are the specification's. Whoever holds a struct whose `release` is not null owns it and calls that once.
#pragma once

#include <cstdint>

extern "C" {

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

}  // extern "C"

namespace dohle::bindings {

inline constexpr std::int64_t arrow_flag_nullable = 2;
inline constexpr const char* arrow_stream_capsule = "arrow_array_stream";
inline constexpr const char* arrow_schema_capsule = "arrow_schema";

/// Owns one of the structs above: moved in, released at the end.
template <class Struct>
class arrow_owned {
 public:
  arrow_owned() = default;
  arrow_owned(const arrow_owned&) = delete;
  arrow_owned& operator=(const arrow_owned&) = delete;
  ~arrow_owned() { reset(); }
  void reset() {
    if (value_.release != nullptr) value_.release(&value_);
    value_.release = nullptr;
  }
  Struct* operator->() { return &value_; }
  Struct* get() { return &value_; }
  const Struct* get() const { return &value_; }

 private:
  Struct value_{};
};

}  // namespace dohle::bindings
