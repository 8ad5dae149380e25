// The facade of transactions: ordinary producers that share one identity, and the requests that open and decide.
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <condition_variable>
#include <mutex>

#include "actors/client.hpp"
#include "actors/impl.hpp"
#include "actors/producer.hpp"
#include "actors/request_traits.hpp"

namespace dohle {

class transactional_producer::impl {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  impl(std::shared_ptr<client::impl> owner, std::string name, transaction_options options)
      : owner_(std::move(owner)), name_(std::move(name)), options_(std::move(options)) {
    options_.producing.acks = ack_level::majority;
    options_.producing.idempotent = true;
  }
  ~impl() { (void)close(limits::drop_timeout); }

  /// Becomes the one instance of the name.
  result<void> take_over() {
    init_producer_request r{name_, std::chrono::duration_cast<milliseconds>(options_.timeout)};
    auto made = insist(r, now() + owner_->options.request_timeout);
    if (!made) return made.error();
    who_ = {made->id, made->epoch, 0, true};
    return {};
  }

  result<void> begin() {
    std::lock_guard lock(mutex_);
    if (lost_) return *lost_;
    if (open_)
      return error{errc::invalid_transaction, "a transaction of \"" + name_ + "\" is open already",
                   "commit or abort it first"};
    open_ = true;
    for (auto& [topic, p] : producers_) admit(*p);
    return {};
  }

  result<producer> to(const std::string& topic) {
    std::lock_guard lock(mutex_);
    if (auto found = producers_.find(topic); found != producers_.end()) return producer{found->second};
    auto spawned = spawn_producer_of(owner_, topic, options_.producing);
    if (!spawned) return spawned.error();
    auto made = std::move(*spawned);
    made->core().hold_sends(true);
    if (open_) admit(*made);
    producers_.emplace(topic, made);
    return producer{std::move(made)};
  }

  result<void> commit_offsets(const std::string& group, const std::map<topic_partition, offset>& offsets,
                              const consumer_identity& member, duration timeout) {
    std::lock_guard lock(mutex_);
    if (!open_) return none_open();
    commit_offsets_request r;
    r.group = group;
    r.member = member.member;
    r.generation = member.generation;
    for (const auto& [p, at] : offsets) r.offsets.push_back({p.topic, p.partition, at, ""});
    r.within = in_transaction{who_.id, who_.epoch, true};
    auto done = insist(r, now() + std::min<duration>(timeout, limits::max_wait));
    return done ? result<void>{} : result<void>{done.error()};
  }

  result<void> commit(duration timeout) {
    std::lock_guard lock(mutex_);
    if (!open_) return none_open();
    const auto deadline = now() + std::min<duration>(timeout, limits::max_wait);
    if (auto stored = settle(deadline); !stored) {
      const auto& why = stored.error();
      if (why.code == errc::timeout) return why;  // not known yet: commit again, or abort
      return error{errc::abortable_transaction,
                   "a record of the transaction was not stored, so it cannot be committed: " + why.message,
                   "abort it and do it again"};
    }
    return decide(true, deadline);
  }

  result<void> abort(duration timeout) {
    std::lock_guard lock(mutex_);
    if (!open_) return {};
    const auto deadline = now() + std::min<duration>(timeout, limits::max_wait);
    // A decision overtakes nothing: what is on its way belongs to this transaction and not to the next.
    if (auto stored = settle(deadline); stored.code() == errc::timeout) return stored;
    return decide(false, deadline);
  }

  bool open() const {
    std::lock_guard lock(mutex_);
    return open_;
  }
  const std::string& name() const { return name_; }

  result<void> close(duration timeout) {
    auto aborted = abort(timeout);
    std::lock_guard lock(mutex_);
    for (auto& [topic, p] : producers_) (void)p->close(duration::zero());
    producers_.clear();
    if (!lost_) lost_ = error{errc::closed, "the transactions of \"" + name_ + "\" were closed", "make a new producer"};
    return aborted;
  }

 private:
  time_point now() const { return owner_->endpoint.home_system().clock().now(); }

  error none_open() const {
    return lost_ ? *lost_
                 : error{errc::invalid_transaction, "no transaction of \"" + name_ + "\" is open", "begin one first"};
  }

  /// Lets a producer take records for the open transaction.
  void admit(producer::impl& p) {
    caf::anon_send(p.actor(), who_);
    p.core().hold_sends(false);
  }

  /// No record is taken any more, and all have their outcome: the first error of one, or `timeout`.
  result<void> settle(time_point deadline) {
    result<void> first;
    for (auto& [topic, p] : producers_) p->core().hold_sends(true);
    for (auto& [topic, p] : producers_) {
      auto flushed = p->core().flush(deadline - now());
      if (!flushed && flushed.code() == errc::timeout && p->core().buffered_bytes() > 0) return flushed;
      if (!flushed && first) first = flushed;
    }
    if (!first) failed_ = first.error();
    return failed_ ? result<void>{*failed_} : result<void>{};
  }

  result<void> decide(bool commit, time_point deadline) {
    auto ended = insist(end_transaction_request{name_, who_.id, who_.epoch, commit, true}, deadline);
    if (!ended) {
      const auto code = ended.code();
      if (code == errc::producer_fenced || code == errc::unknown_producer || code == errc::unknown_transaction) {
        open_ = false;
        lost_ = error{errc::producer_fenced,
                      "another instance of \"" + name_ +
                          "\" took over, or the transaction was open for too long: " + ended.error().message,
                      "make a new one; run one instance only"};
        return *lost_;
      }
      return ended.error();
    }
    who_ = {ended->producer, ended->epoch, 0, true};
    open_ = false;
    failed_.reset();
    return {};
  }

  /// Asks until it is answered for good: everything asked here may be said again.
  template <class Request>
  result<typename Request::response> insist(const Request& r, time_point deadline) {
    auto backoff = std::chrono::duration_cast<duration>(limits::retry_backoff);
    for (;;) {
      const auto left = std::max<duration>(deadline - now(), duration::zero());
      auto any = owner_->call(request{r}, std::min<duration>(left, owner_->options.request_timeout));
      auto answer = any ? actors::typed_answer<Request>(std::move(*any)) : any.error();
      if (answer || !is_retriable(answer.code())) return answer;
      if (now() + backoff >= deadline) return answer;
      std::unique_lock lock(pause_mutex_);
      pause_.wait_for(lock, backoff);
      backoff = std::min<duration>(backoff * 2, limits::max_retry_backoff);
    }
  }

  std::shared_ptr<client::impl> owner_;
  const std::string name_;
  transaction_options options_;
  std::mutex pause_mutex_;
  std::condition_variable pause_;

  mutable std::mutex mutex_;  ///< guards what follows: one opening or deciding call at a time
  producer_stamp who_;
  bool open_ = false;
  std::optional<error> failed_;  ///< of a record of the open transaction
  std::optional<error> lost_;    ///< the name is another's, or it was closed
  std::map<std::string, std::shared_ptr<producer::impl>> producers_;
};

transactional_producer::transactional_producer(std::shared_ptr<impl> i) : impl_(std::move(i)) {}

result<void> transactional_producer::begin() { return impl_->begin(); }
result<producer> transactional_producer::to(const std::string& topic) { return impl_->to(topic); }
result<void> transactional_producer::commit_offsets(const std::string& group,
                                                    const std::map<topic_partition, offset>& offsets,
                                                    const consumer_identity& member, duration timeout) {
  return impl_->commit_offsets(group, offsets, member, timeout);
}
result<void> transactional_producer::commit(duration timeout) { return impl_->commit(timeout); }
result<void> transactional_producer::abort(duration timeout) { return impl_->abort(timeout); }
bool transactional_producer::open() const { return impl_->open(); }
const std::string& transactional_producer::name() const { return impl_->name(); }
result<void> transactional_producer::close(duration timeout) { return impl_->close(timeout); }

result<transactional_producer> client::make_transactional(const std::string& name,
                                                          const transaction_options& options) const {
  if (auto ok = actors::check_options(options.producing); !ok) return ok.error();
  if (name.empty()) return error{errc::invalid_request, "a transaction needs a name", "any text that stays the same"};
  auto made = std::make_shared<transactional_producer::impl>(impl_, name, options);
  if (auto ok = made->take_over(); !ok) return ok.error();
  return transactional_producer{std::move(made)};
}

}  // namespace dohle
