#include "store/lmdb.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "store/files.hpp"

namespace dohle::store::lmdb {

static_assert(std::endian::native == std::endian::little && sizeof(std::size_t) == 8,
              "the stored formats are those of 64-bit little-endian machines");

namespace {

/// Concurrent readers of one environment: every disk-reading thread of a process, many times over.
constexpr unsigned max_readers = 1024;

/// Files that this process has open. Closing a second environment of the same file would drop the first one's locks.
std::mutex open_files_mutex;
std::set<std::string>& open_files() {
  static std::set<std::string> files;
  return files;
}

std::string absolute_name(const std::filesystem::path& path) {
  std::error_code ignored;
  auto full = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? path.string() : full.string();
}

void on_assert(MDB_env*, const char* message) { invariant_broken("LMDB's own check", "lmdb", 0, message); }

MDB_val to_val(std::string_view view) { return {view.size(), const_cast<char*>(view.data())}; }
std::string_view to_view(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

template <class T>
T field(const char* page, std::size_t at) {
  T value;
  std::memcpy(&value, page + at, sizeof value);
  return value;
}

error damaged(const std::filesystem::path& path, const std::string& why) {
  return {errc::corrupt_data, path.string() + " " + why,
          "restore this file from where it was copied, or remove the folder if its data is replicated"};
}

// A meta page: 16 bytes of page header (0 page number, 10 flags), then 16 magic | 20 version | 24 address | 32 map size
// | 40 free list: 40 page size ... 80 root | 88 unnamed table: ... 128 root | 136 last page | 144 transaction.
result<meta_info> read_meta(const char* page, const std::filesystem::path& path) {
  if (field<std::uint32_t>(page, 16) != 0xBEEFC0DE || (field<std::uint16_t>(page, 10) & 8) == 0)
    return damaged(path, "is not an LMDB file: its first pages hold something else");
  if (field<std::uint32_t>(page, 20) != 1)
    return error{errc::newer_format, path.string() + " was written by another version of LMDB",
                 "use the newer program"};
  if (field<std::uint32_t>(page, 40) != page_bytes) return damaged(path, "does not have pages of 4096 bytes");
  meta_info info;
  info.roots[0] = field<std::uint64_t>(page, 80);
  info.roots[1] = field<std::uint64_t>(page, 128);
  info.last_page = field<std::uint64_t>(page, 136);
  info.transaction = field<std::uint64_t>(page, 144);
  return info;
}

}  // namespace

result<meta_info> check_file(const std::filesystem::path& path) {
  std::error_code problem;
  if (!std::filesystem::is_regular_file(path, problem)) return damaged(path, "is missing");
  auto file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  auto size = size_of(*file, path);
  if (!size) return size.error();
  if (*size == 0) return damaged(path, "is empty");
  if (*size < 2 * page_bytes) return damaged(path, "is cut off: " + std::to_string(*size) + " bytes are left");
  std::vector<char> pages(2 * page_bytes);
  if (auto r = read_at(*file, 0, pages.data(), pages.size(), path); !r) return r.error();
  auto one = read_meta(pages.data(), path);
  if (!one) return one;
  auto other = read_meta(pages.data() + page_bytes, path);
  if (!other) return other;
  const meta_info newest = one->transaction > other->transaction ? *one : *other;
  if (*size / page_bytes <= newest.last_page)
    return damaged(path, "is cut off: it has " + std::to_string(*size) + " bytes and should have at least " +
                             std::to_string((newest.last_page + 1) * page_bytes));
  return newest;
}

environment::environment(std::filesystem::path path, access how, std::vector<table> tables)
    : path_(std::move(path)), how_(how), tables_(std::move(tables)), handles_(tables_.size()) {}

result<std::unique_ptr<environment>> environment::open(const std::filesystem::path& path, access how,
                                                       std::size_t map_bytes, std::vector<table> tables) {
  std::error_code ignored;
  if (how != access::build || std::filesystem::exists(path, ignored)) {
    if (auto r = check_file(path); !r) return r.error();
  }
  {
    std::lock_guard lock(open_files_mutex);
    if (!open_files().insert(absolute_name(path)).second)
      return error{errc::internal, path.string() + " is already open in this process", ""};
  }
  std::unique_ptr<environment> made(new environment(path, how, std::move(tables)));
  unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
  if (how == access::read || how == access::history) flags |= MDB_RDONLY | MDB_NOLOCK;
  if (how == access::history || how == access::write) flags |= MDB_NORDAHEAD;
  if (how == access::write) flags |= MDB_NOMETASYNC;
  if (how == access::build) flags |= MDB_NOMETASYNC | MDB_NOLOCK;
  int rc = mdb_env_create(&made->env_);
  if (rc != 0) return made->fail(rc, "opening");
  mdb_env_set_assert(made->env_, on_assert);
  mdb_env_set_maxdbs(made->env_, 4);
  if (how == access::write) mdb_env_set_maxreaders(made->env_, max_readers);
  rc = mdb_env_set_mapsize(made->env_, map_bytes);
  if (rc == 0) rc = mdb_env_open(made->env_, path.c_str(), flags, 0644);
  if (rc != 0) return made->fail(rc, "opening");
  MDB_stat stat{};
  mdb_env_stat(made->env_, &stat);
  if (stat.ms_psize != page_bytes) return damaged(path, "does not have pages of 4096 bytes");
  if (how != access::build) {
    MDB_txn* txn = nullptr;
    rc = mdb_txn_begin(made->env_, nullptr, MDB_RDONLY, &txn);
    if (rc == 0) {
      rc = made->open_tables(txn, 0);
      if (rc == 0)
        rc = mdb_txn_commit(txn);  // keeps the handles
      else
        mdb_txn_abort(txn);
    }
    if (rc != 0) return made->fail(rc, "opening");
    made->tables_open_ = true;
  }
  return made;
}

environment::~environment() {
  if (env_) mdb_env_close(env_);
  std::lock_guard lock(open_files_mutex);
  open_files().erase(absolute_name(path_));
}

int environment::open_tables(MDB_txn* txn, unsigned flags) {
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    const unsigned kind = tables_[i].integer_keys ? MDB_INTEGERKEY : 0;
    const int rc = mdb_dbi_open(txn, tables_[i].name, flags | kind, &handles_[i]);
    if (rc != 0) return rc;
  }
  return 0;
}

error environment::fail(int code, const char* doing) const {
  if (code > 0) return io_error(code, doing, path_);
  const std::string what = std::string{"LMDB says \""} + mdb_strerror(code) + "\"";
  switch (code) {
    case MDB_PANIC: return {errc::storage_failed, path_.string() + ": " + what, "check the disk and the system's log"};
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_NOTFOUND:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_TXN: return damaged(path_, "is damaged: " + what);
    case MDB_READERS_FULL:
      return {errc::busy, path_.string() + ": " + std::to_string(max_readers) + " threads read it already",
              "try again"};
    default: return {errc::internal, std::string{doing} + " " + path_.string() + ": " + what, ""};
  }
}

result<transaction> environment::begin_read() const {
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); rc != 0) return fail(rc, "reading");
  return transaction{this, txn};
}

result<transaction> environment::begin_write() {
  DOHLE_ASSERT(how_ != access::read && how_ != access::history, "a file that is never written again");
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env_, nullptr, 0, &txn); rc != 0) return fail(rc, "writing");
  transaction made{this, txn};
  if (!tables_open_) {
    if (const int rc = open_tables(txn, MDB_CREATE); rc != 0) return fail(rc, "writing");
    made.opened_tables_ = true;
  }
  return made;
}

result<void> environment::flush() {
  if (const int rc = mdb_env_sync(env_, 1); rc != 0) {
    // Whatever the reason: what a failed flush left behind is unknown, and a repeated one proves nothing.
    auto e = fail(rc, "flushing");
    e.code = errc::storage_failed;
    return e;
  }
  return {};
}

std::uint64_t environment::used_bytes() const {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  return (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * page_bytes;
}

transaction::transaction(transaction&& other) noexcept
    : env_(other.env_), txn_(std::exchange(other.txn_, nullptr)), opened_tables_(other.opened_tables_) {}

transaction::~transaction() {
  if (txn_) mdb_txn_abort(txn_);
}

result<std::optional<std::string_view>> transaction::get(std::size_t table, std::string_view key) const {
  MDB_val k = to_val(key), v{};
  const int rc = mdb_get(txn_, env_->handles_[table], &k, &v);
  if (rc == MDB_NOTFOUND) return std::optional<std::string_view>{};
  if (rc != 0) return env_->fail(rc, "reading");
  return std::optional{to_view(v)};
}

result<void> transaction::put(std::size_t table, std::string_view key, std::string_view value) {
  MDB_val k = to_val(key), v = to_val(value);
  if (const int rc = mdb_put(txn_, env_->handles_[table], &k, &v, 0); rc != 0) return env_->fail(rc, "writing");
  return {};
}

result<void> transaction::put_new(std::size_t table, std::string_view key, std::string_view value) {
  MDB_val k = to_val(key), v = to_val(value);
  const int rc = mdb_put(txn_, env_->handles_[table], &k, &v, MDB_NOOVERWRITE);
  if (rc != 0 && rc != MDB_KEYEXIST) return env_->fail(rc, "writing");
  return {};
}

result<char*> transaction::append(std::size_t table, std::string_view key, std::size_t size) {
  MDB_val k = to_val(key), v{size, nullptr};
  const int rc = mdb_put(txn_, env_->handles_[table], &k, &v, MDB_APPEND | MDB_RESERVE);
  DOHLE_ASSERT(rc != MDB_MAP_FULL, "a file is rolled before its map is full");
  DOHLE_ASSERT(rc != MDB_KEYEXIST, "appended keys only grow");
  if (rc != 0) return env_->fail(rc, "writing");
  return static_cast<char*>(v.mv_data);
}

result<cursor> transaction::open_cursor(std::size_t table) const {
  MDB_cursor* made = nullptr;
  if (const int rc = mdb_cursor_open(txn_, env_->handles_[table], &made); rc != 0) return env_->fail(rc, "reading");
  return cursor{env_, made};
}

result<void> transaction::commit() {
  const int rc = mdb_txn_commit(std::exchange(txn_, nullptr));
  if (rc != 0) return env_->fail(rc, "writing");
  if (opened_tables_) const_cast<environment*>(env_)->tables_open_ = true;  // begun by begin_write: not const there
  return {};
}

cursor::cursor(cursor&& other) noexcept
    : env_(other.env_), cursor_(std::exchange(other.cursor_, nullptr)), key_(other.key_), value_(other.value_) {}

cursor::~cursor() {
  if (cursor_) mdb_cursor_close(cursor_);
}

result<bool> cursor::move(int operation) {
  MDB_val k = to_val(key_), v{};
  const int rc = mdb_cursor_get(cursor_, &k, &v, static_cast<MDB_cursor_op>(operation));
  if (rc == MDB_NOTFOUND) return false;
  if (rc != 0) return env_->fail(rc, "reading");
  key_ = to_view(k);
  value_ = to_view(v);
  return true;
}

result<bool> cursor::first() { return move(MDB_FIRST); }
result<bool> cursor::last() { return move(MDB_LAST); }
result<bool> cursor::next() { return move(MDB_NEXT); }
result<bool> cursor::previous() { return move(MDB_PREV); }

result<bool> cursor::seek(std::string_view key) {
  key_ = key;
  return move(MDB_SET_RANGE);
}

result<bool> cursor::seek_back(std::string_view key) {
  auto found = seek(key);
  if (!found) return found;
  if (!*found) return last();
  return key_ == key ? found : previous();
}

void read_ahead(std::string_view value) {
  constexpr std::size_t piece = 32 * page_bytes;
  const auto begin = reinterpret_cast<std::uintptr_t>(value.data()) / page_bytes * page_bytes;
  const auto end = reinterpret_cast<std::uintptr_t>(value.data()) + value.size();
  const auto ask = [&](std::uintptr_t at) {
    if (at < end) ::madvise(reinterpret_cast<void*>(at), std::min<std::uintptr_t>(piece, end - at), MADV_WILLNEED);
  };
  ask(begin);
  for (auto at = begin; at < end; at += piece) {
    ask(at + piece);
    static_cast<void>(*reinterpret_cast<const volatile char*>(std::min(at + piece, end) - 1));  // waits for this one
  }
}

std::uint64_t place_of(std::string_view value) {
  return field<std::uint64_t>(value.data() - page_header_bytes, 0) * page_bytes + page_header_bytes;
}

std::string version() {
  int major = 0, minor = 0, patch = 0;
  mdb_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace dohle::store::lmdb
