// What the tests of the store share: a folder that goes away, batches that can be recognised, a generator of chance.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "schema/record_batch.hpp"
#include "store/folder.hpp"

namespace dohle::store::testing {

namespace fs = std::filesystem;

class temporary_folder {
 public:
  temporary_folder() {
    // In memory where there is room: these tests are not about the disk's speed.
    std::error_code ignored;
    const bool roomy = fs::space("/dev/shm", ignored).available > (std::uintmax_t{2} << 30) && !ignored;
    std::string name = ((roomy ? fs::path("/dev/shm") : fs::temp_directory_path()) / "dohle-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// splitmix64: the same numbers everywhere.
class generator {
 public:
  explicit generator(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }

 private:
  std::uint64_t state_;
};

/// A batch of `count` records whose values name their offsets, padded to about `value_bytes`; times from `at` on, 1
/// apart.
inline bytes make_batch(offset base, int count, std::size_t value_bytes, timestamp at = timestamp{1000},
                        epoch of = epoch{1}, compression codec = compression::none, producer_stamp from = {}) {
  batch_builder builder;
  for (int i = 0; i < count; ++i) {
    std::string value = std::to_string(base.value + i) + ":";
    if (value.size() < value_bytes) value.resize(value_bytes, static_cast<char>('a' + (base.value + i) % 26));
    auto added = builder.add(timestamp{at.value + i}, "key", value);
    if (!added) ADD_FAILURE() << to_string(added.error());
  }
  auto batch = builder.build(codec, from);
  if (!batch) ADD_FAILURE() << to_string(batch.error());
  stamp_batch(*batch, base, of, std::nullopt);
  return *batch;
}

inline std::unique_ptr<folder> open_folder(const fs::path& path, const options& settings = {}) {
  auto opened = folder::open(path, settings);
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : to_string(opened.error()));
  return opened.ok() ? std::move(*opened) : nullptr;
}

inline std::shared_ptr<log> open_log(folder& in, std::uint32_t id = 1) {
  auto opened = in.open_log(partition_id{id});
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : to_string(opened.error()));
  return opened.ok() ? *opened : nullptr;
}

inline entry append(log& to, int count = 1, std::size_t value_bytes = 20, timestamp at = timestamp{1000},
                    epoch of = epoch{1}, compression codec = compression::none, producer_stamp from = {}) {
  bytes batch = make_batch(to.end(), count, value_bytes, at, of, codec, from);
  return to.append(batch, *read_header(batch.view()));
}

inline void flush(folder& in, log& of, const std::vector<entry>& entries) {
  auto places = in.journal().commit(entries);
  ASSERT_TRUE(places.ok()) << to_string(places.error());
  of.on_flushed(*places);
}

inline void append_flushed(folder& in, log& to, int count = 1, std::size_t value_bytes = 20,
                           timestamp at = timestamp{1000}, epoch of = epoch{1}) {
  flush(in, to, {append(to, count, value_bytes, at, of)});
}

/// Reads [from, to), and what whole batches add behind, and checks that every record is the one that belongs there.
inline void expect_records(log& in, offset from, offset to, std::size_t max_bytes = 100'000) {
  while (from < to) {
    auto parts = in.read(from, max_bytes, to);
    ASSERT_TRUE(parts.ok()) << to_string(parts.error());
    ASSERT_FALSE(parts->empty()) << "nothing at " << from.value;
    for (const bytes& part : *parts) {
      for (std::size_t at = 0; at < part.size();) {
        auto header = validate_batch(part.view().substr(at, read_header(part.view().substr(at))->size_bytes()));
        ASSERT_TRUE(header.ok()) << to_string(header.error());
        auto reader = batch_reader::open(part.part(at));
        ASSERT_TRUE(reader.ok()) << to_string(reader.error());
        for (auto record = reader->next(); record.ok() && *record; record = reader->next()) {
          if ((*record)->offset < from) continue;
          ASSERT_EQ((*record)->offset, from);
          const std::string value{*(*record)->value};
          ASSERT_EQ(value.substr(0, value.find(':')), std::to_string(from.value));
          ++from;
        }
        at += header->size_bytes();
      }
    }
  }
}

/// A folder with one log, which is opened as often as a test likes.
class log_fixture : public ::testing::Test {
 protected:
  void open(const options& settings = {}) {
    log_.reset();
    folder_.reset();
    settings_ = settings;
    folder_ = open_folder(place_ / "data", settings);
    ASSERT_TRUE(folder_);
    log_ = open_log(*folder_);
    ASSERT_TRUE(log_);
  }
  void reopen() { open(settings_); }
  void settle(offset limit) {
    auto moved = log_->settle(limit, std::size_t{1} << 30);
    ASSERT_TRUE(moved.ok()) << to_string(moved.error());
  }

  temporary_folder place_;
  options settings_;
  std::unique_ptr<folder> folder_;
  std::shared_ptr<log> log_;
};

inline std::vector<fs::path> files_in(const fs::path& path, const std::string& ending) {
  std::vector<fs::path> found;
  for (const auto& e : fs::directory_iterator(path)) {
    if (e.path().filename().string().ends_with(ending)) found.push_back(e.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const fs::path& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
}

}  // namespace dohle::store::testing
