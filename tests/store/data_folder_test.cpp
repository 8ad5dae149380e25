#include "store/data_folder.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

constexpr options tiny{.journal_file_bytes = 256 * 1024, .segment_bytes = 2 << 20, .tail_cache_bytes = 64 * 1024};

TEST(data_folder, keeps_what_was_flushed) {
  temporary_folder place;
  std::string uuid;
  {
    auto f = open_folder(place / "data");
    uuid = f->identity();
    EXPECT_EQ(uuid.size(), 36u);
    auto l = open_log(*f);
    EXPECT_EQ(l->end(), offset{0});
    flush(*f, *l, {l->open_epoch(epoch{3}), l->set_hard({epoch{3}, 7, offset{0}})});
    for (int i = 0; i < 10; ++i) append_flushed(*f, *l, 3, 50, timestamp{1000}, epoch{3});
    flush(*f, *l, {l->set_hard({epoch{3}, 7, offset{30}})});
    EXPECT_EQ(l->flushed_position(), (position{epoch{3}, offset{30}}));
  }
  auto f = open_folder(place / "data");
  EXPECT_EQ(f->identity(), uuid);
  EXPECT_EQ(f->partitions(), std::vector{partition_id{1}});
  auto l = open_log(*f);
  EXPECT_EQ(l->flushed_position(), (position{epoch{3}, offset{30}}));
  EXPECT_EQ(l->hard(), (hard_state{epoch{3}, 7, offset{30}}));
  EXPECT_EQ(open_log(*f), l);
  expect_records(*l, offset{0}, offset{30});
}

TEST(data_folder, an_unflushed_batch_is_not_there_after_a_restart) {
  temporary_folder place;
  {
    auto f = open_folder(place / "data");
    auto l = open_log(*f);
    append_flushed(*f, *l);
    append(*l);
    EXPECT_EQ(l->end(), offset{2});
    EXPECT_EQ(l->flushed(), offset{1});
  }
  auto f = open_folder(place / "data");
  EXPECT_EQ(open_log(*f)->end(), offset{1});
}

TEST(data_folder, grows_over_many_restarts_and_rolls) {
  temporary_folder place;
  std::int64_t total = 0;
  for (int life = 0; life < 25; ++life) {
    auto f = open_folder(place / "data", tiny);
    ASSERT_TRUE(f);
    auto one = open_log(*f, 1), two = open_log(*f, 2);
    ASSERT_EQ(one->end(), offset{total});
    ASSERT_EQ(two->end(), offset{total});
    for (int i = 0; i < 8; ++i, total += 5) {
      std::vector<entry> both{append(*one, 5, 3000), append(*two, 5, 10)};
      auto places = f->journal().commit(both);
      ASSERT_TRUE(places.ok()) << to_string(places.error());
      one->on_flushed({places->front()});
      two->on_flushed({places->back()});
    }
    if (life % 3 == 1) {
      ASSERT_TRUE(one->settle(one->flushed(), 1 << 30).ok());
      ASSERT_TRUE(two->settle(two->flushed(), 1 << 30).ok());
      ASSERT_TRUE(f->retire_journals().ok());
      EXPECT_EQ(f->journal().file_count(), 1u);
    }
    expect_records(*one, offset{0}, offset{total});
    expect_records(*two, offset{0}, offset{total});
  }
}

TEST(data_folder, refuses_a_second_opening_and_names_the_holder) {
  temporary_folder place;
  auto f = open_folder(place / "data");
  auto again = folder::open(place / "data");
  ASSERT_EQ(again.code(), errc::folder_locked);
  EXPECT_NE(again.error().message.find(std::to_string(::getpid())), std::string::npos) << again.error().message;
  EXPECT_NE(again.error().message.find("data"), std::string::npos);
  f.reset();
  EXPECT_TRUE(folder::open(place / "data").ok());
}

TEST(data_folder, refuses_a_folder_with_something_else) {
  temporary_folder place;
  fs::create_directory(place / "home");
  spill(place / "home/letter.txt", "dear aunt");
  EXPECT_EQ(folder::open(place / "home").code(), errc::wrong_folder);
  EXPECT_EQ(folder::open(place / "home/letter.txt").code(), errc::wrong_folder);
  EXPECT_EQ(slurp(place / "home/letter.txt"), "dear aunt");
  EXPECT_EQ(files_in(place / "home", "").size(), 1u) << "it left something behind";
}

TEST(data_folder, refuses_a_newer_format) {
  temporary_folder place;
  { open_folder(place / "data"); }
  std::string text = slurp(place / "data/IDENTITY");
  text.replace(text.find("format 1"), 8, "format 2");
  spill(place / "data/IDENTITY", text);
  EXPECT_EQ(folder::open(place / "data").code(), errc::newer_format);
}

TEST(data_folder, finishes_a_making_that_was_interrupted) {
  temporary_folder place;
  fs::create_directory(place / "data");
  spill(place / "data/LOCK", "");
  spill(place / "data/IDENTITY.tmp", "dohle da");
  { EXPECT_TRUE(open_folder(place / "data")); }
  EXPECT_FALSE(fs::exists(place / "data/IDENTITY.tmp"));
  EXPECT_TRUE(open_folder(place / "data"));
}

TEST(data_folder, dropped_partitions_stay_dropped) {
  temporary_folder place;
  {
    auto f = open_folder(place / "data", tiny);
    auto gone = open_log(*f, 1), stays = open_log(*f, 2);
    for (int i = 0; i < 20; ++i) {
      append_flushed(*f, *gone, 2, 100);
      append_flushed(*f, *stays, 2, 100);
    }
    ASSERT_TRUE(gone->settle(offset{10}, 1 << 20).ok());
    const entry late = append(*gone);
    ASSERT_TRUE(f->drop_log(partition_id{1}).ok());
    ASSERT_TRUE(f->drop_log(partition_id{1}).ok());
    EXPECT_EQ(gone->read(offset{0}, 1000, offset{1000}).code(), errc::unknown_partition);
    EXPECT_EQ(f->open_log(partition_id{1}).code(), errc::unknown_partition);
    auto refused = f->journal().commit(std::vector{late});
    ASSERT_TRUE(refused.ok());
    EXPECT_EQ(refused->front().sequence, 0u);
    EXPECT_EQ(f->partitions(), std::vector{partition_id{2}});
  }
  auto f = open_folder(place / "data", tiny);
  ASSERT_TRUE(f);
  EXPECT_EQ(f->partitions(), std::vector{partition_id{2}});
  expect_records(*open_log(*f, 2), offset{0}, offset{40});
  EXPECT_TRUE(f->drop_log(partition_id{1}).ok());
}

TEST(data_folder, an_entry_behind_a_refused_one_is_refused) {
  temporary_folder place;
  auto f = open_folder(place / "data");
  auto l = open_log(*f);
  append_flushed(*f, *l);
  append(*l);  // refused, say: never reaches the journal
  const entry late = append(*l);
  l->drop_unflushed();
  EXPECT_EQ(l->end(), offset{1});
  auto places = f->journal().commit(std::vector{late});
  ASSERT_TRUE(places.ok());
  EXPECT_EQ(places->front().sequence, 0u);
  l->on_flushed(*places);
  append_flushed(*f, *l);
  EXPECT_EQ(l->flushed(), offset{2});
  expect_records(*l, offset{0}, offset{2});
}

/// A process that is killed in the middle leaves at least what it said it had.
TEST(data_folder, survives_a_killed_process) {
  temporary_folder place;
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto f = folder::open(place / "data", tiny);
    auto l = *(*f)->open_log(partition_id{1});
    for (std::int64_t n = 1;; ++n) {
      bytes batch = make_batch(l->end(), 1, 2000);
      auto places = (*f)->journal().commit(std::vector{l->append(batch, *read_header(batch.view()))});
      l->on_flushed(*places);
      if (::write(pipe_ends[1], &n, sizeof n) != sizeof n) ::_exit(1);
    }
  }
  std::int64_t acked = 0;
  while (acked < 300) ASSERT_EQ(::read(pipe_ends[0], &acked, sizeof acked), static_cast<ssize_t>(sizeof acked));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe_ends[1]);
  std::int64_t more = 0;
  while (::read(pipe_ends[0], &more, sizeof more) == static_cast<ssize_t>(sizeof more)) acked = more;
  ::close(pipe_ends[0]);
  auto f = open_folder(place / "data", tiny);
  auto l = open_log(*f);
  EXPECT_GE(l->end().value, acked);
  EXPECT_LE(l->end().value, acked + 1);
  expect_records(*l, offset{0}, l->end());
}

}  // namespace
}  // namespace dohle::store::testing
