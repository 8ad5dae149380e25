// What every file of the bindings needs: errors become Python exceptions, waits give the GIL away and answer Ctrl-C,
// handles know the process they were opened in.
//
// The rule of this folder: Python is entered only from the calling thread, never from a thread of Dohle's.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "actors/client.hpp"
#include "schema/error.hpp"

namespace dohle::bindings {

namespace py = pybind11;

/// Typed containers, so that the stubs say what is in them.
using str_dict = py::typing::Dict<py::str, py::object>;
using object_list = py::typing::List<py::object>;

/// Between two looks at pending signals. Ctrl-C ends any wait within 250 ms: one slice and what it takes to unwind.
inline constexpr std::chrono::milliseconds wait_slice{100};
/// The longest time-out that is counted; beyond it (and for None) a wait is endless. Keeps nanoseconds from
/// overflowing.
inline constexpr double longest_wait_seconds = 1e9;

/// Rises in a forked child: handles of the parent are of no use there, its threads are gone.
std::uint64_t fork_count();

/// Raises the exception of dohle.errors that stands for this error.
[[noreturn]] void raise(const error& e);
[[noreturn]] void raise_forked(const char* what);
[[noreturn]] void raise_closed(const char* what);

template <class T>
T unwrap(result<T> r) {
  if (!r) raise(r.error());
  return std::move(*r);
}
inline void unwrap(result<void> r) {
  if (!r) raise(r.error());
}

/// Runs pending signal handlers; a KeyboardInterrupt (or what else they raise) becomes the exception of this call.
inline void check_signals() {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

/// What is left of a time-out. None in Python = for ever. Counted in slices that were waited in full, so it needs no
/// clock: a step that was not done has used its slice up.
class countdown {
 public:
  explicit countdown(std::optional<double> seconds) {
    if (seconds && *seconds < longest_wait_seconds) {
      left_ = std::chrono::duration_cast<duration>(std::chrono::duration<double>(std::max(0.0, *seconds)));
    }
  }
  bool over() const { return left_ && *left_ <= duration{0}; }
  /// The time until the next look at signals.
  duration slice() const { return left_ ? std::min(*left_, duration{wait_slice}) : duration{wait_slice}; }
  void used(duration slice) {
    if (left_) *left_ -= slice;
  }

 private:
  std::optional<duration> left_;
};

inline duration to_duration(double seconds) {
  return std::chrono::duration_cast<duration>(
      std::chrono::duration<double>(std::clamp(seconds, 0.0, longest_wait_seconds)));
}

/// Calls `step(slice)` without the GIL until it says it is done or the time is over; true when it was done. Between two
/// steps signals are looked at.
template <class Step>
bool wait_in_slices(countdown left, Step step) {
  for (;;) {
    const duration slice = left.slice();
    bool done = false;
    {
      py::gil_scoped_release release;
      done = step(slice);
    }
    if (done) return true;
    check_signals();
    left.used(slice);
    if (left.over()) return false;
  }
}

/// Runs a call that cannot be cut into slices (a request, opening a folder) on a thread of its own and waits for it in
/// slices. On Ctrl-C the thread is left to end by itself within its own time-out, so `f` owns all it uses and knows no
/// Python. When this returns `f` is gone, and with it what it held.
template <class F>
auto in_background(F f) -> decltype(f()) {
  using answer = decltype(f());
  std::promise<answer> promise;
  std::future<answer> future = promise.get_future();
  {
    py::gil_scoped_release release;
    std::thread([work = std::optional<F>(std::move(f)), promise = std::move(promise)]() mutable {
      try {
        answer done = (*work)();
        work.reset();
        promise.set_value(std::move(done));
      } catch (...) {
        promise.set_exception(std::current_exception());
      }
    }).detach();
  }
  wait_in_slices(countdown(std::nullopt),
                 [&](duration slice) { return future.wait_for(slice) == std::future_status::ready; });
  return future.get();
}

/// Holds an object of the facade for Python. It answers only in the process that opened it, and its end (which may
/// wait) happens without the GIL. In a forked child it is let go without being ended: its threads are not there.
template <class T>
class handle {
 public:
  handle(const char* what, T value) : what_(what), forks_(fork_count()), value_(new T(std::move(value))) {}
  handle(handle&& other) noexcept
      : what_(other.what_), forks_(other.forks_), value_(std::exchange(other.value_, nullptr)) {}
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;
  handle& operator=(handle&&) = delete;
  ~handle() { reset(); }

  T& get() {
    if (forks_ != fork_count()) raise_forked(what_);
    if (value_ == nullptr) raise_closed(what_);
    return *value_;
  }
  bool open() const { return value_ != nullptr && forks_ == fork_count(); }
  /// Ends it; later calls of `get` raise Closed.
  void reset() {
    T* old = std::exchange(value_, nullptr);
    if (old == nullptr || forks_ != fork_count()) return;
    if (PyGILState_Check() == 1) {
      py::gil_scoped_release release;
      delete old;
    } else {
      delete old;
    }
  }

 private:
  const char* what_;
  std::uint64_t forks_;
  T* value_;
};

/// Text or bytes of a Python object without a copy where that is possible; valid while the object lives.
std::optional<std::string_view> view_of_text(PyObject* object);
py::bytes to_bytes(std::string_view data);
inline py::object to_bytes_or_none(const std::optional<std::string_view>& data) {
  return data ? py::object(to_bytes(*data)) : py::object(py::none());
}

void bind_broker(py::module_& m);  ///< Broker and Client with all methods of the files below
void bind_producer(py::module_& m);
void bind_transactional(py::module_& m);
void bind_consumer(py::module_& m);

}  // namespace dohle::bindings
