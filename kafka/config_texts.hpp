// What Kafka's consoles show of a topic's config beside its name and value. Which configs there are, and what they may
// be, stands in rules/topic_config.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace dohle::kafka {

enum value_type : std::int8_t { boolean = 1, text = 2, int32 = 3, int16 = 4, int64 = 5, real = 6, list = 7 };

struct config_text {
  std::string_view name;
  value_type type = text;
  std::string_view broker_name;  ///< the broker's config that a topic's default comes from, by Kafka's name
  std::string_view documentation;
};

/// Of a name that has no text: the name as it is.
config_text tell(std::string_view name);

}  // namespace dohle::kafka
