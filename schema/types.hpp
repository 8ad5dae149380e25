// The numbers of the house as types, so that two integers of different meaning never meet.
// Values only: no owner, no invariant beyond the name. Standard library only.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace dohle {

/// An integer that only converts on request. `Tag` is the name, `Rep` what stands on the wire.
template <class Tag, class Rep>
struct strong {
  using rep = Rep;
  Rep value{};

  constexpr strong() = default;
  constexpr explicit strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(strong, strong) = default;
  constexpr strong& operator++() {
    ++value;
    return *this;
  }
};

/// A record's place in its partition: dense, from 0. Ranges are half-open and their far side is called `end`.
struct offset : strong<struct offset_tag, std::int64_t> {
  using strong::strong;
  friend constexpr offset operator+(offset a, std::int64_t n) { return offset{a.value + n}; }
  friend constexpr offset operator-(offset a, std::int64_t n) { return offset{a.value - n}; }
  friend constexpr std::int64_t operator-(offset a, offset b) { return a.value - b.value; }
};

/// One reign of one leader (Raft's term, Kafka's leader epoch). 0 = before any leader.
struct epoch : strong<struct epoch_tag, std::int32_t> {
  using strong::strong;
};

/// Names a partition on every broker and on disk; never used again after its topic is deleted.
struct partition_id : strong<struct partition_id_tag, std::uint32_t> {
  using strong::strong;
};

/// A partition's number within its topic, from 0: what clients say.
struct partition_index : strong<struct partition_index_tag, std::int32_t> {
  using strong::strong;
};

struct broker_id : strong<struct broker_id_tag, std::int32_t> {
  using strong::strong;
};

/// One membership of a consumer group; rises with every rebalance.
struct generation : strong<struct generation_tag, std::int32_t> {
  using strong::strong;
};

/// Names an idempotent producer; -1 = none. Its epoch fences older instances, its sequence numbers records.
struct producer_id : strong<struct producer_id_tag, std::int64_t> {
  using strong::strong;
};
inline constexpr producer_id no_producer{-1};

/// Milliseconds since 1970-01-01 UTC, as in Kafka's record batches; -1 = none.
struct timestamp : strong<struct timestamp_tag, std::int64_t> {
  using strong::strong;
};
inline constexpr timestamp no_timestamp{-1};

/// (epoch of the last entry, end offset): names a prefix of a log uniquely and is compared in this order.
struct position {
  dohle::epoch epoch;
  offset end;
  friend constexpr auto operator<=>(position, position) = default;
};

/// What an acknowledgement means. The weaker levels are an explicit choice by name.
enum class ack_level : std::int8_t {
  none = 0,      ///< not waited for: the broker may refuse the batch and nobody learns of it
  leader = 1,    ///< flushed to the leader's disk
  majority = -1  ///< flushed to disk on a majority of the replicas (the default; Kafka's acks=all)
};

struct topic_partition {
  std::string topic;
  partition_index partition;
  friend auto operator<=>(const topic_partition&, const topic_partition&) = default;
};

}  // namespace dohle

template <class T>
requires requires(T t) {
  typename T::rep;
  t.value;
}
struct std::hash<T> {
  std::size_t operator()(T t) const noexcept { return std::hash<typename T::rep>{}(t.value); }
};

template <>
struct std::hash<dohle::topic_partition> {
  std::size_t operator()(const dohle::topic_partition& t) const noexcept {
    return std::hash<std::string>{}(t.topic) * 31 + static_cast<std::size_t>(t.partition.value);
  }
};
