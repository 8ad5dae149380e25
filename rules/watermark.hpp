// The sentence everybody looks for: how far a partition is committed. Pure.
#pragma once

#include <span>

#include "schema/types.hpp"

namespace dohle::rules {

/// The high watermark of a partition whose leader reigns in epoch `current`: the largest end that a majority of
/// `voters` has flushed at a position of that epoch, and never below `known`. One position a voter, the leader's own
/// included; a voter not heard of yet counts as position{}. Positions of other epochs count for nothing: entries of
/// earlier epochs become safe only with the mark of this one behind them (Raft's figure 8).
offset high_watermark(epoch current, offset known, std::span<const position> voters);

}  // namespace dohle::rules
