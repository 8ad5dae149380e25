// What a consumer leaves out of what it is given: batches of aborted transactions, and markers, in both directions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/consumer.hpp"
#include "schema/control_batch.hpp"
#include "tests/actors/fixture.hpp"

namespace dohle::actors {
namespace {

using namespace testing;
using ::testing::ElementsAre;

const topic_partition p0{"clicks", partition_index{0}};

bytes of_transaction(std::int64_t base, std::int64_t producer, const std::string& value) {
  auto plain = placed_batch(offset{base}, 2, value);
  auto header = *read_header(plain.view());
  header.attributes |= 16;
  header.producer = producer_id{producer};
  std::vector<char> made(plain.data(), plain.data() + plain.size());
  dohle::detail::write_header(made.data(), header, made.size());
  return bytes::own(std::move(made));
}

bytes marker(std::int64_t base, std::int64_t producer, marker_kind kind) {
  auto made = marker_batch(producer_id{producer}, 0, kind, timestamp{1});
  stamp_batch(made, offset{base}, epoch{1}, std::nullopt);
  return made;
}

class consumer_isolation_test : public deterministic {
 protected:
  void read(assigned_range range, consumer_options o = {}) {
    endpoint = owned(sys.spawn(scripted_endpoint, &broker));
    made = spawn_consumer(sys, endpoint, o, "test", 30s);
    owned(made.actor);
    settle();
    made.core->assign({std::move(range)});
    caf::anon_send(made.actor, wake_atom::value);
    settle();
  }
  void answer(std::vector<bytes> batches, std::vector<aborted_transaction> aborted) {
    auto asked = broker.take<fetch_request>();
    isolation_asked = asked.as<fetch_request>().isolation;
    asked.answer(fetch_response{offset{9}, offset{0}, std::move(batches), offset{9}, std::move(aborted)});
    settle();
  }
  std::vector<std::string> poll() {
    auto got = made.core->poll(100, 0ns);
    settle();
    std::vector<std::string> out;
    EXPECT_TRUE(got.ok());
    if (!got) return out;
    for (const auto& c : got->chunks)
      for (const auto& r : c) out.emplace_back(*r.value);
    return out;
  }

  script broker;
  caf::actor endpoint;
  spawned_consumer made;
  std::optional<isolation> isolation_asked;
  const std::vector<bytes> log{of_transaction(0, 1, "a"),         of_transaction(2, 2, "b"),
                               marker(4, 1, marker_kind::abort),  of_transaction(5, 1, "c"),
                               marker(7, 1, marker_kind::commit), marker(8, 2, marker_kind::abort)};
  const std::vector<aborted_transaction> aborted{{producer_id{1}, offset{0}}, {producer_id{2}, offset{2}}};
};

TEST_F(consumer_isolation_test, aborted_records_are_left_out_and_the_range_ends) {
  read({p0, offset{0}, offset{9}});
  answer(log, aborted);
  EXPECT_EQ(isolation_asked, isolation::committed) << "the default";
  EXPECT_THAT(poll(), ElementsAre("c0", "c1"));
  EXPECT_THAT(poll(), ElementsAre());
  EXPECT_TRUE(made.core->finished());
}

TEST_F(consumer_isolation_test, backward_the_same_are_left_out) {
  read({p0, offset{9}, offset{0}, true});
  answer({log.rbegin(), log.rend()}, aborted);
  EXPECT_THAT(poll(), ElementsAre("c1", "c0"));
  EXPECT_THAT(poll(), ElementsAre());
  EXPECT_TRUE(made.core->finished());
}

TEST_F(consumer_isolation_test, a_range_of_nothing_but_aborted_records_ends) {
  read({p0, offset{0}, offset{4}});
  answer({log[0], log[1]}, aborted);
  EXPECT_THAT(poll(), ElementsAre());
  EXPECT_TRUE(made.core->finished());
}

TEST_F(consumer_isolation_test, uncommitted_reads_everything_but_markers) {
  consumer_options o;
  o.isolation = isolation::uncommitted;
  read({p0, offset{0}, offset{9}}, o);
  answer(log, {});
  EXPECT_EQ(isolation_asked, isolation::uncommitted);
  EXPECT_THAT(poll(), ElementsAre("a0", "a1", "b0", "b1", "c0", "c1"));
}

}  // namespace
}  // namespace dohle::actors
