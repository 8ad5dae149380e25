#include "rules/election.hpp"

#include <algorithm>

#include "schema/error.hpp"

namespace dohle::rules {

namespace {

bool take_office(replica& r) {
  if (!wins(r, r.votes)) return false;
  become_leader(r);
  r.log.open(r.current);
  return true;
}

}  // namespace

campaign_outcome campaign(replica& r, bool transfer) {
  campaign_outcome done;
  done.persist = start_election(r);
  done.request = {r.current, r.me, r.log.end(), false, transfer};
  done.won = take_office(r);
  return done;
}

vote_outcome on_vote_request(replica& r, const vote_request& ask) {
  DOHLE_ASSERT(!ask.pre, "a pre-vote never changes a replica");
  vote_outcome done;
  done.persist = observe(r, ask.epoch);
  const bool free = r.vote == -1 || r.vote == ask.candidate.value;
  const bool granted = ask.epoch == r.current && free && r.role != replica_role::leader && ask.at >= r.log.end() &&
                       ask.candidate != r.me;
  if (granted) {
    r.vote = ask.candidate.value;
    done.persist = hard(r);
  }
  done.answer = {r.current, r.me, false, granted};
  return done;
}

bool would_grant(const replica& r, const vote_request& ask) { return ask.epoch > r.current && ask.at >= r.log.end(); }

ballot_outcome on_vote(replica& r, const vote_answer& a) {
  ballot_outcome done;
  done.persist = observe(r, a.epoch);
  if (a.pre || !a.granted || r.role != replica_role::candidate || a.epoch != r.current) return done;
  if (std::ranges::find(r.votes, a.voter) == r.votes.end()) r.votes.push_back(a.voter);
  done.won = take_office(r);
  return done;
}

}  // namespace dohle::rules
