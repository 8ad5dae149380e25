// dohle produce: lines in, records out.
#include <fmt/core.h>

#include <memory>

#include "schema/compression.hpp"
#include "tools/interrupt.hpp"
#include "tools/line_reader.hpp"
#include "tools/output.hpp"
#include "tools/place.hpp"
#include "tools/program.hpp"
#include "tools/record_json.hpp"
#include "tools/units.hpp"

namespace dohle::tools {

namespace {

using namespace std::chrono_literals;

struct produce_options {
  std::string topic;
  std::string file = "-";
  bool json_lines = false;
  bool ignore_partition = false;
  std::string key_separator;
  std::optional<std::string> key;
  std::optional<std::string> null_value;
  std::optional<int> partition;
  std::vector<std::string> headers;
  std::string acks = "majority";
  std::string compression = "none";
  bool quiet = false;
};

result<ack_level> parse_acks(const std::string& text) {
  if (text == "none" || text == "0") return ack_level::none;
  if (text == "leader" || text == "1") return ack_level::leader;
  if (text == "majority" || text == "all" || text == "-1") return ack_level::majority;
  return error{errc::invalid_request, fmt::format("'{}' is not an acknowledgement level", text),
               "majority (durable, the default), leader or none"};
}

/// A line of text: the whole of it is the value, or what stands behind the first separator.
result<typed_record> parse_text_record(std::string_view line, const produce_options& o) {
  typed_record record;
  record.key = o.key;
  if (!o.key_separator.empty()) {
    auto at = line.find(o.key_separator);
    if (at == std::string_view::npos) {
      return error{errc::invalid_request, fmt::format("there is no key separator '{}'", printable(o.key_separator)),
                   "KEY" + printable(o.key_separator) + "VALUE on each line, or no --key-separator"};
    }
    record.key = std::string{line.substr(0, at)};
    line.remove_prefix(at + o.key_separator.size());
  }
  if (!o.null_value || line != *o.null_value) record.value = std::string{line};
  return record;
}

result<std::vector<std::pair<std::string, std::optional<std::string>>>> parse_headers(
    const std::vector<std::string>& given) {
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  for (const auto& text : given) {
    auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return error{errc::invalid_request, fmt::format("'{}' is not a header", text), "--header NAME=VALUE"};
    }
    headers.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return headers;
}

/// Hands one record over; while the buffer is full it waits, and notices Ctrl-C.
result<void> send(producer& to, const typed_record& record) {
  outgoing_record outgoing;
  outgoing.key = record.key;
  outgoing.value = record.value;
  outgoing.at = record.at;
  outgoing.partition = record.partition;
  for (const auto& [name, value] : record.headers) outgoing.headers.push_back({name, value});
  for (;;) {
    auto sent = to.send(outgoing, 100ms);
    if (sent) return {};
    if (sent.code() != errc::buffer_full || interrupted()) return sent.error();
  }
}

struct tally {
  std::uint64_t acknowledged = 0;
  std::uint64_t failed = 0;
  std::vector<error> errors;

  void take(producer& from) {
    auto outcome = from.take_outcome();
    acknowledged = outcome.acknowledged;
    failed += outcome.failed;
    for (auto& e : outcome.errors) {
      if (errors.size() < 16) errors.push_back(std::move(e));
    }
  }
};

/// Sends until the input ends, a line cannot be sent, a record was refused or Ctrl-C came.
result<void> send_lines(line_reader& lines, producer& to, const produce_options& o, tally& done) {
  auto headers = parse_headers(o.headers);
  if (!headers) return headers.error();
  std::string_view line;
  std::uint64_t sent = 0;
  while (!interrupted()) {
    auto got = lines.next(line);
    if (!got) return got.error();
    if (*got == line_reader::outcome::end) return {};
    if (*got == line_reader::outcome::waiting || ++sent % 4096 == 0) {
      done.take(to);
      if (done.failed > 0) return {};
      if (*got == line_reader::outcome::waiting) continue;
    }
    if (o.json_lines && line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto record = o.json_lines ? parse_json_record(line) : parse_text_record(line, o);
    if (record) {
      record->headers.insert(record->headers.end(), headers->begin(), headers->end());
      if (o.ignore_partition) record->partition.reset();
      if (o.partition) record->partition = partition_index{*o.partition};
    }
    auto handed = record ? send(to, *record) : result<void>{record.error()};
    if (!handed && !interrupted()) {
      auto e = handed.error();
      e.message = fmt::format("line {}: {}", lines.line_number(), e.message);
      return e;
    }
  }
  return {};
}

/// Waits for the acknowledgements; a batch that stays unanswered fails by the producer's own delivery time-out.
result<void> await_all(producer& to, tally& done, std::chrono::nanoseconds timeout) {
  auto until = std::chrono::steady_clock::now() + timeout + 1s;
  result<void> flushed;
  do {
    flushed = to.flush(100ms);
  } while (!flushed && flushed.code() == errc::timeout && std::chrono::steady_clock::now() < until);
  done.take(to);
  if (flushed || done.failed > 0) return {};
  return flushed;
}

result<int> produce(const common_options& common, const produce_options& o) {
  auto acks = parse_acks(o.acks);
  if (!acks) return acks.error();
  auto codec = parse_compression(o.compression);
  if (!codec) return codec.error();
  auto lines = line_reader::open(o.file, limits::max_batch_bytes);
  if (!lines) return lines.error();
  auto s = open_session(common);
  if (!s) return s.error();
  std::vector<int> wanted;
  if (o.partition) wanted.push_back(*o.partition);
  auto partitions = partitions_of(*s, o.topic, wanted);
  if (!partitions) return partitions.error();

  producer_options how;
  how.acks = *acks;
  how.compression = *codec;
  how.delivery_timeout = s->timeout;
  auto to = s->client.make_producer(o.topic, how);
  if (!to) return to.error();
  graceful_section finish_what_was_sent;
  tally done;
  auto sent = send_lines(*lines, *to, o, done);
  auto waited = await_all(*to, done, s->timeout);
  if (common.json) {
    json errors = json::array();
    for (const auto& e : done.errors) errors.push_back(to_json(e));
    print(json{{"topic", o.topic},
               {"acknowledged", done.acknowledged},
               {"failed", done.failed},
               {"acks", *acks == ack_level::none     ? "none"
                        : *acks == ack_level::leader ? "leader"
                                                     : "majority"},
               {"errors", errors}});
  } else if (!o.quiet || done.failed > 0) {
    say(fmt::format("{} record{} written to {}{}", done.acknowledged, done.acknowledged == 1 ? "" : "s", o.topic,
                    done.failed > 0 ? fmt::format(", {} failed", done.failed) : ""));
  }
  if (!sent) return sent.error();
  if (!done.errors.empty()) return done.errors.front();
  if (!waited) return waited.error();
  static_cast<void>(to->close(s->timeout));
  s->close();
  return 0;
}

}  // namespace

void add_produce(program& p) {
  auto o = std::make_shared<produce_options>();
  auto* command = add_client_command(p.app, p, "produce", "Write records to a topic, one a line")->alias("write");
  command->add_option("topic", o->topic, "Topic")->required();
  command->add_option("--file", o->file, "Read this file instead of standard input")->type_name("FILE");
  auto* lines = command->add_flag(
      "-j,--json-lines", o->json_lines,
      "Each line is a JSON object: key, value, timestamp, headers, partition (or key_base64, value_base64)");
  command->add_flag("--ignore-partition", o->ignore_partition, "Choose partitions anew, whatever the JSON lines say");
  auto* separator = command->add_option("-K,--key-separator", o->key_separator, "A line is KEY, this, VALUE");
  separator->excludes(lines)->type_name("TEXT");
  command->add_option("-k,--key", o->key, "Key of every record")
      ->excludes(separator)
      ->excludes(lines)
      ->type_name("TEXT");
  command->add_option("--null-value", o->null_value, "A value that is exactly this becomes null (a tombstone)")
      ->excludes(lines)
      ->type_name("TEXT");
  command->add_option("-p,--partition", o->partition, "Write to this partition only")->check(CLI::NonNegativeNumber);
  command->add_option("-H,--header", o->headers, "A header of every record; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  command->add_option("--acks", o->acks, "When a record counts as written: majority (default), leader, none");
  command->add_option("-z,--compression", o->compression, "none (default), gzip, snappy, lz4, zstd");
  command->add_flag("-q,--quiet", o->quiet, "No closing line");
  command->callback([&p, o] { p.chosen = [&p, o] { return produce(p.common, *o); }; });
}

}  // namespace dohle::tools
