// The module dohle._core: what all files of this folder share, and their registration.
#include <atomic>

#include "bindings/convert.hpp"

namespace dohle::bindings {
namespace {

std::atomic<std::uint64_t> forks{0};

[[noreturn]] void raise_named(std::string_view code, const std::string& message, const std::string& hint,
                              bool retriable) {
  py::object exception =
      py::module_::import("dohle.errors").attr("error_for")(std::string(code), message, hint, retriable);
  PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
  throw py::error_already_set();
}

}  // namespace

std::uint64_t fork_count() { return forks.load(std::memory_order_relaxed); }

void raise(const error& e) { raise_named(to_string(e.code), e.message, e.hint, is_retriable(e.code)); }

void raise_forked(const char* what) {
  raise_named("forked",
              std::string("this ") + what + " was opened before the process forked and does not work in the child",
              "open it after the fork, or use multiprocessing's \"spawn\" start method", false);
}

void raise_closed(const char* what) {
  raise_named("closed", std::string("this ") + what + " is closed",
              "open a new one; it may not be used after its `with` block", false);
}

std::optional<std::string_view> view_of_text(PyObject* object) {
  if (PyBytes_Check(object)) return std::string_view(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
  if (PyUnicode_Check(object)) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(object, &size);
    if (text == nullptr) throw py::error_already_set();
    return std::string_view(text, static_cast<std::size_t>(size));
  }
  if (PyByteArray_Check(object)) return std::string_view(PyByteArray_AS_STRING(object), PyByteArray_GET_SIZE(object));
  return std::nullopt;
}

py::bytes to_bytes(std::string_view data) { return {data.data(), data.size()}; }

}  // namespace dohle::bindings

PYBIND11_MODULE(_core, m) {
  using namespace dohle::bindings;
  m.doc() = "The compiled part of dohle. Private: use the names in `dohle`.";
  m.attr("__version__") = DOHLE_VERSION;
  m.def(
      "forked", [] { forks.fetch_add(1); },
      "Called in a forked child: every handle of the parent stops working there.");
  bind_producer(m);
  bind_transactional(m);
  bind_consumer(m);
  bind_broker(m);
}
