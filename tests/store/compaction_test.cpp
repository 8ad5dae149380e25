#include "store/compaction.hpp"

#include "store/inspect.hpp"
#include "tests/store/compaction_fixture.hpp"

namespace dohle::store::testing {
namespace {

class compaction_test : public log_fixture {
 protected:
  void SetUp() override { open({.segment_bytes = 1200 * 1024, .tail_cache_bytes = 100'000}); }
  /// `batches` of 20 updates over `keys` keys; one in twenty is a deletion.
  void update(int batches, std::uint64_t keys, compression codec = compression::none) {
    for (int b = 0; b < batches; ++b) {
      std::vector<std::pair<std::string, std::optional<std::string>>> updates;
      for (int i = 0; i < 20; ++i) {
        std::string key = "key " + std::to_string(chance_.below(keys));
        std::string value = std::to_string(++written_) + std::string(300, 'v');
        updates.emplace_back(std::move(key), chance_.below(20) == 0 ? std::nullopt : std::optional{std::move(value)});
      }
      append_updates(*folder_, *log_, updates, state_, codec);
    }
  }
  void expect_sound() {
    EXPECT_EQ(read_log(*log_).state, state_);
    reopen();
    EXPECT_EQ(read_log(*log_).state, state_);
    log_.reset();
    folder_.reset();
    auto report = inspect(place_ / "data");
    ASSERT_TRUE(report.ok());
    for (const auto& f : report->faults) ADD_FAILURE() << f.path << ": " << f.text;
    reopen();
  }

  generator chance_{20261122};
  int written_ = 0;
  key_values state_;
};

TEST_F(compaction_test, the_newest_of_each_key_stays_in_its_place) {
  for (auto codec : {compression::none, compression::zstd}) {
    update(400, 50, codec);
    settle(log_->flushed());
    const auto before = read_log(*log_);
    const auto size = log_->size_bytes();
    const offset end = log_->end();
    auto done = compact(*log_, end);
    ASSERT_TRUE(done.ok()) << to_string(done.error());
    EXPECT_EQ(*done, end);
    EXPECT_EQ(log_->cleaned_until(), end);
    const auto after = read_log(*log_);
    EXPECT_EQ(after.state, state_);
    EXPECT_EQ(after.records, static_cast<std::int64_t>(state_.size()) + after.tombstones);
    EXPECT_LE(after.records, 50);
    EXPECT_TRUE(
        std::includes(before.offsets.begin(), before.offsets.end(), after.offsets.begin(), after.offsets.end()));
    EXPECT_LT(log_->size_bytes(), size / 10);
    EXPECT_EQ(log_->end(), end);
    expect_sound();
    EXPECT_EQ(log_->cleaned_until(), end);
  }
}

TEST_F(compaction_test, every_offset_can_be_read_from_and_the_end_is_reached) {
  update(300, 30);
  settle(log_->flushed());
  // The last batches are all of one key, so that the last batch of each segment goes but for its header.
  ASSERT_TRUE(compact(*log_, log_->end()).ok());
  update(1, 1);
  const auto all = read_log(*log_);
  for (std::int64_t from = 0; from < log_->end().value; from += 7) {
    auto parts = log_->read(offset{from}, 1000, log_->end());
    ASSERT_TRUE(parts.ok()) << to_string(parts.error());
    ASSERT_FALSE(parts->empty()) << from;
    const auto first = std::lower_bound(all.offsets.begin(), all.offsets.end(), from);
    const auto header = *read_header(parts->front().view());
    EXPECT_GT(header.end().value, from);
    EXPECT_LE(header.base.value, *first);
    for (std::int64_t limit : {from + 1, from + 10}) {
      auto some = log_->read(offset{from}, 100'000, offset{limit});
      ASSERT_TRUE(some.ok()) << to_string(some.error());
      for (const auto& part : *some) EXPECT_LT(read_header(part.view())->base.value, limit);
    }
  }
}

TEST_F(compaction_test, reading_backwards_steps_over_holes) {
  update(300, 30);
  settle(log_->flushed());
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{5000}, std::make_unique<plain_judge>(), 64 << 20, 100'000).ok());
  const auto all = read_log(*log_);
  for (std::int64_t before = log_->end().value; before > 0; before -= 13) {
    std::vector<std::int64_t> expected, read;
    for (auto at : all.offsets)
      if (at < before) expected.push_back(at);
    for (offset at{before}; at > log_->start();) {
      auto runs = log_->read_back(at, 700);
      ASSERT_TRUE(runs.ok()) << to_string(runs.error());
      if (runs->empty()) break;
      for (const auto& run : *runs) {
        std::vector<std::int64_t> some;
        for (std::size_t i = 0; i < run.size();) {
          auto reader = batch_reader::open(run.part(i));
          for (auto r = reader->next(); *r; r = reader->next())
            if ((*r)->offset.value < before) some.push_back((*r)->offset.value);
          i += reader->header().size_bytes();
        }
        read.insert(read.begin(), some.begin(), some.end());
        at = read_header(run.view())->base;
      }
    }
    ASSERT_EQ(read, expected) << before;
  }
}

TEST_F(compaction_test, a_compacted_end_keeps_a_header) {
  append_updates(*folder_, *log_, {{"a", "1"}}, state_);
  append_updates(*folder_, *log_, {{"a", std::nullopt}}, state_);
  settle(log_->flushed());
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{0}).ok());  // a horizon that is over at once
  EXPECT_EQ(read_log(*log_).tombstones, 1);
  append_updates(*folder_, *log_, {{"b", "1"}}, state_);
  settle(log_->flushed());
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{0}, std::make_unique<plain_judge>(timestamp{10})).ok());
  EXPECT_EQ(read_log(*log_).records, 1);
  append_updates(*folder_, *log_, {{"b", std::nullopt}}, state_);
  settle(log_->flushed());
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{0}, std::make_unique<plain_judge>(timestamp{10})).ok());
  append_updates(*folder_, *log_, {{"c", "1"}}, state_);
  append_updates(*folder_, *log_, {{"c", "2"}}, state_, compression::none, {producer_id{9}, 0, 0});
  settle(log_->flushed());
  auto judge = std::make_unique<plain_judge>(timestamp{10}, std::set<std::int64_t>{9});
  state_["c"] = "1";  // as if the last one's transaction had been aborted
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{0}, std::move(judge)).ok());
  const auto left = read_log(*log_);  // comes to an end, for an empty batch says where that is
  EXPECT_EQ(left.records, 1);
  EXPECT_EQ(left.state, state_);
  expect_sound();
}

TEST_F(compaction_test, tombstones_wait_for_their_horizon) {
  update(50, 10);
  append_updates(*folder_, *log_, {{"key 3", std::nullopt}}, state_);
  settle(log_->flushed());
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{5000}).ok());
  EXPECT_GE(read_log(*log_).tombstones, 1);
  update(1, 1);
  settle(log_->flushed());
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{9000}, std::make_unique<plain_judge>(timestamp{4999})).ok());
  EXPECT_GE(read_log(*log_).tombstones, 1) << "its time is not over, and a second pass does not prolong it";
  append_updates(*folder_, *log_, {{"other", "value"}}, state_);
  settle(log_->flushed());
  ASSERT_TRUE(compact(*log_, log_->end(), timestamp{9000}, std::make_unique<plain_judge>(timestamp{5000})).ok());
  EXPECT_EQ(read_log(*log_).tombstones, 0);
  expect_sound();
}

TEST_F(compaction_test, many_keys_take_several_passes) {
  update(300, 2000);
  settle(log_->flushed());
  const offset end = log_->end();
  offset until;
  int passes = 0;
  for (; until < end; ++passes) {
    ASSERT_LT(passes, 100);
    auto done = compact(*log_, end, timestamp{5000}, std::make_unique<plain_judge>(), 24 * 300);
    ASSERT_TRUE(done.ok()) << to_string(done.error());
    ASSERT_GT(*done, until) << "each pass gets on";
    until = *done;
    EXPECT_EQ(log_->cleaned_until(), until);
    EXPECT_EQ(read_log(*log_).state, state_);
  }
  EXPECT_GT(passes, 3);
  const auto left = read_log(*log_);
  EXPECT_EQ(left.records, static_cast<std::int64_t>(state_.size()) + left.tombstones);
  expect_sound();
}

TEST_F(compaction_test, small_neighbours_are_merged) {
  update(600, 20);
  settle(log_->flushed());
  EXPECT_GT(log_->segments().size(), 3u);
  ASSERT_TRUE(compact(*log_, log_->end()).ok());
  EXPECT_EQ(log_->segments().size(), 2u) << "one with all that is left, and the one that is written";
  EXPECT_EQ(files_in(place_ / "data/00000001", ".seg").size(), 2u);
  expect_sound();
}

TEST_F(compaction_test, what_the_log_knows_besides_its_records_stays) {
  for (int i = 0; i < 40; ++i) {
    append_updates(*folder_, *log_, {{"same", std::to_string(i)}}, state_, compression::none,
                   {producer_id{i % 3}, 1, i}, timestamp{1000 * i});
  }
  settle(log_->flushed());
  const auto producers = log_->history()->producers;
  const auto appended = log_->appended();
  ASSERT_GT(appended.value, 0);
  ASSERT_TRUE(compact(*log_, log_->end()).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(log_->history()->producers, producers);
    EXPECT_EQ(log_->appended(), appended);
    EXPECT_EQ((*log_->find_time(timestamp{0}, log_->end()))->offset, offset{39}) << "the only record that is left";
    EXPECT_EQ((*log_->find_max_time(log_->end()))->at, timestamp{39'000});
    EXPECT_FALSE(*log_->find_time(timestamp{39'001}, log_->end()));
    reopen();
  }
}

TEST_F(compaction_test, readers_appends_and_deletions_go_on_meanwhile) {
  update(300, 40);
  settle(log_->flushed());
  const offset end = log_->end();
  auto pass = log_->begin_compaction({end, timestamp{5000}, limits::compaction_map_bytes, 1 << 20},
                                     std::make_unique<plain_judge>());
  ASSERT_TRUE(pass.ok());
  for (int i = 0; !(*pass)->done(); ++i) {
    ASSERT_TRUE((*pass)->step(20'000).ok());
    if (i % 10 == 0) {
      update(1, 40);
      EXPECT_EQ(read_log(*log_).state, state_);
    }
    if (i % 50 == 7) settle(log_->flushed());
  }
  pass = error{};  // it holds the log
  expect_sound();
  pass = log_->begin_compaction({log_->settled(), timestamp{5000}}, std::make_unique<plain_judge>());
  ASSERT_TRUE((*pass)->step(20'000).ok());
  ASSERT_TRUE(log_->delete_before(log_->end(), log_->end()).ok());
  result<std::size_t> stepped = std::size_t{0};
  while (stepped && !(*pass)->done()) stepped = (*pass)->step(20'000);
  EXPECT_EQ(stepped.code(), errc::closed) << "what it was about is gone";
  pass = error{};
  state_.clear();
  update(1, 5);
  expect_sound();
}

TEST_F(compaction_test, a_dropped_log_ends_its_pass) {
  update(100, 40);
  settle(log_->flushed());
  auto pass = log_->begin_compaction({log_->end(), timestamp{5000}}, std::make_unique<plain_judge>());
  ASSERT_TRUE((*pass)->step(20'000).ok());
  ASSERT_TRUE(folder_->drop_log(partition_id{1}).ok());
  result<std::size_t> stepped = std::size_t{0};
  while (stepped && !(*pass)->done()) stepped = (*pass)->step(20'000);
  EXPECT_EQ(stepped.code(), errc::closed);
}

TEST_F(compaction_test, a_pass_cut_at_any_step_leaves_the_log_right) {
  update(60, 30);
  settle(log_->flushed());
  for (int cut = 0; cut < 60; ++cut) {
    update(2, 30);
    settle(log_->flushed());
    auto left = compact(*log_, log_->end(), timestamp{5000}, std::make_unique<plain_judge>(timestamp{4000 + 100 * cut}),
                        24 * 100, 40'000, cut);
    ASSERT_TRUE(left.ok()) << to_string(left.error());
    reopen();
    ASSERT_EQ(read_log(*log_).state, state_) << cut;
  }
  expect_sound();
}

TEST_F(compaction_test, an_interrupted_swap_is_finished_by_the_next_opening) {
  update(400, 30);
  settle(log_->flushed());
  const auto files = files_in(place_ / "data/00000001", ".seg");
  std::vector<std::string> content;
  for (const auto& f : files) content.push_back(slurp(f));
  ASSERT_TRUE(compact(*log_, log_->end()).ok());
  const auto after = read_log(*log_);
  log_.reset();
  folder_.reset();
  const auto left = files_in(place_ / "data/00000001", ".seg");
  for (std::size_t i = 0; i + 1 < files.size(); ++i) spill(files[i], content[i]);  // as if not unlinked yet
  spill(place_ / "data/00000001" / "0000000000000000-0009.seg.tmp", "half a file");
  EXPECT_TRUE(inspect(place_ / "data")->good());
  reopen();
  EXPECT_EQ(read_log(*log_).offsets, after.offsets);
  EXPECT_EQ(files_in(place_ / "data/00000001", ".seg"), left);
  EXPECT_TRUE(files_in(place_ / "data/00000001", ".tmp").empty());
}

TEST_F(compaction_test, damage_is_never_copied) {
  update(200, 30);
  settle(log_->flushed());
  const auto file = files_in(place_ / "data/00000001", ".seg").front();
  log_.reset();
  folder_.reset();
  std::string content = slurp(file);
  content[content.find("key 1") + 60] ^= 1;
  spill(file, content);
  reopen();
  const auto done = compact(*log_, log_->end());
  EXPECT_EQ(done.code(), errc::corrupt_data);
  EXPECT_NE(done.error().message.find(file.filename().string()), std::string::npos);
  EXPECT_TRUE(fs::exists(file));
}

}  // namespace
}  // namespace dohle::store::testing
