#include "store/journal_store.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/journal_recovery.hpp"
#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

/// The two pages that say which transaction a journal file ends with.
std::string root_pages(const fs::path& file) { return slurp(file).substr(0, 8192); }

void put_root_pages(const fs::path& file, const std::string& pages) {
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  out.write(pages.data(), static_cast<std::streamsize>(pages.size()));
}

/// A power cut may take the newest root page and leave the frames: the acknowledged group is found all the same.
TEST(journal_store, rolls_an_acknowledged_group_forward_whose_root_is_lost) {
  temporary_folder place;
  std::int64_t total = 0;
  for (int cut = 0; cut < 6; ++cut) {
    {
      auto f = open_folder(place / "data");
      ASSERT_TRUE(f);
      auto l = open_log(*f);
      ASSERT_EQ(l->end(), offset{total}) << "after cut " << cut;
      for (int i = 0; i < 3; ++i, ++total) append_flushed(*f, *l);
      const auto newest = files_in(place / "data/journal", ".l0").back();
      const std::string before = root_pages(newest);
      // One small group, a group of many frames, one with a frame of its own.
      const int count = cut % 3 == 0 ? 1 : cut % 3 == 1 ? 40 : 2;
      std::vector<entry> group;
      for (int i = 0; i < count; ++i, ++total) group.push_back(append(*l, 1, cut % 3 == 2 ? 400'000 : 20'000));
      flush(*f, *l, group);
      l.reset();
      f.reset();
      put_root_pages(newest, before);
    }
    auto f = open_folder(place / "data");
    ASSERT_TRUE(f);
    auto l = open_log(*f);
    ASSERT_EQ(l->end(), offset{total});
    expect_records(*l, offset{0}, offset{total});
  }
}

/// Frames of an earlier life of a file that was written over look right in everything but the file's epoch.
TEST(journal_store, lost_frames_are_this_lifes_only) {
  temporary_folder place;
  auto f = open_folder(place / "data");
  for (int i = 0; i < 3; ++i) append_flushed(*f, *open_log(*f));
  f.reset();
  const auto newest = files_in(place / "data/journal", ".l0").back();
  const std::string content = slurp(newest);
  std::uint64_t file_epoch = 0;
  for (std::size_t page = 2 * 4096; page < content.size() && file_epoch == 0; page += 4096) {
    frame_header h;
    std::memcpy(&h, content.data() + page + 16, sizeof h);
    if (h.magic == frame_magic) file_epoch = h.epoch;
  }
  ASSERT_NE(file_epoch, 0u);
  EXPECT_EQ(find_lost_frames(newest, file_epoch, 0, 0)->size(), 3u);
  EXPECT_EQ(find_lost_frames(newest, file_epoch, 2, 2)->size(), 1u);
  EXPECT_EQ(find_lost_frames(newest, file_epoch, 3, 3)->size(), 0u);
  EXPECT_EQ(find_lost_frames(newest, file_epoch + 1, 0, 0)->size(), 0u);
}

/// A group of which a frame is torn was never acknowledged: it is not there, and what was acknowledged is.
TEST(journal_store, a_torn_group_is_not_there) {
  temporary_folder place;
  {
    auto f = open_folder(place / "data");
    auto l = open_log(*f);
    append_flushed(*f, *l);
  }
  fs::path newest;
  std::string before, identity;
  {
    auto f = open_folder(place / "data");
    auto l = open_log(*f);
    append_flushed(*f, *l);
    newest = files_in(place / "data/journal", ".l0").back();
    before = root_pages(newest);
    identity = slurp(place / "data/IDENTITY");
    flush(*f, *l, {append(*l, 1, 200'000), append(*l, 1, 200'000), append(*l, 1, 200'000)});
  }
  spill(place / "data/IDENTITY", identity);  // the cut came before the end was noted
  put_root_pages(newest, before);
  std::string content = slurp(newest);
  content[content.size() / 2] ^= 1;
  spill(newest, content);
  auto f = open_folder(place / "data");
  ASSERT_TRUE(f);
  auto l = open_log(*f);
  EXPECT_EQ(l->end(), offset{2});
  append_flushed(*f, *l);
  expect_records(*l, offset{0}, offset{3});
}

TEST(journal_store, recovery_cut_anywhere_can_be_repeated) {
  temporary_folder place;
  {
    auto f = open_folder(place / "data");
    auto l = open_log(*f);
    for (int i = 0; i < 5; ++i) append_flushed(*f, *l);
  }
  const auto newest = files_in(place / "data/journal", ".l0").back();
  std::string pages = root_pages(newest);
  fs::copy(place / "data", place / "cut", fs::copy_options::recursive);
  // The new file half made, and a spare half renamed.
  spill(place / "cut/journal/new.tmp", std::string(20'000, 'z'));
  spill(place / "cut/journal/pages.tmp", "");
  spill(place / "cut/journal/spare-1.l0", std::string(20'000, 'y'));
  for (int i = 0; i < 2; ++i) {
    auto f = open_folder(place / "cut");
    ASSERT_TRUE(f);
    expect_records(*open_log(*f), offset{0}, offset{5});
  }
}

TEST(journal_store, retired_files_are_written_over) {
  temporary_folder place;
  const options small{.journal_file_bytes = 300'000, .segment_bytes = 8 << 20, .spare_journal_files = 2};
  std::int64_t total = 0;
  for (int life = 0; life < 4; ++life) {
    auto f = open_folder(place / "data", small);
    ASSERT_TRUE(f);
    auto l = open_log(*f);
    ASSERT_EQ(l->end(), offset{total});
    for (int i = 0; i < 60; ++i, ++total) {
      append_flushed(*f, *l, 1, 20'000);
      if (i % 10 != 9) continue;
      ASSERT_TRUE(l->settle(l->flushed(), 1 << 30).ok());
      ASSERT_TRUE(f->retire_journals().ok());
      EXPECT_EQ(f->journal().file_count(), 1u);
    }
    EXPECT_LE(files_in(place / "data/journal", ".l0").size(), 3u);
    EXPECT_GE(files_in(place / "data/journal", ".l0").size(), 2u) << "no spare was kept";
    expect_records(*l, offset{0}, offset{total});
  }
  // The last life wrote over a spare: a lost root page must bring back its own last group, none of an earlier life.
  fs::path newest;
  std::string before;
  {
    auto f = open_folder(place / "data", small);
    auto l = open_log(*f);
    append_flushed(*f, *l, 1, 20'000);
    newest = files_in(place / "data/journal", ".l0").front();
    before = root_pages(newest);
    append_flushed(*f, *l, 1, 20'000);
  }
  put_root_pages(newest, before);
  auto f = open_folder(place / "data", small);
  ASSERT_TRUE(f);
  expect_records(*open_log(*f), offset{0}, offset{total + 2});
  EXPECT_EQ(open_log(*f)->end(), offset{total + 2});
}

TEST(journal_store, files_wait_for_the_slowest_partition) {
  temporary_folder place;
  auto f = open_folder(place / "data", {.journal_file_bytes = 200'000});
  auto slow = open_log(*f, 1), busy = open_log(*f, 2);
  append_flushed(*f, *slow);
  for (int i = 0; i < 40; ++i) append_flushed(*f, *busy, 1, 20'000);
  ASSERT_TRUE(busy->settle(busy->flushed(), 1 << 30).ok());
  ASSERT_TRUE(f->retire_journals().ok());
  EXPECT_GT(f->journal().file_count(), 3u);
  ASSERT_TRUE(slow->settle(slow->flushed(), 1 << 30).ok());
  ASSERT_TRUE(f->retire_journals().ok());
  EXPECT_EQ(f->journal().file_count(), 1u);
}

TEST(journal_store, a_group_too_large_is_refused_whole) {
  temporary_folder place;
  auto f = open_folder(place / "data");
  auto l = open_log(*f);
  std::vector<entry> group;
  for (int i = 0; i < 5; ++i) group.push_back(append(*l, 1, 12'000'000));
  EXPECT_EQ(f->journal().commit(group).code(), errc::invalid_request);
  l->drop_unflushed();
  append_flushed(*f, *l);
  EXPECT_EQ(l->flushed(), offset{1});
}

TEST(journal_store, an_empty_group_is_nothing) {
  temporary_folder place;
  auto f = open_folder(place / "data");
  EXPECT_TRUE(f->journal().commit({})->empty());
}

/// So many files may be opened more than are open; all that it knows of again when it goes away.
class few_descriptors {
 public:
  explicit few_descriptors(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::open("/dev/null", O_RDONLY);
    ::close(next);
    rlimit less = before_;
    less.rlim_cur = static_cast<rlim_t>(next) + more;
    ::setrlimit(RLIMIT_NOFILE, &less);
  }
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// The next file cannot be made, at any step of making it: groups are refused until it can, and none is lost or in a
/// file that recovery does not expect.
TEST(journal_store, too_many_open_files_when_it_rolls) {
  int refusals = 0;
  for (rlim_t more = 0; more < 6; ++more) {
    temporary_folder place;
    std::int64_t total = 0;
    const auto persist = [&](folder& f, log& l, std::size_t bytes) {
      auto places = f.journal().commit(std::vector{append(l, 1, bytes)});
      if (places) {
        l.on_flushed(*places);
        ++total;
      } else {
        EXPECT_EQ(places.code(), errc::busy) << to_string(places.error());
        ++refusals;
        l.drop_unflushed();
      }
    };
    {
      auto f = open_folder(place / "data", {.journal_file_bytes = 400'000});
      auto l = open_log(*f);
      for (int i = 0; i < 3; ++i) persist(*f, *l, 100'000);
      {
        const few_descriptors few(more);
        persist(*f, *l, 200'000);  // rolls
        persist(*f, *l, 10);       // would fit into the old file
        expect_records(*l, offset{0}, offset{total});
      }
      persist(*f, *l, 10);
      EXPECT_EQ(f->journal().file_count(), 2u);
    }
    auto f = open_folder(place / "data");
    ASSERT_TRUE(f) << more;
    EXPECT_EQ(open_log(*f)->end(), offset{total});
    expect_records(*open_log(*f), offset{0}, offset{total});
  }
  EXPECT_GT(refusals, 0);
}

/// A disk of its own that is soon full.
class small_disk : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(place_ / "disk");
    if (::mount("tmpfs", (place_ / "disk").c_str(), "tmpfs", 0, "size=40m") != 0)
      GTEST_SKIP() << "mounting a small disk needs root";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2((place_ / "disk").c_str(), MNT_DETACH);
  }
  temporary_folder place_;
  bool mounted_ = false;
};

TEST_F(small_disk, full_is_an_error_and_passes) {
  std::int64_t total = 0;
  {
    auto f = open_folder(place_ / "disk/data", {.segment_bytes = 8 << 20});
    auto l = open_log(*f);
    error why;
    while (why.message.empty()) {
      ASSERT_LT(total, 1000);
      const entry e = append(*l, 1, 300'000);
      auto places = f->journal().commit(std::vector{e});
      if (places) {
        l->on_flushed(*places);
        ++total;
      } else {
        why = places.error();
        l->drop_unflushed();
      }
    }
    EXPECT_EQ(why.code, errc::storage_full) << to_string(why);
    EXPECT_GT(total, 10);
    expect_records(*l, offset{0}, offset{total});
    // Fill the reserve too: LMDB itself meets the end.
    spill(place_ / "disk/ballast", std::string(14 << 20, 'b'));
    auto moved = l->settle(l->flushed(), 1 << 30);
    EXPECT_EQ(moved.code(), errc::storage_full);
    expect_records(*l, offset{0}, offset{total});
    fs::remove(place_ / "disk/ballast");
    ASSERT_EQ(::mount("tmpfs", (place_ / "disk").c_str(), "tmpfs", MS_REMOUNT, "size=120m"), 0);
    append_flushed(*f, *l, 1, 300'000);
    ++total;
    ASSERT_TRUE(l->settle(l->flushed(), 1 << 30).ok());
    expect_records(*l, offset{0}, offset{total});
  }
  auto f = open_folder(place_ / "disk/data");
  expect_records(*open_log(*f), offset{0}, offset{total});
}

}  // namespace
}  // namespace dohle::store::testing
