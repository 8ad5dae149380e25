// What a broker finds in its folder before any actor runs.
#include "actors/startup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/actors/world.hpp"

namespace dohle::actors {
namespace {

class startup_test : public testing::Test {
 protected:
  startup_test() { w.start(); }
  std::unique_ptr<store::folder> stopped() {
    w.stop();
    auto folder = store::folder::open(w.folder() / "data");
    EXPECT_TRUE(folder.ok()) << (folder ? "" : to_string(folder.error()));
    return std::move(*folder);
  }
  world w;
};

TEST_F(startup_test, an_empty_folder_has_the_internal_partitions_and_no_topic) {
  auto folder = stopped();
  auto loaded = load(*folder);
  ASSERT_TRUE(loaded.ok()) << to_string(loaded.error());
  EXPECT_TRUE(loaded->cluster.topics.empty());
  EXPECT_TRUE(loaded->groups.empty());
  EXPECT_EQ(loaded->logs.size(), 3u);
}

TEST_F(startup_test, topics_their_logs_and_producers_and_committed_offsets_are_found) {
  ASSERT_TRUE(w.ask(create_topic_request{.name = "t", .partitions = 3}).ok());
  auto batch = batch_of("a", 4, 0, {producer_id{7}, 0, 0});
  ASSERT_TRUE(w.ask(produce_request{"t", partition_index{1}, ack_level::majority, batch}).ok());
  commit_offsets_request commit{.group = "g", .offsets = {{"t", partition_index{1}, offset{3}, "note"}}};
  ASSERT_TRUE(w.ask(commit).ok());
  auto folder = stopped();
  auto loaded = load(*folder);
  ASSERT_TRUE(loaded.ok()) << to_string(loaded.error());
  const auto& partitions = loaded->cluster.topics.at("t").partitions;
  ASSERT_EQ(partitions.size(), 3u);
  const auto& led = loaded->logs.at(partitions[1].id);
  EXPECT_EQ(led.log->end(), offset{4});
  ASSERT_EQ(led.history.producers.size(), 1u);
  EXPECT_EQ(led.history.producers[0].last_sequence, 3);
  EXPECT_EQ(loaded->groups.at("g").offsets.size(), 1u);
  std::vector<std::string> seen;
  auto read = read_all(*led.log, [&](const record_view& r) -> result<void> {
    seen.emplace_back(*r.value);
    return {};
  });
  EXPECT_TRUE(read.ok());
  EXPECT_THAT(seen, testing::ElementsAre("a-0", "a-1", "a-2", "a-3"));
}

TEST_F(startup_test, a_partition_that_no_topic_names_is_dropped) {
  {
    auto folder = stopped();
    ASSERT_TRUE(folder->open_log(partition_id{4711}).ok());
    auto stray = *folder->open_log(partition_id{4711});
    ASSERT_TRUE(folder->journal().commit(std::vector{stray->open_epoch(epoch{1})}).ok());
  }
  auto folder = store::folder::open(w.folder() / "data");
  ASSERT_TRUE(folder.ok());
  EXPECT_THAT((*folder)->partitions(), testing::Contains(partition_id{4711}));
  auto loaded = load(**folder);
  ASSERT_TRUE(loaded.ok()) << to_string(loaded.error());
  EXPECT_FALSE(loaded->logs.contains(partition_id{4711}));
  EXPECT_THAT((*folder)->partitions(), testing::Not(testing::Contains(partition_id{4711})));
}

TEST_F(startup_test, a_reader_that_refuses_a_record_ends_the_reading_with_its_error) {
  ASSERT_TRUE(w.ask(create_topic_request{.name = "t"}).ok());
  auto folder = stopped();
  auto log = folder->open_log(cluster_partition);
  ASSERT_TRUE(log.ok());
  int calls = 0;
  auto read = read_all(**log, [&](const record_view&) -> result<void> {
    ++calls;
    return error{errc::corrupt_data, "not a record of mine", ""};
  });
  EXPECT_EQ(read.code(), errc::corrupt_data);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace dohle::actors
