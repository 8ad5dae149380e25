// What the client side must know of each request without looking into it twice: its name, which answer belongs to it,
// whether repeating it is harmless, how long its answer may take. Values in, values out.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "schema/messages.hpp"

namespace dohle::actors {

namespace detail {

template <class T, class Variant>
struct index_of;
template <class T, class... Ts>
struct index_of<T, std::variant<T, Ts...>> : std::integral_constant<std::size_t, 0> {};
template <class T, class First, class... Ts>
struct index_of<T, std::variant<First, Ts...>>
    : std::integral_constant<std::size_t, 1 + index_of<T, std::variant<Ts...>>::value> {};

}  // namespace detail

/// A request's kind: its index in `request`.
template <class Request>
inline constexpr std::size_t kind_of = detail::index_of<Request, request>::value;

/// "produce", "join_group", ...
std::string_view request_name(std::size_t kind);
/// Is this an error, or the response that belongs to a request of this kind?
bool is_answer_to(std::size_t kind, const response& answer);
/// Whether it may have changed something at the broker when its answer is missing.
bool changes_state(std::size_t kind);
/// How long the broker may rightly keep the answer back, beyond the usual time of a request.
std::chrono::milliseconds extra_wait(const request& what);
/// Roughly the bytes it takes in memory and on the wire.
std::size_t weight(const request& what);

/// An answer as the requester of `Request` expects it.
template <class Request>
result<typename Request::response> typed_answer(response answer) {
  if (auto* e = std::get_if<error>(&answer)) return std::move(*e);
  if (auto* a = std::get_if<typename Request::response>(&answer)) return std::move(*a);
  return error{errc::internal, "an answer of another kind came for " + std::string{request_name(kind_of<Request>)}, {}};
}

/// And back.
template <class Response>
response any_answer(result<Response> answer) {
  if (!answer) return answer.error();
  return std::move(*answer);
}

}  // namespace dohle::actors
