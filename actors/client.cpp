// The facade class `client`: URLs into links, calls into messages. Nothing is thrown across it.
#include "actors/client.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <exception>
#include <future>
#include <random>
#include <utility>

#include "actors/connect.hpp"
#include "actors/consumer.hpp"
#include "actors/impl.hpp"
#include "actors/messages.hpp"
#include "actors/near_names.hpp"
#include "actors/producer.hpp"
#include "actors/remote_link.hpp"
#include "actors/request_traits.hpp"

namespace dohle {

namespace {

error closed_error(const std::string& address) {
  return {errc::closed, "the client of " + address + " is closed", "connect again"};
}

/// Hands the answer on once; says `closed` when the endpoint ends without having answered, because CAF then drops the
/// message, and this with it.
class answer_once {
 public:
  explicit answer_once(std::function<void(response)> done) : done_(std::move(done)) {}
  answer_once(const answer_once&) = delete;
  answer_once& operator=(const answer_once&) = delete;
  ~answer_once() {
    (*this)(error{errc::closed, "the broker or the connection was closed before it answered", "open it again"});
  }
  void operator()(response a) {
    if (!answered_.exchange(true)) done_(std::move(a));
  }

 private:
  std::function<void(response)> done_;
  std::atomic<bool> answered_ = false;
};

void post(const caf::actor& endpoint, request r, std::function<void(response)> done) {
  auto once = std::make_shared<answer_once>(std::move(done));
  caf::anon_send(endpoint, actors::blocking_call{std::move(r), [once](response a) { (*once)(std::move(a)); }});
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& n : names) out += (out.empty() ? "" : ", ") + n;
  return out;
}

}  // namespace

// --- what a client holds -------------------------------------------------------------------------------------------

client::impl::impl(std::shared_ptr<actors::runtime> r, caf::actor e, std::string a, client_options o, bool owns)
    : rt(std::move(r)), endpoint(std::move(e)), address(std::move(a)), options(std::move(o)), owns_endpoint(owns) {}

client::impl::~impl() {
  end();
  endpoint = nullptr;  // before the actor system, which goes with the last owner of the runtime
}

void client::impl::end() {
  if (closed.exchange(true) || !owns_endpoint) return;
  caf::anon_send_exit(endpoint, caf::exit_reason::user_shutdown);
}

result<response> client::impl::call(request r, duration timeout) const {
  if (closed) return closed_error(address);
  const auto kind = r.index();
  auto done = std::make_shared<std::promise<response>>();
  auto answer = done->get_future();
  post(endpoint, std::move(r), [done](response a) { done->set_value(std::move(a)); });
  if (answer.wait_for(std::min<duration>(timeout, limits::max_wait)) == std::future_status::ready) return answer.get();
  const std::string said = std::string{actors::request_name(kind)} + " was not answered by " + address + " in time";
  if (actors::changes_state(kind))
    return error{errc::unknown_outcome, said + ", so it may or may not have been done",
                 "look whether it was done before you repeat it"};
  return error{errc::timeout, said, "try again, or give a longer time-out"};
}

result<topic_info> client::impl::find_topic(const std::string& topic, duration timeout) const {
  const auto ask = [&](std::vector<std::string> topics) -> result<metadata_response> {
    auto answer = call(request{metadata_request{std::move(topics), false}}, timeout);
    if (!answer) return answer.error();
    return actors::typed_answer<metadata_request>(std::move(*answer));
  };
  auto named = ask({topic});
  if (!named) return named.error();
  for (auto& t : named->topics)
    if (t.name == topic && !t.partitions.empty()) return std::move(t);
  error unknown{errc::unknown_topic, "there is no topic \"" + topic + "\" at " + address, "create it first"};
  if (auto all = ask({})) {
    std::vector<std::string> names;
    for (auto& t : all->topics) names.push_back(std::move(t.name));
    if (auto near = actors::near_names(topic, names); !near.empty())
      unknown.hint = "did you mean " + joined(near) + "? Or create it first";
  }
  return unknown;
}

// --- the client ----------------------------------------------------------------------------------------------------

client::client(std::shared_ptr<impl> i) : impl_(std::move(i)) {}

result<client> client::connect(const std::string& url, const client_options& options) {
  auto addresses = actors::parse_url(url);
  if (!addresses) return addresses.error();
  try {
    auto first = actors::dial(*addresses, options.connect_timeout);
    if (!first) return first.error();
    const auto address = "dohle://" + actors::to_string(first->address);
    auto rt = std::make_shared<actors::runtime>();
    auto link = actors::spawn_remote_link(
        rt->system(), {options.name, std::move(*addresses), options.connect_timeout, options.request_timeout},
        std::make_shared<actors::dialled>(std::move(*first)));
    auto made = std::make_shared<impl>(std::move(rt), std::move(link), address, options, true);
    // A port that answers is not yet a broker: only its hello is.
    auto hello = made->call(request{hello_request{}}, limits::hello_timeout + options.connect_timeout);
    if (!hello) return hello.error();
    if (auto* e = std::get_if<error>(&*hello)) return *e;
    return client{std::move(made)};
  } catch (const std::exception& e) {
    return error{errc::internal, std::string{"the client's actor system could not be started: "} + e.what(),
                 "look at the limits of threads and open files (ulimit -a)"};
  }
}

result<response> client::call_any(request r, duration timeout) const { return impl_->call(std::move(r), timeout); }

void client::call_async(request r, std::function<void(response)> done) const {
  if (impl_->closed) return done(closed_error(impl_->address));
  post(impl_->endpoint, std::move(r), std::move(done));
}

result<std::shared_ptr<producer::impl>> spawn_producer_of(const std::shared_ptr<client::impl>& owner,
                                                          const std::string& topic, const producer_options& options) {
  auto found = owner->find_topic(topic, owner->options.request_timeout);
  if (!found) return found.error();
  auto spawned = actors::spawn_producer(owner->endpoint.home_system(), owner->endpoint, topic,
                                        static_cast<std::int32_t>(found->partitions.size()), options,
                                        owner->options.request_timeout, std::random_device{}());
  return std::make_shared<producer::impl>(owner, std::move(spawned));
}

result<producer> client::make_producer(const std::string& topic, const producer_options& options) const {
  if (auto ok = actors::check_options(options); !ok) return ok.error();
  auto made = spawn_producer_of(impl_, topic, options);
  if (!made) return made.error();
  return producer{std::move(*made)};
}

result<consumer> client::make_consumer(const consumer_options& options) const {
  if (auto ok = actors::check_options(options); !ok) return ok.error();
  return consumer{std::make_shared<consumer::impl>(impl_, options)};
}

const std::string& client::address() const { return impl_->address; }

void client::close() { impl_->end(); }

}  // namespace dohle
