#include "tests/crash/power_world.hpp"

#include <algorithm>
#include <iterator>

#include "schema/control_batch.hpp"

namespace dohle::crash {

namespace {

std::string text(const standing& s) {
  if (s.dropped) return "dropped";
  return "[" + std::to_string(s.start.value) + ", " + std::to_string(s.end.value) + ") epoch " +
         std::to_string(s.epoch.value) + " hard (" + std::to_string(s.hard.epoch.value) + ", " +
         std::to_string(s.hard.vote) + ", " + std::to_string(s.hard.high_watermark.value) + ")";
}

standing stand_of(store::log& of) { return {of.start(), of.flushed(), of.flushed_position().epoch, of.hard(), false}; }

/// A dropped partition may have left no trace at all.
bool same(const standing& found, const standing& expected) {
  return found == expected || (expected.dropped && found == standing{});
}

bool same(const standings& found, const standings& expected) {
  return std::all_of(expected.begin(), expected.end(),
                     [&](const auto& e) { return same(found.at(e.first), e.second); });
}

/// Found is neither: says of the first partition that differs whether something acknowledged is gone.
fault difference(const standings& found, const promise& told) {
  bool lost = false;
  std::string why;
  for (const auto& [id, sure] : told.sure) {
    const standing& is = found.at(id);
    const standing& may = told.maybe.empty() ? sure : told.maybe.back().leads_to.at(id);
    if (same(is, sure) && same(is, may)) continue;
    lost |= !same(is, may) && (is.end < sure.end || is.epoch < sure.epoch || is.hard.epoch < sure.hard.epoch ||
                               is.start < sure.start || (sure.dropped && !is.dropped));
    why +=
        " partition " + std::to_string(id) + " is " + text(is) + ", was " + text(sure) + ", may be " + text(may) + ";";
  }
  return {lost, (lost ? "acknowledged and lost:" : "neither before nor after a group:") + why};
}

/// Compaction may have given a marker its horizon; everything else has the bytes that were handed over.
bool is_same(const written& w, const batch_header& header, std::string_view batch) {
  if (w.in_transaction == part::none || w.in_transaction == part::data)
    return batch.size() == w.size && crc32c(batch) == w.crc;
  const auto kind = w.in_transaction == part::commit ? marker_kind::commit : marker_kind::abort;
  return header.base == w.base && header.producer == w.from.id && marker_of(batch) == kind && check_batch(batch).ok();
}

void check_batches(store::log& in, const std::vector<written>& expected) {
  // The start may lie within a batch: then all of that one is given out.
  auto next = std::find_if(expected.begin(), expected.end(), [&](const written& w) { return w.end > in.start(); });
  for (offset at = in.start(); at < in.flushed();) {
    const auto parts = must(in.read(at, 1 << 20, in.flushed()), "reading");
    if (parts.empty()) throw fault(true, "nothing at offset " + std::to_string(at.value));
    for (const bytes& part : parts) {
      for (std::string_view rest = part.view(); !rest.empty(); ++next) {
        const auto header = must(read_header(rest), "reading");
        if (next == expected.end() || next->base > at || !is_same(*next, header, rest.substr(0, header.size_bytes())))
          throw fault(false, "partition " + std::to_string(in.id().value) + " has another batch at offset " +
                                 std::to_string(at.value));
        rest.remove_prefix(header.size_bytes());
        at = next->end;
      }
    }
  }
}

void check_producers(store::log& in, const std::vector<written>& expected) {
  std::map<std::int64_t, const written*> last;
  for (const written& w : expected) {
    const bool takes_sequence = w.from.base_sequence >= 0;
    if (w.from.id != no_producer && takes_sequence && w.end <= in.flushed()) last[w.from.id.value] = &w;
  }
  auto known = must(in.history(), "producers").producers;
  std::erase_if(known, [](const auto& p) { return p.last_sequence < 0; });  // known by a marker alone
  bool good = known.size() == last.size();
  for (const store::producer_state& p : known) {
    const auto at = last.find(p.id.value);
    if (at == last.end()) {
      good = false;
      break;
    }
    const written& w = *at->second;
    const auto delta = static_cast<std::int32_t>(w.end.value - w.base.value - 1);
    good = good && p.epoch == w.from.epoch && p.last_sequence == w.from.base_sequence + delta &&
           p.last_offset == w.end + -1 && p.last_delta == delta;
  }
  if (!good)
    throw fault(false, "partition " + std::to_string(in.id().value) + " remembers other producers than its log has");
}

/// Which transactions are open and which were aborted, as the batches say and as the log remembers.
void check_transactions(store::log& in, const std::vector<written>& expected) {
  std::map<std::int64_t, offset> open, is_open;
  std::vector<store::ended_transaction> ended, settled;
  for (const written& w : expected) {
    if (w.end > in.flushed() || w.in_transaction == part::none) continue;
    if (w.in_transaction == part::data) {
      open.try_emplace(w.from.id.value, w.base);
    } else if (const auto was = open.extract(w.from.id.value); was) {
      ended.push_back({w.from.id, was.mapped(), w.base, w.in_transaction == part::commit});
    }
  }
  std::copy_if(ended.begin(), ended.end(), std::back_inserter(settled),
               [&](const auto& e) { return !e.committed && e.marker < in.settled() && e.marker >= in.start(); });
  std::erase_if(ended, [&](const auto& e) { return e.marker < in.settled(); });
  const auto history = must(in.history(), "history");
  for (const store::producer_state& p : history.producers)
    if (p.transaction) is_open.emplace(p.id.value, *p.transaction);
  const auto aborted = must(in.aborted(in.start(), in.flushed(), 1'000'000), "aborted transactions");
  if (is_open != open || history.ended != ended || !aborted || *aborted != settled)
    throw fault(true, "partition " + std::to_string(in.id().value) +
                          " forgot or invented transactions: " + std::to_string(is_open.size()) + " open of " +
                          std::to_string(open.size()) + ", " + std::to_string(history.ended.size()) + " ended of " +
                          std::to_string(ended.size()) + ", " + std::to_string(aborted ? aborted->size() : 0) +
                          " aborted of " + std::to_string(settled.size()));
}

}  // namespace

bool is_there(const written& w, const promise& told) {
  const auto counts = [&](std::uint64_t group) {
    const bool tried =
        std::any_of(told.maybe.begin(), told.maybe.end(), [&](const auto& a) { return a.group == group; });
    return group <= told.last_group && !told.refused.contains(group) && (group == 0 || !tried);
  };
  return counts(w.group) && std::none_of(w.cuts.begin(), w.cuts.end(), counts);
}

promise check_world(store::folder& folder, const world& known) {
  const promise& told = known.told;
  if (!told.identity.empty() && folder.identity() != told.identity)
    throw fault(true, "the folder has another identity");
  for (partition_id id : folder.partitions()) {
    if (!told.sure.contains(id.value)) throw fault(false, "partition " + std::to_string(id.value) + " was never made");
  }
  promise now{folder.identity(), {}, {}, told.refused, told.last_group};
  standings& found = now.sure;
  for (const auto& [id, ignored] : told.sure) {
    auto log = folder.open_log(partition_id{id});
    if (!log && log.code() != errc::unknown_partition) must(std::move(log), "opening a log");
    found[id] = log ? stand_of(**log) : standing{.dropped = true};
  }
  const auto done =
      std::find_if(told.maybe.rbegin(), told.maybe.rend(), [&](const attempt& a) { return same(found, a.leads_to); });
  if (done == told.maybe.rend() && !same(found, told.sure)) throw difference(found, told);
  for (const attempt& a : told.maybe) now.refused.insert(a.group);
  if (done != told.maybe.rend()) now.refused.erase(done->group);
  now.refused.erase(0);
  for (auto& [id, at] : found) {
    if (at == standing{}) at.dropped = told.sure.at(id).dropped;
    if (at.dropped || at == standing{}) continue;
    const auto log = must(folder.open_log(partition_id{id}), "opening a log");
    std::vector<written> expected;
    if (const auto handed = known.logs.find(id); handed != known.logs.end()) expected = handed->second;
    std::erase_if(expected, [&](const written& w) { return !is_there(w, now); });
    check_batches(*log, expected);
    check_producers(*log, expected);
    check_transactions(*log, expected);
  }
  return now;
}

}  // namespace dohle::crash
