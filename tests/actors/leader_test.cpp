#include "actors/leader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class leader_test : public testing::Test {
 protected:
  leader_test() {
    w.start();
    EXPECT_TRUE(w.ask(create_topic_request{.name = "t", .partitions = 2}).ok());
  }
  result<produce_response> produce(bytes batch, int partition = 0) {
    return w.ask(produce_request{"t", partition_index{partition}, ack_level::majority, std::move(batch)});
  }
  fetch_request fetch_from(std::int64_t from, milliseconds wait = 0ms) {
    return {.topic = "t", .partition = partition_index{0}, .from = offset{from}, .max_wait = wait};
  }
  world w;
};

TEST_F(leader_test, gives_dense_offsets_and_reads_back_in_order) {
  EXPECT_EQ(produce(batch_of("a", 3))->base, offset{0});
  EXPECT_EQ(produce(batch_of("b", 2))->base, offset{3});
  auto got = w.ask(fetch_from(0));
  ASSERT_TRUE(got.ok()) << to_string(got.error());
  EXPECT_THAT(values_of(*got, offset{0}), ElementsAre("a-0", "a-1", "a-2", "b-0", "b-1"));
  EXPECT_EQ(got->high_watermark, offset{5});
  EXPECT_THAT(values_of(*w.ask(fetch_from(4)), offset{4}), ElementsAre("b-1"));
}

TEST_F(leader_test, says_which_level_was_reached) {
  auto one = w.ask(produce_request{"t", partition_index{0}, ack_level::leader, batch_of("a", 1)});
  auto none = w.ask(produce_request{"t", partition_index{0}, ack_level::none, batch_of("a", 1)});
  EXPECT_EQ(produce(batch_of("a", 1))->level, ack_level::majority);
  EXPECT_EQ(none->level, ack_level::none);
  EXPECT_NE(one->level, ack_level::none);
}

TEST_F(leader_test, a_long_poll_is_answered_by_the_next_batch) {
  auto waiting = w.send(fetch_from(0, 10s));
  EXPECT_FALSE(waiting->has_value());
  ASSERT_TRUE(produce(batch_of("x", 1)).ok());
  ASSERT_TRUE(waiting->has_value());
  EXPECT_THAT(values_of(*waiting->value(), offset{0}), ElementsAre("x-0"));
}

TEST_F(leader_test, a_long_poll_ends_empty_when_its_time_is_over) {
  auto late = w.send(fetch_from(0, 500ms));
  auto early = w.send(fetch_from(0, 100ms));
  w.advance(101ms);
  EXPECT_TRUE(early->has_value());
  EXPECT_FALSE(late->has_value());
  w.advance(400ms);
  ASSERT_TRUE(late->has_value());
  EXPECT_TRUE((*late)->ok());
  EXPECT_TRUE((*late)->value().batches.empty());
}

TEST_F(leader_test, a_long_poll_waits_for_min_bytes) {
  auto r = fetch_from(0, 10s);
  r.min_bytes = 200;
  auto waiting = w.send(r);
  ASSERT_TRUE(produce(batch_of("x", 1)).ok());
  EXPECT_FALSE(waiting->has_value());
  ASSERT_TRUE(produce(batch_of("some-more-text", 20)).ok());
  EXPECT_TRUE(waiting->has_value());
}

TEST_F(leader_test, an_idempotent_repeat_is_appended_once) {
  producer_stamp first{producer_id{7}, 0, 0};
  EXPECT_EQ(produce(batch_of("a", 3, 0, first))->base, offset{0});
  auto again = produce(batch_of("a", 3, 0, first));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->base, offset{0});
  EXPECT_EQ(produce(batch_of("b", 1, 0, {producer_id{7}, 0, 5})).code(), errc::out_of_order_sequence);
  EXPECT_EQ(produce(batch_of("b", 1, 0, {producer_id{7}, 0, 3}))->base, offset{3});
}

TEST_F(leader_test, refuses_with_a_name_what_it_cannot_take) {
  auto damaged = batch_of("a", 3);
  const_cast<char*>(damaged.data())[70] ^= 1;
  EXPECT_EQ(produce(damaged).code(), errc::corrupt_batch);
  EXPECT_EQ(produce(batch_of(std::string(2'000'000, 'x'), 1)).code(), errc::record_too_large);
  EXPECT_EQ(produce(batch_of("a", 1), 9).code(), errc::unknown_partition);
  EXPECT_EQ(w.ask(fetch_from(1)).code(), errc::offset_out_of_range);
  EXPECT_EQ(w.ask(fetch_request{.topic = "nothing"}).code(), errc::unknown_topic);
  auto internal = w.ask(produce_request{"__cluster", partition_index{0}, ack_level::majority, batch_of("a", 1)});
  EXPECT_EQ(internal.code(), errc::not_authorized);
}

TEST_F(leader_test, finds_offsets_by_time) {
  ASSERT_TRUE(produce(batch_of("a", 2, 0, {}, timestamp{1'000})).ok());
  ASSERT_TRUE(produce(batch_of("b", 2, 0, {}, timestamp{2'000})).ok());
  auto at = [&](offset_query q, std::int64_t ms) {
    return w.ask(list_offsets_request{"t", partition_index{0}, q, timestamp{ms}});
  };
  EXPECT_EQ(at(offset_query::at_time, 1'500)->offset, offset{2});
  EXPECT_EQ(at(offset_query::at_time, 2'001)->offset, std::nullopt);
  EXPECT_EQ(at(offset_query::earliest, 0)->offset, offset{0});
  EXPECT_EQ(at(offset_query::latest, 0)->offset, offset{4});
  EXPECT_EQ(at(offset_query::max_timestamp, 0)->at, timestamp{2'000});
}

TEST_F(leader_test, a_restart_keeps_everything_and_opens_a_new_epoch) {
  producer_stamp first{producer_id{7}, 0, 0};
  ASSERT_TRUE(produce(batch_of("a", 3, 0, first)).ok());
  auto before = w.ask(describe_topic_request{"t"})->partitions[0].info.epoch;
  w.stop();
  w.start();
  EXPECT_THAT(values_of(*w.ask(fetch_from(0)), offset{0}), ElementsAre("a-0", "a-1", "a-2"));
  EXPECT_GT(w.ask(describe_topic_request{"t"})->partitions[0].info.epoch, before);
  EXPECT_TRUE(produce(batch_of("a", 3, 0, first))->duplicate);
  EXPECT_EQ(produce(batch_of("b", 1))->base, offset{3});
}

TEST_F(leader_test, a_full_disk_refuses_serves_reads_and_resumes_by_itself) {
  producer_stamp p{producer_id{7}, 0, 0};
  ASSERT_TRUE(produce(batch_of("a", 2, 0, p)).ok());
  w.disk->full = true;
  p.base_sequence = 2;
  EXPECT_EQ(produce(batch_of("b", 2, 0, p)).code(), errc::storage_full);
  EXPECT_THAT(values_of(*w.ask(fetch_from(0)), offset{0}), ElementsAre("a-0", "a-1"));
  EXPECT_EQ(w.ask(create_topic_request{.name = "other"}).code(), errc::storage_full);
  w.disk->full = false;
  auto again = produce(batch_of("b", 2, 0, p));
  ASSERT_TRUE(again.ok()) << to_string(again.error());
  EXPECT_EQ(again->base, offset{2});
  EXPECT_FALSE(again->duplicate);
  EXPECT_THAT(values_of(*w.ask(fetch_from(2)), offset{2}), ElementsAre("b-0", "b-1"));
  EXPECT_TRUE(w.ask(create_topic_request{.name = "other"}).ok());
  w.stop();
  w.start();
  EXPECT_THAT(values_of(*w.ask(fetch_from(0)), offset{0}), ElementsAre("a-0", "a-1", "b-0", "b-1"));
}

TEST_F(leader_test, takes_office_late_when_the_disk_is_full_at_first) {
  w.stop();
  w.start();
  w.disk->full = true;
  ASSERT_EQ(w.ask(create_topic_request{.name = "x"}).code(), errc::storage_full);
  w.disk->full = false;
  ASSERT_TRUE(w.ask(create_topic_request{.name = "x"}).ok());
  EXPECT_TRUE(w.ask(fetch_request{.topic = "x"}).ok());
}

TEST_F(leader_test, refuses_more_while_the_journal_waits_for_settling) {
  w.disk->files = limits::max_journal_files + 1;
  ASSERT_TRUE(produce(batch_of("a", 1)).ok());
  EXPECT_EQ(produce(batch_of("b", 1)).code(), errc::busy);
}

TEST_F(leader_test, everything_that_waits_together_is_flushed_together) {
  auto before = w.disk->groups;
  for (int i = 0; i < 100; ++i)
    w.post(produce_request{"t", partition_index{i % 2}, ack_level::majority, batch_of("a", 1, i)});
  w.run();
  EXPECT_LE(w.disk->groups - before, 3);
  EXPECT_EQ(w.ask(describe_topic_request{"t"})->partitions[1].high_watermark, offset{50});
}

TEST_F(leader_test, settled_history_is_served_and_its_journal_retired) {
  w.stop();
  w.store_options.journal_file_bytes = 1 << 20;
  w.store_options.tail_cache_bytes = 64 << 10;
  w.start();
  const int batches = 60;
  for (int i = 0; i < batches; ++i) ASSERT_TRUE(produce(batch_of(std::string(5'000, 'x'), 10, i * 10)).ok());
  for (int i = 0; i < 5; ++i) w.advance(limits::settle_interval + 1ms);
  EXPECT_LE(w.disk->file_count(), 1u);
  std::int64_t at = 0;
  while (at < batches * 10) {
    auto got = w.ask(fetch_from(at));
    ASSERT_TRUE(got.ok()) << to_string(got.error());
    for (const auto& v : values_of(*got, offset{at})) {
      EXPECT_EQ(v.substr(5'001), std::to_string(at));
      ++at;
    }
  }
  w.stop();
  w.start();
  EXPECT_EQ(produce(batch_of("next", 1))->base, offset{batches * 10});
}

TEST_F(leader_test, append_time_topics_carry_the_brokers_clock) {
  ASSERT_TRUE(
      w.ask(create_topic_request{.name = "log", .configs = {{"message.timestamp.type", "LogAppendTime"}}}).ok());
  w.wall = timestamp{1'800'000'000'000};
  auto done = w.ask(produce_request{"log", partition_index{0}, ack_level::majority, batch_of("a", 1)});
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->append_time, w.wall);
  auto got = w.ask(fetch_request{.topic = "log", .partition = partition_index{0}, .from = offset{0}});
  EXPECT_EQ(batch_reader::open(got->batches[0])->next()->value().timestamp, w.wall);
}

TEST_F(leader_test, append_time_is_what_look_ups_by_time_find) {
  ASSERT_TRUE(
      w.ask(create_topic_request{.name = "log", .configs = {{"message.timestamp.type", "LogAppendTime"}}}).ok());
  auto append_at = [&](std::int64_t ms) {
    w.wall = timestamp{ms};
    EXPECT_TRUE(w.ask(produce_request{"log", partition_index{0}, ack_level::majority, batch_of("a", 2)}).ok());
  };
  auto at = [&](offset_query q, std::int64_t ms) {
    return *w.ask(list_offsets_request{"log", partition_index{0}, q, timestamp{ms}});
  };
  append_at(1'000);
  append_at(3'000);
  append_at(2'000);  // the broker's clock was set back
  EXPECT_EQ(at(offset_query::at_time, 1'001).offset, offset{2});
  EXPECT_EQ(at(offset_query::at_time, 1'001).at, timestamp{3'000});
  EXPECT_EQ(at(offset_query::at_time, 3'001).offset, std::nullopt) << "what producers stamped does not count";
  EXPECT_EQ(at(offset_query::max_timestamp, 0).offset, offset{2}) << "the first of equals";
  auto got = w.ask(fetch_request{.topic = "log"});
  EXPECT_TRUE(read_header(got->batches[0].view())->append_time());
  ASSERT_TRUE(w.ask(alter_topic_request{.name = "log", .reset = {"message.timestamp.type"}}).ok());
  append_at(9'000);  // the producer's time again, which is later than all of these
  EXPECT_EQ(at(offset_query::at_time, 3'001).offset, offset{6});
  EXPECT_EQ(at(offset_query::max_timestamp, 0).at, timestamp{1'700'000'000'000});
}

TEST_F(leader_test, what_is_not_committed_is_not_found_by_any_query) {
  ASSERT_TRUE(produce(batch_of("a", 2, 0, {}, timestamp{1'000})).ok());
  w.disk->full = true;
  ASSERT_FALSE(produce(batch_of("b", 2, 0, {}, timestamp{2'000})).ok());
  auto at = [&](offset_query q) { return *w.ask(list_offsets_request{"t", partition_index{0}, q, timestamp{1'500}}); };
  EXPECT_EQ(at(offset_query::at_time).offset, std::nullopt);
  EXPECT_EQ(at(offset_query::max_timestamp).at, timestamp{1'000});
  EXPECT_EQ(at(offset_query::latest).offset, offset{2});
}

TEST_F(leader_test, reads_backward_from_any_place_to_the_start) {
  ASSERT_TRUE(produce(batch_of("a", 3)).ok());
  ASSERT_TRUE(produce(batch_of("b", 2)).ok());
  auto back = [&](std::int64_t from, std::uint32_t max_bytes = 1 << 20) {
    auto r = fetch_from(from, 10s);
    r.backward = true;
    r.max_bytes = max_bytes;
    return w.ask(r);
  };
  auto all = back(5);
  ASSERT_EQ(all->batches.size(), 2u) << "the newest first";
  EXPECT_THAT(values_of({{}, {}, {all->batches[0]}}, offset{0}), ElementsAre("b-0", "b-1"));
  EXPECT_THAT(values_of(*back(4, 1), offset{0}), ElementsAre("b-0", "b-1")) << "whole batches, at least one";
  EXPECT_THAT(values_of(*back(3), offset{0}), ElementsAre("a-0", "a-1", "a-2"));
  EXPECT_TRUE(back(0)->batches.empty()) << "at the start nothing is left, and nothing is waited for";
  EXPECT_EQ(back(6).code(), errc::offset_out_of_range);
}

TEST_F(leader_test, deletes_records_before_an_offset_for_good) {
  ASSERT_TRUE(produce(batch_of("a", 3)).ok());
  ASSERT_TRUE(produce(batch_of("b", 3)).ok());
  auto delete_before = [&](std::int64_t o) {
    return w.ask(delete_records_request{"t", partition_index{0}, offset{o}});
  };
  EXPECT_EQ(delete_before(4)->start, offset{4}) << "within a batch";
  EXPECT_EQ(delete_before(2)->start, offset{4}) << "they are gone already";
  EXPECT_EQ(w.ask(fetch_from(3)).code(), errc::offset_out_of_range);
  EXPECT_THAT(values_of(*w.ask(fetch_from(4)), offset{4}), ElementsAre("b-1", "b-2"));
  auto back = fetch_from(6);
  back.backward = true;
  EXPECT_EQ(w.ask(back)->start, offset{4}) << "so that a reader knows which records of the batch are gone";
  EXPECT_EQ(delete_before(7).code(), errc::offset_out_of_range);
  EXPECT_EQ(delete_before(-2).code(), errc::offset_out_of_range);
  w.stop();
  w.start();
  EXPECT_EQ(w.ask(fetch_from(3)).code(), errc::offset_out_of_range);
  EXPECT_EQ(w.ask(describe_topic_request{"t"})->partitions[0].start, offset{4});
  EXPECT_EQ(delete_before(-1)->start, offset{6});
  EXPECT_EQ(produce(batch_of("c", 1))->base, offset{6}) << "offsets are never given twice";
  EXPECT_EQ(w.ask(delete_records_request{"__consumer_offsets", partition_index{0}, offset{-1}}).code(),
            errc::not_authorized);
}

}  // namespace
}  // namespace dohle::actors
