// Records as Arrow: one schema, struct arrays built from the views of a batch, streams of them in Python capsules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arrow_abi.hpp"
#include "bindings/batch.hpp"

namespace dohle::bindings {

enum class column : std::uint8_t { topic, partition, offset, timestamp, key, value, headers };

/// Names to columns; none = partition, offset, timestamp, key, value, headers. ValueError names what is unknown.
std::vector<column> parse_columns(const std::optional<std::vector<std::string>>& names);

/// Rows of one Arrow batch: enough to amortise, few enough that the views stay in the cache.
inline constexpr std::size_t max_arrow_rows = 64 * 1024;
/// Bytes of one Arrow batch, so that its 32-bit offsets never overflow: one largest record may come on top.
inline constexpr std::size_t max_arrow_bytes = 256 * limits::mib;

void export_schema(const std::vector<column>& columns, ArrowSchema* out);
/// Rows from `start` on, as many as the two bounds above allow; `start` moves behind them.
result<void> export_rows(const core_batch& batch, std::size_t& start, const std::vector<column>& columns,
                         ArrowArray* out);

py::capsule schema_capsule(const std::vector<column>& columns);
/// A stream of the records of a batch.
py::capsule stream_capsule(const core_batch& batch, std::vector<column> columns);
/// A stream of all that a consumer with bounded ranges has still to deliver; it reads as the stream is read.
py::capsule stream_capsule(consumer source, std::vector<column> columns);

}  // namespace dohle::bindings
