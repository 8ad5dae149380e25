// The delivery's promises: one outcome a batch, order, the window, and what idempotence means after each mishap.
#include "actors/delivery.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;
using time_point = delivery::time_point;

struct bench {
  explicit bench(producer_options o = {}) : options(o) {
    d.emplace("clicks", options, 30s, [this](sealed_batch& b, delivery::outcome out) {
      EXPECT_TRUE(settled.insert(b.ticket).second) << "batch " << b.ticket << " got two outcomes";
      order.push_back(b.ticket);
      outcomes.emplace(b.ticket, std::move(out));
    });
  }
  void add(std::int32_t partition = 0, int records = 2) {
    sealed_batch b;
    b.ticket = next++;
    b.partition = partition_index{partition};
    for (int i = 0; i < records; ++i) EXPECT_TRUE(b.builder.add(timestamp{1}, std::nullopt, "x").ok());
    b.records = records;
    b.opened = now;
    d->add(std::move(b));
  }
  std::vector<delivery::outgoing> pump() {
    auto out = d->pump(now);
    if (d->take_identity_need(now)) {
      ++identities;
      d->identified(init_producer_response{producer_id{100 + identities}, 0}, now);
      for (auto& o : d->pump(now)) out.push_back(std::move(o));
    }
    return out;
  }
  void ok(const delivery::outgoing& o, std::int64_t base = 0) {
    d->answered(o.attempt, produce_response{offset{base}, no_timestamp, ack_level::majority, false}, now);
  }
  void fail(const delivery::outgoing& o, errc code) { d->answered(o.attempt, error{code, "scripted", {}}, now); }
  static batch_header header(const delivery::outgoing& o) {
    auto h = validate_batch(o.what.batch.view());
    EXPECT_TRUE(h.ok()) << (h ? "" : to_string(h.error()));
    return h ? *h : batch_header{};
  }
  errc code(std::uint64_t ticket) { return outcomes.at(ticket).code(); }

  producer_options options;
  std::optional<delivery> d;
  time_point now{std::chrono::hours{1}};
  std::uint64_t next = 0;
  int identities = 0;
  std::set<std::uint64_t> settled;
  std::vector<std::uint64_t> order;
  std::map<std::uint64_t, delivery::outcome> outcomes;
};

TEST(delivery, sends_in_order_with_consecutive_sequences_within_the_window) {
  bench b;
  for (int i = 0; i < 7; ++i) b.add();
  auto sent = b.pump();
  ASSERT_EQ(sent.size(), 5U);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(bench::header(sent[i]).base_sequence, static_cast<int>(2 * i));
    EXPECT_EQ(bench::header(sent[i]).producer, producer_id{101});
  }
  b.ok(sent[1]);
  EXPECT_TRUE(b.pump().empty()) << "the window counts from the oldest batch without outcome";
  b.ok(sent[0]);
  EXPECT_EQ(b.pump().size(), 2U);
  EXPECT_EQ(b.identities, 1);
}

TEST(delivery, a_second_partition_uses_the_same_identity_and_its_own_sequence) {
  bench b;
  b.add(0);
  b.ok(b.pump().at(0));
  b.add(1);
  auto sent = b.pump();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(bench::header(sent[0]).producer, producer_id{101});
  EXPECT_EQ(bench::header(sent[0]).base_sequence, 0);
  EXPECT_EQ(b.identities, 1);
}

TEST(delivery, a_retry_repeats_the_bytes_although_the_broker_wrote_into_the_first_ones) {
  bench b;
  b.add();
  auto first = b.pump().at(0);
  const std::string before{first.what.batch.view()};
  stamp_batch(first.what.batch, offset{77}, epoch{9}, timestamp{5});  // as a leader in this process does
  b.fail(first, errc::unknown_outcome);
  EXPECT_TRUE(b.pump().empty()) << "a retry waits its backoff";
  b.now += limits::retry_backoff;
  auto second = b.pump();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].what.batch.view(), before);
  EXPECT_NE(second[0].what.batch.data(), first.what.batch.data());
  b.ok(second[0]);
  EXPECT_EQ(b.code(0), errc::ok);
}

TEST(delivery, after_a_refusal_all_in_flight_are_repeated_in_order) {
  bench b;
  for (int i = 0; i < 3; ++i) b.add();
  auto sent = b.pump();
  b.fail(sent[0], errc::busy);
  b.add();
  EXPECT_TRUE(b.pump().empty()) << "nothing new overtakes";
  b.fail(sent[1], errc::out_of_order_sequence);
  b.fail(sent[2], errc::out_of_order_sequence);
  b.now += limits::max_retry_backoff;
  auto again = b.pump();
  ASSERT_EQ(again.size(), 4U);
  for (std::size_t i = 0; i < again.size(); ++i)
    EXPECT_EQ(bench::header(again[i]).base_sequence, static_cast<int>(2 * i));
  for (auto& o : again) b.ok(o);
  EXPECT_EQ(b.order, (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(b.identities, 1) << "the sequence was never torn";
}

TEST(delivery, a_torn_sequence_is_borne_while_an_earlier_batch_is_unanswered) {
  for (errc torn : {errc::unknown_producer, errc::out_of_order_sequence}) {
    bench b;
    for (int i = 0; i < 3; ++i) b.add();
    auto sent = b.pump();
    b.fail(sent[2], torn);  // the answers need not come in order
    b.fail(sent[1], torn);
    b.now += limits::max_retry_backoff;
    EXPECT_TRUE(b.pump().empty()) << "nothing overtakes the one without an answer";
    b.ok(sent[0]);
    auto again = b.pump();
    ASSERT_EQ(again.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(bench::header(again[i]).base_sequence, static_cast<int>(2 * (i + 1)));
      b.ok(again[i]);
    }
    EXPECT_EQ(b.order, (std::vector<std::uint64_t>{0, 1, 2}));
    EXPECT_EQ(b.identities, 1) << "the sequence was never torn";
  }
}

TEST(delivery, a_gap_gets_a_new_identity_and_loses_nothing_that_was_refused) {
  bench b;
  for (int i = 0; i < 3; ++i) b.add();
  auto sent = b.pump();
  b.fail(sent[0], errc::record_too_large);  // definite: its sequence is never filled
  b.fail(sent[1], errc::out_of_order_sequence);
  b.fail(sent[2], errc::out_of_order_sequence);
  EXPECT_EQ(b.code(0), errc::record_too_large);
  b.now += limits::max_retry_backoff;
  auto again = b.pump();
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(bench::header(again[0]).producer, producer_id{102});
  EXPECT_EQ(bench::header(again[0]).base_sequence, 0);
  EXPECT_EQ(bench::header(again[1]).base_sequence, 2);
  b.ok(again[0]);
  b.ok(again[1]);
  EXPECT_EQ(b.code(1), errc::ok);
  EXPECT_EQ(b.code(2), errc::ok);
}

TEST(delivery, a_gap_reports_unknown_what_may_have_been_stored) {
  bench b;
  for (int i = 0; i < 2; ++i) b.add();
  auto sent = b.pump();
  b.fail(sent[0], errc::unknown_outcome);
  b.fail(sent[1], errc::out_of_order_sequence);
  b.now += limits::max_retry_backoff;
  auto again = b.pump();
  ASSERT_EQ(again.size(), 2U);
  b.fail(again[0], errc::unknown_producer);
  b.fail(again[1], errc::unknown_producer);
  b.now += limits::max_retry_backoff;
  auto third = b.pump();
  EXPECT_EQ(b.code(0), errc::unknown_outcome);
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(bench::header(third[0]).producer, producer_id{102});
  b.ok(third[0]);
  EXPECT_EQ(b.code(1), errc::ok);
}

TEST(delivery, without_idempotence_an_unknown_outcome_is_reported_and_a_refusal_retried) {
  producer_options o;
  o.idempotent = false;
  bench b{o};
  b.add();
  b.add();
  auto sent = b.pump();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(bench::header(sent[0]).producer, no_producer);
  b.fail(sent[0], errc::unknown_outcome);
  b.fail(sent[1], errc::busy);
  EXPECT_EQ(b.code(0), errc::unknown_outcome);
  b.now += limits::max_retry_backoff;
  auto again = b.pump();
  ASSERT_EQ(again.size(), 1U);
  b.ok(again[0]);
  EXPECT_EQ(b.code(1), errc::ok);
}

TEST(delivery, the_delivery_time_out_tells_unsent_from_doubtful) {
  producer_options o;
  o.max_requests = 1;
  bench b{o};
  b.add();
  b.add();
  auto sent = b.pump();
  ASSERT_EQ(sent.size(), 1U);
  b.now += o.delivery_timeout;
  b.d->check(b.now);
  EXPECT_EQ(b.code(0), errc::unknown_outcome) << "it was on its way";
  EXPECT_EQ(b.code(1), errc::timeout) << "it never was";
  b.ok(sent[0]);  // too late: ignored
  EXPECT_TRUE(b.d->idle());
}

TEST(delivery, silence_is_an_unknown_outcome_and_is_repeated) {
  bench b;
  b.add();
  auto first = b.pump().at(0);
  b.now += 36s;
  b.d->check(b.now);
  b.now += limits::max_retry_backoff;
  auto second = b.pump();
  ASSERT_EQ(second.size(), 1U);
  b.ok(first);  // the old attempt is forgotten
  EXPECT_FALSE(b.d->idle());
  b.ok(second[0]);
  EXPECT_EQ(b.code(0), errc::ok);
}

TEST(delivery, the_end_answers_everything) {
  bench b;
  for (int i = 0; i < 8; ++i) b.add(i % 2);
  (void)b.pump();
  b.d->end({errc::closed, "closed", {}});
  EXPECT_EQ(b.settled.size(), 8U);
  EXPECT_TRUE(b.d->idle());
}

/// Any mixture of losses, refusals and late answers: a model of the broker's own rule (next sequence only, the last
/// five known again) must hold every acknowledged batch once and in order.
TEST(delivery, random_mishaps_store_every_acknowledged_batch_once_and_in_order) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL;
    const auto random = [&](std::uint64_t n) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      return state % n;
    };
    bench b;
    std::vector<std::int64_t> log;  // producer id * 1e6 + sequence, as stored
    std::map<std::int64_t, std::vector<std::int32_t>> accepted;
    const auto broker = [&](const batch_header& h) -> errc {
      auto& mine = accepted[h.producer.value];
      const auto known = std::find(mine.size() > 5 ? mine.end() - 5 : mine.begin(), mine.end(), h.base_sequence);
      if (known != mine.end()) return errc::ok;
      if (h.base_sequence != (mine.empty() ? 0 : mine.back() + 2)) return errc::out_of_order_sequence;
      mine.push_back(h.base_sequence);
      log.push_back(h.producer.value * 1'000'000 + h.base_sequence);
      return errc::ok;
    };
    std::vector<delivery::outgoing> wire;
    int added = 0;
    for (int step = 0; step < 400 && (added < 20 || !b.d->idle()); ++step) {
      if (added < 20 && random(2) == 0) b.add(), ++added;
      for (auto& o : b.pump()) wire.push_back(std::move(o));
      if (!wire.empty()) {
        auto o = std::move(wire.front());  // one connection: the broker sees them in order
        wire.erase(wire.begin());
        const auto fate = added < 20 ? random(8) : 7;
        if (fate == 0) {
          b.fail(o, errc::busy);
        } else if (fate == 1) {
          b.fail(o, errc::unknown_outcome);  // lost on the way there
        } else {
          const auto code = broker(bench::header(o));
          if (fate == 2)
            b.fail(o, errc::unknown_outcome);  // lost on the way back
          else if (code == errc::ok)
            b.ok(o);
          else
            b.fail(o, code);
        }
      }
      b.now += 20ms;
    }
    ASSERT_TRUE(b.d->idle()) << "seed " << seed;
    std::size_t acknowledged = 0;
    for (auto& [t, o] : b.outcomes) acknowledged += o.ok() ? 1 : 0;
    ASSERT_EQ(acknowledged, 20U) << "seed " << seed << ": nothing here is beyond repair";
    ASSERT_EQ(log.size(), 20U) << "seed " << seed;
    ASSERT_TRUE(std::is_sorted(log.begin(), log.end())) << "seed " << seed;
  }
}

}  // namespace
}  // namespace dohle::actors
