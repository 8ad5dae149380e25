// Markers: the control batches that end a transaction at a partition, byte for byte Kafka's EndTxnMarker. One record;
// its key is i16 version 0 | i16 kind, its value i16 version 0 | i32 coordinator epoch, all big-endian. Such a batch
// takes an offset as any other but no sequence number. Only a broker writes one. Pure: values in, bytes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "schema/record_batch.hpp"

namespace dohle {

enum class marker_kind : std::int16_t { abort = 0, commit = 1 };

/// The marker of this producer's transaction; the leader stamps it with its place.
bytes marker_batch(producer_id producer, std::int16_t producer_epoch, marker_kind kind, timestamp at);

/// What the key of a control batch's record says; none when it is cut or of another kind.
std::optional<marker_kind> marker_of_key(std::string_view key);

/// What the whole batch at the start of `batch`, checked before, says; none when it is no marker, or when compaction
/// has left only its header.
std::optional<marker_kind> marker_of(std::string_view batch);

}  // namespace dohle
