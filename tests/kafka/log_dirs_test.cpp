#include <gtest/gtest.h>

#include "kafka/errors.hpp"
#include "tests/kafka/conversation.hpp"

namespace dohle::kafka {
namespace {

using namespace testing;

TEST(log_dirs_test, one_folder_holds_everything) {
  describe_log_dirs_request m;
  m.topics.reset();
  for (int version = 1; version <= 5; ++version) {
    conversation<describe_log_dirs_request> c(m, version);
    c.answer({dohle::metadata_response{"", broker_id{1}, {}, {topic("clicks", 2)}}});
    topic_description sized;
    sized.name = "clicks";
    sized.partitions.resize(2);
    sized.partitions[1].info.index = partition_index{1};
    sized.partitions[1].size_bytes = 77;
    auto folder = c.answer({sized}).result().results.at(0);
    EXPECT_EQ(folder.log_dir, "/data");
    EXPECT_EQ(folder.topics.at(0).partitions.at(1).partition_size, 77);
  }
}

TEST(log_dirs_test, a_replica_lies_where_it_lies) {
  alter_replica_log_dirs_request m;
  m.dirs.push_back({"/data", {{"clicks", {1, 2}}}});
  m.dirs.push_back({"/elsewhere", {{"clicks", {0}}}});
  conversation<alter_replica_log_dirs_request> c(m, 2);
  auto topics = c.answer({dohle::metadata_response{"", broker_id{1}, {}, {topic("clicks", 2)}}}).result().results;
  EXPECT_EQ(topics.at(0).partitions.at(0).error_code, 0);
  EXPECT_EQ(topics.at(0).partitions.at(1).error_code, number(error_code::unknown_topic_or_partition));
  EXPECT_EQ(topics.at(1).partitions.at(0).error_code, number(error_code::log_dir_not_found));
}

}  // namespace
}  // namespace dohle::kafka
