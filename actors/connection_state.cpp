#include "actors/connection_state.hpp"

#include <algorithm>
#include <utility>

#include "actors/request_traits.hpp"

namespace dohle::actors {

namespace {

constexpr std::uint64_t hello_correlation = 0;

error damaged(const std::string& address, const std::string& why) {
  return {errc::connection_failed, "the broker at " + address + " sent bytes that make no sense: " + why,
          "check that a Dohle broker of a matching version listens there"};
}

}  // namespace

connection_state::connection_state(std::string client, std::string address, std::chrono::nanoseconds request_timeout)
    : client_(std::move(client)),
      address_(std::move(address)),
      request_timeout_(request_timeout),
      last_error_{errc::connection_failed, "no connection to " + address_ + " yet", {}} {}

std::optional<error> connection_state::refuse(const request& what, std::size_t bytes, std::size_t queued) const {
  if (phase_ == phase::ended) return last_error_;
  if (greeting_ && bytes > greeting_->max_frame_bytes && greeting_->max_frame_bytes > 0)
    return error{errc::record_too_large,
                 "a " + std::string{request_name(what.index())} + " of " + std::to_string(bytes) +
                     " bytes is more than the broker at " + address_ + " takes (" +
                     std::to_string(greeting_->max_frame_bytes) + ")",
                 "send smaller batches"};
  // A lone request larger than the bound may pass, or it never could.
  const bool full = pending_.size() >= limits::max_connection_requests ||
                    (pending_bytes_ > 0 && pending_bytes_ + bytes > limits::max_connection_bytes) ||
                    queued > limits::max_connection_bytes;
  if (full)
    return error{errc::busy,
                 std::to_string(pending_.size()) + " requests (" + std::to_string(pending_bytes_) +
                     " bytes) wait for the broker at " + address_ + " already",
                 "send fewer at once, or use a second connection"};
  return std::nullopt;
}

void connection_state::submit(request what, completion done, time_point now, std::vector<char>& out) {
  const auto bytes = weight(what);
  if (auto e = refuse(what, bytes, out.size())) return done(response{std::move(*e)});
  const auto kind = what.index();
  if (kind == kind_of<hello_request> && phase_ == phase::up) return done(response{*greeting_});
  if (pending_.empty()) next_check_ = now + limits::link_check_interval;
  const auto correlation = ++last_correlation_;
  pending p{std::move(done), now + request_timeout_ + extra_wait(what), kind, bytes, std::move(what)};
  auto at = pending_.emplace_hint(pending_.end(), correlation, std::move(p));
  pending_bytes_ += bytes;
  if (phase_ == phase::up) send(at, out);
}

void connection_state::send(table::iterator i, std::vector<char>& out) {
  auto encoded = encode(i->first, *i->second.unsent, out);
  i->second.unsent.reset();
  if (!encoded) answer(i, response{encoded.error()});
}

void connection_state::answer(table::iterator i, response a) {
  auto done = std::move(i->second.done);
  pending_bytes_ -= i->second.bytes;
  pending_.erase(i);
  done(std::move(a));
}

void connection_state::connected(std::string address, time_point now, std::vector<char>& out) {
  if (phase_ == phase::ended) return;
  address_ = std::move(address);
  phase_ = phase::greeting;
  redial_at_.reset();
  reader_ = frame_reader{limits::max_hello_bytes};
  hello_deadline_ = now + limits::hello_timeout;
  const hello_request hello{client_.substr(0, limits::max_client_name), protocol_version, protocol_version, {}};
  auto encoded = encode(hello_correlation, request{hello}, out);
  DOHLE_ASSERT(encoded.ok(), "hello always fits a frame");
}

void connection_state::lost(const error& why, time_point now) {
  if (phase_ == phase::ended) return;
  phase_ = phase::down;
  greeting_.reset();
  last_error_ = why;
  redial_at_ = now + backoff_;
  backoff_ = std::min<std::chrono::nanoseconds>(backoff_ * 2, limits::max_retry_backoff);
  std::vector<std::uint64_t> concerned;
  for (const auto& [correlation, p] : pending_)
    if (!p.unsent || p.kind == kind_of<hello_request>) concerned.push_back(correlation);
  for (auto correlation : concerned) {
    auto i = pending_.find(correlation);
    answer(i, cut_off(i->second, why));
  }
}

error connection_state::cut_off(const pending& p, const error& why) const {
  if (p.unsent || !changes_state(p.kind)) return why;
  return {errc::unknown_outcome,
          "the connection to " + address_ + " ended before the answer to " + std::string{request_name(p.kind)} +
              " came, so it may or may not have been done (" + why.message + ")",
          "look whether it was done before you repeat it"};
}

error connection_state::overdue(const pending& p) const {
  const std::string what{request_name(p.kind)};
  if (p.unsent) {
    return {errc::connection_failed, what + " could not be sent to " + address_ + " in time: " + last_error_.message,
            last_error_.hint};
  }
  const std::string said = "the broker at " + address_ + " did not answer " + what + " in time";
  if (changes_state(p.kind))
    return {errc::unknown_outcome, said + ", so it may or may not have been done",
            "look whether it was done before you repeat it"};
  return {errc::timeout, said, "try again, or give a longer request time-out"};
}

result<void> connection_state::received(std::string_view data, time_point now, std::vector<char>& out) {
  std::vector<frame> frames;
  if (auto fed = reader_.feed(data, frames); !fed) return damaged(address_, fed.error().message);
  for (const auto& f : frames) {
    if (auto handled = handle(f, now, out); !handled) return handled;
    if (phase_ == phase::ended) break;
  }
  return {};
}

result<void> connection_state::handle(const frame& f, time_point now, std::vector<char>& out) {
  if (f.kind != frame_kind::response) return damaged(address_, "a request where an answer was expected");
  auto decoded = decode_response(f);
  if (!decoded) return damaged(address_, decoded.error().message);
  if (phase_ == phase::greeting) {
    if (decoded->correlation != hello_correlation) return damaged(address_, "an answer before hello");
    return greeted(std::move(decoded->message), now, out);
  }
  auto i = pending_.find(decoded->correlation);
  if (i == pending_.end()) return {};  // too late: its requester was told so
  if (i->second.unsent || !is_answer_to(i->second.kind, decoded->message))
    return damaged(address_, "the answer to " + std::string{request_name(i->second.kind)} + " is of another kind");
  answer(i, std::move(decoded->message));
  return {};
}

result<void> connection_state::greeted(response a, time_point now, std::vector<char>& out) {
  if (auto* refused = std::get_if<error>(&a)) return *refused;
  auto* hello = std::get_if<hello_response>(&a);
  if (!hello) return damaged(address_, "hello was answered with something else");
  if (hello->version != protocol_version)
    return error{errc::unsupported_version,
                 "the broker at " + address_ + " speaks version " + std::to_string(hello->version) +
                     " of the protocol, this client " + std::to_string(protocol_version),
                 "use a client and a broker of the same release"};
  greeting_ = std::move(*hello);
  phase_ = phase::up;
  backoff_ = limits::retry_backoff;
  next_check_ = now + limits::link_check_interval;
  reader_.set_max_body(limits::max_frame_bytes);
  for (auto i = pending_.begin(); i != pending_.end();) {
    const auto here = i++;
    if (here->second.kind == kind_of<hello_request>)
      answer(here, response{*greeting_});
    else
      send(here, out);
  }
  return {};
}

std::optional<connection_state::time_point> connection_state::next_check() const {
  std::optional<time_point> at;
  if (phase_ == phase::ended) return at;
  if (!pending_.empty()) at = next_check_;
  if (phase_ == phase::greeting) at = at ? std::min(*at, hello_deadline_) : hello_deadline_;
  return at;
}

result<void> connection_state::check(time_point now) {
  next_check_ = now + limits::link_check_interval;
  std::vector<std::uint64_t> late;
  for (const auto& [correlation, p] : pending_)
    if (p.deadline <= now) late.push_back(correlation);
  for (auto correlation : late) {
    auto i = pending_.find(correlation);
    answer(i, overdue(i->second));
  }
  if (phase_ == phase::greeting && hello_deadline_ <= now)
    return error{errc::connection_failed, "whoever listens at " + address_ + " did not answer hello",
                 "check that it is a Dohle broker's port"};
  return {};
}

void connection_state::end(const error& why) {
  if (phase_ == phase::ended) return;
  phase_ = phase::ended;
  last_error_ = why;
  redial_at_.reset();
  while (!pending_.empty()) answer(pending_.begin(), response{why});
}

}  // namespace dohle::actors
