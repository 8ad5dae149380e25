// Arrow streams over a batch or a consumer. Whoever reads a stream may call it with or without the GIL, and from any
// thread: what is here must not need it.
#include <cerrno>
#include <thread>

#include "bindings/arrow_out.hpp"

namespace dohle::bindings {
namespace {

/// What a stream reads from. `next` fills `batch` with records that were not there before; empty = the end.
class row_source {
 public:
  row_source() = default;
  row_source(const row_source&) = delete;
  row_source& operator=(const row_source&) = delete;
  virtual ~row_source() = default;
  virtual result<core_batch> next() = 0;
};

class batch_source final : public row_source {
 public:
  explicit batch_source(core_batch batch) : batch_(std::move(batch)) {}
  result<core_batch> next() override { return std::exchange(batch_, core_batch()); }

 private:
  core_batch batch_;
};

/// Looks at signals from within a foreign reader. With the GIL in hand, or on the thread that made the stream (which
/// cannot have lent the GIL to somebody who waits for us), that is safe. The interrupt is raised again for Python to
/// see, because the foreign reader will report an error of its own.
bool interrupted(std::thread::id owner) {
  const bool held = PyGILState_Check() == 1;
  if (!held && std::this_thread::get_id() != owner) return false;
  py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() == 0) return false;
  PyErr_Clear();
  PyErr_SetInterrupt();
  return true;
}

class consumer_source final : public row_source {
 public:
  explicit consumer_source(consumer from) : consumer_(std::move(from)), owner_(std::this_thread::get_id()) {}

  result<core_batch> next() override {
    std::vector<chunk> chunks;
    std::size_t count = 0;
    while (count < max_arrow_rows) {
      auto more = poll(max_arrow_rows - count);
      if (!more) return more.error();
      for (chunk& c : more->chunks) chunks.push_back(std::move(c));
      count += more->record_count;
      if (consumer_.finished()) break;
      if (more->record_count == 0 && interrupted(owner_)) return error{errc::timeout, "interrupted by Ctrl-C", ""};
    }
    return core_batch(std::move(chunks));
  }

 private:
  result<polled> poll(std::size_t max_records) {
    if (PyGILState_Check() == 1) {
      py::gil_scoped_release release;
      return consumer_.poll(max_records, wait_slice);
    }
    return consumer_.poll(max_records, wait_slice);
  }

  consumer consumer_;
  std::thread::id owner_;
};

class row_stream {
 public:
  row_stream(std::unique_ptr<row_source> source, std::vector<column> columns)
      : source_(std::move(source)), columns_(std::move(columns)), forks_(fork_count()) {}

  int schema(ArrowSchema* out) {
    export_schema(columns_, out);
    return 0;
  }

  int next(ArrowArray* out) {
    *out = ArrowArray{};  // released: the end of the stream
    if (!usable()) return fail("this stream was opened before the process forked");
    if (at_ == batch_.size()) {
      auto more = source_->next();
      if (!more) return fail(to_string(more.error()), more.code() == errc::timeout ? EINTR : EIO);
      batch_ = std::move(*more);
      at_ = 0;
      if (batch_.size() == 0) return 0;
    }
    auto written = export_rows(batch_, at_, columns_, out);
    return written ? 0 : fail(to_string(written.error()));
  }

  bool usable() const { return forks_ == fork_count(); }
  int fail(std::string why, int code = EIO) {
    error_ = std::move(why);
    return code;
  }
  const char* last_error() const { return error_.empty() ? nullptr : error_.c_str(); }

 private:
  std::unique_ptr<row_source> source_;
  std::vector<column> columns_;
  core_batch batch_;
  std::size_t at_ = 0;
  std::string error_;
  std::uint64_t forks_;
};

row_stream* of(ArrowArrayStream* s) { return static_cast<row_stream*>(s->private_data); }

/// Exceptions (memory) stop here: the caller is C.
template <class F>
int guarded(ArrowArrayStream* s, F f) noexcept {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const std::exception& e) {
    return of(s)->fail(e.what());
  }
}

py::capsule make_stream(std::unique_ptr<row_source> source, std::vector<column> columns) {
  auto rows = std::make_unique<row_stream>(std::move(source), std::move(columns));
  auto stream = std::make_unique<ArrowArrayStream>();
  *stream = ArrowArrayStream{
      .get_schema = [](ArrowArrayStream* s,
                       ArrowSchema* out) { return guarded(s, [&] { return of(s)->schema(out); }); },
      .get_next = [](ArrowArrayStream* s, ArrowArray* out) { return guarded(s, [&] { return of(s)->next(out); }); },
      .get_last_error = [](ArrowArrayStream* s) { return of(s)->last_error(); },
      .release =
          [](ArrowArrayStream* s) {
            if (of(s)->usable()) delete of(s);  // a forked child lets go of it: its threads are not there
            s->release = nullptr;
          },
      .private_data = rows.release()};
  return py::capsule(stream.release(), arrow_stream_capsule, [](PyObject* capsule) {
    auto* held = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, arrow_stream_capsule));
    if (held->release != nullptr) held->release(held);
    delete held;
  });
}

}  // namespace

py::capsule schema_capsule(const std::vector<column>& columns) {
  auto schema = std::make_unique<ArrowSchema>();
  export_schema(columns, schema.get());
  return py::capsule(schema.release(), arrow_schema_capsule, [](PyObject* capsule) {
    auto* held = static_cast<ArrowSchema*>(PyCapsule_GetPointer(capsule, arrow_schema_capsule));
    if (held->release != nullptr) held->release(held);
    delete held;
  });
}

py::capsule stream_capsule(const core_batch& batch, std::vector<column> columns) {
  return make_stream(std::make_unique<batch_source>(batch), std::move(columns));
}

py::capsule stream_capsule(consumer source, std::vector<column> columns) {
  return make_stream(std::make_unique<consumer_source>(std::move(source)), std::move(columns));
}

}  // namespace dohle::bindings
