// What the tests of compaction share: records with keys, a judge as plain as can be, passes stepped to their end.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/store/store_fixture.hpp"

namespace dohle::store::testing {

/// The newest record of each key stays; tombstones go when `clock` has reached their batch's horizon.
class plain_judge : public compaction_judge {
 public:
  explicit plain_judge(timestamp clock = timestamp{0}, std::set<std::int64_t> aborted = {})
      : clock_(clock), aborted_(std::move(aborted)) {}
  void see(const batch_header& batch, std::string_view) override { seen += batch.record_count; }
  offset bound(offset end) const override { return std::min(end, most); }
  bool drops(const batch_header& batch) const override { return aborted_.contains(batch.producer.value); }
  bool stays(const batch_header& batch, const record_view& r, std::optional<offset> newest) const override {
    if (newest && *newest > r.offset) return false;
    return r.value || !(batch.has_horizon() && batch.base_timestamp <= clock_);
  }

  std::int64_t seen = 0;
  offset most{std::numeric_limits<std::int64_t>::max()};

 private:
  timestamp clock_;
  std::set<std::int64_t> aborted_;
};

using key_values = std::map<std::string, std::string>;

/// A batch of updates, a missing value deletes, and what they do to `state`.
inline void append_updates(folder& in, log& to,
                           const std::vector<std::pair<std::string, std::optional<std::string>>>& of, key_values& state,
                           compression codec = compression::none, producer_stamp from = {},
                           timestamp at = timestamp{1000}) {
  batch_builder builder;
  for (const auto& [key, value] : of) {
    ASSERT_TRUE(builder.add(at, key, value ? std::optional<std::string_view>{*value} : std::nullopt));
    if (value)
      state[key] = *value;
    else
      state.erase(key);
  }
  auto batch = builder.build(codec, from);
  ASSERT_TRUE(batch.ok());
  stamp_batch(*batch, to.end(), epoch{1}, std::nullopt);
  flush(in, to, {to.append(*batch, *read_header(batch->view()))});
}

struct read_back {
  key_values state;
  std::int64_t records = 0;
  std::int64_t tombstones = 0;
  std::vector<std::int64_t> offsets;
};

/// As a fresh reader sees the log: everything from its start on, stepping behind each batch.
inline read_back read_log(log& in, std::size_t max_bytes = 50'000) {
  read_back out;
  offset at = in.start();
  while (at < in.flushed()) {
    auto parts = in.read(at, max_bytes, in.flushed());
    EXPECT_TRUE(parts.ok()) << to_string(parts.error());
    if (!parts || parts->empty()) {
      ADD_FAILURE() << "a reader stands still at " << at.value;
      return out;
    }
    for (const bytes& part : *parts) {
      for (std::size_t i = 0; i < part.size();) {
        auto reader = batch_reader::open(part.part(i));
        EXPECT_TRUE(reader.ok());
        for (auto r = reader->next(); r.ok() && *r; r = reader->next()) {
          if ((*r)->offset < at) continue;
          const std::string key{(*r)->key.value_or("")};
          ++out.records;
          out.offsets.push_back((*r)->offset.value);
          if ((*r)->value) {
            out.state[key] = std::string{*(*r)->value};
          } else {
            ++out.tombstones;
            out.state.erase(key);
          }
        }
        at = reader->header().end();
        i += reader->header().size_bytes();
      }
    }
  }
  return out;
}

/// Steps a pass to its end; `stop_after` steps it is left as it is, as if the process had ended.
inline result<offset> compact(log& of, offset end, timestamp horizon = timestamp{5000},
                              std::unique_ptr<compaction_judge> judge = std::make_unique<plain_judge>(),
                              std::size_t map_bytes = limits::compaction_map_bytes, std::size_t segment_bytes = 4 << 20,
                              int stop_after = -1) {
  auto pass = of.begin_compaction({end, horizon, map_bytes, segment_bytes}, std::move(judge));
  if (!pass) return pass.error();
  for (int i = 0; !(*pass)->done() && i != stop_after; ++i) {
    auto stepped = (*pass)->step(20'000);
    if (!stepped) return stepped.error();
  }
  return (*pass)->end();
}

}  // namespace dohle::store::testing
