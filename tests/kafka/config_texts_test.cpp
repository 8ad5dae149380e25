#include "kafka/config_texts.hpp"

#include <gtest/gtest.h>

#include "rules/topic_config.hpp"

namespace dohle::kafka {
namespace {

TEST(config_texts_test, every_config_of_a_topic_has_its_text) {
  const auto all = rules::describe(rules::topic_config{});
  for (const auto& entry : all) {
    const auto told = tell(entry.name);
    EXPECT_EQ(told.name, entry.name);
    EXPECT_FALSE(told.documentation.empty()) << entry.name;
    EXPECT_FALSE(told.broker_name.empty()) << entry.name;
  }
}

TEST(config_texts_test, types_are_kafkas) {
  EXPECT_EQ(tell("cleanup.policy").type, list);
  EXPECT_EQ(tell("min.cleanable.dirty.ratio").type, real);
  EXPECT_EQ(tell("preallocate").type, boolean);
  EXPECT_EQ(tell("segment.bytes").type, int32);
  EXPECT_EQ(tell("retention.ms").type, int64);
  EXPECT_EQ(tell("nobody.knows").type, text);
}

}  // namespace
}  // namespace dohle::kafka
