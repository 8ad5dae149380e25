// A transactional producer as _core.Transactional.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "bindings/convert.hpp"
#include "bindings/producer.hpp"

namespace dohle::bindings {

class core_transactional {
 public:
  explicit core_transactional(transactional_producer p) : handle_("transactional producer", std::move(p)) {}

  void begin();
  /// A producer of this topic; its records belong to the open transaction.
  core_producer to(const std::string& topic, py::object encode);
  /// (topic, partition, offset) of each.
  void commit_offsets(const std::string& group,
                      const std::vector<std::tuple<std::string, std::int32_t, std::int64_t>>& rows,
                      const std::string& member, std::int32_t generation, double timeout);
  void commit(double timeout);
  void abort(double timeout);
  bool in_transaction() { return handle_.get().open(); }
  bool open() const { return handle_.open(); }
  void close(double timeout);

 private:
  handle<transactional_producer> handle_;
};

}  // namespace dohle::bindings
