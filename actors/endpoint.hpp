// What makes an actor an endpoint: a handler for each request of the protocol and for blocking_call, all leading into
// one function. And the other direction: a request whose answer, error or silence all come back as one result.
#pragma once

#include <caf/behavior.hpp>
#include <caf/error.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/message_handler.hpp>
#include <caf/response_promise.hpp>
#include <caf/sec.hpp>
#include <chrono>
#include <functional>
#include <utility>

#include "actors/messages.hpp"
#include "actors/request_traits.hpp"

namespace dohle::actors {

namespace detail {

template <class Request, class Self, class Submit>
auto request_handler(Self* self, Submit submit) {
  return [self, submit](Request& r) mutable -> caf::response_promise {
    auto promise = self->make_response_promise();
    submit(request{std::move(r)},
           [promise](response a) mutable { promise.deliver(typed_answer<Request>(std::move(a))); });
    return promise;
  };
}

template <class Self, class Submit, class... Requests>
caf::message_handler request_handlers(Self* self, Submit submit, type_list<Requests...>) {
  return caf::message_handler{request_handler<Requests>(self, submit)...};
}

}  // namespace detail

/// `submit(request, std::function<void(response)>)` must call the function exactly once, now or later.
template <class Self, class Submit>
caf::message_handler endpoint_handlers(Self* self, Submit submit) {
  return detail::request_handlers(self, submit, all_requests{})
      .or_else(caf::message_handler{
          [submit](blocking_call& call) mutable { submit(std::move(call.what), std::move(call.done)); }});
}

/// What it means that CAF has no answer: the endpoint is gone, or it kept silent.
inline error unanswered(const caf::error& e, std::size_t kind) {
  const std::string what{request_name(kind)};
  if (e == caf::sec::request_timeout) {
    if (changes_state(kind)) return {errc::unknown_outcome, what + " was not answered in time", {}};
    return {errc::timeout, what + " was not answered in time", {}};
  }
  return {errc::closed, "the broker or the connection was closed before " + what + " was answered",
          "open it again, or keep it open until producers and consumers are closed"};
}

/// Asks `endpoint` and hands the outcome to `then`, exactly once, unless the asking actor ends before.
/// `timeout` may be caf::infinite where the asker has a deadline of its own.
template <class Self, class Timeout, class Request, class Then>
void ask(Self* self, const caf::actor& endpoint, Timeout timeout, Request r, Then then) {
  using answer = result<typename Request::response>;
  auto on_error = [then](caf::error& e) mutable { then(answer{unanswered(e, kind_of<Request>)}); };
  self->request(endpoint, timeout, std::move(r))
      .then([then](answer& a) mutable { then(std::move(a)); }, std::move(on_error));
}

}  // namespace dohle::actors
