// LMDB as owned things: an environment (one file), a transaction, a cursor. Its source is the only file that includes
// lmdb.h. Rules kept here: one environment per file in a process; pages of 4096 bytes; a file is looked at before it is
// mapped, because LMDB takes an empty file for an empty database and a cut one ends in SIGBUS; never NOSYNC, WRITEMAP,
// NORDAHEAD or DUPSORT; a map is never resized, its user begins a new file before it is full.
// Views into an environment live as long as their transaction. A write transaction belongs to the thread that began it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace dohle::store::lmdb {

inline constexpr std::size_t page_bytes = 4096;
/// A value on pages of its own lies this far behind the first page's beginning.
inline constexpr std::size_t page_header_bytes = 16;

/// The largest `n * 4096 - 16` below or at which a value wastes nothing: the size to reserve for `bytes`.
constexpr std::size_t whole_pages(std::size_t bytes) {
  return (bytes + page_header_bytes + page_bytes - 1) / page_bytes * page_bytes - page_header_bytes;
}

enum class access {
  build,   ///< a file under a temporary name: made when absent, one thread, no lock file
  write,   ///< one writer and readers of this process
  read,    ///< a file that is never written again, read from its beginning to its end: no lock file
  history  ///< the same, read here and there: nothing comes from the disk but what is touched or asked for
};

struct table {
  const char* name;   ///< nullptr: the unnamed one
  bool integer_keys;  ///< keys are native u64
};

/// A file's first two pages, as far as they must be known before LMDB maps it.
struct meta_info {
  std::uint64_t last_page = 0;
  std::uint64_t transaction = 0;
  std::uint64_t roots[2] = {};  ///< of the free list and the unnamed table; ~0 = empty
};
/// Refuses what is empty, no LMDB file, of another page size, or shorter than it should be: `corrupt_data`,
/// `wrong_folder`.
result<meta_info> check_file(const std::filesystem::path& path);

class transaction;

class environment {
 public:
  /// `tables` in the order in which they are named by number from now on. Only `build` makes them.
  static result<std::unique_ptr<environment>> open(const std::filesystem::path& path, access how, std::size_t map_bytes,
                                                   std::vector<table> tables);
  ~environment();
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

  const std::filesystem::path& path() const { return path_; }
  result<transaction> begin_read() const;
  result<transaction> begin_write();
  /// All commits so far are on the disk when this returns, the last one's root too.
  result<void> flush();
  /// Bytes of the file that its last commit uses.
  std::uint64_t used_bytes() const;

 private:
  friend class transaction;
  friend class cursor;
  environment(std::filesystem::path path, access how, std::vector<table> tables);
  error fail(int code, const char* doing) const;
  int open_tables(MDB_txn* txn, unsigned flags);

  std::filesystem::path path_;
  access how_;
  std::vector<table> tables_;
  std::vector<unsigned> handles_;
  bool tables_open_ = false;
  MDB_env* env_ = nullptr;
};

class cursor {
 public:
  cursor(cursor&& other) noexcept;
  cursor& operator=(cursor&&) = delete;
  ~cursor();
  /// false = there is none; then key() and value() mean nothing.
  result<bool> first();
  result<bool> last();
  result<bool> next();
  result<bool> previous();
  /// The first key at or after `key`.
  result<bool> seek(std::string_view key);
  /// The last key at or before `key`.
  result<bool> seek_back(std::string_view key);
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  friend class transaction;
  cursor(const environment* env, MDB_cursor* at) : env_(env), cursor_(at) {}
  result<bool> move(int operation);

  const environment* env_;
  MDB_cursor* cursor_;
  std::string_view key_;
  std::string_view value_;
};

class transaction {
 public:
  transaction(transaction&& other) noexcept;
  transaction& operator=(transaction&&) = delete;
  /// Aborts unless committed.
  ~transaction();

  result<std::optional<std::string_view>> get(std::size_t table, std::string_view key) const;
  result<void> put(std::size_t table, std::string_view key, std::string_view value);
  /// Like `put`, but an existing value stays.
  result<void> put_new(std::size_t table, std::string_view key, std::string_view value);
  /// Room for a value behind all others of the table: fill it before the next call.
  result<char*> append(std::size_t table, std::string_view key, std::size_t size);
  result<lmdb::cursor> open_cursor(std::size_t table) const;
  result<void> commit();

 private:
  friend class environment;
  transaction(const environment* env, MDB_txn* txn) : env_(env), txn_(txn) {}

  const environment* env_;
  MDB_txn* txn_;
  bool opened_tables_ = false;
};

/// An integer key's bytes.
inline std::string_view key_of(const std::uint64_t& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

/// Brings a large value into memory in small pieces: the kernel reads megabytes ahead at once, and a flush that falls
/// behind them waits for milliseconds. Costs next to nothing when the value is there.
void read_ahead(std::string_view value);

/// Where in the file a value with pages of its own begins. Only for values of 4080 bytes and more.
std::uint64_t place_of(std::string_view value);

/// The library's own version, for the log.
std::string version();

}  // namespace dohle::store::lmdb
