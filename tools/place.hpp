// Where in a topic: "start", "end", an offset, or a time, as --from, --until and --to take it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/program.hpp"

namespace dohle::tools {

struct place {
  enum class kind { start, end, offset, time };
  kind what = kind::start;
  dohle::offset at_offset;
  timestamp at_time;
};

/// "start", "end", "1234" (an offset), or a time (units.hpp).
result<place> parse_place(std::string_view text);

/// What is visible of a partition now: [start, end).
struct extent {
  offset start;
  offset end;
};

/// Partitions of a topic, all or the named ones. `unknown_topic`, `unknown_partition`.
result<std::vector<partition_index>> partitions_of(const session&, const std::string& topic,
                                                   const std::vector<int>& wanted);
result<std::map<partition_index, extent>> extents_of(const session&, const std::string& topic,
                                                     const std::vector<partition_index>& partitions);

/// The place in each partition. An offset below the start is `offset_out_of_range`; beyond the end it is so only when
/// no partition reaches it, else the shorter ones give their end. A time after the last record gives the end.
result<std::map<partition_index, offset>> resolve(const session&, const std::string& topic, const place&,
                                                  const std::map<partition_index, extent>&);

}  // namespace dohle::tools
