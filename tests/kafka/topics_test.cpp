#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "kafka/translate.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

topic_description described(const std::string& name, int partitions) {
  topic_description d;
  d.name = name;
  for (const auto& p : topic(name, partitions).partitions) {
    d.partitions.emplace_back();
    d.partitions.back().info = p;
  }
  d.configs = {{"cleanup.policy", "delete", true}, {"retention.ms", "1000", false}};
  return d;
}

TEST(topics_test, what_is_left_open_takes_the_brokers_defaults) {
  create_topics_request m;
  m.topics.push_back({"clicks", -1, -1, {}, {{"retention.ms", "1000"}}});
  conversation<create_topics_request> c(m, 7);
  const auto& r = c.asked<create_topic_request>();
  EXPECT_EQ(r.partitions, 2);
  EXPECT_EQ(r.replicas, 1);
  EXPECT_EQ(r.configs.at(0).value, "1000");
  auto made = c.answer({described("clicks", 2)}).result().topics.at(0);
  EXPECT_EQ(made.num_partitions, 2);
  EXPECT_NE(made.topic_id, uuid{});
  EXPECT_EQ(made.configs->at(1).config_source, 1) << "the topic's own";
}

TEST(topics_test, refusals_say_what_was_wrong) {
  create_topics_request m;
  m.topics.push_back({"clicks", 0, 1, {}, {}});
  m.topics.push_back({"clicks", 1, 3, {}, {}});
  m.topics.push_back({"clicks", 1, 1, {}, {}});
  auto t = conversation<create_topics_request>(m, 5)
               .answer({error{errc::invalid_request, "a", ""}, error{errc::invalid_request, "b", ""},
                        error{errc::topic_exists, "c", ""}})
               .result()
               .topics;
  EXPECT_EQ(t[0].error_code, number(error_code::invalid_partitions));
  EXPECT_EQ(t[1].error_code, number(error_code::invalid_replication_factor));
  EXPECT_EQ(t[2].error_code, number(error_code::topic_already_exists));
  EXPECT_EQ(t[2].error_message, "c");
}

TEST(topics_test, topics_go_and_grow) {
  delete_topics_request d;
  d.topic_names = {"a", "b"};
  auto gone = conversation<delete_topics_request>(d, 4)
                  .answer({delete_topic_response{}, error{errc::unknown_topic, "", ""}})
                  .result();
  EXPECT_EQ(gone.responses[0].error_code, 0);
  EXPECT_EQ(gone.responses[1].error_code, number(error_code::unknown_topic_or_partition));

  delete_topics_request by_id;
  by_id.topics.push_back({std::nullopt, id_of(topic("clicks", 1))});
  by_id.topics.push_back({std::nullopt, uuid{1, 2}});
  conversation<delete_topics_request> ids(by_id, 6);
  EXPECT_EQ(ids.asked<delete_topic_request>().name, "clicks");
  auto by = ids.answer({delete_topic_response{}}).result();
  EXPECT_EQ(by.responses[0].name, "clicks");
  EXPECT_EQ(by.responses[1].error_code, number(error_code::unknown_topic_id));

  create_partitions_request g;
  g.topics.push_back({"a", 4, std::nullopt});
  conversation<create_partitions_request> c(g, 2);
  EXPECT_EQ(c.asked<alter_topic_request>().partitions, 4);
  EXPECT_EQ(c.answer({described("a", 4)}).result().results[0].error_code, 0);
  g.validate_only = true;
  conversation<create_partitions_request> tried(g, 2);
  EXPECT_EQ(tried.asked<describe_topic_request>().name, "a");
  EXPECT_EQ(tried.answer({described("a", 4)}).result().results[0].error_code, number(error_code::invalid_partitions));
}

TEST(topics_test, records_are_deleted_before_an_offset) {
  delete_records_request m;
  m.topics.push_back({"clicks", {{0, 40}, {1, -1}}});
  conversation<delete_records_request> c(m, 2);
  EXPECT_EQ(c.asked<dohle::delete_records_request>(1).before, offset{-1});
  auto p = c.answer({dohle::delete_records_response{offset{40}}, error{errc::offset_out_of_range, "", ""}})
               .result()
               .topics.at(0)
               .partitions;
  EXPECT_EQ(p.at(0).low_watermark, 40);
  EXPECT_EQ(p.at(1).error_code, number(error_code::offset_out_of_range));
}

TEST(topics_test, configs_are_complete_with_sources_and_synonyms) {
  describe_configs_request m;
  m.include_synonyms = true;
  m.resources.push_back({2, "clicks", std::nullopt});
  m.resources.push_back({4, "1", std::vector<std::string>{"broker.id", "log.roll.ms"}});
  m.resources.push_back({4, "9", std::nullopt});
  auto with = broker_one();
  with.topic_defaults = {{"segment.ms", "604800000", true}};
  auto r = conversation<describe_configs_request>(m, 4, with).answer({described("clicks", 1)}).result().results;
  auto find = [&](const std::string& name) {
    for (const auto& entry : r[0].configs)
      if (entry.name == name) return entry;
    ADD_FAILURE() << name;
    return r[0].configs[0];
  };
  EXPECT_EQ(find("retention.ms").config_source, 1);
  EXPECT_EQ(find("cleanup.policy").config_source, 5);
  EXPECT_EQ(find("cleanup.policy").config_type, 7) << "a list";
  EXPECT_FALSE(find("cleanup.policy").synonyms.empty());
  EXPECT_EQ(find("cleanup.policy").synonyms[0].name, "log.cleanup.policy");
  EXPECT_FALSE(find("cleanup.policy").documentation.has_value()) << "it was not asked for";
  ASSERT_EQ(r[1].configs.size(), 2U);
  EXPECT_EQ(r[1].configs[0].value, "1");
  EXPECT_EQ(r[1].configs[0].config_source, 4) << "it was given to the broker";
  EXPECT_EQ(r[1].configs[1].name, "log.roll.ms") << "the default of a topic's segment.ms";
  EXPECT_EQ(r[1].configs[1].value, "604800000");
  EXPECT_EQ(r[2].error_code, number(error_code::invalid_request));
  m.include_documentation = true;
  auto told = conversation<describe_configs_request>(m, 4).answer({described("clicks", 1)}).result().results;
  EXPECT_FALSE(told[0].configs[0].documentation.value_or("").empty());
}

TEST(topics_test, altering_sets_resets_and_edits_lists) {
  incremental_alter_configs_request m;
  m.resources.push_back(
      {2, "clicks", {{"retention.ms", 0, "5"}, {"segment.bytes", 1, std::nullopt}, {"cleanup.policy", 2, "compact"}}});
  conversation<incremental_alter_configs_request> c(m, 1);
  c.answer({described("clicks", 1)});
  const auto& r = c.asked<alter_topic_request>();
  EXPECT_EQ(r.set, (std::vector<config_entry>{{"retention.ms", "5"}, {"cleanup.policy", "delete,compact"}}));
  EXPECT_EQ(r.reset, (std::vector<std::string>{"segment.bytes"}));
  EXPECT_EQ(c.answer({error{errc::invalid_config, "no", ""}}).result().responses[0].error_code,
            number(error_code::invalid_config));

  alter_configs_request whole;
  whole.resources.push_back({2, "clicks", {{"segment.bytes", "1048576"}}});
  conversation<alter_configs_request> w(whole, 1);
  w.answer({described("clicks", 1)});
  EXPECT_EQ(w.asked<alter_topic_request>().reset, (std::vector<std::string>{"retention.ms"})) << "what is not named";
}

TEST(topics_test, a_brokers_configs_can_be_taken_back_and_not_set) {
  incremental_alter_configs_request m;
  m.resources.push_back({4, "1", {{"leader.replication.throttled.rate", 1, std::nullopt}}});
  m.resources.push_back({4, "1", {{"log.retention.ms", 0, "5"}}});
  const error no_topic{errc::unknown_topic, "", ""};
  auto r = conversation<incremental_alter_configs_request>(m, 1).answer({no_topic, no_topic}).result().responses;
  EXPECT_EQ(r.at(0).error_code, 0);
  EXPECT_EQ(r.at(1).error_code, number(error_code::invalid_config));
}

}  // namespace
}  // namespace dohle::kafka
