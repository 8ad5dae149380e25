// A connection, as _core.Client: shared by the files that add methods to it.
#pragma once

#include <string>
#include <utility>

#include "bindings/convert.hpp"

namespace dohle::bindings {

class core_client {
 public:
  explicit core_client(client c) : client_("connection", std::move(c)) {}

  /// A request and its answer, without the GIL, answering Ctrl-C.
  template <class Request>
  typename Request::response ask(Request r, double timeout) {
    client c = client_.get();
    return unwrap(in_background([c = std::move(c), r = std::move(r), wait = to_duration(timeout)]() mutable {
      return c.call(std::move(r), wait);
    }));
  }
  /// A copy to work with while the GIL is away.
  client facade() { return client_.get(); }
  bool open() const { return client_.open(); }
  void close() {
    if (!client_.open()) return;
    in_background([c = client_.get()]() mutable {
      c.close();
      return true;
    });
    client_.reset();
  }

 private:
  handle<client> client_;
};

/// The class, so that each file adds its methods.
using client_class = py::class_<core_client>;
void add_topic_methods(client_class& c);
void add_group_methods(client_class& c);
void add_producer_methods(client_class& c);
void add_transactional_methods(client_class& c);
void add_consumer_methods(client_class& c);

}  // namespace dohle::bindings
