#include "rules/replication.hpp"

#include <algorithm>
#include <utility>

#include "schema/error.hpp"

namespace dohle::rules {

namespace {

/// Whether the leader's entries can follow this log. A sender's defect must not end this process.
bool fit(const replica& r, const replica_answer& a) {
  auto last = r.log.end().epoch;
  for (const auto& e : a.entries) {
    if (e.epoch > a.epoch || !epoch_history::fits(last, e)) return false;
    last = e.epoch;
  }
  return true;
}

/// The leader's watermark may be ahead of what it sent: nobody believes it beyond what he holds himself.
bool advance(replica& r, offset leaders) {
  const auto reached = std::min(leaders, r.log.end().end);
  if (reached <= r.high_watermark) return false;
  r.high_watermark = reached;
  return true;
}

bool can_cut(const replica& r, position point) { return r.log.knows(point) && point.end >= r.log.begin().end; }

void cut(replica& r, position point) {
  r.log.truncate(point);
  r.on_disk = std::min(r.on_disk, r.log.end());
}

bool is_stale(const replica& r, const replica_answer& a) {
  return a.epoch < r.current || r.role == replica_role::leader || a.number != r.fetch_number || a.asked != r.log.end();
}

}  // namespace

bool on_own_flush(replica& r, position at) {
  DOHLE_ASSERT(r.log.common_point(at) == at, "only what is in the log can be flushed");
  r.on_disk = std::max(r.on_disk, at);
  return on_flushed(r, r.me, r.on_disk);
}

void append_records(replica& r, std::int64_t count) {
  DOHLE_ASSERT(r.role == replica_role::leader, "only the leader writes");
  r.log.append(r.current, count);
}

fetch_outcome on_fetch(replica& r, const replica_fetch& f) {
  fetch_outcome done;
  done.persist = observe(r, f.epoch);
  if (r.role != replica_role::leader) return done;
  replica_answer answer{r.current, r.me, f.at, f.number};
  answer.point = r.log.common_point(f.at);
  if (!r.log.knows(f.at)) {
    answer.kind = answer_kind::forgotten;
  } else if (answer.point != f.at) {
    answer.kind = answer_kind::diverged;
  } else {
    answer.point = {};
    done.advanced = on_flushed(r, f.who, f.at);
  }
  answer.high_watermark = r.high_watermark;
  done.answer = std::move(answer);
  return done;
}

bool may_fetch(const replica& r) { return r.role != replica_role::leader && r.on_disk == r.log.end(); }

replica_fetch next_fetch(replica& r) {
  DOHLE_ASSERT(may_fetch(r), "a fetch acknowledges, so everything is flushed first");
  return {r.current, r.me, r.on_disk, ++r.fetch_number};
}

answer_outcome on_answer(replica& r, const replica_answer& a) {
  answer_outcome done;
  done.persist = observe(r, a.epoch);
  if (is_stale(r, a)) return done;
  switch (a.kind) {
    case answer_kind::entries:
      if (!fit(r, a)) return done;
      r.role = replica_role::follower;
      for (const auto& e : a.entries) r.log.append(e);
      done.append = !a.entries.empty();
      done.advanced = advance(r, a.high_watermark);
      break;
    case answer_kind::diverged:
      if (a.point >= a.asked) return done;
      DOHLE_ASSERT(a.point.end >= r.high_watermark, "what is committed is never cut");
      done.forgotten = !can_cut(r, a.point);
      if (done.forgotten) break;
      cut(r, a.point);
      done.truncate = r.log.end();
      break;
    case answer_kind::forgotten: done.forgotten = true; break;
  }
  r.leader = a.leader;
  ++r.fetch_number;
  done.taken = true;
  return done;
}

}  // namespace dohle::rules
