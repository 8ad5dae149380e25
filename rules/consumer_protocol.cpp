#include "rules/consumer_protocol.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "schema/byte_order.hpp"
#include "schema/limits.hpp"

namespace dohle::rules {

namespace {

constexpr std::int16_t written_version = 1;

class writer {
 public:
  template <class Int>
  void number(Int value) {
    char raw[sizeof value];
    store_big(raw, value);
    out_.insert(out_.end(), raw, raw + sizeof value);
  }
  void string(std::string_view text) {
    DOHLE_ASSERT(text.size() <= std::numeric_limits<std::int16_t>::max(), "topic names are short");
    number(static_cast<std::int16_t>(text.size()));
    out_.insert(out_.end(), text.begin(), text.end());
  }
  void data(std::string_view data) {
    DOHLE_ASSERT(data.size() <= limits::max_group_state_bytes, "user data is bounded");
    number(static_cast<std::int32_t>(data.size()));
    out_.insert(out_.end(), data.begin(), data.end());
  }
  void partitions(std::span<const topic_partition> all) {
    std::map<std::string_view, std::vector<partition_index>> by_topic;
    for (const auto& p : all) by_topic[p.topic].push_back(p.partition);
    number(static_cast<std::int32_t>(by_topic.size()));
    for (const auto& [topic, indexes] : by_topic) {
      string(topic);
      number(static_cast<std::int32_t>(indexes.size()));
      for (auto index : indexes) number(index.value);
    }
  }
  bytes take() { return bytes::own(std::move(out_)); }

 private:
  std::vector<char> out_;
};

/// Reads what is there; after the first thing that is not, `failed` says so and everything read is empty.
class reader {
 public:
  explicit reader(const bytes& from) : from_(from) {}

  template <class Int>
  Int number() {
    if (rest() < sizeof(Int)) return fail("ends within a number"), Int{};
    const auto value = load_big<Int>(from_.data() + at_);
    at_ += sizeof(Int);
    return value;
  }
  /// A count of things that take at least `least` bytes each: no more than there is room for.
  std::size_t count(std::size_t least) {
    const auto n = number<std::int32_t>();
    if (n < 0 || static_cast<std::size_t>(n) > rest() / least) return fail("claims more entries than it holds"), 0;
    return static_cast<std::size_t>(n);
  }
  std::string string() {
    const auto n = number<std::int16_t>();
    if (n < 0 || static_cast<std::size_t>(n) > rest()) return fail("claims a longer text than it holds"), "";
    const auto text = from_.view().substr(at_, static_cast<std::size_t>(n));
    at_ += text.size();
    return std::string{text};
  }
  bytes data() {
    const auto n = number<std::int32_t>();
    if (n == -1 || failed()) return {};
    if (n < 0 || static_cast<std::size_t>(n) > rest()) return fail("claims more user data than it holds"), bytes{};
    auto part = from_.part(at_, static_cast<std::size_t>(n));
    at_ += part.size();
    return part;
  }
  std::vector<topic_partition> partitions() {
    std::vector<topic_partition> all;
    for (auto topics = count(6); topics > 0 && !failed(); --topics) {
      const auto topic = string();
      for (auto n = count(4); n > 0; --n) {
        const partition_index index{number<std::int32_t>()};
        if (index.value < 0) fail("names a negative partition");
        // A topic's name is repeated for each partition: no more of them than a cluster can have.
        if (all.size() == limits::max_partitions) fail("names too many partitions");
        if (failed()) return {};
        all.push_back({topic, index});
      }
    }
    return all;
  }
  std::int16_t version() {
    const auto v = number<std::int16_t>();
    if (v < 0) fail("has a negative version");
    return v;
  }
  /// Nothing may follow in the versions known here.
  void end(std::int16_t version) {
    if (version <= written_version && rest() > 0) fail("goes on after its end");
  }
  std::size_t rest() const { return failed() ? 0 : from_.size() - at_; }
  bool failed() const { return wrong_ != nullptr; }
  error why(const char* what) const {
    return {errc::invalid_request, std::string{what} + " of a consumer group " + wrong_, "check the client's version"};
  }

 private:
  void fail(const char* wrong) {
    if (wrong_ == nullptr) wrong_ = wrong;
  }
  const bytes& from_;
  std::size_t at_ = 0;
  const char* wrong_ = nullptr;
};

}  // namespace

bytes encode_subscription(const subscription& s) {
  writer w;
  w.number(written_version);
  w.number(static_cast<std::int32_t>(s.topics.size()));
  for (const auto& topic : s.topics) w.string(topic);
  w.data(s.user_data.view());
  w.partitions(s.owned);
  return w.take();
}

result<subscription> decode_subscription(const bytes& from) {
  reader r{from};
  subscription s;
  const auto version = r.version();
  for (auto n = r.count(2); n > 0 && !r.failed(); --n) s.topics.push_back(r.string());
  s.user_data = r.data();
  // Some clients say version 1 and leave the owned partitions out.
  if (version >= 1 && r.rest() > 0) s.owned = r.partitions();
  r.end(version);
  if (r.failed()) return r.why("the subscription");
  return s;
}

bytes encode_assignment(std::span<const topic_partition> partitions, std::string_view user_data) {
  writer w;
  w.number(written_version);
  w.partitions(partitions);
  w.data(user_data);
  return w.take();
}

result<std::vector<topic_partition>> decode_assignment(const bytes& from) {
  reader r{from};
  const auto version = r.version();
  auto partitions = r.partitions();
  r.data();
  r.end(version);
  if (r.failed()) return r.why("the assignment");
  return partitions;
}

}  // namespace dohle::rules
