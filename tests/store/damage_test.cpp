// Every way in which a stored file can be wrong is an error that names it, never wrong data and never the end of the
// log.
#include <gtest/gtest.h>

#include "store/journal_file.hpp"
#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

constexpr int batches = 120;

class damage : public ::testing::Test {
 protected:
  /// A folder with something of everything: settled and not, several segments.
  void SetUp() override {
    auto f = open_folder(place_ / "data",
                         {.journal_file_bytes = 1 << 20, .segment_bytes = 1 << 20, .spare_journal_files = 0});
    auto l = open_log(*f);
    for (int i = 0; i < batches; ++i) {
      append_flushed(*f, *l, 2, 15'000);
      if (i == 90) {
        ASSERT_TRUE(l->settle(offset{160}, 1 << 30).ok());
      }
    }
    ASSERT_TRUE(f->retire_journals().ok());
    ASSERT_GT(l->segments().size(), 1u);
    l.reset();
    f.reset();
    journal_ = files_in(data() / "journal", ".l0").back();
    segments_ = files_in(data() / "00000001", ".seg");
    fs::copy(data(), place_ / "good", fs::copy_options::recursive);
  }
  fs::path data() const { return place_ / "data"; }
  void restore() {
    fs::remove_all(data());
    fs::copy(place_ / "good", data(), fs::copy_options::recursive);
  }

  /// Opens and reads all: the outcome must be all of the data, or an error that names `file`.
  /// True when an error was seen.
  bool open_and_read(const fs::path& file) {
    auto f = folder::open(data(), {.segment_bytes = 1 << 20, .spare_journal_files = 0});
    error why;
    if (!f) {
      why = f.error();
    } else {
      auto l = open_log(**f);
      EXPECT_EQ(l->end(), offset{2 * batches}) << "the log became shorter";
      for (offset from{0}; from.value < 2 * batches && why.message.empty();) {
        auto parts = l->read(from, 100'000, offset{2 * batches});
        if (!parts) {
          why = parts.error();
          break;
        }
        if (parts->empty()) {
          ADD_FAILURE() << "nothing at offset " << from.value << ", and no error";
          return false;
        }
        for (const bytes& part : *parts) {
          for (std::size_t at = 0; at < part.size();) {
            auto header = read_header(part.view().substr(at));
            if (!header || !validate_batch(part.view().substr(at, header->size_bytes()))) {
              ADD_FAILURE() << "a damaged batch came out";
              return true;
            }
            EXPECT_EQ(part.view().substr(at, header->size_bytes()), make_batch(header->base, 2, 15'000).view())
                << "another batch came out";
            EXPECT_EQ(header->base, from);
            from = header->end();
            at += header->size_bytes();
          }
        }
      }
    }
    if (why.message.empty()) return false;
    EXPECT_TRUE(why.code == errc::corrupt_data || why.code == errc::wrong_folder || why.code == errc::newer_format)
        << to_string(why);
    EXPECT_NE(why.message.find(file.filename().string()), std::string::npos) << to_string(why);
    return true;
  }
  bool after_writing(const fs::path& file, const std::string& content) {
    spill(file, content);
    const bool seen = open_and_read(file);
    restore();
    return seen;
  }

  temporary_folder place_;
  fs::path journal_;
  std::vector<fs::path> segments_;
};

TEST_F(damage, an_empty_file) {
  EXPECT_TRUE(after_writing(journal_, ""));
  for (const auto& s : segments_) EXPECT_TRUE(after_writing(s, ""));
}

TEST_F(damage, a_foreign_file) {
  EXPECT_TRUE(after_writing(journal_, std::string(100'000, 'x')));
  EXPECT_TRUE(after_writing(segments_[0], std::string(100'000, 'x')));
  EXPECT_TRUE(after_writing(journal_, slurp(segments_[0])));
  EXPECT_TRUE(after_writing(segments_[0], slurp(journal_)));
  EXPECT_TRUE(after_writing(segments_[0], slurp(segments_[1])));
}

TEST_F(damage, a_file_of_another_folder) {
  {
    auto f = open_folder(place_ / "other", {.segment_bytes = 1 << 20, .spare_journal_files = 0});
    auto l = open_log(*f);
    for (int i = 0; i < batches; ++i) append_flushed(*f, *l, 2, 15'000);
    ASSERT_TRUE(l->settle(offset{160}, 1 << 30).ok());
  }
  const auto foreign = files_in(place_ / "other/00000001", ".seg");
  EXPECT_TRUE(after_writing(segments_[0], slurp(foreign[0])));
  const auto journals = files_in(place_ / "other/journal", ".l0");
  EXPECT_TRUE(after_writing(journal_, slurp(journals.back())));
}

TEST_F(damage, a_missing_file) {
  fs::remove(segments_[0]);
  EXPECT_TRUE(open_and_read("00000001"));
  restore();
  fs::remove(segments_[1]);
  EXPECT_TRUE(open_and_read("00000001"));
  restore();
  fs::remove_all(data() / "00000001");
  EXPECT_TRUE(open_and_read("00000001"));
  restore();
  fs::remove(journal_);
  EXPECT_TRUE(open_and_read("journal"));
  restore();
  fs::remove_all(data() / "journal");
  EXPECT_TRUE(open_and_read("journal"));
}

TEST_F(damage, a_missing_journal_file_among_others) {
  for (int i = 0; i < 2; ++i) {
    auto f = open_folder(data(), {.segment_bytes = 1 << 20, .spare_journal_files = 0});
    append_flushed(*f, *open_log(*f), 1, 10);
  }
  const auto journals = files_in(data() / "journal", ".l0");
  ASSERT_GE(journals.size(), 3u);
  for (const auto& missing : journals) {
    const std::string content = slurp(missing);
    fs::remove(missing);
    EXPECT_FALSE(folder::open(data()).ok()) << missing;
    spill(missing, content);
  }
  EXPECT_TRUE(folder::open(data()).ok());
}

TEST_F(damage, a_cut_file) {
  for (const auto& file : {journal_, segments_[0], segments_.back()}) {
    const std::string content = slurp(file);
    for (std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{4096}, std::size_t{8192}, content.size() / 2,
                             content.size() - 4096})
      EXPECT_TRUE(after_writing(file, content.substr(0, size))) << file << " cut to " << size;
  }
}

TEST_F(damage, an_older_copy_of_the_journal) {
  std::string older;
  for (int i = 0; i < 3; ++i) {
    const auto newest = files_in(data() / "journal", ".l0").back();
    older = slurp(newest);
    auto f = open_folder(data(), {.segment_bytes = 1 << 20, .spare_journal_files = 0});
    append_flushed(*f, *open_log(*f), 1, 10);
  }
  // The newest file goes back to how it was before its last groups.
  {
    auto f = open_folder(data(), {.segment_bytes = 1 << 20, .spare_journal_files = 0});
    const auto newest = files_in(data() / "journal", ".l0").back();
    older = slurp(newest);
    for (int i = 0; i < 5; ++i) append_flushed(*f, *open_log(*f), 1, 10);
    f.reset();
    spill(newest, older);
    EXPECT_TRUE(open_and_read(newest));
  }
}

TEST_F(damage, an_older_copy_of_a_segment) {
  const std::string older = slurp(segments_.back());
  {
    auto f = open_folder(data(), {.segment_bytes = 64 << 20});
    auto l = open_log(*f);
    ASSERT_TRUE(l->settle(l->end(), 1 << 30).ok());
    ASSERT_TRUE(f->retire_journals().ok());
  }
  ASSERT_EQ(files_in(data() / "00000001", ".seg"), segments_);
  spill(segments_.back(), older);
  EXPECT_TRUE(open_and_read("00000001"));
}

TEST_F(damage, a_zeroed_page_anywhere) {
  for (const auto& file : {journal_, segments_[0], segments_.back()}) {
    const std::string content = slurp(file);
    int seen = 0;
    for (std::size_t page = 0; page < content.size() / 4096; page += 1 + page / 7) {
      std::string wrong = content;
      wrong.replace(page * 4096, 4096, std::string(4096, '\0'));
      seen += after_writing(file, wrong);
    }
    EXPECT_GT(seen, 5);
  }
}

TEST_F(damage, flipped_bits_anywhere) {
  generator chance(7);
  int seen = 0;
  for (int i = 0; i < 120; ++i) {
    const fs::path& file = i % 3 == 0 ? journal_ : segments_[static_cast<std::size_t>(i) % segments_.size()];
    std::string wrong = slurp(file);
    // Half of them within the first pages and the last ones, where the tree is.
    const std::size_t at = i % 2 ? chance.below(wrong.size())
                                 : (i % 4 ? chance.below(3 * 4096) : wrong.size() - 1 - chance.below(6 * 4096));
    wrong[at] = static_cast<char>(wrong[at] ^ (1 << chance.below(8)));
    seen += after_writing(file, wrong);
    if (HasFailure()) FAIL() << "flip " << i << " in " << file << " at byte " << at;
  }
  EXPECT_GT(seen, 30);
}

}  // namespace
}  // namespace dohle::store::testing
