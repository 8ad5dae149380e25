#include "store/inspect.hpp"

#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

class inspect_test : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = open_folder(place_ / "data", {.spare_journal_files = 0});
    auto l = open_log(*folder_, 5);
    for (int i = 0; i < 30; ++i) append_flushed(*folder_, *l, 3, 5'000);
    ASSERT_TRUE(l->settle(offset{60}, 1 << 30).ok());
  }
  temporary_folder place_;
  std::unique_ptr<folder> folder_;
};

TEST_F(inspect_test, refuses_a_folder_in_use_and_one_that_is_none) {
  EXPECT_EQ(inspect(place_ / "data").code(), errc::folder_locked);
  EXPECT_EQ(inspect(place_ / "nowhere").code(), errc::wrong_folder);
}

TEST_F(inspect_test, lists_what_is_there_and_changes_nothing) {
  const std::string uuid = folder_->identity();
  folder_.reset();
  const fs::path journal = files_in(place_ / "data/journal", ".l0").front();
  const std::string before = slurp(journal);
  std::uint64_t seen[7] = {};
  auto report = inspect(place_ / "data", [&](const inspected& i) { ++seen[static_cast<int>(i.kind)]; });
  ASSERT_TRUE(report.ok()) << to_string(report.error());
  EXPECT_TRUE(report->good());
  EXPECT_EQ(report->identity, uuid);
  EXPECT_EQ(report->journal_files, 1u);
  EXPECT_EQ(report->records, 30u);
  EXPECT_EQ(report->segments, 1u);
  EXPECT_EQ(report->batches, 30u + 20u) << "20 have settled and still lie in the journal too";
  EXPECT_EQ(seen[static_cast<int>(item_kind::record)], 30u);
  EXPECT_EQ(seen[static_cast<int>(item_kind::batch)], 20u);
  EXPECT_EQ(seen[static_cast<int>(item_kind::fault)], 0u);
  EXPECT_EQ(slurp(journal), before);
  EXPECT_TRUE(open_folder(place_ / "data"));
}

TEST_F(inspect_test, names_each_fault_and_goes_on) {
  folder_.reset();
  for (const auto& file :
       {files_in(place_ / "data/journal", ".l0").front(), files_in(place_ / "data/00000005", ".seg").front()}) {
    std::string content = slurp(file);
    const std::size_t first = content.find(std::string(200, 'b')), second = content.rfind(std::string(200, 'h'));
    ASSERT_NE(first, std::string::npos);
    ASSERT_NE(second, std::string::npos);
    content[first] = '!';
    content[second] = '!';
    spill(file, content);
    auto report = inspect(place_ / "data");
    ASSERT_TRUE(report.ok());
    ASSERT_FALSE(report->good());
    EXPECT_EQ(report->faults.back().path, file);
    EXPECT_GT(report->faults.back().byte, 0u);
    EXPECT_GT(report->batches, 0u);
  }
}

}  // namespace
}  // namespace dohle::store::testing
