// Records as JSON, both ways and without loss:
//   {"topic":"t","partition":0,"offset":17,"timestamp":1714566615250,"key":"k","value":"v",
//    "headers":[{"key":"h","value":"x"}]}
// Bytes that are not UTF-8 stand as "key_base64", "value_base64" in the place of "key", "value"; null is null.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/error.hpp"
#include "schema/record_batch.hpp"
#include "schema/types.hpp"

namespace dohle::tools {

/// A record that somebody typed: it owns its bytes.
struct typed_record {
  std::optional<std::string> key;
  std::optional<std::string> value;
  timestamp at = no_timestamp;
  std::optional<partition_index> partition;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

/// One JSON object. "topic" and "offset" are taken and ignored, so that what `consume` prints can be produced again;
/// "timestamp" is a number of milliseconds or a time as text; "headers" a list as above or an object; a "value" or
/// "key" that is not a string is stored as its JSON text. Any other field is an error that names the nearest.
result<typed_record> parse_json_record(std::string_view line);

/// Appends the record as one JSON object without a line end. `always_base64` leaves no text form.
result<void> append_json(std::string& out, const topic_partition& source, const record_view& record,
                         bool always_base64);

bool is_utf8(std::string_view text);
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace dohle::tools
