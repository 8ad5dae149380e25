#include "actors/janitor.hpp"

#include <algorithm>
#include <limits>

#include "actors/logging.hpp"
#include "rules/compaction.hpp"

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<janitor_state>*;
using retain_atom = caf::atom_constant<caf::atom("retain")>;
using look_atom = caf::atom_constant<caf::atom("look")>;
using clean_atom = caf::atom_constant<caf::atom("clean")>;
using scrub_atom = caf::atom_constant<caf::atom("scrub")>;

/// How long a step of so many bytes keeps the next one of its kind waiting.
std::chrono::microseconds pause_after(std::size_t bytes, std::size_t per_second) {
  return std::chrono::microseconds(std::uint64_t{bytes} * 1'000'000 / per_second);
}

void on_failure(janitor_state& s, const char* doing, partition_id id, const error& why) {
  if (why.code == errc::storage_failed) s.failed(why);
  log().warn("{} partition {} has to wait: {}", doing, id.value, to_string(why));
}

timestamp clock_of(const watch_log& w) { return timestamp{w.marks->append_clock.load()}; }
offset mark_of(const watch_log& w) { return offset{w.marks->high_watermark.load()}; }

std::vector<rules::segment_facts> facts_of(const watch_log& w) {
  std::vector<rules::segment_facts> facts;
  for (const auto& i : w.log->segments())
    facts.push_back({i.base, i.end, i.size_bytes, i.max_timestamp, i.appended, i.sealed});
  return facts;
}

// --- retention -----------------------------------------------------------------------------------------------------

void apply_retention(janitor_state& s, const watch_log& w) {
  if (!w.config.deletes) return;
  auto keep_from = rules::first_to_keep(facts_of(w), w.config, clock_of(w), mark_of(w));
  if (keep_from <= w.log->start()) return;
  auto dropped = w.log->drop_segments_before(keep_from);
  if (!dropped) on_failure(s, "retention of", w.log->id(), dropped.error());
}

void on_retain(self_pointer self) {
  for (auto& [id, w] : self->state.logs) apply_retention(self->state, w);
  self->delayed_send(self, limits::retention_interval, retain_atom::value);
}

// --- compaction ----------------------------------------------------------------------------------------------------

/// The rules, as the store asks for them.
class judge final : public store::compaction_judge {
 public:
  explicit judge(timestamp log_clock) : clock_(log_clock) {}
  void see(const batch_header& batch, std::string_view control_key) override { transactions_.see(batch, control_key); }
  offset bound(offset end) const override { return transactions_.bound(end); }
  bool drops(const batch_header& batch) const override { return transactions_.is_aborted(batch); }
  bool stays(const batch_header& batch, const record_view& r, std::optional<offset> newest) const override {
    rules::compaction_facts facts;
    facts.at = r.offset;
    facts.has_key = r.key.has_value();
    facts.has_value = r.value.has_value();
    facts.control = batch.control();
    facts.newest = newest;
    facts.pass_end = offset{std::numeric_limits<std::int64_t>::max()};  // from there on the store does not ask
    facts.horizon_is_over = rules::horizon_is_over(batch, clock_);
    return rules::stays(facts);
  }

 private:
  timestamp clock_;
  rules::transaction_scan transactions_;
};

/// Until where the log is due; what has not settled counts as a last segment.
std::optional<offset> due_until(const janitor_state& s, const watch_log& w) {
  if (!w.config.compacts || s.left_alone.contains(w.log->id())) return std::nullopt;
  auto facts = facts_of(w);
  auto settled = w.log->settled();
  if (mark_of(w) > settled)
    facts.push_back({settled, mark_of(w), w.log->unsettled_bytes(), no_timestamp, clock_of(w), false});
  return rules::compaction_end(facts, w.config, w.log->cleaned_until(), s.wall_clock());
}

void look_later(self_pointer self) {
  auto& s = self->state;
  if (s.looks || s.cleaning) return;
  if (std::none_of(s.logs.begin(), s.logs.end(), [](const auto& l) { return l.second.config.compacts; })) return;
  s.looks = true;
  self->delayed_send(self, limits::compaction_interval, look_atom::value);
}

/// Begins with the log that has the most to clean.
void on_look(self_pointer self) {
  auto& s = self->state;
  s.looks = false;
  std::int64_t most = 0;
  for (auto& [id, w] : s.logs) {
    auto until = due_until(s, w);
    auto dirty = until ? *until - w.log->cleaned_until() : 0;
    if (dirty <= most) continue;
    most = dirty;
    s.cleaning = janitor_state::pass{w, *until, w.log->size_bytes(), nullptr};
  }
  if (s.cleaning) return self->send(self, clean_atom::value);
  look_later(self);
}

/// One step of the pass, in bytes; the first ones settle what it is about.
result<std::size_t> clean_step(janitor_state::pass& p) {
  auto& log = *p.what.log;
  if (!p.work) {
    if (log.settled() < p.end) {
      auto moved = log.settle(p.end, limits::janitor_step_bytes);
      if (!moved || *moved > 0) return moved;
    }
    store::compaction_order order;
    order.end = std::min(p.end, log.settled());
    order.horizon = rules::horizon_from(clock_of(p.what), p.what.config);
    order.segment_bytes = std::min(static_cast<std::size_t>(p.what.config.segment_bytes), limits::segment_bytes);
    auto begun = log.begin_compaction(order, std::make_unique<judge>(clock_of(p.what)));
    if (!begun) return begun.error();
    p.work = std::move(*begun);
  }
  return p.work->step(limits::janitor_step_bytes);
}

void end_pass(janitor_state& s, const result<std::size_t>& last) {
  auto& p = *s.cleaning;
  auto id = p.what.log->id();
  if (last) {
    log().info("compacted partition {} until offset {}: {} bytes became {}", id.value, p.work->end().value,
               p.size_before, p.what.log->size_bytes());
  } else if (last.code() != errc::closed) {  // else records it was about were deleted meanwhile
    if (last.code() == errc::corrupt_data) s.left_alone.insert(id);
    on_failure(s, "compacting", id, last.error());
  }
  s.cleaning.reset();
}

void on_clean(self_pointer self) {
  auto& s = self->state;
  if (!s.cleaning) return look_later(self);
  auto stepped = clean_step(*s.cleaning);
  bool over = !stepped || (s.cleaning->work && s.cleaning->work->done());
  if (over) {
    end_pass(s, stepped);
    return look_later(self);
  }
  self->delayed_send(self, pause_after(*stepped, limits::compaction_bytes_per_second), clean_atom::value);
}

// --- scrub ---------------------------------------------------------------------------------------------------------

void name_damage(janitor_state& s, const watch_log& w, const error& what) {
  if (s.damage.size() >= limits::max_named_damage || !s.damage.insert(what.message).second) return;
  ++w.marks->damaged_places;
  log().error("damage in partition {}: {}", w.log->id().value, to_string(what));
}

/// One step in the log where the scrub is, or the first one behind it.
std::size_t scrub_step(janitor_state& s, std::map<partition_id, watch_log>::iterator in) {
  auto& [id, w] = *in;
  if (id != s.scrubbed) s.scrubbed_until = offset{};
  s.scrubbed = id;
  auto step = w.log->scrub(s.scrubbed_until, limits::janitor_step_bytes);
  bool over = !step || step->next >= w.log->settled();
  if (!step) on_failure(s, "checking", id, step.error());
  if (step && step->damage) name_damage(s, w, *step->damage);
  if (over) {
    s.scrubbed = partition_id{id.value + 1};
    s.scrubbed_until = offset{};
    return step ? step->bytes : 0;
  }
  s.scrubbed_until = step->next;
  return step->bytes;
}

void on_scrub(self_pointer self) {
  auto& s = self->state;
  auto now = self->clock().now();
  if (s.scrubbed == partition_id{} && s.scrubbed_until == offset{}) s.next_round = now + limits::scrub_interval;
  auto in = s.logs.lower_bound(s.scrubbed);
  if (in == s.logs.end()) {
    s.scrubbed = {};
    s.scrubbed_until = {};
    return self->delayed_send(self, std::max(s.next_round - now, decltype(s.next_round - now){}), scrub_atom::value);
  }
  auto bytes = scrub_step(s, in);
  self->delayed_send(self, pause_after(bytes, limits::scrub_bytes_per_second), scrub_atom::value);
}

void on_drop(janitor_state& s, const drop_logs& m) {
  for (auto id : m.partitions) {
    s.logs.erase(id);
    if (s.cleaning && s.cleaning->what.log->id() == id) s.cleaning.reset();
  }
}

}  // namespace

caf::behavior janitor(self_pointer self, on_storage_failed failed, std::function<timestamp()> wall_clock) {
  self->state.failed = std::move(failed);
  self->state.wall_clock = std::move(wall_clock);
  self->delayed_send(self, limits::retention_interval, retain_atom::value);
  self->delayed_send(self, limits::scrub_delay, scrub_atom::value);
  return {
      [=](watch_log& w) {
        auto id = w.log->id();
        self->state.left_alone.erase(id);
        self->state.logs.insert_or_assign(id, std::move(w));
        look_later(self);
      },
      [=](const drop_logs& m) { on_drop(self->state, m); },
      [=](retain_atom) { on_retain(self); },
      [=](look_atom) { on_look(self); },
      [=](clean_atom) { on_clean(self); },
      [=](scrub_atom) { on_scrub(self); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
