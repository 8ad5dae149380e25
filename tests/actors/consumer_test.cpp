// The consumer on virtual time, against a scripted broker: what is fetched, what polls return, and the group's
// protocol.
#include "actors/consumer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "rules/consumer_protocol.hpp"
#include "tests/actors/fixture.hpp"

namespace dohle::actors {
namespace {

using namespace testing;

const topic_partition p0{"clicks", partition_index{0}};
const topic_partition p1{"clicks", partition_index{1}};

class consumer_test : public deterministic {
 protected:
  void make(consumer_options o = {}) {
    endpoint = owned(sys.spawn(scripted_endpoint, &broker));
    made = spawn_consumer(sys, endpoint, o, "test", 30s);
    owned(made.actor);
    settle();
  }
  consumer_core& core() { return *made.core; }
  void assign(std::vector<assigned_range> ranges) {
    core().assign(ranges);
    caf::anon_send(made.actor, wake_atom::value);
    settle();
  }
  /// Values of what is there, in order.
  std::vector<std::string> poll(std::size_t max = 1000) {
    auto got = core().poll(max, 0ns);
    settle();
    std::vector<std::string> out;
    EXPECT_TRUE(got.ok()) << (got ? "" : to_string(got.error()));
    if (!got) return out;
    for (const auto& c : got->chunks)
      for (const auto& r : c) out.emplace_back(*r.value);
    EXPECT_EQ(out.size(), got->record_count);
    return out;
  }
  errc poll_code() {
    auto got = core().poll(10, 0ns);
    settle();
    return got.code();
  }
  void answer_fetch(std::vector<bytes> batches, std::int64_t high_watermark = 1000) {
    broker.take<fetch_request>().answer(fetch_response{offset{high_watermark}, offset{0}, std::move(batches)});
    settle();
  }
  std::int64_t asked_from() {
    auto all = broker.all<fetch_request>();
    return all.empty() ? -1 : all.back()->as<fetch_request>().from.value;
  }

  script broker;
  caf::actor endpoint;
  spawned_consumer made;
};

TEST_F(consumer_test, reads_on_behind_what_it_got_and_skips_what_lies_before) {
  make();
  assign({{p0, offset{3}, std::nullopt}});
  ASSERT_EQ(broker.all<fetch_request>().size(), 1U);
  EXPECT_EQ(asked_from(), 3);
  answer_fetch({placed_batch(offset{0}, 5)});
  EXPECT_EQ(asked_from(), 5);
  EXPECT_EQ(poll(), (std::vector<std::string>{"v3", "v4"}));
  EXPECT_EQ(core().positions().at(p0), offset{5});
  EXPECT_EQ(core().lag().at(p0), 995);
  EXPECT_TRUE(poll().empty()) << "an empty poll is no error";
}

TEST_F(consumer_test, max_records_cuts_batches_without_loss) {
  make();
  assign({{p0, offset{0}, std::nullopt}});
  answer_fetch({placed_batch(offset{0}, 5, "a"), placed_batch(offset{5}, 5, "b", compression::zstd)});
  std::vector<std::string> all;
  for (int i = 0; i < 4; ++i) {
    auto some = poll(3);
    EXPECT_LE(some.size(), 3U);
    all.insert(all.end(), some.begin(), some.end());
  }
  EXPECT_EQ(all, (std::vector<std::string>{"a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2", "b3", "b4"}));
}

TEST_F(consumer_test, steps_over_holes_that_compaction_left) {
  make();
  assign({{p0, offset{0}, std::nullopt}});
  answer_fetch({placed_batch(offset{0}, 2), placed_batch(offset{10}, 2)});
  EXPECT_EQ(poll().size(), 4U);
  EXPECT_EQ(asked_from(), 12);
  EXPECT_EQ(core().positions().at(p0), offset{12});
}

TEST_F(consumer_test, the_prefetch_bound_holds_and_reading_makes_room) {
  consumer_options o;
  o.fetch_bytes = 20'000;
  o.prefetch_bytes = 64'000;
  make(o);
  assign({{p0, offset{0}, std::nullopt}});
  const auto big = std::string(1000, 'x');
  std::int64_t next = 0;
  int answered = 0;
  while (!broker.all<fetch_request>().empty() && answered < 100) {
    answer_fetch({placed_batch(offset{next}, 19, big)});
    next += 19;
    ++answered;
  }
  EXPECT_LE(answered * 20'000, 64'000 + 20'000);
  EXPECT_GE(answered, 2);
  EXPECT_EQ(poll(10'000).size(), static_cast<std::size_t>(next));
  EXPECT_EQ(broker.all<fetch_request>().size(), 1U) << "there is room again";
}

TEST_F(consumer_test, seek_drops_what_was_fetched_and_what_is_on_its_way) {
  make();
  assign({{p0, offset{0}, std::nullopt}});
  answer_fetch({placed_batch(offset{0}, 5)});
  ASSERT_TRUE(core().seek(p0, offset{100}).ok());
  settle();
  ASSERT_EQ(broker.all<fetch_request>().size(), 2U) << "the new place is asked for at once";
  EXPECT_EQ(asked_from(), 100);
  answer_fetch({placed_batch(offset{5}, 5, "old")});  // of the first request
  EXPECT_TRUE(poll().empty());
  answer_fetch({placed_batch(offset{100}, 1, "new")});
  EXPECT_EQ(poll(), std::vector<std::string>{"new0"});
  EXPECT_EQ(core().seek(p1, offset{0}).code(), errc::invalid_request);
}

TEST_F(consumer_test, seeking_back_does_not_jump_ahead_with_what_was_on_its_way) {
  make();
  assign({{p0, offset{5}, std::nullopt}});
  ASSERT_TRUE(core().seek(p0, offset{0}).ok());
  settle();
  answer_fetch({placed_batch(offset{5}, 5, "old")});  // of the request before the seek
  EXPECT_TRUE(poll().empty());
  answer_fetch({placed_batch(offset{0}, 2, "new")});
  EXPECT_EQ(poll(), (std::vector<std::string>{"new0", "new1"}));
}

TEST_F(consumer_test, batches_before_the_asked_offset_do_not_turn_it_back) {
  make();
  assign({{p0, offset{4}, std::nullopt}});
  answer_fetch({placed_batch(offset{2}, 5), placed_batch(offset{0}, 2)});
  EXPECT_EQ(asked_from(), 7);
  EXPECT_EQ(poll(), (std::vector<std::string>{"v2", "v3", "v4"}));
}

TEST_F(consumer_test, ranges_end_exactly_even_empty_ones) {
  make();
  assign({{p0, offset{0}, offset{3}}, {p1, offset{7}, offset{7}}});
  ASSERT_EQ(broker.all<fetch_request>().size(), 1U) << "nothing to ask of an empty range";
  EXPECT_FALSE(core().finished());
  answer_fetch({placed_batch(offset{0}, 5)});
  EXPECT_EQ(poll(), (std::vector<std::string>{"v0", "v1", "v2"}));
  EXPECT_TRUE(core().finished());
  EXPECT_TRUE(broker.all<fetch_request>().empty());
  EXPECT_TRUE(core().poll(10, 1h).ok()) << "a finished consumer does not wait";
}

TEST_F(consumer_test, a_range_whose_last_records_were_compacted_away_ends_too) {
  make();
  assign({{p0, offset{0}, offset{12}}});
  answer_fetch({placed_batch(offset{0}, 2), placed_batch(offset{20}, 2)});
  EXPECT_EQ(poll().size(), 2U);
  EXPECT_TRUE(core().finished());
}

TEST_F(consumer_test, an_offset_out_of_range_is_reported_by_every_poll_until_a_seek) {
  make();
  assign({{p0, offset{50}, std::nullopt}});
  broker.take<fetch_request>().answer(error{errc::offset_out_of_range, "offset 50 of clicks[0]", {}});
  settle();
  for (int i = 0; i < 3; ++i) {
    auto got = core().poll(1, 0ns);
    ASSERT_EQ(got.code(), errc::offset_out_of_range);
    EXPECT_FALSE(got.error().hint.empty());
  }
  advance(5s, 100ms);
  EXPECT_TRUE(broker.waiting.empty());
  ASSERT_TRUE(core().seek(p0, offset{0}).ok());
  settle();
  answer_fetch({placed_batch(offset{0}, 1)});
  EXPECT_EQ(poll().size(), 1U);
}

TEST_F(consumer_test, a_broker_that_is_away_is_borne_for_a_while_then_reported_then_forgiven) {
  make();
  bool away = true;
  int asked = 0;
  broker.on = [&](received& r) {
    ++asked;
    if (!away) return false;
    r.answer(error{errc::connection_failed, "no broker at 127.0.0.1:1", "start one"});
    return true;
  };
  assign({{p0, offset{0}, std::nullopt}});
  EXPECT_TRUE(poll().empty());
  advance(10s, 50ms);
  EXPECT_TRUE(poll().empty());
  EXPECT_LT(asked, 20) << "retries back off";
  advance(30s, 50ms);
  EXPECT_EQ(poll_code(), errc::connection_failed);
  away = false;
  advance(2s, 50ms);
  answer_fetch({placed_batch(offset{0}, 1)});
  EXPECT_EQ(poll().size(), 1U);
}

TEST_F(consumer_test, a_damaged_batch_is_never_stepped_over) {
  make();
  assign({{p0, offset{0}, std::nullopt}});
  auto bad = std::string{placed_batch(offset{0}, 3).view()};
  bad[bad.size() - 2] ^= 1;
  answer_fetch({bytes::copy(bad)});
  EXPECT_EQ(poll_code(), errc::corrupt_batch);
  EXPECT_EQ(core().positions().at(p0), offset{0});
  if (!broker.all<fetch_request>().empty()) broker.take<fetch_request>();  // asked before the damage was seen
  advance(2s, 50ms);
  ASSERT_EQ(asked_from(), 0);
  answer_fetch({placed_batch(offset{0}, 3)});
  EXPECT_EQ(poll().size(), 3U);
}

/// Reading towards the start.
class backward_consumer_test : public consumer_test {
 protected:
  void assign_back(std::int64_t from, std::optional<offset> end = {}) {
    make();
    assign({{p0, offset{from}, end, true}});
  }
  void answer_back(std::vector<bytes> batches, std::int64_t start = 0) {
    broker.take<fetch_request>().answer(fetch_response{offset{1000}, offset{start}, std::move(batches)});
    settle();
  }
};

TEST_F(backward_consumer_test, gives_the_newest_first_and_asks_on_before_the_oldest) {
  assign_back(9);
  EXPECT_TRUE(broker.all<fetch_request>().back()->as<fetch_request>().backward);
  EXPECT_EQ(asked_from(), 9);
  answer_back({placed_batch(offset{6}, 5, "c"), placed_batch(offset{4}, 2, "b", compression::lz4)});
  EXPECT_EQ(asked_from(), 4);
  EXPECT_EQ(poll(2), (std::vector<std::string>{"c2", "c1"}));
  EXPECT_EQ(core().positions().at(p0), offset{7});
  EXPECT_EQ(poll(), (std::vector<std::string>{"c0", "b1", "b0"}));
  EXPECT_FALSE(core().finished());
  answer_back({placed_batch(offset{0}, 4, "a")});
  EXPECT_EQ(poll(), (std::vector<std::string>{"a3", "a2", "a1", "a0"}));
  EXPECT_TRUE(core().finished());
  EXPECT_TRUE(broker.all<fetch_request>().empty());
}

TEST_F(backward_consumer_test, a_run_of_several_batches_is_turned_round) {
  assign_back(6);
  auto first = placed_batch(offset{0}, 3, "a"), second = placed_batch(offset{3}, 3, "b");
  answer_back({bytes::copy(std::string(first.view()) + std::string(second.view()))});
  EXPECT_EQ(poll(), (std::vector<std::string>{"b2", "b1", "b0", "a2", "a1", "a0"}));
}

TEST_F(backward_consumer_test, ends_at_its_end_or_where_the_log_starts) {
  assign_back(10, offset{7});
  answer_back({placed_batch(offset{5}, 5)});
  EXPECT_EQ(poll(), (std::vector<std::string>{"v4", "v3", "v2"}));
  EXPECT_TRUE(core().finished());
  assign({{p0, offset{10}, std::nullopt, true}});
  answer_back({placed_batch(offset{5}, 5)}, 8);  // records before 8 were deleted
  EXPECT_EQ(poll(), (std::vector<std::string>{"v4", "v3"}));
  EXPECT_TRUE(core().finished());
}

TEST_F(backward_consumer_test, is_over_when_nothing_is_left_and_steps_over_holes) {
  assign_back(20);
  answer_back({placed_batch(offset{15}, 2), placed_batch(offset{10}, 2)});
  EXPECT_EQ(poll().size(), 4U);
  EXPECT_EQ(asked_from(), 10);
  answer_back({});
  EXPECT_TRUE(poll().empty());
  EXPECT_TRUE(core().finished());
}

TEST_F(backward_consumer_test, a_broker_that_only_reads_forward_is_named) {
  assign_back(5);
  answer_back({placed_batch(offset{5}, 2)});
  EXPECT_EQ(poll_code(), errc::unsupported_version);
}

// --- groups --------------------------------------------------------------------------------------------------------

/// A coordinator with one scripted generation after the other.
class group_consumer_test : public consumer_test {
 protected:
  void start(consumer_options o = {}) {
    o.group = "g";
    make(o);
    broker.on = [this](received& r) { return coordinate(r); };
    caf::anon_send(made.actor, subscribe_call{{"clicks"}, nullptr});
    core().pause(true);
    settle();
  }
  bool coordinate(received& r) {
    if (std::holds_alternative<metadata_request>(r.what)) {
      metadata_response m;
      topic_info t;
      t.name = "clicks";
      t.partitions.resize(static_cast<std::size_t>(partitions));
      if (partitions > 0) m.topics.push_back(t);
      r.answer(m);
      return true;
    }
    if (auto* j = std::get_if<join_group_request>(&r.what)) {
      joins.push_back(*j);
      if (hold_joins) return false;
      ++generation;
      r.answer(join_group_response{
          dohle::generation{generation}, j->protocols.at(0).name, leader ? "m1" : "m0", "m1",
          leader ? std::vector<group_member>{{"m1", {}, j->protocols.at(0).metadata}} : std::vector<group_member>{}});
      return true;
    }
    if (auto* s = std::get_if<sync_group_request>(&r.what)) {
      r.answer(sync_group_response{leader ? s->assignments.at(0).assignment : rules::encode_assignment(share)});
      return true;
    }
    if (std::holds_alternative<fetch_offsets_request>(r.what)) {
      ++offset_fetches;
      r.answer(fetch_offsets_response{committed});
      return true;
    }
    if (auto* l = std::get_if<list_offsets_request>(&r.what)) {
      r.answer(list_offsets_response{l->query == offset_query::earliest ? offset{10} : offset{90}, no_timestamp});
      return true;
    }
    if (std::holds_alternative<heartbeat_request>(r.what)) {
      ++heartbeats;
      if (silent) return false;
      if (heartbeat_error)
        r.answer(error{*heartbeat_error, "scripted", {}});
      else
        r.answer(heartbeat_response{});
      return true;
    }
    if (std::holds_alternative<leave_group_request>(r.what)) {
      ++leaves;
      r.answer(leave_group_response{});
      return true;
    }
    return false;
  }

  int partitions = 2;
  bool leader = false;
  bool hold_joins = false;
  bool silent = false;
  int generation = 0;
  int heartbeats = 0;
  int leaves = 0;
  int offset_fetches = 0;
  std::optional<errc> heartbeat_error;
  std::vector<join_group_request> joins;
  std::vector<topic_partition> share = {p0, p1};
  std::vector<committed_offset> committed;
};

TEST_F(group_consumer_test, begins_at_committed_offsets_else_where_the_options_say) {
  committed = {{"clicks", partition_index{0}, offset{42}, {}}};
  start();
  EXPECT_EQ(core().member(), "m1");
  EXPECT_EQ(core().generation(), dohle::generation{1});
  const auto at = core().positions();
  EXPECT_EQ(at.at(p0), offset{42});
  EXPECT_EQ(at.at(p1), offset{10});
}

TEST_F(group_consumer_test, start_latest_is_the_high_watermark) {
  consumer_options o;
  o.start = start_at::latest;
  start(o);
  EXPECT_EQ(core().positions().at(p0), offset{90});
}

TEST_F(group_consumer_test, the_leader_hands_out_all_partitions) {
  leader = true;
  partitions = 3;
  start();
  EXPECT_EQ(core().assignment().size(), 3U);
}

TEST_F(group_consumer_test, heartbeats_go_on_while_nobody_polls) {
  start();
  advance(30s, 50ms);
  EXPECT_GE(heartbeats, 9);
  EXPECT_LE(heartbeats, 11);
  EXPECT_EQ(joins.size(), 1U);
}

TEST_F(group_consumer_test, a_rebalance_waits_for_the_reader_and_keeps_what_stays) {
  start();
  for (int i = 0; i < 2; ++i) answer_fetch({placed_batch(offset{10}, 2)});
  EXPECT_EQ(poll().size(), 4U);
  heartbeat_error = errc::rebalancing;
  advance(10s, 50ms);
  EXPECT_EQ(joins.size(), 1U) << "the reader still works on what it got";
  heartbeat_error.reset();
  share = {p0};
  poll();
  EXPECT_EQ(joins.size(), 2U);
  EXPECT_EQ(joins[1].member, "m1");
  EXPECT_EQ(core().assignment(), std::vector<topic_partition>{p0});
  EXPECT_EQ(core().positions().at(p0), offset{12}) << "kept partitions are not read again";
  EXPECT_EQ(offset_fetches, 1);
}

TEST_F(group_consumer_test, a_full_queue_does_not_put_the_rebalance_off) {
  start();
  for (int i = 0; i < 2; ++i) answer_fetch({placed_batch(offset{10}, 20)});
  EXPECT_EQ(poll(5).size(), 5U);
  heartbeat_error = errc::rebalancing;
  advance(4s, 50ms);
  heartbeat_error.reset();
  EXPECT_TRUE(poll(5).empty()) << "who polls again is done with what it had: now is the time";
  EXPECT_EQ(joins.size(), 2U);
  EXPECT_EQ(poll(100).size(), 35U) << "and nothing of the kept partitions is lost";
}

TEST_F(group_consumer_test, nothing_is_delivered_while_a_rebalance_runs) {
  start();
  answer_fetch({placed_batch(offset{10}, 2)});
  heartbeat_error = errc::rebalancing;
  hold_joins = true;
  advance(4s, 50ms);
  ASSERT_EQ(joins.size(), 2U) << "the reader holds nothing, so it joins at once";
  EXPECT_TRUE(poll().empty());
  hold_joins = false;
  heartbeat_error.reset();
  auto j = broker.take<join_group_request>();
  ++generation;
  j.answer(join_group_response{dohle::generation{generation}, "sticky", "m0", "m1", {}});
  settle();
  EXPECT_EQ(poll().size(), 2U) << "what was fetched of a kept partition is still there";
}

TEST_F(group_consumer_test, a_member_that_was_forgotten_gives_everything_up_and_begins_anew) {
  start();
  for (int i = 0; i < 2; ++i) answer_fetch({placed_batch(offset{10}, 2)});
  heartbeat_error = errc::unknown_member;
  advance(3s, 50ms);
  heartbeat_error.reset();
  settle();
  ASSERT_EQ(joins.size(), 2U);
  EXPECT_EQ(joins[1].member, "");
  EXPECT_EQ(core().positions().at(p0), offset{10}) << "from the committed place, not from where it was";
  EXPECT_EQ(offset_fetches, 2);
}

TEST_F(group_consumer_test, a_silent_coordinator_costs_the_partitions_after_the_session) {
  consumer_options o;
  o.session_timeout = 10s;
  start(o);
  silent = true;
  hold_joins = true;
  advance(9s, 50ms);
  EXPECT_EQ(core().assignment().size(), 2U);
  advance(5s, 50ms);
  EXPECT_TRUE(core().assignment().empty()) << "others may read them by now";
  EXPECT_EQ(joins.size(), 2U);
}

TEST_F(group_consumer_test, a_reader_that_does_not_come_back_leaves_and_its_next_poll_joins_again) {
  consumer_options o;
  o.max_processing = 30s;
  start(o);
  for (int i = 0; i < 2; ++i) answer_fetch({placed_batch(offset{10}, 2)});
  EXPECT_EQ(poll().size(), 4U);
  advance(29s, 50ms);
  EXPECT_EQ(leaves, 0);
  advance(5s, 50ms);
  EXPECT_EQ(leaves, 1);
  EXPECT_TRUE(core().assignment().empty());
  const auto beats = heartbeats;
  advance(10s, 50ms);
  EXPECT_EQ(heartbeats, beats);
  poll();
  EXPECT_EQ(joins.size(), 2U);
  EXPECT_EQ(core().assignment().size(), 2U);
}

TEST_F(group_consumer_test, a_topic_that_grew_makes_the_leader_call_a_rebalance) {
  leader = true;
  start();
  advance(31s, 50ms);
  EXPECT_EQ(joins.size(), 1U);
  partitions = 4;
  advance(31s, 50ms);
  EXPECT_EQ(joins.size(), 2U);
  EXPECT_EQ(core().assignment().size(), 4U);
}

TEST_F(group_consumer_test, a_missing_topic_is_reported_and_found_when_it_comes) {
  partitions = 0;
  start();
  EXPECT_EQ(poll_code(), errc::unknown_topic);
  EXPECT_EQ(poll_code(), errc::unknown_topic);
  partitions = 2;
  advance(2s, 50ms);
  EXPECT_TRUE(poll().empty());
  EXPECT_EQ(core().assignment().size(), 2U);
}

TEST_F(group_consumer_test, a_fenced_instance_is_reported_for_good) {
  consumer_options o;
  o.instance = "i1";
  start(o);
  heartbeat_error = errc::fenced_instance;
  advance(4s, 50ms);
  EXPECT_EQ(poll_code(), errc::fenced_instance);
  advance(60s, 50ms);
  EXPECT_EQ(poll_code(), errc::fenced_instance);
  EXPECT_EQ(joins.size(), 1U);
}

TEST_F(group_consumer_test, leaving_says_so_but_a_static_member_does_not) {
  start();
  bool left = false;
  caf::anon_send(made.actor, subscribe_call{{}, [&] { left = true; }});
  settle();
  EXPECT_TRUE(left);
  EXPECT_EQ(leaves, 1);
  EXPECT_EQ(core().member(), "");

  consumer_options o;
  o.instance = "i1";
  start(o);
  left = false;
  caf::anon_send(made.actor, subscribe_call{{}, [&] { left = true; }});
  settle();
  EXPECT_TRUE(left);
  EXPECT_EQ(leaves, 1);
}

TEST(consumer_options, contradictions_are_named) {
  consumer_options o;
  EXPECT_TRUE(check_options(o).ok());
  o.group = "g";
  o.heartbeat_interval = o.session_timeout;
  EXPECT_EQ(check_options(o).code(), errc::invalid_config);
  o.group.clear();
  o.fetch_bytes = limits::max_fetch_bytes + 1;
  EXPECT_EQ(check_options(o).code(), errc::invalid_config);
}

}  // namespace
}  // namespace dohle::actors
