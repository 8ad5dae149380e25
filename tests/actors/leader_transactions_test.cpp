// Transactions at one partition: a leader with a disk of its own, the coordinator is the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "actors/disk.hpp"
#include "actors/leader.hpp"
#include "schema/control_batch.hpp"
#include "tests/actors/fixture.hpp"
#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;
using testing::deterministic;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// The same batch as part of a transaction.
bytes transactional(const bytes& plain) {
  auto header = *read_header(plain.view());
  header.attributes |= 16;
  std::vector<char> made(plain.data(), plain.data() + plain.size());
  dohle::detail::write_header(made.data(), header, made.size());
  return bytes::own(std::move(made));
}

struct coordinator_state {
  struct asked {
    enlist_part what;
    caf::response_promise promise;
  };
  std::deque<asked> waiting;
  std::optional<result<part_enlisted>> answer{std::in_place};  ///< none: they wait
  int count = 0;
};

class leader_transactions_test : public deterministic {
 protected:
  leader_transactions_test() { start(); }
  ~leader_transactions_test() override { stop(); }

  void start() {
    auto opened = store::folder::open(place_.path() / "data", options_);
    ASSERT_TRUE(opened.ok());
    folder_ = std::make_unique<faulty_folder>(std::move(*opened));
    log_ = *folder_->open_log(partition_id{1});
    auto failed = [](const error& e) { throw std::runtime_error(to_string(e)); };
    auto pressure = std::make_shared<journal_pressure>();
    leader_setup setup;
    setup.topic = "t";
    setup.me = broker_id{1};
    setup.voters = {broker_id{1}};
    setup.log = log_;
    setup.history = *log_->history();
    setup.marks = std::make_shared<partition_marks>();
    setup.pressure = pressure;
    setup.journal_writer = sys.spawn(journal_writer, &folder_->journal(), pressure, failed);
    setup.reader = sys.spawn(reader, false);
    setup.settler = sys.spawn(settler, folder_.get(), pressure, failed);
    setup.transactions = sys.spawn([c = &coordinator_](caf::event_based_actor* self) -> caf::behavior {
      return {[=](const enlist_part& m) {
                ++c->count;
                auto promise = self->make_response_promise();
                if (c->answer) return promise.deliver(*c->answer);
                c->waiting.push_back({m, promise});
              },
              [=](testing::run_now& r) { r.what(); }};
    });
    setup.wall_clock = [] { return timestamp{1'700'000'000'000}; };
    actors_ = {setup.journal_writer, setup.reader, setup.settler, setup.transactions};
    probe_ = setup.transactions;
    leader_ = sys.spawn(leader, std::move(setup));
    actors_.push_back(leader_);
    settle();
  }
  void stop() {
    for (auto& a : actors_) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    settle();
    actors_.clear();
    leader_ = probe_ = nullptr;
    coordinator_.waiting.clear();
    log_.reset();
    folder_.reset();
  }
  void restart() {
    stop();
    start();
  }

  template <class T>
  using slot = std::shared_ptr<std::optional<result<T>>>;
  template <class Response, class Request>
  slot<Response> send_for(Request r) {
    auto into = std::make_shared<std::optional<result<Response>>>();
    sys.spawn([into, r, to = leader_](caf::event_based_actor* self) {
      self->request(to, caf::infinite, r)
          .then([into](result<Response>& a) { into->emplace(std::move(a)); },
                [into](const caf::error&) {
                  into->emplace(error{errc::closed, "ended", ""});
                });
    });
    settle();
    return into;
  }
  template <class Request>
  auto send(Request r) {
    return send_for<typename Request::response>(std::move(r));
  }
  template <class Request>
  result<typename Request::response> ask(Request r) {
    auto into = send(std::move(r));
    if (!into->has_value()) return error{errc::timeout, "no answer yet", ""};
    return std::move(**into);
  }

  produce_request in_transaction(const std::string& text, int count, producer_stamp by) {
    return {"t", partition_index{0}, ack_level::majority, transactional(batch_of(text, count, 0, by))};
  }
  result<produce_response> produce(const std::string& text, int count, producer_stamp by) {
    return ask(in_transaction(text, count, by));
  }
  slot<part_decided> send_decide(std::int64_t producer, std::int16_t epoch, bool commit) {
    return send_for<part_decided>(
        decide_part{producer_id{producer}, epoch, commit, topic_partition{"t", partition_index{0}}, ""});
  }
  errc decide(std::int64_t producer, std::int16_t epoch, bool commit) {
    auto into = send_decide(producer, epoch, commit);
    return into->has_value() ? (*into)->code() : errc::timeout;
  }
  result<fetch_response> fetch(std::int64_t from, isolation level = isolation::committed, bool backward = false) {
    return ask(fetch_request{.topic = "t", .from = offset{from}, .backward = backward, .isolation = level});
  }
  /// The coordinator answers the oldest that waits.
  void answer(result<part_enlisted> with) {
    ASSERT_FALSE(coordinator_.waiting.empty());
    auto promise = coordinator_.waiting.front().promise;
    coordinator_.waiting.pop_front();
    caf::anon_send(probe_, testing::run_now{[promise, with]() mutable { promise.deliver(with); }});
    settle();
  }
  void settle_log() { ASSERT_TRUE(log_->settle(log_->flushed(), std::size_t{1} << 30).ok()); }

  scratch place_;
  store::options options_;
  std::unique_ptr<faulty_folder> folder_;
  std::shared_ptr<store::log> log_;
  coordinator_state coordinator_;
  std::vector<caf::actor> actors_;
  caf::actor leader_, probe_;
};

TEST_F(leader_transactions_test, the_first_batch_asks_the_coordinator_once) {
  coordinator_.answer.reset();
  auto first = send(in_transaction("a", 2, {producer_id{7}, 0, 0}));
  auto second = send(in_transaction("b", 1, {producer_id{7}, 0, 2}));
  auto other = ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of("x", 1)});
  EXPECT_EQ(other->base, offset{0}) << "others do not wait";
  ASSERT_EQ(coordinator_.waiting.size(), 1u);
  const auto& asked = coordinator_.waiting.front().what;
  EXPECT_EQ(asked.producer, producer_id{7});
  EXPECT_EQ(asked.partition, (topic_partition{"t", partition_index{0}}));
  EXPECT_TRUE(asked.may_add);
  EXPECT_FALSE(first->has_value() || second->has_value());
  answer(part_enlisted{});
  ASSERT_TRUE(first->has_value() && second->has_value());
  EXPECT_EQ((**first)->base, offset{1});
  EXPECT_EQ((**second)->base, offset{3});
  coordinator_.answer.emplace();
  EXPECT_EQ(produce("c", 1, {producer_id{7}, 0, 3})->base, offset{4});
  EXPECT_EQ(coordinator_.count, 1) << "the transaction is open here";
}

TEST_F(leader_transactions_test, what_the_coordinator_refuses_is_not_taken) {
  coordinator_.answer.reset();
  auto first = send(in_transaction("a", 2, {producer_id{7}, 0, 0}));
  auto second = send(in_transaction("b", 1, {producer_id{7}, 0, 2}));
  answer(error{errc::invalid_transaction, "not now", ""});
  EXPECT_EQ((*first)->code(), errc::invalid_transaction);
  EXPECT_EQ((*second)->code(), errc::invalid_transaction);
  EXPECT_EQ(log_->end(), offset{0});
  auto again = send(in_transaction("a", 2, {producer_id{7}, 0, 0}));
  answer(part_enlisted{});
  EXPECT_EQ((**again)->base, offset{0});
}

TEST_F(leader_transactions_test, no_more_wait_than_the_bound_says) {
  coordinator_.answer.reset();
  for (std::size_t i = 0; i < limits::max_unverified_batches; ++i)
    send(in_transaction("a", 1, {producer_id{7}, 0, static_cast<std::int32_t>(i)}));
  EXPECT_EQ(produce("a", 1, {producer_id{8}, 0, 0}).code(), errc::busy);
  answer(part_enlisted{});
  EXPECT_EQ(log_->end(), offset{static_cast<std::int64_t>(limits::max_unverified_batches)});
  coordinator_.answer.emplace();
  EXPECT_TRUE(produce("a", 1, {producer_id{8}, 0, 0}).ok());
}

TEST_F(leader_transactions_test, refuses_what_does_not_fit) {
  EXPECT_EQ(ask(produce_request{"t", partition_index{0}, ack_level::majority,
                                marker_batch(producer_id{7}, 0, marker_kind::abort, timestamp{1})})
                .code(),
            errc::invalid_request);
  EXPECT_EQ(produce("a", 1, {}).code(), errc::invalid_request) << "nobody's transaction";
  ASSERT_TRUE(produce("a", 1, {producer_id{7}, 0, 0}).ok());
  EXPECT_EQ(
      ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of("b", 1, 0, {producer_id{7}, 0, 1})})
          .code(),
      errc::invalid_transaction);
  EXPECT_EQ(produce("c", 1, {producer_id{7}, 1, 0}).code(), errc::concurrent_transactions)
      << "the older one is undecided";
  EXPECT_TRUE(produce("a", 1, {producer_id{7}, 0, 0})->duplicate);
}

TEST_F(leader_transactions_test, a_reader_of_what_is_committed_waits_for_the_marker) {
  ASSERT_TRUE(ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of("x", 1)}).ok());
  ASSERT_TRUE(produce("a", 2, {producer_id{7}, 0, 0}).ok());
  EXPECT_THAT(values_of(*fetch(0), offset{0}), ElementsAre("x-0"));
  EXPECT_THAT(values_of(*fetch(0, isolation::uncommitted), offset{0}), ElementsAre("x-0", "a-0", "a-1"));
  EXPECT_EQ(fetch(0, isolation::uncommitted)->last_stable, offset{1});
  EXPECT_TRUE(fetch(3)->batches.empty()) << "between the last stable offset and the high watermark";
  EXPECT_EQ(fetch(4).code(), errc::offset_out_of_range);
  auto parked =
      send(fetch_request{.topic = "t", .from = offset{1}, .max_wait = 10s, .isolation = isolation::committed});
  EXPECT_FALSE(parked->has_value());
  auto latest = [&](isolation level) {
    return ask(list_offsets_request{"t", partition_index{0}, offset_query::latest, no_timestamp, level})->offset;
  };
  EXPECT_EQ(latest(isolation::committed), offset{1});
  EXPECT_EQ(latest(isolation::uncommitted), offset{3});
  EXPECT_EQ(ask(list_offsets_request{"t", partition_index{0}, offset_query::max_timestamp, no_timestamp,
                                     isolation::committed})
                ->offset,
            offset{0});
  EXPECT_EQ(decide(7, 0, true), errc::ok);
  ASSERT_TRUE(parked->has_value());
  EXPECT_THAT((**parked)->aborted, IsEmpty());
  EXPECT_EQ((**parked)->last_stable, offset{4});
  EXPECT_EQ((**parked)->batches.size(), 2u) << "data and the marker";
  EXPECT_EQ(marker_of((**parked)->batches[1].view()), marker_kind::commit);
}

TEST_F(leader_transactions_test, names_aborted_ones_from_memory_and_from_disk) {
  options_.tail_cache_bytes = 0;
  restart();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(produce("a", 1, {producer_id{7}, 0, round}).ok());
    ASSERT_TRUE(produce("b", 1, {producer_id{8}, 0, round}).ok());
    ASSERT_EQ(decide(7, 0, false), errc::ok);
    ASSERT_EQ(decide(8, 0, true), errc::ok);
  }
  const std::vector<aborted_transaction> all{
      {producer_id{7}, offset{0}}, {producer_id{7}, offset{4}}, {producer_id{7}, offset{8}}};
  EXPECT_EQ(fetch(0)->aborted, all) << "nothing has settled";
  EXPECT_THAT(fetch(0, isolation::uncommitted)->aborted, IsEmpty());
  ASSERT_TRUE(log_->settle(offset{7}, std::size_t{1} << 30).ok());
  ASSERT_GT(log_->settled(), offset{2});
  for (int round = 0; round < 2; ++round) {
    std::vector<aborted_transaction> seen;
    for (std::int64_t from = 0; from < 12;) {
      auto part =
          ask(fetch_request{.topic = "t", .from = offset{from}, .max_bytes = 1, .isolation = isolation::committed});
      ASSERT_TRUE(part.ok()) << to_string(part.error());
      for (const auto& a : part->aborted)
        if (std::find(seen.begin(), seen.end(), a) == seen.end()) seen.push_back(a);
      from = read_header(part->batches[0].view())->end().value;
    }
    EXPECT_EQ(seen, all);
    EXPECT_EQ(fetch(12, isolation::committed, true)->aborted.back(), all.back()) << "backward";
    restart();
  }
  settle_log();
  restart();
  EXPECT_EQ(fetch(0)->aborted, all) << "all of it from disk";
}

TEST_F(leader_transactions_test, a_decision_is_answered_when_its_marker_is_committed) {
  EXPECT_EQ(decide(7, 0, true), errc::ok) << "nothing was open";
  EXPECT_EQ(log_->end(), offset{0});
  ASSERT_TRUE(produce("a", 1, {producer_id{7}, 0, 0}).ok());
  folder_->journal().full = true;
  EXPECT_EQ(decide(7, 0, true), errc::storage_full);
  EXPECT_EQ(fetch(0)->last_stable, offset{0}) << "taken back";
  folder_->journal().full = false;
  EXPECT_EQ(decide(7, 0, true), errc::ok);
  EXPECT_EQ(log_->end(), offset{2});
  EXPECT_EQ(decide(7, 0, true), errc::ok) << "the same again";
  EXPECT_EQ(log_->end(), offset{2});
}

TEST_F(leader_transactions_test, a_marker_fences_with_its_epoch) {
  ASSERT_TRUE(produce("a", 1, {producer_id{7}, 0, 0}).ok());
  ASSERT_EQ(decide(7, 1, false), errc::ok);
  EXPECT_EQ(produce("b", 1, {producer_id{7}, 0, 1}).code(), errc::producer_fenced);
  EXPECT_EQ(produce("b", 1, {producer_id{7}, 1, 1}).code(), errc::out_of_order_sequence);
  restart();
  EXPECT_EQ(produce("b", 1, {producer_id{7}, 0, 1}).code(), errc::producer_fenced);
  ASSERT_TRUE(produce("b", 1, {producer_id{7}, 1, 0}).ok());
  EXPECT_EQ(decide(7, 0, true), errc::ok) << "an older one was decided before";
  EXPECT_EQ(fetch(0)->last_stable, offset{2}) << "and ends nothing now";
  ASSERT_EQ(decide(7, 1, true), errc::ok);
  const auto end = log_->end();
  ASSERT_EQ(decide(7, 2, true), errc::ok);
  EXPECT_EQ(log_->end(), end + 1) << "nothing was open, but the epoch is new";
}

TEST_F(leader_transactions_test, a_marker_by_hand_ends_only_what_is_open) {
  write_marker_request m{"t", partition_index{0}, producer_id{7}, 0, false};
  const auto empty = log_->end();
  ASSERT_TRUE(ask(m).ok());
  EXPECT_EQ(log_->end(), empty);
  ASSERT_TRUE(produce("a", 1, {producer_id{7}, 1, 0}).ok());
  EXPECT_EQ(ask(m).code(), errc::producer_fenced) << "an older epoch than what is open";
  m.epoch = 1;
  ASSERT_TRUE(ask(m).ok());
  EXPECT_EQ(fetch(0)->last_stable, log_->end());
  EXPECT_THAT(fetch(0)->aborted, ElementsAre(aborted_transaction{producer_id{7}, empty}));
}

TEST_F(leader_transactions_test, an_open_transaction_outlives_a_restart) {
  for (bool settled : {false, true}) {
    const auto base = log_->end();
    const producer_id who{settled ? 8 : 7};
    ASSERT_TRUE(produce("a", 1, {who, 0, 0}).ok());
    ASSERT_TRUE(ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of("x", 1)}).ok());
    if (settled) settle_log();
    restart();
    EXPECT_EQ(fetch(0)->last_stable, base);
    const auto before = coordinator_.count;
    EXPECT_TRUE(produce("a", 1, {who, 0, 1}).ok());
    EXPECT_EQ(coordinator_.count, before) << "it is open";
    ASSERT_EQ(decide(who.value, 0, false), errc::ok);
    EXPECT_EQ(fetch(base.value)->last_stable, log_->end());
    EXPECT_THAT(fetch(base.value)->aborted, ElementsAre(aborted_transaction{who, base}));
  }
}

TEST_F(leader_transactions_test, tells_of_its_producers_and_epochs) {
  ASSERT_TRUE(produce("a", 2, {producer_id{7}, 3, 0}).ok());
  auto told = ask(describe_producers_request{"t", partition_index{0}});
  ASSERT_TRUE(told.ok());
  EXPECT_THAT(told->producers,
              ElementsAre(active_producer{producer_id{7}, 3, 1, timestamp{1'700'000'000'000}, offset{0}}));
  restart();
  ASSERT_TRUE(ask(produce_request{"t", partition_index{0}, ack_level::majority, batch_of("x", 1)}).ok());
  auto end_of = [&](int e) { return *ask(epoch_end_request{"t", partition_index{0}, epoch{e}}); };
  EXPECT_EQ(end_of(1), (epoch_end_response{epoch{1}, offset{2}}));
  EXPECT_EQ(end_of(2), (epoch_end_response{epoch{2}, offset{3}})) << "the leader's own";
  EXPECT_EQ(end_of(0), epoch_end_response{});
  EXPECT_EQ(end_of(3), epoch_end_response{}) << "nobody reigned so late";
}

}  // namespace
}  // namespace dohle::actors
