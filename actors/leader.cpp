#include "actors/leader.hpp"

#include <algorithm>

#include "actors/isolation.hpp"
#include "schema/control_batch.hpp"

namespace dohle::actors {

namespace {

using self_pointer = caf::stateful_actor<leader_state>*;
using office_atom = caf::atom_constant<caf::atom("office")>;

std::string place(const leader_state& s) { return s.setup.topic + "[" + std::to_string(s.setup.index.value) + "]"; }

offset high_watermark(const leader_state& s) { return s.replica.high_watermark; }

offset last_stable(const leader_state& s) {
  return s.transactions.last_stable(high_watermark(s), s.setup.log->start());
}

/// The end of what a reader may see.
offset visible_end(const leader_state& s, isolation level) {
  return level == isolation::committed ? last_stable(s) : high_watermark(s);
}

// --- to the journal ------------------------------------------------------------------------------------------------

void send_to_journal(self_pointer self, std::vector<store::entry> entries) {
  auto& s = self->state;
  std::size_t bytes = 0;
  for (const auto& e : entries) bytes += e.size_bytes();
  s.bytes_in_flight += bytes;
  s.sizes_in_flight.push_back(bytes);
  s.setup.pressure->bytes_in_flight += bytes;
  self->send(s.setup.journal_writer, append{std::move(entries), s.attempt});
}

/// Opens this leader's epoch: the vote, then the mark, in one group.
void take_office(self_pointer self) {
  auto& s = self->state;
  auto won = rules::start_election(s.replica);
  rules::become_leader(s.replica);
  std::vector<store::entry> entries;
  entries.push_back(s.setup.log->set_hard({won.epoch, won.vote, won.high_watermark}));
  entries.push_back(s.setup.log->open_epoch(won.epoch));
  send_to_journal(self, std::move(entries));
}

// --- produce -------------------------------------------------------------------------------------------------------

/// The errors that are known before anything is touched.
std::optional<error> refuse(const leader_state& s, const produce_request& r) {
  if (r.batch.size() > static_cast<std::size_t>(s.setup.config.max_message_bytes))
    return error{errc::record_too_large,
                 "a batch of " + std::to_string(r.batch.size()) + " bytes for " + place(s) + ", which takes " +
                     std::to_string(s.setup.config.max_message_bytes),
                 "smaller batches or records, compression, or a larger max.message.bytes of the topic"};
  if (s.bytes_in_flight + s.unverified_bytes > limits::max_partition_in_flight ||
      s.setup.pressure->bytes_in_flight.load() > limits::max_journal_in_flight)
    return error{errc::busy, "too much is on its way to the disk", "the same again in a moment"};
  if (s.setup.pressure->files.load() > limits::max_journal_files)
    return error{errc::busy, "the journal waits for history to settle", "the same again in a moment"};
  return std::nullopt;
}

/// Where keys compact, a record without one could never be replaced.
std::optional<error> refuse_keyless(const leader_state& s, const bytes& batch) {
  if (!s.setup.config.compacts) return std::nullopt;
  auto reader = batch_reader::open(batch);
  if (!reader) return reader.error();
  for (auto record = reader->next();; record = reader->next()) {
    if (!record) return record.error();
    if (!*record) return std::nullopt;
    if (!(*record)->key)
      return error{errc::invalid_record, "a record without a key for " + place(s) + ", whose cleanup.policy compacts",
                   "a key for each record, or the policy delete"};
  }
}

void answer(const leader_state::waiting_produce& w, ack_level reached) {
  auto promise = w.promise;
  promise.deliver(result<produce_response>{produce_response{w.base, w.append_time, reached, w.duplicate}});
}

/// A repeat of what is in the log already: answered when the first attempt would be.
void on_duplicate(leader_state& s, const rules::duplicate_batch& d, ack_level level, caf::response_promise promise) {
  leader_state::waiting_produce w{d.base, d.end, level, no_timestamp, true, std::move(promise)};
  if (d.end <= high_watermark(s)) return answer(w, level);
  auto behind = std::upper_bound(s.produces.begin(), s.produces.end(), w.end,
                                 [](offset end, const auto& other) { return end < other.end; });
  s.produces.insert(behind, std::move(w));
}

/// Gives the batch its place in the log and sends it to the disk. Returns the time it was given, if the topic says so.
timestamp append_stamped(self_pointer self, bytes batch, batch_header& header) {
  auto& s = self->state;
  auto now = s.setup.wall_clock();
  header.base = s.setup.log->end();
  header.epoch = s.replica.current;
  auto append_time = s.setup.config.timestamps == rules::timestamp_type::log_append_time ? std::optional<timestamp>{now}
                                                                                         : std::nullopt;
  if (append_time) header.max_timestamp = *append_time;
  stamp_batch(batch, header.base, header.epoch, append_time);
  s.setup.marks->append_clock = std::max(now.value, s.setup.marks->append_clock.load());
  std::vector<store::entry> entries;
  entries.push_back(s.setup.log->append(std::move(batch), header));
  send_to_journal(self, std::move(entries));
  return append_time.value_or(no_timestamp);
}

void append_produced(self_pointer self, produce_request& r, batch_header& header, caf::response_promise promise) {
  auto& s = self->state;
  auto flushed = s.setup.log->flushed();
  auto append_time = append_stamped(self, std::move(r.batch), header);
  s.producers.record(header.producer, header.producer_epoch, header.base_sequence, header.record_count, header.base,
                     flushed);
  if (header.transactional()) s.transactions.on_data(header.producer, header.producer_epoch, header.base);
  leader_state::waiting_produce w{header.base, header.end(), r.acks, append_time, false, promise};
  if (r.acks == ack_level::none) return answer(w, ack_level::none);
  s.produces.push_back(std::move(w));
}

/// A checked batch. `enlisted`: the producer epoch with which the coordinator has just let it in.
void take_batch(self_pointer self, produce_request& r, batch_header& header, caf::response_promise promise,
                std::optional<std::int16_t> enlisted);

/// The coordinator answered: the batches that waited for it go on in their order, or all get its error.
void on_enlisted(self_pointer self, producer_id producer, std::int16_t epoch, const result<part_enlisted>& answer) {
  auto& s = self->state;
  auto waiting = s.unverified.extract(producer);
  DOHLE_ASSERT(!waiting.empty(), "only the coordinator's answer ends the waiting");
  for (const auto& w : waiting.mapped()) {
    --s.unverified_count;
    s.unverified_bytes -= w.what.batch.size();
  }
  for (auto& w : waiting.mapped()) {
    auto refused = answer ? refuse(s, w.what) : answer.error();
    if (refused)
      w.promise.deliver(result<produce_response>{std::move(*refused)});
    else
      take_batch(self, w.what, w.header, w.promise, epoch);
  }
}

/// Behind the batches of the same producer that wait already, or as the first of them, for which the coordinator is
/// asked.
void wait_enlisted(self_pointer self, produce_request& r, const batch_header& header, caf::response_promise promise) {
  auto& s = self->state;
  auto fail = [&](error e) { promise.deliver(result<produce_response>{std::move(e)}); };
  if (!s.setup.transactions)
    return fail({errc::invalid_request, "batches of transactions are not taken here", "a plain producer"});
  if (s.unverified_count >= limits::max_unverified_batches)
    return fail({errc::busy, "too many batches wait for their transaction", "the same again in a moment"});
  auto& waiting = s.unverified[header.producer];
  ++s.unverified_count;
  s.unverified_bytes += r.batch.size();
  const bool may_add = r.enlist;
  waiting.push_back({std::move(r), header, std::move(promise)});
  if (waiting.size() > 1) return;
  auto producer = header.producer;
  auto epoch = header.producer_epoch;
  enlist_part ask{producer, epoch, topic_partition{s.setup.topic, s.setup.index}, "", may_add};
  self->request(s.setup.transactions, caf::infinite, std::move(ask))
      .then([=](const result<part_enlisted>& answer) { on_enlisted(self, producer, epoch, answer); },
            [=](const caf::error&) {
              on_enlisted(self, producer, epoch, error{errc::closed, "the broker shuts down", ""});
            });
}

/// What does not fit the producer's open transaction here.
std::optional<error> refuse_unfit(const leader_state& s, const batch_header& header) {
  auto open = s.transactions.open(header.producer);
  if (!open) return std::nullopt;
  if (!header.transactional())
    return error{errc::invalid_transaction, "a batch outside the open transaction of its producer",
                 "end the transaction first"};
  if (open->epoch == header.producer_epoch) return std::nullopt;
  return error{errc::concurrent_transactions, "the producer's transaction before is still being decided",
               "the same again in a moment"};
}

void on_produce(self_pointer self, produce_request& r, caf::response_promise promise) {
  auto& s = self->state;
  auto fail = [&](error e) { promise.deliver(result<produce_response>{std::move(e)}); };
  if (auto e = refuse(s, r)) return fail(std::move(*e));
  auto header = validate_batch(r.batch.view());
  if (!header) return fail(header.error());
  if (header->control())
    return fail({errc::invalid_request, "control batches are not taken", "the end of a transaction says the same"});
  if (header->transactional() && header->producer == no_producer)
    return fail({errc::invalid_request, "a batch of a transaction without a producer", "an id from the coordinator"});
  if (auto e = refuse_keyless(s, r.batch)) return fail(std::move(*e));
  take_batch(self, r, *header, std::move(promise), std::nullopt);
}

void take_batch(self_pointer self, produce_request& r, batch_header& header, caf::response_promise promise,
                std::optional<std::int16_t> enlisted) {
  auto& s = self->state;
  auto fail = [&](error e) { promise.deliver(result<produce_response>{std::move(e)}); };
  if (s.unverified.contains(header.producer)) return wait_enlisted(self, r, header, std::move(promise));
  auto verdict = s.producers.check(header.producer, header.producer_epoch, header.base_sequence, header.record_count);
  if (auto* e = std::get_if<error>(&verdict)) return fail(std::move(*e));
  if (auto* d = std::get_if<rules::duplicate_batch>(&verdict)) return on_duplicate(s, *d, r.acks, std::move(promise));
  if (auto e = refuse_unfit(s, header)) return fail(std::move(*e));
  const bool joins = header.transactional() && !s.transactions.open(header.producer);
  if (joins && enlisted != header.producer_epoch) return wait_enlisted(self, r, header, std::move(promise));
  append_produced(self, r, header, std::move(promise));
}

/// Answers the producers whose batches reached their level.
void release_produces(leader_state& s) {
  auto committed = high_watermark(s);
  auto flushed = s.setup.log->flushed();
  while (!s.produces.empty() && s.produces.front().end <= committed) {
    answer(s.produces.front(), ack_level::majority);
    s.produces.pop_front();
  }
  std::erase_if(s.produces, [&](const auto& w) {
    bool done = w.level == ack_level::leader && w.end <= flushed;
    if (done) answer(w, ack_level::leader);
    return done;
  });
}

// --- the ends of transactions --------------------------------------------------------------------------------------

/// A marker is appended where it ends a transaction or fences a producer; else there is nothing to do, or nothing but
/// to wait until the one that was appended before is committed.
void decide(self_pointer self, const decide_part& m, std::function<void(const result<void>&)> done) {
  auto& s = self->state;
  auto open = s.transactions.open(m.producer);
  auto known = s.producers.epoch_of(m.producer);
  const bool ends = open && open->epoch <= m.epoch;
  const bool fences = !open && known && *known < m.epoch;
  if (ends || fences) {
    auto kind = m.commit ? marker_kind::commit : marker_kind::abort;
    auto batch = marker_batch(m.producer, m.epoch, kind, s.setup.wall_clock());
    auto header = read_header(batch.view());
    auto flushed = s.setup.log->flushed();
    append_stamped(self, std::move(batch), *header);
    s.producers.record_marker(m.producer, m.epoch, header->base, flushed);
    s.transactions.on_marker(m.producer, header->base, m.commit);
    return s.decides.push_back({m.producer, header->end(), std::move(done)}), void();
  }
  auto before =
      std::find_if(s.decides.rbegin(), s.decides.rend(), [&](const auto& w) { return w.producer == m.producer; });
  if (before == s.decides.rend()) return done({});
  auto end = before->end;
  s.decides.insert(before.base(), {m.producer, end, std::move(done)});
}

/// Answers with `Answer` when all went well.
template <class Answer>
std::function<void(const result<void>&)> answer_with(caf::response_promise promise) {
  return [promise](const result<void>& r) mutable {
    promise.deliver(r ? result<Answer>{Answer{}} : result<Answer>{r.error()});
  };
}

void on_decide(self_pointer self, const decide_part& m, caf::response_promise promise) {
  decide(self, m, answer_with<part_decided>(promise));
}

/// By hand, so without a coordinator that knows better: only what is open is ended.
void on_write_marker(self_pointer self, const write_marker_request& m, caf::response_promise promise) {
  const auto done = answer_with<write_marker_response>(promise);
  auto known = self->state.producers.epoch_of(m.producer);
  if (known && m.epoch < *known)
    return done(
        error{errc::producer_fenced, "the producer is in epoch " + std::to_string(*known) + " here", "that epoch"});
  if (!self->state.transactions.open(m.producer)) return done({});
  decide(self, {m.producer, m.epoch, m.commit, std::nullopt, {}}, done);
}

void release_decides(leader_state& s) {
  for (; !s.decides.empty() && s.decides.front().end <= high_watermark(s); s.decides.pop_front())
    s.decides.front().done({});
}

// --- fetch ---------------------------------------------------------------------------------------------------------

result<void> check_range(const leader_state& s, offset from) {
  auto start = s.setup.log->start();
  auto end = high_watermark(s);
  if (from >= start && from <= end) return {};
  return error{errc::offset_out_of_range,
               "offset " + std::to_string(from.value) + " of " + place(s) + " is not in its range " +
                   std::to_string(start.value) + " to " + std::to_string(end.value),
               "seek to the start or the end"};
}

fetch_response answer_of(const leader_state& s, std::vector<bytes> batches = {}) {
  return {high_watermark(s), s.setup.log->start(), std::move(batches), last_stable(s), {}};
}

/// What memory cannot answer, the reader does. It finds on disk what has settled; the rest goes with the question.
void ask_reader(const leader_state& s, const fetch_request& r, offset limit, caf::response_promise& promise) {
  cold_fetch ask{s.setup.log, r, limit, high_watermark(s), last_stable(s), {}};
  if (r.isolation == isolation::committed) {
    for (const auto& a : s.transactions.aborted_behind(s.setup.log->settled(), r.backward ? offset{} : r.from, limit))
      ask.aborted.push_back({a.producer, a.first, a.marker, false});
  }
  promise.delegate(s.setup.reader, std::move(ask));
}

/// An answer from memory, if memory also knows which of its transactions were aborted.
void answer_fetch(const leader_state& s, const fetch_request& r, offset limit, std::vector<bytes> batches,
                  caf::response_promise& promise) {
  auto answer = answer_of(s, std::move(batches));
  // Most partitions know of none: then the batches need not be walked.
  const bool none = !r.backward && s.transactions.none_aborted(r.from);
  if (r.isolation == isolation::committed && !answer.batches.empty() && !none) {
    auto span = span_of(answer.batches);
    auto aborted = s.transactions.aborted(span.first, span.end, limits::max_fetch_aborted);
    if (!aborted) return ask_reader(s, r, limit, promise);
    for (const auto& a : *aborted) answer.aborted.push_back({a.producer, a.first});
  }
  promise.deliver(result<fetch_response>{std::move(answer)});
}

std::size_t total(const std::vector<bytes>& parts) {
  std::size_t n = 0;
  for (const auto& p : parts) n += p.size();
  return n;
}

/// Towards the start nothing has to be waited for. A reader below the log's start is at the end of its way: what it
/// was about to read is gone.
void fetch_backward(const leader_state& s, fetch_request r, caf::response_promise& promise) {
  if (r.from > high_watermark(s)) return promise.deliver(result<fetch_response>{check_range(s, r.from).error()});
  auto limit = visible_end(s, r.isolation);
  r.from = std::min(r.from, limit);
  auto found = s.setup.log->read_tail_back(r.from, std::min<std::size_t>(r.max_bytes, limits::max_fetch_bytes));
  if (!found) return ask_reader(s, r, limit, promise);
  answer_fetch(s, r, limit, std::move(*found), promise);
}

/// Answers now if there is enough (or it cannot wait); false = it should park.
bool try_fetch(self_pointer self, const fetch_request& r, caf::response_promise& promise, bool may_wait) {
  auto& s = self->state;
  if (r.backward) return fetch_backward(s, r, promise), true;
  auto limit = visible_end(s, r.isolation);
  if (auto range = check_range(s, r.from); !range) {
    promise.deliver(result<fetch_response>{range.error()});
    return true;
  }
  if (r.from >= limit) {
    if (may_wait) return false;
    promise.deliver(result<fetch_response>{answer_of(s)});
    return true;
  }
  auto max_bytes = std::min<std::size_t>(r.max_bytes, limits::max_fetch_bytes);
  auto found = s.setup.log->read_tail(r.from, max_bytes, limit);
  if (!found) return ask_reader(s, r, limit, promise), true;
  if (may_wait && r.min_bytes > 1 && total(*found) < std::min<std::size_t>(r.min_bytes, max_bytes)) return false;
  answer_fetch(s, r, limit, std::move(*found), promise);
  return true;
}

void arm_tick(self_pointer self) {
  auto& s = self->state;
  if (s.tick_armed || s.fetches.empty()) return;
  auto first = std::min_element(s.fetches.begin(), s.fetches.end(),
                                [](const auto& a, const auto& b) { return a.deadline < b.deadline; });
  s.tick_armed = true;
  auto wait =
      std::max<leader_state::moment::duration>(first->deadline - self->clock().now(), std::chrono::milliseconds(1));
  self->delayed_send(self, wait, tick_atom::value);
}

void on_fetch(self_pointer self, const fetch_request& r, caf::response_promise promise) {
  auto& s = self->state;
  bool may_wait = r.max_wait.count() > 0 && s.fetches.size() < limits::max_parked_fetches;
  if (try_fetch(self, r, promise, may_wait)) return;
  auto wait = std::min<milliseconds>(r.max_wait, std::chrono::duration_cast<milliseconds>(limits::max_fetch_wait));
  auto deadline = self->clock().now() + wait;
  bool earliest = std::all_of(s.fetches.begin(), s.fetches.end(), [&](const auto& f) { return deadline < f.deadline; });
  s.fetches.push_back({r, deadline, std::move(promise)});
  if (earliest) s.tick_armed = false;  // the tick that is on its way would come too late for this one
  arm_tick(self);
}

/// Looks at every parked fetch again: after the watermark moved, and for those whose time is over.
void release_fetches(self_pointer self) {
  auto& s = self->state;
  auto now = self->clock().now();
  for (auto i = s.fetches.begin(); i != s.fetches.end();)
    i = try_fetch(self, i->what, i->promise, now < i->deadline) ? s.fetches.erase(i) : std::next(i);
}

// --- offsets -------------------------------------------------------------------------------------------------------

void on_list_offsets(self_pointer self, const list_offsets_request& r, caf::response_promise promise) {
  auto& s = self->state;
  auto limit = visible_end(s, r.isolation);
  if (r.query == offset_query::earliest)
    return promise.deliver(result<list_offsets_response>{list_offsets_response{s.setup.log->start(), no_timestamp}});
  if (r.query == offset_query::latest)
    return promise.deliver(result<list_offsets_response>{list_offsets_response{limit, no_timestamp}});
  promise.delegate(s.setup.reader, cold_list_offsets{s.setup.log, r, limit});
}

void on_epoch_end(const leader_state& s, const epoch_end_request& r, caf::response_promise promise) {
  auto answer = [&](epoch_end_response e) { promise.deliver(result<epoch_end_response>{e}); };
  if (r.epoch > s.replica.current) return answer({});
  if (r.epoch == s.replica.current) return answer({r.epoch, high_watermark(s)});
  promise.delegate(s.setup.reader, cold_epoch_end{s.setup.log, r, high_watermark(s)});
}

void on_delete_records(self_pointer self, const delete_records_request& r, caf::response_promise promise) {
  auto& s = self->state;
  auto limit = high_watermark(s);
  auto before = r.before == offset{-1} ? limit : r.before;
  if (before.value < 0 || before > limit)
    return promise.deliver(
        result<delete_records_response>{error{errc::offset_out_of_range,
                                              "records before offset " + std::to_string(before.value) + " of " +
                                                  place(s) + ", which ends at " + std::to_string(limit.value),
                                              "an offset up to the end, or -1 for all that is there"}});
  promise.delegate(s.setup.settler, forget_records{s.setup.log, before, limit});
}

// --- what the journal says -----------------------------------------------------------------------------------------

void account(leader_state& s) {
  s.bytes_in_flight -= s.sizes_in_flight.front();
  s.sizes_in_flight.pop_front();
}

void on_appended(self_pointer self, const appended& m) {
  auto& s = self->state;
  account(s);
  s.setup.log->on_flushed(m.entries);
  if (!rules::on_flushed(s.replica, s.setup.me, s.setup.log->flushed_position())) {
    release_produces(s);  // those that only wait for this disk
  } else {
    s.setup.marks->high_watermark = high_watermark(s).value;
    s.transactions.advance(high_watermark(s), s.setup.log->settled(), s.setup.log->start());
    release_produces(s);
    release_decides(s);
    release_fetches(self);
  }
  if (!s.early.empty() && rules::may_serve(s.replica)) {
    auto waiting = std::move(s.early);
    s.early.clear();
    for (auto& go : waiting) go();
  }
}

/// The disk is full: everything unflushed is taken back, in the log, in the sequences and towards the producers.
void on_refused(self_pointer self, const refused& m) {
  auto& s = self->state;
  account(s);
  if (m.attempt != s.attempt) return;  // an answer to what was taken back already
  ++s.attempt;
  s.setup.log->drop_unflushed();
  auto end = s.setup.log->flushed();
  s.producers.rollback_from(end);
  s.transactions.rollback_from(end);
  auto first = std::find_if(s.produces.begin(), s.produces.end(), [&](const auto& w) { return w.end > end; });
  for (auto i = first; i != s.produces.end(); ++i) i->promise.deliver(result<produce_response>{m.why});
  s.produces.erase(first, s.produces.end());
  for (; !s.decides.empty() && s.decides.back().end > end; s.decides.pop_back()) s.decides.back().done(m.why);
  // The mark itself was refused: again, until there is space.
  if (!rules::may_serve(s.replica)) self->delayed_send(self, limits::max_retry_backoff, office_atom::value);
}

/// Reads wait until the epoch's mark is committed: before that the watermark may lie behind what was visible once.
template <class F>
void when_serving(self_pointer self, F go) {
  auto& s = self->state;
  if (rules::may_serve(s.replica)) return go();
  if (s.early.size() < limits::max_parked_fetches) s.early.emplace_back(std::move(go));
}

/// Producers and transactions as the log tells them.
void restore(leader_state& s, const store::log_history& history) {
  std::vector<rules::known_producer> known;
  std::map<producer_id, rules::open_transaction> open;
  std::vector<rules::ended_transaction> ended;
  for (const auto& p : history.producers) {
    known.push_back({p.id, p.epoch, p.last_sequence, p.last_offset, p.last_delta});
    if (p.transaction) open.emplace(p.id, rules::open_transaction{p.epoch, *p.transaction});
  }
  for (const auto& e : history.ended) ended.push_back({e.producer, -1, e.first, e.marker, e.committed});
  s.producers.restore(std::move(known));
  s.transactions.restore(open, ended, history.settled);
}

/// Runs `go` with a promise for the message's answer, once this leader serves.
template <class Message, class F>
auto served(self_pointer self, F go) {
  return [=](const Message& m) {
    auto promise = self->make_response_promise();
    when_serving(self, [=] { go(self, m, promise); });
  };
}

}  // namespace

caf::behavior leader(self_pointer self, leader_setup setup) {
  auto& s = self->state;
  auto hard = setup.log->hard();
  s.replica.me = setup.me;
  s.replica.voters = setup.voters;
  s.replica.current = hard.epoch;
  s.replica.vote = hard.vote;
  s.replica.high_watermark = std::max(hard.high_watermark, setup.log->start());
  restore(s, setup.history);
  setup.history = {};
  s.setup = std::move(setup);
  take_office(self);
  return {
      [=](produce_request& r) { on_produce(self, r, self->make_response_promise()); },
      served<fetch_request>(self, on_fetch),
      served<list_offsets_request>(self, on_list_offsets),
      served<delete_records_request>(self, on_delete_records),
      served<decide_part>(self, on_decide),
      served<write_marker_request>(self, on_write_marker),
      served<epoch_end_request>(self, [](self_pointer me, const auto& r, auto p) { on_epoch_end(me->state, r, p); }),
      served<describe_producers_request>(self,
                                         [](self_pointer me, const auto&, auto p) {
                                           p.delegate(me->state.setup.reader, cold_producers{me->state.setup.log});
                                         }),
      [=](const appended& m) { on_appended(self, m); },
      [=](const refused& m) { on_refused(self, m); },
      [=](const reconfigured& m) { self->state.setup.config = m.config; },
      [=](tick_atom) {
        self->state.tick_armed = false;
        release_fetches(self);
        arm_tick(self);
      },
      [=](office_atom) { take_office(self); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace dohle::actors
