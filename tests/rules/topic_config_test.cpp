#include "rules/topic_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dohle::rules {
namespace {

using testing::HasSubstr;
using entries = std::vector<config_entry>;

result<topic_config> with(const std::string& name, const std::string& value) {
  return parse_topic_config(entries{{name, value, false}});
}

TEST(topic_config, defaults_are_kafkas) {
  const auto c = parse_topic_config(entries{});
  ASSERT_TRUE(c.ok());
  EXPECT_EQ(c->retention_ms, 604'800'000);
  EXPECT_EQ(c->retention_bytes, -1);
  EXPECT_EQ(c->max_message_bytes, 1'048'588);
  EXPECT_EQ(c->timestamps, timestamp_type::create_time);
  EXPECT_EQ(c->min_insync_replicas, 1);
  for (const auto& e : describe(*c)) EXPECT_TRUE(e.is_default) << e.name;
}

TEST(topic_config, what_is_described_can_be_given_back) {
  const entries own{{"retention.ms", "30d", false},
                    {"retention.bytes", "1GiB", false},
                    {"segment.bytes", "64MiB", false},
                    {"max.message.bytes", "5MB", false},
                    {"cleanup.policy", "delete", false},
                    {"message.timestamp.type", "LogAppendTime", false},
                    {"min.insync.replicas", "2", false},
                    {"compression.type", "producer", false},
                    {"delete.retention.ms", "1h", false},
                    {"max.compaction.lag.ms", "7d", false},
                    {"min.cleanable.dirty.ratio", "0.25", false},
                    {"min.compaction.lag.ms", "5m", false}};
  const auto c = parse_topic_config(own);
  ASSERT_TRUE(c.ok()) << to_string(c.error());
  EXPECT_EQ(c->retention_ms, 2'592'000'000);
  EXPECT_EQ(c->retention_bytes, 1'073'741'824);
  EXPECT_EQ(c->segment_bytes, 67'108'864);
  EXPECT_EQ(c->max_message_bytes, 5'000'000);
  EXPECT_EQ(c->timestamps, timestamp_type::log_append_time);
  const auto all = describe(*c);
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &config_entry::name));
  EXPECT_EQ(std::ranges::count(all, false, &config_entry::is_default), static_cast<std::ptrdiff_t>(own.size()));
  EXPECT_EQ(parse_topic_config(all).value(), *c);
}

TEST(topic_config, a_value_set_to_the_default_is_still_the_topics_own) {
  const auto all = describe(*with("retention.bytes", "-1"));
  for (const auto& e : all) EXPECT_EQ(e.is_default, e.name != "retention.bytes");
}

TEST(topic_config, policies_of_cleanup) {
  struct row {
    const char* value;
    bool compacts, deletes;
    const char* shown;
  };
  for (const auto& r :
       {row{"delete", false, true, "delete"}, row{"compact", true, false, "compact"},
        row{"compact,delete", true, true, "compact,delete"}, row{"delete,compact", true, true, "compact,delete"}}) {
    const auto c = with("cleanup.policy", r.value);
    ASSERT_TRUE(c.ok()) << r.value;
    EXPECT_EQ(c->compacts, r.compacts);
    EXPECT_EQ(c->deletes, r.deletes);
    EXPECT_THAT(describe(*c), testing::Contains(config_entry{"cleanup.policy", r.shown, false}));
  }
  EXPECT_EQ(with("cleanup.policy", "shred").code(), errc::invalid_config);
}

TEST(topic_config, what_compaction_waits_for) {
  const auto c = parse_topic_config(entries{});
  EXPECT_EQ(c->delete_retention_ms, 86'400'000);
  EXPECT_EQ(c->min_compaction_lag_ms, 0);
  EXPECT_EQ(c->max_compaction_lag_ms, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(with("min.cleanable.dirty.ratio", "0.1")->min_cleanable_dirty_ratio, 0.1);
  for (const char* wrong : {"", "half", "1.5", "-0.1", "0.5x", "nan"})
    EXPECT_EQ(with("min.cleanable.dirty.ratio", wrong).code(), errc::invalid_config) << wrong;
  EXPECT_EQ(parse_topic_config(entries{{"min.compaction.lag.ms", "2h", false}, {"max.compaction.lag.ms", "1h", false}})
                .code(),
            errc::invalid_config);
}

TEST(topic_config, durations_and_sizes_have_units) {
  const std::vector<std::pair<std::string, std::int64_t>> durations{
      {"0", 0},        {"-1", -1},         {"250", 250},      {"250ms", 250},     {"10s", 10'000},
      {"5m", 300'000}, {"5 min", 300'000}, {"2h", 7'200'000}, {"1w", 604'800'000}};
  for (const auto& [text, ms] : durations) EXPECT_EQ(with("retention.ms", text)->retention_ms, ms) << text;
  const std::vector<std::pair<std::string, std::int64_t>> sizes{
      {"100", 100},        {"100B", 100}, {"10kB", 10'000}, {"10KiB", 10'240}, {"2TB", 2'000'000'000'000},
      {"2 GiB", 1LL << 31}};
  for (const auto& [text, size] : sizes) EXPECT_EQ(with("retention.bytes", text)->retention_bytes, size) << text;
}

TEST(topic_config, nonsense_is_refused_by_name) {
  const std::vector<std::pair<std::string, std::string>> rows{{"retention.ms", ""},
                                                              {"retention.ms", "soon"},
                                                              {"retention.ms", "5x"},
                                                              {"retention.ms", "1GiB"},
                                                              {"retention.ms", "-2"},
                                                              {"retention.ms", "-1s"},
                                                              {"retention.ms", "99999999999999999999"},
                                                              {"retention.ms", "9223372036854775807d"},
                                                              {"retention.bytes", "5m"},
                                                              {"segment.bytes", "0"},
                                                              {"segment.bytes", "-1"},
                                                              {"segment.bytes", "10GiB"},
                                                              {"max.message.bytes", "1GiB"},
                                                              {"min.insync.replicas", "0"},
                                                              {"min.insync.replicas", "1s"},
                                                              {"message.timestamp.type", "createtime"},
                                                              {"cleanup.policy", ""},
                                                              {"cleanup.policy", "keep"}};
  for (const auto& [name, value] : rows) {
    const auto c = with(name, value);
    ASSERT_EQ(c.code(), errc::invalid_config) << name << " = " << value;
    EXPECT_THAT(c.error().message, HasSubstr(name));
    EXPECT_FALSE(c.error().hint.empty());
  }
  EXPECT_EQ(parse_topic_config(entries{{"retention.ms", "1", false}, {"retention.ms", "1", false}}).code(),
            errc::invalid_config);
}

/// Connect, Streams and MirrorMaker create topics with configs that have no effect here.
TEST(topic_config, what_has_no_effect_is_checked_and_kept) {
  const entries own{{"compression.type", "zstd", false},
                    {"flush.messages", "10000", false},
                    {"index.interval.bytes", "4KiB", false},
                    {"leader.replication.throttled.replicas", "0:1,1:1", false},
                    {"local.retention.ms", "-2", false},
                    {"message.timestamp.after.max.ms", "1h", false},
                    {"segment.ms", "7d", false},
                    {"unclean.leader.election.enable", "TRUE", false}};
  const auto c = parse_topic_config(own);
  ASSERT_TRUE(c.ok()) << to_string(c.error());
  const auto all = describe(*c);
  const auto shown = [&](const std::string& name) { return std::ranges::find(all, name, &config_entry::name)->value; };
  EXPECT_EQ(shown("compression.type"), "zstd");
  EXPECT_EQ(shown("index.interval.bytes"), "4096");
  EXPECT_EQ(shown("leader.replication.throttled.replicas"), "0:1,1:1");
  EXPECT_EQ(shown("follower.replication.throttled.replicas"), "");
  EXPECT_EQ(shown("segment.ms"), "604800000");
  EXPECT_EQ(shown("unclean.leader.election.enable"), "true");
  EXPECT_EQ(parse_topic_config(all).value(), *c);
  EXPECT_TRUE(with("follower.replication.throttled.replicas", "").ok());
  for (const auto& [name, value] : {std::pair{"compression.type", "brotli"}, std::pair{"preallocate", "yes"},
                                    std::pair{"segment.ms", "0"}, std::pair{"segment.index.bytes", "1TB"}})
    EXPECT_EQ(with(name, value).code(), errc::invalid_config) << name;
  EXPECT_EQ(with("leader.replication.throttled.replicas", std::string(20'000, '1')).code(), errc::invalid_config);
}

TEST(topic_config, kafkas_own_size_of_a_segment_is_taken) {
  EXPECT_EQ(with("segment.bytes", "1073741824")->segment_bytes, 1'073'741'824);
}

TEST(topic_config, a_misspelt_name_gets_the_nearest_known_one) {
  EXPECT_THAT(with("retention.hours", "1").error().hint, HasSubstr("retention"));
  EXPECT_THAT(with("retention_ms", "1").error().hint, HasSubstr("retention.ms"));
  EXPECT_THAT(with("min.isr", "1").error().message, HasSubstr("min.isr"));
  EXPECT_LT(with(std::string(1'000'000, 'x'), "1").error().message.size(), 200U);
}

TEST(topic_config, an_alteration_sets_and_resets) {
  const entries own{{"retention.ms", "1000", false}, {"retention.bytes", "5", false}};
  const std::vector<std::string> reset{"retention.bytes"};
  const auto altered =
      alter_configs(own, entries{{"retention.ms", "2s", false}, {"segment.bytes", "1MiB", false}}, reset);
  ASSERT_TRUE(altered.ok());
  EXPECT_EQ(*altered, (entries{{"retention.ms", "2000", false}, {"segment.bytes", "1048576", false}}));
  EXPECT_EQ(alter_configs(own, entries{{"retention.bytes", "1", false}}, reset).code(), errc::invalid_config);
  EXPECT_EQ(alter_configs(own, {}, std::vector<std::string>{"retention"}).code(), errc::invalid_config);
  EXPECT_EQ(alter_configs(own, entries{{"retention.ms", "x", false}}, {}).code(), errc::invalid_config);
}

TEST(topic_config, names_follow_kafkas_rules) {
  for (const auto* good : {"a", "clicks", "a.b_c-D9", "__consumer_offsets", "...", "-"})
    EXPECT_TRUE(check_topic_name(good).ok()) << good;
  EXPECT_TRUE(check_topic_name(std::string(249, 'a')).ok());
  for (const auto* bad : {"", ".", "..", "a b", "a/b", "\xc3\xa4", "a\n"}) {
    EXPECT_EQ(check_topic_name(bad).code(), errc::invalid_topic) << bad;
  }
  EXPECT_EQ(check_topic_name(std::string(250, 'a')).code(), errc::invalid_topic);
  EXPECT_TRUE(is_internal_topic("__consumer_offsets"));
  EXPECT_FALSE(is_internal_topic("_groups"));
}

}  // namespace
}  // namespace dohle::rules
