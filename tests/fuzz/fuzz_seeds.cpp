// fuzz_seeds <folder>: writes what the fuzzers start from into <folder>/{frame,codec,batch,kafka}.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "kafka/apis.hpp"
#include "schema/codec.hpp"
#include "schema/record_batch.hpp"
#include "schema/stored.hpp"
#include "tests/schema/golden_batches.hpp"
#include "tests/schema/samples.hpp"

namespace {

using namespace dohle;

class corpus {
 public:
  explicit corpus(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }
  void add(char mode, std::string_view data) {
    std::ofstream(folder_ / ("seed-" + std::to_string(count_++)), std::ios::binary) << mode << data;
  }

 private:
  std::filesystem::path folder_;
  int count_ = 0;
};

/// Each request with its defaults, in every version that is served.
void add_kafka(corpus& to) {
  kafka::for_each_message([&]<class Message>(const char*) {
    if constexpr (requires { typename Message::response; }) {
      const auto* api = kafka::find_api(Message::api_key);
      if (!api) return;
      for (int version = api->first_served; version <= api->last; ++version) {
        std::vector<char> out;
        kafka::writer head(out, version, false);
        head.put(Message::api_key);
        head.put(static_cast<std::int16_t>(version));
        head.put(std::int32_t{1});
        head.put(std::optional<std::string>{"seed"}, true);
        kafka::writer body(out, version, version >= Message::flexible_from);
        body.no_tags();
        write(body, Message{});
        to.add(0, {out.data(), out.size()});
      }
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds <folder>\n", stderr);
    return 2;
  }
  const std::filesystem::path root(argv[1]);
  corpus frames(root / "frame");
  corpus messages(root / "codec");
  corpus batches(root / "batch");
  corpus exchanges(root / "kafka");
  add_kafka(exchanges);

  std::vector<char> stream;
  const bytes batch = bytes::copy(testing::unhex(testing::golden_batches[4].hex));
  const auto add_message = [&](char mode, const std::vector<char>& out) {
    messages.add(mode, std::string_view(out.data(), out.size()).substr(frame_header_bytes));
    frames.add('\x10', {out.data(), out.size()});
    stream.insert(stream.end(), out.begin(), out.end());
  };
  for (const auto& m : testing::sample_requests(batch)) {
    std::vector<char> out;
    if (encode(1, m, out)) add_message(0, out);
  }
  for (const auto& m : testing::sample_responses(batch)) {
    std::vector<char> out;
    encode(1, m, out);
    add_message(1, out);
  }
  frames.add('\x40', {stream.data(), stream.size()});
  messages.add(
      2, encode_cluster_record(topic_record{
             "t", timestamp{1}, true, {{partition_index{0}, partition_id{1}, {broker_id{1}}}}, {{"a", "b"}}, {}}));
  messages.add(2, encode_group_key(offset_key{"g", "t", partition_index{1}}));
  messages.add(2, encode_offset_value({offset{1}, "note", timestamp{2}}));
  messages.add(2,
               encode_group_value({generation{1}, "consumer", "range", "m", {{"m", "i", "c", {}, {}, batch, batch}}}));

  char codec = 1;  // in batch_fuzz 2 to 5 are gzip to zstd
  for (const auto& golden : testing::golden_batches) {
    const std::string raw = testing::unhex(golden.hex);
    batches.add(0, raw);
    batches.add(1, raw);
    if (codec > 1) batches.add(codec, std::string_view(raw).substr(batch_header_bytes));
    ++codec;
  }
  return 0;
}
