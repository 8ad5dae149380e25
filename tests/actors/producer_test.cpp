// The producer from `send` to the ack, on virtual time, against a scripted broker.
#include "actors/producer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "rules/partitioner.hpp"
#include "tests/actors/fixture.hpp"

namespace dohle::actors {
namespace {

using namespace testing;

class producer_test : public deterministic {
 protected:
  producer_core& make(producer_options o = {}, std::int32_t partitions = 1) {
    endpoint = owned(sys.spawn(scripted_endpoint, &broker));
    broker.on = [this](received& r) {
      if (std::holds_alternative<init_producer_request>(r.what)) {
        r.answer(init_producer_response{producer_id{++identities}, 0});
        return true;
      }
      return false;
    };
    made = spawn_producer(sys, endpoint, "clicks", partitions, o, 30s, 7);
    owned(made.actor);
    settle();
    return *made.core;
  }
  static outgoing_record text(const std::string& s, std::optional<std::string_view> key = {}) {
    outgoing_record r;
    r.value = s;
    r.key = key;
    return r;
  }
  ack send(const std::string& s) {
    auto a = made.core->send(text(s), 0ns);
    EXPECT_TRUE(a.ok());
    return a ? *a : ack{};
  }
  void accept(received r) {
    auto h = validate_batch(r.as<produce_request>().batch.view());
    ASSERT_TRUE(h.ok());
    auto& end = ends[r.as<produce_request>().partition.value];
    const auto base = end;
    end = end + h->record_count;
    r.answer(produce_response{base, no_timestamp, ack_level::majority, false});
  }
  void accept_all() {
    settle();
    while (!broker.all<produce_request>().empty()) {
      accept(broker.take<produce_request>());
      settle();
    }
  }

  script broker;
  caf::actor endpoint;
  spawned_producer made;
  std::map<int, offset> ends;
  int identities = 0;
};

TEST_F(producer_test, a_batch_leaves_when_its_first_record_lingered) {
  producer_options o;
  o.linger = 5ms;
  make(o);
  auto first = send("a");
  advance(4ms);
  auto second = send("b");
  EXPECT_TRUE(broker.waiting.empty());
  advance(1ms);
  ASSERT_EQ(broker.all<produce_request>().size(), 1U);
  EXPECT_FALSE(first.ready());
  accept_all();
  ASSERT_TRUE(first.ready());
  EXPECT_EQ(first.wait(0ns)->offset, offset{0});
  EXPECT_EQ(second.wait(0ns)->offset, offset{1});
  EXPECT_EQ(made.core->buffered_bytes(), 0U);
}

TEST_F(producer_test, without_linger_the_first_goes_alone_and_the_next_together) {
  producer_options o;
  o.linger = 0ns;
  make(o);
  send("a");
  settle();
  ASSERT_EQ(broker.all<produce_request>().size(), 1U);
  for (int i = 0; i < 10; ++i) send("b");
  settle();
  EXPECT_EQ(broker.all<produce_request>().size(), 1U) << "the rest gathers while the first is on its way";
  accept(broker.take<produce_request>());
  settle();
  ASSERT_EQ(broker.all<produce_request>().size(), 1U);
  EXPECT_EQ(validate_batch(broker.all<produce_request>()[0]->as<produce_request>().batch.view())->record_count, 10);
  accept_all();
}

TEST_F(producer_test, a_full_batch_leaves_at_once) {
  producer_options o;
  o.batch_bytes = 1000;
  o.linger = 1h;
  make(o);
  for (int i = 0; i < 10; ++i) send(std::string(200, 'x'));
  settle();
  const auto sent = broker.all<produce_request>();
  ASSERT_EQ(sent.size(), 2U);
  for (auto* r : sent) EXPECT_LE(r->as<produce_request>().batch.size(), 1000U);
  accept_all();
}

TEST_F(producer_test, with_very_many_partitions_batches_grow_instead_of_becoming_more) {
  constexpr std::int32_t partitions = 1'000;
  producer_options o;
  o.linger = 1ms;
  make(o, partitions);
  const std::string value = "v";  // a record is a view
  const auto one_each = [&] {
    for (std::int32_t p = 0; p < partitions; ++p) {
      auto r = text(value);
      r.partition = partition_index{p};
      ASSERT_TRUE(made.core->send(r, 0ns).ok());
    }
    advance(1ms);
  };
  one_each();
  EXPECT_EQ(broker.all<produce_request>().size(), limits::max_producer_batches) << "the others go on gathering";
  one_each();
  EXPECT_EQ(broker.all<produce_request>().size(), limits::max_producer_batches);
  std::map<int, int> records;
  while (!broker.all<produce_request>().empty()) {
    auto next = broker.take<produce_request>();
    ++records[validate_batch(next.as<produce_request>().batch.view())->record_count];
    accept(std::move(next));
    settle();
  }
  // The first ones left alone, so their partitions' second records did too; each other partition sent two together.
  EXPECT_EQ(records[1], 2 * static_cast<int>(limits::max_producer_batches));
  EXPECT_EQ(records[2], partitions - static_cast<int>(limits::max_producer_batches));
  EXPECT_EQ(made.core->buffered_bytes(), 0U);
}

TEST_F(producer_test, a_waiting_ack_hurries_its_batch) {
  producer_options o;
  o.linger = 1h;
  make(o);
  auto a = send("a");
  EXPECT_EQ(a.wait(1ms).code(), errc::timeout);
  accept_all();
  EXPECT_TRUE(a.wait(0ns).ok());
}

TEST_F(producer_test, keys_decide_the_partition_as_in_kafka) {
  producer_options o;
  o.linger = 0ns;
  make(o, 6);
  std::map<int, std::set<std::string>> where;
  for (int i = 0; i < 50; ++i) {
    const auto key = "key" + std::to_string(i);
    auto a = made.core->send(text("v", key), 0ns);
    ASSERT_TRUE(a.ok());
    accept_all();
    EXPECT_EQ(a->wait(0ns)->partition, rules::partition_of_key(key, 6));
  }
  const std::string value = "v";
  outgoing_record to_three = text(value);
  to_three.partition = partition_index{3};
  auto a = made.core->send(to_three, 0ns);
  accept_all();
  EXPECT_EQ(a->wait(0ns)->partition, partition_index{3});
  to_three.partition = partition_index{6};
  EXPECT_EQ(made.core->send(to_three, 0ns).code(), errc::unknown_partition);
}

TEST_F(producer_test, the_buffer_is_bounded_and_room_comes_with_the_answers) {
  producer_options o;
  o.buffer_bytes = 10'000;
  o.batch_bytes = 1'000;
  make(o);
  int taken = 0;
  for (; taken < 1000; ++taken) {
    auto a = made.core->send(text(std::string(100, 'x')), 0ns);
    if (!a) {
      EXPECT_EQ(a.code(), errc::buffer_full);
      break;
    }
  }
  EXPECT_LT(taken, 100);
  EXPECT_LE(made.core->buffered_bytes(), 10'000U);
  accept_all();
  EXPECT_EQ(made.core->buffered_bytes(), 0U);
  EXPECT_TRUE(made.core->send(text("x"), 0ns).ok());
  EXPECT_EQ(made.core->send(text(std::string(20'000, 'x')), 0ns).code(), errc::record_too_large);
}

TEST_F(producer_test, retries_keep_the_order_and_every_ack_is_answered) {
  producer_options o;
  o.batch_bytes = 500;
  make(o);
  std::vector<ack> acks;
  for (int i = 0; i < 40; ++i) acks.push_back(send(std::string(100, 'x')));
  (void)made.core->flush(0ns);
  settle();
  EXPECT_EQ(broker.all<produce_request>().size(), limits::producer_window);
  // The first attempt of everything in flight fails; then all goes well.
  while (!broker.waiting.empty()) broker.take<produce_request>().answer(error{errc::busy, "later", {}});
  settle();
  EXPECT_TRUE(broker.waiting.empty()) << "not before the backoff is over";
  advance(limits::retry_backoff);
  accept_all();
  for (std::size_t i = 0; i < acks.size(); ++i) {
    ASSERT_TRUE(acks[i].ready()) << i;
    EXPECT_EQ(acks[i].wait(0ns)->offset, offset{static_cast<std::int64_t>(i)});
  }
  EXPECT_EQ(made.core->take_outcome().acknowledged, 40U);
  EXPECT_EQ(identities, 1);
}

TEST_F(producer_test, an_error_reaches_ack_flush_and_outcome_once) {
  make();
  auto a = send("x");
  (void)made.core->flush(0ns);
  settle();
  broker.take<produce_request>().answer(error{errc::record_too_large, "too large", "split it"});
  settle();
  EXPECT_EQ(a.wait(0ns).code(), errc::record_too_large);
  EXPECT_EQ(made.core->flush(0ns).code(), errc::record_too_large);
  EXPECT_TRUE(made.core->flush(0ns).ok());
  auto o = made.core->take_outcome();
  EXPECT_EQ(o.failed, 1U);
  ASSERT_EQ(o.errors.size(), 1U);
  EXPECT_EQ(made.core->take_outcome().failed, 0U);
}

TEST_F(producer_test, acks_none_gives_no_offset) {
  producer_options o;
  o.acks = ack_level::none;
  make(o);
  auto a = send("x");
  (void)made.core->flush(0ns);
  settle();
  broker.take<produce_request>().answer(produce_response{offset{5}, no_timestamp, ack_level::none, false});
  settle();
  EXPECT_EQ(a.wait(0ns)->offset, offset{-1});
  EXPECT_EQ(a.wait(0ns)->level, ack_level::none);
}

TEST_F(producer_test, the_delivery_time_out_ends_the_wait) {
  producer_options o;
  o.delivery_timeout = 10s;
  make(o);
  auto a = send("x");
  advance(11s, 50ms);
  ASSERT_TRUE(a.ready());
  EXPECT_EQ(a.wait(0ns).code(), errc::unknown_outcome) << "the broker may have it";
}

TEST_F(producer_test, the_end_of_actor_or_endpoint_answers_every_ack_with_closed) {
  make();
  auto sent = send("x");
  (void)made.core->flush(0ns);
  settle();
  auto open = send("y");
  caf::anon_send_exit(made.actor, caf::exit_reason::user_shutdown);
  settle();
  EXPECT_EQ(sent.wait(0ns).code(), errc::closed);
  EXPECT_EQ(open.wait(0ns).code(), errc::closed);
  EXPECT_EQ(made.core->send(text("z"), 0ns).code(), errc::closed);

  make();
  caf::anon_send_exit(endpoint, caf::exit_reason::user_shutdown);
  auto orphan = send("x");
  advance(10ms);
  EXPECT_EQ(orphan.wait(0ns).code(), errc::closed);
}

TEST_F(producer_test, options_that_contradict_themselves_are_named) {
  producer_options o;
  EXPECT_TRUE(check_options(o).ok());
  o.max_requests = 6;
  EXPECT_EQ(check_options(o).code(), errc::invalid_config);
  o.idempotent = false;
  EXPECT_TRUE(check_options(o).ok());
  o.batch_bytes = limits::max_batch_bytes + 1;
  EXPECT_EQ(check_options(o).code(), errc::invalid_config);
}

}  // namespace
}  // namespace dohle::actors
