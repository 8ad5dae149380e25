#include "bindings/transactional.hpp"

#include <pybind11/stl.h>

#include "bindings/client.hpp"

namespace dohle::bindings {

void core_transactional::begin() { unwrap(handle_.get().begin()); }

core_producer core_transactional::to(const std::string& topic, py::object encode) {
  auto made = in_background([t = handle_.get(), topic]() mutable { return t.to(topic); });
  return core_producer(unwrap(std::move(made)), std::move(encode));
}

void core_transactional::commit_offsets(const std::string& group,
                                        const std::vector<std::tuple<std::string, std::int32_t, std::int64_t>>& rows,
                                        const std::string& member, std::int32_t generation, double timeout) {
  std::map<topic_partition, offset> offsets;
  for (const auto& [topic, partition, at] : rows) offsets[{topic, partition_index{partition}}] = offset{at};
  unwrap(
      in_background([t = handle_.get(), group, offsets = std::move(offsets),
                     who = consumer_identity{member, dohle::generation{generation}},
                     wait = to_duration(timeout)]() mutable { return t.commit_offsets(group, offsets, who, wait); }));
}

void core_transactional::commit(double timeout) {
  unwrap(in_background([t = handle_.get(), wait = to_duration(timeout)]() mutable { return t.commit(wait); }));
}

void core_transactional::abort(double timeout) {
  unwrap(in_background([t = handle_.get(), wait = to_duration(timeout)]() mutable { return t.abort(wait); }));
}

void core_transactional::close(double timeout) {
  if (!handle_.open()) return;
  in_background([t = handle_.get(), wait = to_duration(timeout)]() mutable { return t.close(wait).ok(); });
  handle_.reset();
}

void bind_transactional(py::module_& m) {
  using py::arg;
  py::class_<core_transactional>(m, "Transactional")
      .def("begin", &core_transactional::begin)
      .def("to", &core_transactional::to, arg("topic"), arg("encode"))
      .def("commit_offsets", &core_transactional::commit_offsets, arg("group"), arg("offsets"), arg("member"),
           arg("generation"), arg("timeout"))
      .def("commit", &core_transactional::commit, arg("timeout"))
      .def("abort", &core_transactional::abort, arg("timeout"))
      .def_property_readonly("in_transaction", &core_transactional::in_transaction)
      .def_property_readonly("open", &core_transactional::open)
      .def("close", &core_transactional::close, arg("timeout"));
}

void add_transactional_methods(client_class& c) {
  using py::arg;
  c.def(
      "transactional",
      [](core_client& self, const std::string& name, double timeout) {
        transaction_options o;
        o.timeout = to_duration(timeout);
        auto made = in_background([client = self.facade(), name, o] { return client.make_transactional(name, o); });
        return core_transactional(unwrap(std::move(made)));
      },
      arg("name"), arg("timeout"));
}

}  // namespace dohle::bindings
