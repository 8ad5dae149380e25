#include "store/lmdb.hpp"

#include <cstring>

#include "store/page_check.hpp"
#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {
namespace {

using lmdb::access;
using lmdb::environment;

constexpr std::size_t map = 64 << 20;
const std::vector<lmdb::table> one_table{{nullptr, true}};

class lmdb_test : public ::testing::Test {
 protected:
  /// A file of `count` values with pages of their own.
  void make(std::uint64_t count) {
    auto env = environment::open(path_, access::build, map, one_table);
    ASSERT_TRUE(env.ok()) << to_string(env.error());
    auto txn = (*env)->begin_write();
    ASSERT_TRUE(txn.ok());
    for (std::uint64_t key = 0; key < count; ++key) {
      auto room = txn->append(0, lmdb::key_of(key), lmdb::whole_pages(5000));
      ASSERT_TRUE(room.ok());
      std::memset(*room, static_cast<int>(key), lmdb::whole_pages(5000));
    }
    ASSERT_TRUE(txn->commit().ok());
    ASSERT_TRUE((*env)->flush().ok());
  }
  temporary_folder place_;
  fs::path path_ = place_ / "file";
};

TEST_F(lmdb_test, values_fill_whole_pages) {
  EXPECT_EQ(lmdb::whole_pages(1), 4080u);
  EXPECT_EQ(lmdb::whole_pages(4080), 4080u);
  EXPECT_EQ(lmdb::whole_pages(4081), 8176u);
  make(10);
  EXPECT_LE(fs::file_size(path_), (2 + 20 + 3) * 4096u);
}

TEST_F(lmdb_test, one_file_is_opened_once_in_a_process) {
  make(1);
  auto first = environment::open(path_, access::read, 0, one_table);
  ASSERT_TRUE(first.ok());
  fs::create_symlink(path_, place_ / "other name");
  EXPECT_FALSE(environment::open(path_, access::read, 0, one_table).ok());
  EXPECT_FALSE(environment::open(place_ / "other name", access::write, map, one_table).ok());
  first->reset();
  EXPECT_TRUE(environment::open(path_, access::write, map, one_table).ok());
}

TEST_F(lmdb_test, a_cursor_finds_what_lies_before_and_after) {
  make(10);
  auto env = environment::open(path_, access::read, 0, one_table);
  auto txn = (*env)->begin_read();
  auto cursor = txn->open_cursor(0);
  std::uint64_t key = 20;
  EXPECT_FALSE(*cursor->seek(lmdb::key_of(key)));
  ASSERT_TRUE(*cursor->seek_back(lmdb::key_of(key)));
  std::memcpy(&key, cursor->key().data(), sizeof key);
  EXPECT_EQ(key, 9u);
  EXPECT_EQ(cursor->value().size(), 8176u);
  EXPECT_EQ(lmdb::place_of(cursor->value()) % 4096, 16u);
}

TEST_F(lmdb_test, an_aborted_transaction_leaves_nothing) {
  make(3);
  auto env = environment::open(path_, access::write, map, one_table);
  ASSERT_TRUE(env.ok());
  const std::uint64_t key = 3;
  {
    auto txn = (*env)->begin_write();
    ASSERT_TRUE(txn->append(0, lmdb::key_of(key), 4080).ok());
  }
  auto txn = (*env)->begin_read();
  EXPECT_FALSE(txn->get(0, lmdb::key_of(key))->has_value());
}

/// What would end the process inside LMDB is an error that names the page.
TEST_F(lmdb_test, a_damaged_tree_is_refused_before_it_is_mapped) {
  make(500);  // a root and several leaves
  ASSERT_TRUE(lmdb::check_tree(path_).ok());
  const std::string good = slurp(path_);
  const auto field = [&](std::size_t page, std::size_t at) {
    std::uint16_t value;
    std::memcpy(&value, good.data() + page * 4096 + at, sizeof value);
    return value;
  };
  int pages = 0;
  for (std::size_t page = 2; page < good.size() / 4096; ++page) {
    std::uint64_t own = 0;
    std::memcpy(&own, good.data() + page * 4096, sizeof own);
    const bool tree = own == page && (field(page, 10) == 1 || field(page, 10) == 2) && field(page, 12) > 16;
    if (!tree) continue;
    ++pages;
    const std::size_t node = field(page, 16);
    // Its own number, flags, both bounds, the first pointer, the first node's kind and page number.
    for (std::size_t at :
         {std::size_t{0}, std::size_t{10}, std::size_t{13}, std::size_t{15}, std::size_t{17}, node + 5}) {
      std::string wrong = good;
      wrong[page * 4096 + at] ^= 0x40;
      spill(path_, wrong);
      auto checked = lmdb::check_tree(path_);
      EXPECT_EQ(checked.code(), errc::corrupt_data) << "page " << page << " byte " << at;
    }
  }
  EXPECT_GT(pages, 3);
}

}  // namespace
}  // namespace dohle::store::testing
