// Transactions in a log: what it remembers of the open ones and of the aborted, wherever their batches lie.
#include <algorithm>
#include <map>

#include "schema/control_batch.hpp"
#include "store/inspect.hpp"
#include "store/segment_format.hpp"
#include "tests/store/compaction_fixture.hpp"

namespace dohle::store::testing {
namespace {

constexpr std::size_t many = 100'000;

class log_transactions_test : public log_fixture {
 protected:
  void SetUp() override { open({.segment_bytes = 1200 * 1024, .tail_cache_bytes = 20'000}); }
  void put(const bytes& batch, epoch of = epoch{1}) {
    stamp_batch(batch, log_->end(), of, std::nullopt);
    flush(*folder_, *log_, {log_->append(batch, *read_header(batch.view()))});
  }
  void data(std::int64_t producer, std::size_t size = 20) {
    batch_builder b;
    ASSERT_TRUE(b.add(timestamp{1000}, "key " + std::to_string(producer), std::string(size, 'v')));
    auto plain = b.build(compression::none, {producer_id{producer}, 0, sequences_[producer]++});
    ASSERT_TRUE(plain.ok());
    // The builder knows no transactions: the bit is set here and the header written anew.
    auto header = *read_header(plain->view());
    header.attributes |= 16;
    std::vector<char> made(plain->data(), plain->data() + plain->size());
    detail::write_header(made.data(), header, made.size());
    open_.try_emplace(producer, log_->end());
    put(bytes::own(std::move(made)));
  }
  void marker(std::int64_t producer, marker_kind kind, std::int16_t of = 0) {
    if (auto was = open_.extract(producer); was && kind == marker_kind::abort)
      aborted_.push_back({producer_id{producer}, was.mapped(), log_->end(), false});
    put(marker_batch(producer_id{producer}, of, kind, timestamp{1000}));
  }
  /// The settled ones that reach into the range, by their markers.
  std::vector<ended_transaction> expected(offset from, offset end) const {
    std::vector<ended_transaction> out;
    for (const auto& a : aborted_)
      if (a.marker >= from && a.first < end && a.marker < log_->settled()) out.push_back(a);
    return out;
  }
  void expect_aborted() {
    for (std::int64_t from = 0; from < log_->end().value; from += 7) {
      for (std::int64_t end = from + 1; end <= log_->end().value; end += 11) {
        auto found = log_->aborted(offset{from}, offset{end}, many);
        ASSERT_TRUE(found.ok()) << to_string(found.error());
        ASSERT_TRUE(*found);
        ASSERT_EQ(**found, expected(offset{from}, offset{end})) << from << " to " << end;
      }
    }
  }
  void expect_open() {
    auto history = log_->history();
    ASSERT_TRUE(history.ok()) << to_string(history.error());
    std::map<std::int64_t, offset> open;
    for (const auto& p : history->producers)
      if (p.transaction) open.emplace(p.id.value, *p.transaction);
    EXPECT_EQ(open, open_);
    std::vector<ended_transaction> unsettled, behind;
    std::ranges::copy_if(history->ended, std::back_inserter(unsettled), [](const auto& e) { return !e.committed; });
    std::ranges::copy_if(aborted_, std::back_inserter(behind),
                         [&](const auto& a) { return a.marker >= log_->settled(); });
    EXPECT_EQ(unsettled, behind);
    EXPECT_EQ(history->settled, log_->settled());
  }

  generator chance_{7};
  std::map<std::int64_t, std::int32_t> sequences_;
  std::map<std::int64_t, offset> open_;
  std::vector<ended_transaction> aborted_;
};

TEST_F(log_transactions_test, remembers_open_and_aborted_ones_wherever_they_lie) {
  for (int i = 0; i < 600; ++i) {
    const auto who = static_cast<std::int64_t>(chance_.below(6));
    if (chance_.below(3) == 0)
      marker(who, chance_.below(2) == 0 ? marker_kind::abort : marker_kind::commit);
    else
      data(who, 12'000);
    if (i % 40 == 39) settle(offset{static_cast<std::int64_t>(chance_.below(log_->end().value))});
    if (i % 90 == 89) reopen();
    if (i % 60 == 59) expect_open();
  }
  EXPECT_GT(log_->segments().size(), 2u);
  expect_aborted();
  settle(log_->end());
  expect_open();
  reopen();
  expect_open();
  expect_aborted();
  log_.reset();
  folder_.reset();
  auto report = inspect(place_ / "data");
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->good());
}

TEST_F(log_transactions_test, a_search_says_when_there_are_too_many) {
  for (int i = 0; i < 5; ++i) {
    data(1);
    marker(1, marker_kind::abort);
  }
  settle(log_->end());
  EXPECT_EQ((*log_->aborted(offset{0}, log_->end(), 5))->size(), 5u);
  EXPECT_FALSE(*log_->aborted(offset{0}, log_->end(), 4));
}

TEST_F(log_transactions_test, a_search_ends_where_nothing_later_can_reach) {
  data(1);
  marker(1, marker_kind::abort);
  data(2);
  data(3);
  marker(3, marker_kind::abort);
  settle(log_->end());
  // The damaged third entry is not looked at when the first one says that all before offset 2 is decided.
  const auto entry = to_stored(aborted_entry{{producer_id{1}, offset{0}, offset{1}, false}, offset{2}});
  EXPECT_EQ(entry.last_stable, 2);
  auto value = std::string{bytes_of(entry)};
  EXPECT_EQ(read_aborted(aborted_key(offset{1}), value)->last_stable, offset{2});
  EXPECT_FALSE(read_aborted(aborted_key(offset{2}), value).ok()) << "it stands under its marker only";
  EXPECT_EQ((*log_->aborted(offset{0}, offset{2}, many))->size(), 1u);
  EXPECT_EQ((*log_->aborted(offset{0}, offset{4}, many))->size(), 2u);
}

TEST_F(log_transactions_test, a_marker_fences_with_its_epoch) {
  data(1);
  marker(1, marker_kind::commit, 4);
  for (int round = 0; round < 3; ++round) {
    auto history = log_->history();
    ASSERT_TRUE(history.ok());
    ASSERT_EQ(history->producers.size(), 1u);
    EXPECT_EQ(history->producers[0].epoch, 4);
    EXPECT_EQ(history->producers[0].last_sequence, -1);
    EXPECT_EQ(history->ended.size(), log_->settled() < log_->end() ? 1u : 0u);
    if (round == 0) settle(log_->end());
    if (round == 1) reopen();
  }
}

TEST_F(log_transactions_test, compaction_keeps_what_is_known_of_a_marker_as_long_as_it_stays) {
  for (int i = 0; i < 400; ++i) {
    const auto who = static_cast<std::int64_t>(chance_.below(4));
    data(who, 5'000);
    if (i % 3 == 2) marker(who, i % 2 == 0 ? marker_kind::abort : marker_kind::commit);
  }
  const auto pass_end = log_->end();
  data(9);
  settle(log_->end());
  ASSERT_GT(log_->segments().size(), 1u);
  ASSERT_TRUE(compact(*log_, pass_end).ok());
  for (int round = 0; round < 2; ++round) {
    expect_aborted();
    expect_open();
    reopen();
  }
}

TEST_F(log_transactions_test, an_epoch_ends_where_the_next_one_begins) {
  const auto plain = [&](int of) { put(make_batch(log_->end(), 2, 5'000, timestamp{1}, epoch{of}), epoch{of}); };
  std::map<int, offset> ends;
  for (int i = 0; i < 120; ++i) {
    const int of = 1 + i / 25 * 2;
    plain(of);
    ends[of] = log_->end();
  }
  for (int part = 0; part <= 3; ++part) {
    settle(offset{log_->end().value * part / 3});
    for (int asked = 0; asked < 12; ++asked) {
      auto found = log_->epoch_end(epoch{asked}, log_->end());
      ASSERT_TRUE(found.ok());
      auto behind = ends.upper_bound(asked);
      if (behind == ends.begin())
        EXPECT_FALSE(*found) << asked;
      else
        EXPECT_EQ(*found, (epoch_range{epoch{std::prev(behind)->first}, std::prev(behind)->second})) << asked;
    }
    EXPECT_EQ(*log_->epoch_end(epoch{99}, offset{3}), (epoch_range{epoch{1}, offset{3}})) << "bounded by the limit";
    EXPECT_FALSE(*log_->epoch_end(epoch{99}, offset{0}));
  }
  ASSERT_TRUE(log_->delete_before(ends[1], log_->end()).ok());
  EXPECT_FALSE(*log_->epoch_end(epoch{2}, log_->end())) << "its records are gone";
  EXPECT_EQ((*log_->epoch_end(epoch{3}, log_->end()))->end, ends[3]);
}

TEST(producer_record, without_a_transaction_it_is_what_older_programs_wrote) {
  producer_state p{producer_id{5}, 3, 12, offset{40}, 2, timestamp{99}};
  const auto plain = to_stored(p);
  EXPECT_EQ(plain.size(), plain_producer_bytes);
  EXPECT_EQ(*read_producer(producer_key(p.id), plain), p);
  p.transaction = offset{38};
  const auto open = to_stored(p);
  EXPECT_EQ(open.size(), sizeof(stored_producer));
  EXPECT_EQ(*read_producer(producer_key(p.id), open), p);
  EXPECT_FALSE(read_producer(producer_key(producer_id{6}), open).ok());
  EXPECT_FALSE(read_producer(producer_key(p.id), open.substr(0, plain_producer_bytes)).ok()) << "cut";
  // As written by version 0.1: epoch 3, sequence 12, offset 40, delta 2, time 99, of producer 5.
  std::string old{"\3\0\0\0\14\0\0\0\50\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\143\0\0\0\0\0\0\0", 32};
  const std::int64_t id = 5;
  const auto crc = crc32c(bytes_of(id), crc32c(old));
  std::memcpy(old.data() + 20, &crc, sizeof crc);
  p.transaction.reset();
  EXPECT_EQ(*read_producer(producer_key(p.id), old), p);
}

}  // namespace
}  // namespace dohle::store::testing
