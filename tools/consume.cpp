// dohle consume: records in, text or JSON out.
#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "rules/consumer_protocol.hpp"
#include "tools/interrupt.hpp"
#include "tools/output.hpp"
#include "tools/place.hpp"
#include "tools/printer.hpp"
#include "tools/program.hpp"

namespace dohle::tools {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t poll_records = 10'000;
constexpr auto poll_wait = 100ms;                       // how long Ctrl-C may go unnoticed
constexpr auto commit_interval = 1s;                    // of a group's progress, while it goes on
constexpr std::int64_t max_tail = 1'000'000;            // records held to find the newest of several partitions
constexpr std::size_t tail_prefetch = 4 * limits::mib;  // a tail is short: little beyond it should be fetched

struct consume_options {
  std::string topic;
  std::string from;
  std::string until;
  std::string group;
  std::vector<int> partitions;
  std::uint64_t count = UINT64_MAX;
  std::int64_t tail = 0;
  bool follow = false;
  bool reverse = false;
  print_options printing;
};

using offsets = std::map<partition_index, offset>;

result<place> parse_or(const std::string& text, place::kind otherwise) {
  if (text.empty()) return place{otherwise, {}, {}};
  return parse_place(text);
}

/// What to read: from where to where in each partition that has anything for us.
result<std::vector<assigned_range>> ranges_of(const session& s, const consume_options& o) {
  auto partitions = partitions_of(s, o.topic, o.partitions);
  if (!partitions) return partitions.error();
  auto extents = extents_of(s, o.topic, *partitions);
  if (!extents) return extents.error();
  auto from = parse_or(o.from, place::kind::start);
  if (!from) return from.error();
  auto begins = resolve(s, o.topic, *from, *extents);
  if (!begins) return begins.error();
  auto until = parse_or(o.until, place::kind::end);
  if (!until) return until.error();
  auto ends = resolve(s, o.topic, *until, *extents);
  if (!ends) return ends.error();
  std::vector<assigned_range> ranges;
  for (auto partition : *partitions) {
    auto begin = (*begins)[partition];
    const auto& e = (*extents)[partition];
    auto end = (*ends)[partition];
    if (o.follow) {
      ranges.push_back({{o.topic, partition}, o.tail > 0 ? e.end : begin, std::nullopt});
    } else if (begin < end) {
      ranges.push_back(o.reverse ? assigned_range{{o.topic, partition}, end, begin, true}
                                 : assigned_range{{o.topic, partition}, begin, end});
    }
  }
  return ranges;
}

/// Prints what a poll brought. Returns how many records that was: fewer than there are when the reader left.
result<std::uint64_t> print_all(const polled& got, record_printer& printer) {
  std::uint64_t printed = 0;
  for (const auto& chunk : got.chunks) {
    for (const auto& record : chunk) {
      auto done = printer.print(chunk.source(), record);
      if (!done) return done.error();
      if (!*done) return printed;
      ++printed;
    }
  }
  out().flush();
  return printed;
}

/// Whether a partition may hold more of the newest `tail` records: it gave fewer, and was not read to its start.
bool tail_is_short(const consumer& reader, const std::vector<assigned_range>& ranges,
                   const std::map<topic_partition, std::int64_t>& given, std::int64_t tail) {
  const auto positions = reader.positions();
  return !reader.finished() && std::any_of(ranges.begin(), ranges.end(), [&](const assigned_range& r) {
    auto count = given.find(r.partition);
    return (count == given.end() || count->second < tail) && positions.at(r.partition) > r.end;
  });
}

/// The newest `tail` records of several partitions are found by reading the newest `tail` of each, backward: where
/// offsets have holes, they say nothing about how many records there are.
result<void> print_tail(consumer& reader, const std::vector<assigned_range>& ranges, const consume_options& o,
                        record_printer& printer) {
  struct held {
    std::int64_t at;
    std::int32_t partition;
    std::int64_t offset;
    std::string text;
    bool operator<(const held& other) const {
      return std::tie(at, partition, offset) < std::tie(other.at, other.partition, other.offset);
    }
    bool operator>(const held& other) const { return other < *this; }
  };
  std::vector<held> newest;  // a heap with the oldest on top, at most o.tail of them
  std::map<topic_partition, std::int64_t> given;
  while (tail_is_short(reader, ranges, given, o.tail) && !interrupted()) {
    auto got = reader.poll(static_cast<std::size_t>(o.tail), poll_wait);
    if (!got) return got.error();
    for (const auto& chunk : got->chunks) {
      for (const auto& record : chunk) {
        if (++given[chunk.source()] > o.tail) break;
        held next{record.timestamp.value, chunk.source().partition.value, record.offset.value, {}};
        bool full = newest.size() == static_cast<std::size_t>(o.tail);
        if (full && next < newest.front()) continue;
        auto text = printer.render(chunk.source(), record);
        if (!text) return text.error();
        next.text = std::move(*text);
        if (full) {
          std::pop_heap(newest.begin(), newest.end(), std::greater<>{});
          newest.pop_back();
        }
        newest.push_back(std::move(next));
        std::push_heap(newest.begin(), newest.end(), std::greater<>{});
      }
    }
  }
  std::sort(newest.begin(), newest.end());
  if (o.reverse) std::reverse(newest.begin(), newest.end());
  for (const auto& h : newest) {
    if (!printer.print_rendered(h.text)) break;
  }
  out().flush();
  return {};
}

/// Prints the newest records that are there now. Where records are to follow, `following` begins behind them.
result<void> consume_tail(const session& s, const consume_options& o, std::vector<assigned_range>& following,
                          record_printer& printer) {
  auto back = o;
  back.follow = false;
  back.reverse = true;
  auto past = ranges_of(s, back);
  if (!past || past->empty()) return past ? result<void>{} : past.error();
  for (const auto& range : *past) {
    for (auto& f : following) {
      if (f.partition == range.partition) f.from = range.from;
    }
  }
  consumer_options how;
  how.prefetch_bytes = tail_prefetch;
  auto reader = s.client.make_consumer(how);
  if (!reader) return reader.error();
  if (auto assigned = reader->assign(*past); !assigned) return assigned.error();
  return print_tail(*reader, *past, o, printer);
}

result<int> consume_ranges(const session& s, const consume_options& o, record_printer& printer) {
  auto ranges = ranges_of(s, o);
  if (!ranges) return ranges.error();
  if (o.tail > 0) {
    auto printed = consume_tail(s, o, *ranges, printer);
    if (!printed) return printed.error();
    if (!o.follow) return 0;
  }
  auto reader = s.client.make_consumer({});
  if (!reader) return reader.error();
  if (auto assigned = reader->assign(*ranges); !assigned) return assigned.error();
  std::uint64_t left = o.count;
  while (left > 0 && !ranges->empty() && !reader->finished() && !interrupted() && !out().reader_gone()) {
    auto got = reader->poll(static_cast<std::size_t>(std::min<std::uint64_t>(left, poll_records)), poll_wait);
    if (!got) return got.error();
    auto printed = print_all(*got, printer);
    if (!printed) return printed.error();
    left -= *printed;
  }
  return 0;
}

/// A group's member, its progress, and what of it is committed.
class group_reader {
 public:
  group_reader(const session& s, const consume_options& o, consumer& reader) : s_(s), o_(o), reader_(reader) {}

  result<int> run(record_printer& printer) {
    auto ends = ends_now();
    if (!ends) return ends.error();
    std::uint64_t left = o_.count;
    auto last_commit = std::chrono::steady_clock::now();
    while (left > 0 && !interrupted() && !out().reader_gone()) {
      auto got = reader_.poll(static_cast<std::size_t>(std::min<std::uint64_t>(left, poll_records)), poll_wait);
      if (!got) return got.error();
      auto printed = print_all(*got, printer);
      if (!printed) return printed.error();
      left -= *printed;
      if (out().reader_gone()) break;  // what nobody read is not committed
      note(*got);
      if (!o_.follow && got->record_count == 0 && reached(*ends)) break;
      if (std::chrono::steady_clock::now() - last_commit >= commit_interval) {
        auto done = commit();
        if (!done && !is_retriable(done.code()) && done.code() != errc::stale_generation) return done.error();
        last_commit = std::chrono::steady_clock::now();
      }
    }
    if (auto done = commit(); !done) return done.error();
    return 0;
  }

 private:
  result<offsets> ends_now() const {
    auto partitions = partitions_of(s_, o_.topic, {});
    if (!partitions) return partitions.error();
    auto extents = extents_of(s_, o_.topic, *partitions);
    if (!extents) return extents.error();
    offsets ends;
    for (const auto& [partition, e] : *extents) ends[partition] = e.end;
    return ends;
  }

  /// A member that just joined has no partitions yet; one that shares a topic with many may have none at all. Only the
  /// coordinator knows which.
  bool has_no_share() const {
    auto group = s_.call(describe_group_request{o_.group});
    if (!group || group->state != "Stable" || group->generation != reader_.generation()) return false;
    for (const auto& m : group->members) {
      if (m.id != reader_.member()) continue;
      auto share = rules::decode_assignment(m.assignment);
      return share && share->empty();
    }
    return false;
  }

  /// Everything that was there at the beginning is behind each partition of ours.
  bool reached(const offsets& ends) const {
    auto assigned = reader_.assignment();
    if (assigned.empty()) return has_no_share();
    auto positions = reader_.positions();
    for (const auto& tp : assigned) {
      auto at = positions.find(tp);
      auto end = ends.find(tp.partition);
      if (end == ends.end()) continue;
      if (at == positions.end() || at->second < end->second) return false;
    }
    return true;
  }

  void note(const polled& got) {
    for (const auto& chunk : got.chunks) {
      if (chunk.record_count() > 0) progress_[chunk.source()] = chunk[chunk.record_count() - 1].offset + 1;
    }
  }

  /// Only what is still ours: another member may be further by now.
  result<void> commit() {
    std::map<topic_partition, offset> ours;
    for (const auto& tp : reader_.assignment()) {
      auto at = progress_.find(tp);
      if (at != progress_.end()) ours.insert(*at);
    }
    progress_.clear();
    if (ours.empty()) return {};
    return reader_.commit(ours, s_.timeout);
  }

  const session& s_;
  const consume_options& o_;
  consumer& reader_;
  std::map<topic_partition, offset> progress_;
};

result<int> consume_group(const session& s, const consume_options& o, record_printer& printer) {
  auto from = parse_or(o.from, place::kind::start);
  if (!from) return from.error();
  if (from->what != place::kind::start && from->what != place::kind::end) {
    return error{errc::invalid_request, "a group goes on where it was: --from takes only start or end with --group",
                 fmt::format("dohle group reset-offsets {} --topic {} --to {} --execute", o.group, o.topic, o.from)};
  }
  consumer_options how;
  how.group = o.group;
  how.start = from->what == place::kind::end ? start_at::latest : start_at::earliest;
  auto reader = s.client.make_consumer(how);
  if (!reader) return reader.error();
  if (auto joined = reader->subscribe({o.topic}); !joined) return joined.error();
  auto code = group_reader{s, o, *reader}.run(printer);
  static_cast<void>(reader->close(s.timeout));
  return code;
}

result<void> check(const consume_options& o) {
  auto refuse = [](std::string message, std::string hint) {
    return error{errc::invalid_request, std::move(message), std::move(hint)};
  };
  if (o.follow && !o.until.empty()) return refuse("--follow has no end, --until names one", "one of the two");
  if (o.reverse && (o.follow || !o.group.empty())) {
    return refuse("--reverse goes from what is there now to the start", "no --follow or --group with --reverse");
  }
  if (o.tail > 0 && (!o.from.empty() || !o.until.empty() || !o.group.empty())) {
    return refuse("--tail is itself the place to begin", "no --from, --until or --group with --tail");
  }
  if (o.tail > max_tail) return refuse(fmt::format("--tail is at most {}", max_tail), "--from TIME for more");
  if (!o.group.empty() && (!o.until.empty() || !o.partitions.empty())) {
    return refuse("a group shares its partitions itself and reads on where it was",
                  "no --partition or --until with --group");
  }
  return {};
}

result<int> consume(const common_options& common, consume_options o) {
  if (auto fine = check(o); !fine) return fine.error();
  if (common.json && o.printing.output == "text") o.printing.output = "jsonl";
  auto printer = record_printer::make(o.printing);
  if (!printer) return printer.error();
  auto s = open_session(common);
  if (!s) return s.error();
  graceful_section commit_what_was_printed;
  auto code = o.group.empty() ? consume_ranges(*s, o, *printer) : consume_group(*s, o, *printer);
  printer->finish();
  out().flush();
  s->close();
  return code;
}

}  // namespace

void add_consume(program& p) {
  auto o = std::make_shared<consume_options>();
  auto* command = add_client_command(p.app, p, "consume", "Read records of a topic")->alias("read");
  command->add_option("topic", o->topic, "Topic")->required();
  command
      ->add_option("--from", o->from,
                   "start (default), end, an offset, or a time: -1h, 2024-05-01T12:30Z, @MILLISECONDS")
      ->type_name("PLACE");
  command->add_option("--since", o->from, "The same as --from")
      ->type_name("PLACE")
      ->excludes(command->get_option("--from"));
  command->add_option("--until", o->until, "Stop before this place (default: the end as it is now)")
      ->type_name("PLACE");
  command->add_option("-n,--count", o->count, "Stop after so many records")->type_name("N")->check(CLI::PositiveNumber);
  command->add_option("--tail", o->tail, "The newest N records")->type_name("N")->check(CLI::PositiveNumber);
  command->add_flag("--reverse", o->reverse, "The same records, in each partition the newest first");
  command->add_flag("--follow", o->follow, "Go on with new records as they come, until Ctrl-C");
  command->add_option("-g,--group", o->group, "Read as a member of this group and commit what was printed")
      ->type_name("GROUP");
  command->add_option("-p,--partition", o->partitions, "Only this partition; may be repeated")
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_option("-f,--format", o->printing.format,
                      R"(Text of a record: %t topic, %p partition, %o offset, %k key, %v value, %h headers, )"
                      R"(%T time in ms, %I time, \n (default '%v\n'))");
  command->add_option("-K,--key-separator", o->printing.key_separator, "Print KEY, this, VALUE")
      ->excludes(command->get_option("--format"))
      ->type_name("TEXT");
  command->add_option("--null-value", o->printing.null_text, "Printed for a null key or value (default nothing)")
      ->type_name("TEXT");
  command->add_option("-o,--output", o->printing.output, "text (default), jsonl (one object a line), json (one list)")
      ->check(CLI::IsMember({"text", "json", "jsonl"}));
  command->add_flag("--base64", o->printing.base64, "In JSON, keys and values always as base64");
  command->callback([&p, o] { p.chosen = [&p, o] { return consume(p.common, *o); }; });
}

}  // namespace dohle::tools
