#include "actors/janitor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

using namespace std::chrono_literals;
using key_values = std::map<std::string, std::string>;

class janitor_test : public testing::Test {
 protected:
  janitor_test() {
    w.store_options.segment_bytes = 2 << 20;
    w.store_options.tail_cache_bytes = 100'000;
    w.start();
  }
  void create(std::vector<config_entry> configs) {
    ASSERT_TRUE(w.ask(create_topic_request{.name = "t", .configs = std::move(configs)}).ok());
  }
  result<produce_response> produce(bytes batch, const std::string& topic = "t") {
    return w.ask(produce_request{topic, partition_index{0}, ack_level::majority, std::move(batch)});
  }
  /// `count` batches of 50 updates with values of 1 KiB, over `keys` keys.
  void update(int count, int keys) {
    for (int b = 0; b < count; ++b) {
      batch_builder builder;
      for (int i = 0; i < 50; ++i) {
        const auto key = "k" + std::to_string((++updates * 7919) % keys);
        const auto value = std::to_string(updates) + std::string(1000, 'v');
        ASSERT_TRUE(builder.add(timestamp{1}, key, value).ok());
        state[key] = value;
      }
      ASSERT_TRUE(produce(*builder.build()).ok());
    }
  }
  partition_description partition() { return w.ask(describe_topic_request{"t"})->partitions[0]; }
  std::size_t read_all(key_values& into) {
    std::size_t records = 0;
    const auto end = partition().high_watermark;
    for (auto at = partition().start; at < end;) {
      auto got = w.ask(fetch_request{.topic = "t", .partition = partition_index{0}, .from = at});
      EXPECT_TRUE(got.ok() && !got->batches.empty()) << "a reader stands still at " << at.value;
      if (!got || got->batches.empty()) break;
      for (const auto& part : got->batches) {
        for (auto rest = part; !rest.empty();) {
          auto reader = batch_reader::open(rest);
          for (auto r = reader->next(); r->has_value(); r = reader->next(), ++records)
            into[std::string{*(*r)->key}] = std::string{(*r)->value.value_or("")};
          at = reader->header().end();
          rest = rest.part(reader->header().size_bytes());
        }
      }
    }
    return records;
  }
  /// Time passes in small steps until `done`; a minute is far more than anything here takes.
  template <class F>
  bool pass_time_until(F done) {
    for (int i = 0; i < 6'000 && !done(); ++i) w.advance(10ms);
    return done();
  }
  bool is_clean() { return partition().cleaned_until == partition().high_watermark; }

  world w;
  key_values state;
  int updates = 0;
};

TEST_F(janitor_test, a_compacted_topic_ends_with_one_record_a_key) {
  create({{"cleanup.policy", "compact"}});
  update(100, 40);
  EXPECT_GT(partition().dirty_bytes, 4'000'000u);
  w.advance(limits::compaction_interval);
  EXPECT_FALSE(is_clean()) << "a pass is many small steps with pauses between them";
  ASSERT_TRUE(pass_time_until([&] { return is_clean(); }));
  key_values read;
  EXPECT_EQ(read_all(read), 40u);
  EXPECT_EQ(read, state);
  EXPECT_EQ(partition().dirty_bytes, 0u);
  EXPECT_LT(partition().size_bytes, 60'000u);
  update(100, 40);
  w.stop();
  w.start();
  ASSERT_TRUE(pass_time_until([&] { return is_clean(); }));
  read.clear();
  EXPECT_EQ(read_all(read), 40u);
  EXPECT_EQ(read, state);
}

TEST_F(janitor_test, nothing_is_compacted_where_nobody_asked_for_it) {
  create({});
  update(60, 10);
  w.advance(limits::compaction_interval);
  for (int i = 0; i < 100; ++i) w.advance(1s);
  key_values read;
  EXPECT_EQ(read_all(read), 3'000u);
  ASSERT_TRUE(w.ask(alter_topic_request{.name = "t", .set = {{"cleanup.policy", "compact"}}}).ok());
  EXPECT_TRUE(pass_time_until([&] { return is_clean(); })) << "the policy may change";
}

TEST_F(janitor_test, a_topic_that_goes_takes_its_pass_along) {
  create({{"cleanup.policy", "compact"}});
  update(100, 40);
  w.advance(limits::compaction_interval);
  w.advance(10ms);
  ASSERT_TRUE(w.ask(delete_topic_request{"t"}).ok());
  for (int i = 0; i < 100; ++i) w.advance(1s);
  create({{"cleanup.policy", "compact"}});
  state.clear();
  update(100, 30);
  ASSERT_TRUE(pass_time_until([&] { return is_clean(); }));
  key_values read;
  read_all(read);
  EXPECT_EQ(read, state);
}

TEST_F(janitor_test, a_record_without_a_key_is_refused_where_keys_compact) {
  create({{"cleanup.policy", "compact,delete"}});
  EXPECT_EQ(produce(batch_of("x", 1)).code(), errc::invalid_record);
  batch_builder mixed;
  ASSERT_TRUE(mixed.add(timestamp{1}, "key", std::string(300, 'v')).ok());
  ASSERT_TRUE(mixed.add(timestamp{1}, std::nullopt, std::string(300, 'v')).ok());
  EXPECT_EQ(produce(*mixed.build(compression::zstd)).code(), errc::invalid_record);
  EXPECT_EQ(partition().high_watermark, offset{0});
  update(1, 1);
}

TEST_F(janitor_test, committed_offsets_do_not_fill_the_disk) {
  create({});
  for (int i = 0; i < 3'000; ++i) {
    commit_offsets_request r{.group = "g"};
    r.offsets = {{"t", partition_index{0}, offset{i}, std::string(500, 'm')}};
    ASSERT_TRUE(w.ask(r).ok());
  }
  auto groups = [&] { return w.ask(describe_topic_request{"__consumer_offsets"})->partitions[0]; };
  const auto before = groups().size_bytes;
  ASSERT_TRUE(pass_time_until([&] { return groups().cleaned_until == groups().high_watermark; }));
  EXPECT_LT(groups().size_bytes, before / 100);
  w.stop();
  w.start();
  EXPECT_EQ(w.ask(fetch_offsets_request{.group = "g"})->offsets.at(0).offset, offset{2'999});
}

TEST_F(janitor_test, a_clock_that_jumps_deletes_nothing_of_a_quiet_log) {
  create({{"retention.ms", "1h"}});
  update(100, 10);
  const auto settled = [&] { return partition().dirty_bytes; };
  for (int i = 0; i < 30; ++i) w.advance(1s);
  EXPECT_GT(settled(), 0u);
  w.wall = timestamp{w.wall.value + 10LL * 365 * 24 * 3'600'000};
  for (int i = 0; i < 3; ++i) w.advance(limits::retention_interval);
  EXPECT_EQ(partition().start, offset{0}) << "it goes by the log's own clock";
  w.stop();
  w.start();
  for (int i = 0; i < 3; ++i) w.advance(limits::retention_interval);
  EXPECT_EQ(partition().start, offset{0});
}

TEST_F(janitor_test, retention_by_time_goes_on_after_a_restart_without_an_append) {
  create({{"retention.ms", "1000000000"}});
  update(150, 10);
  for (int i = 0; i < 30; ++i) w.advance(1s);
  ASSERT_TRUE(w.ask(alter_topic_request{.name = "t", .set = {{"retention.ms", "0"}}}).ok());
  w.stop();
  w.start();
  EXPECT_EQ(partition().start, offset{0});
  w.advance(limits::retention_interval);
  EXPECT_GT(partition().start, offset{0}) << "the log's clock is that of its last append";
}

TEST_F(janitor_test, the_scrub_names_damage_once_and_serves_what_is_good) {
  create({});
  update(100, 10);
  for (int i = 0; i < 30; ++i) w.advance(1s);
  w.advance(limits::scrub_delay);
  for (int i = 0; i < 100; ++i) w.advance(1s);
  EXPECT_EQ(partition().damaged_places, 0u);
  const auto folder = w.folder() / "data" / "00000002";
  ASSERT_TRUE(std::filesystem::exists(folder));
  std::filesystem::path file;
  for (const auto& e : std::filesystem::directory_iterator(folder))
    if (e.path().extension() == ".seg" && (file.empty() || e.path() < file)) file = e.path();
  {
    std::ifstream in(file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(content.find("vvvvvvvv") + 300));
    out << "?";
  }
  for (int round = 0; round < 2; ++round) {
    w.advance(limits::scrub_interval);
    for (int i = 0; i < 100; ++i) w.advance(1s);
    EXPECT_EQ(partition().damaged_places, 1u);
  }
  EXPECT_TRUE(
      w.ask(fetch_request{.topic = "t", .partition = partition_index{0}, .from = partition().high_watermark - 1}).ok());
}

}  // namespace
}  // namespace dohle::actors
