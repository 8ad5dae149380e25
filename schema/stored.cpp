#include "schema/stored.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>

#include "schema/limits.hpp"
#include "schema/stored.capnp.h"

namespace dohle {
namespace {

constexpr std::size_t traversal_slack_words = 1024;
constexpr int nesting_limit = 12;

/// Thrown and caught in this file, beside Cap'n Proto's own exceptions.
struct refused {
  errc code;
  std::string why;
};

// --- writing -------------------------------------------------------------------------------------------------------

capnp::Text::Reader text(const std::string& s) { return {s.c_str(), s.size()}; }
capnp::Data::Reader data(const bytes& b) { return {reinterpret_cast<const kj::byte*>(b.data()), b.size()}; }
unsigned count(std::size_t n) { return static_cast<unsigned>(n); }

template <class Root, class Write>
std::string encode(Write write) {
  capnp::MallocMessageBuilder message;
  write(message.initRoot<Root>());
  const auto flat = capnp::messageToFlatArray(message);
  return {flat.asChars().begin(), flat.asChars().size()};
}

struct cluster_writer {
  disk::ClusterRecord::Builder to;

  void operator()(const topic_record& from) {
    auto t = to.initTopic();
    t.setName(text(from.name));
    t.setCreated(from.created.value);
    t.setInternal(from.internal);
    auto partitions = t.initPartitions(count(from.partitions.size()));
    for (unsigned i = 0; i < partitions.size(); ++i) {
      const auto& p = from.partitions[i];
      partitions[i].setIndex(p.index.value);
      partitions[i].setId(p.id.value);
      auto replicas = partitions[i].initReplicas(count(p.replicas.size()));
      for (unsigned r = 0; r < replicas.size(); ++r) replicas.set(r, p.replicas[r].value);
    }
    auto configs = t.initConfigs(count(from.configs.size()));
    for (unsigned i = 0; i < configs.size(); ++i) {
      configs[i].setName(text(from.configs[i].first));
      configs[i].setValue(text(from.configs[i].second));
    }
    t.setNextPartitionId(from.next_partition_id.value);
  }
  void operator()(const topic_deleted_record& from) { to.setTopicDeleted(text(from.name)); }
  void operator()(const producer_ids_record& from) { to.setProducerIds(from.next); }
};

// --- reading -------------------------------------------------------------------------------------------------------

/// Reads `value`, which lies anywhere, from an aligned copy of it.
template <class Root, class Read>
auto decode(std::string_view value, const char* name, Read read) -> result<decltype(read(typename Root::Reader{}))> {
  const auto failed = [&](errc code, const std::string& why) {
    return error{code, std::string(name) + " of " + std::to_string(value.size()) + " bytes cannot be read: " + why,
                 code == errc::newer_format ? "open it with the version of Dohle that wrote it, or a newer one" : ""};
  };
  if (value.size() > limits::max_batch_bytes || value.size() % sizeof(capnp::word) != 0) {
    return failed(errc::corrupt_data, "no record has this size");
  }
  auto words = kj::heapArray<capnp::word>(value.size() / sizeof(capnp::word));
  if (!value.empty()) std::memcpy(static_cast<void*>(words.begin()), value.data(), value.size());
  capnp::ReaderOptions bounds;
  bounds.traversalLimitInWords = words.size() + traversal_slack_words;
  bounds.nestingLimit = nesting_limit;
  try {
    capnp::FlatArrayMessageReader reader(words, bounds);
    if (reader.getEnd() != words.end()) return failed(errc::corrupt_data, "bytes follow it");
    return read(reader.getRoot<Root>());
  } catch (const refused& why) {
    return failed(why.code, why.why);
  } catch (const kj::Exception& e) {
    return failed(errc::corrupt_data, e.getDescription().cStr());
  }
}

std::string text(capnp::Text::Reader from) { return {from.begin(), from.size()}; }
bytes data(capnp::Data::Reader from) { return bytes::copy({reinterpret_cast<const char*>(from.begin()), from.size()}); }

template <class T, class List, class Read>
std::vector<T> list(List from, std::size_t most, const char* what, Read read) {
  if (from.size() > most) {
    throw refused{errc::corrupt_data, "it says " + std::to_string(from.size()) + " " + what + ", at most " +
                                          std::to_string(most) + " are possible"};
  }
  std::vector<T> to;
  to.reserve(from.size());
  for (auto entry : from) to.push_back(read(entry));
  return to;
}

topic_record read_topic(disk::Topic::Reader from) {
  return {text(from.getName()),
          timestamp{from.getCreated()},
          from.getInternal(),
          list<stored_partition>(from.getPartitions(), limits::max_partitions_per_topic, "partitions",
                                 [](disk::Partition::Reader p) {
                                   return stored_partition{
                                       partition_index{p.getIndex()}, partition_id{p.getId()},
                                       list<broker_id>(p.getReplicas(), limits::max_replicas, "replicas",
                                                       [](std::int32_t id) { return broker_id{id}; })};
                                 }),
          list<std::pair<std::string, std::string>>(from.getConfigs(), limits::max_configs, "configs",
                                                    [](disk::Config::Reader c) {
                                                      return std::pair{text(c.getName()), text(c.getValue())};
                                                    }),
          partition_id{from.getNextPartitionId()}};
}

cluster_record read_cluster(disk::ClusterRecord::Reader from) {
  switch (from.which()) {
    case disk::ClusterRecord::TOPIC: return read_topic(from.getTopic());
    case disk::ClusterRecord::TOPIC_DELETED: return topic_deleted_record{text(from.getTopicDeleted())};
    case disk::ClusterRecord::PRODUCER_IDS: return producer_ids_record{from.getProducerIds()};
  }
  throw refused{errc::newer_format, "its kind " + std::to_string(static_cast<int>(from.which())) + " is not known"};
}

stored_group_key read_key(disk::GroupKey::Reader from) {
  switch (from.which()) {
    case disk::GroupKey::OFFSET: {
      auto key = from.getOffset();
      return offset_key{text(key.getGroup()), text(key.getTopic()), partition_index{key.getPartition()}};
    }
    case disk::GroupKey::GROUP: return group_key{text(from.getGroup())};
    case disk::GroupKey::PENDING:
      return pending_key{text(from.getPending().getGroup()), producer_id{from.getPending().getProducer()}};
    case disk::GroupKey::CONSUMER_GROUP: return consumer_group_key{text(from.getConsumerGroup())};
  }
  throw refused{errc::newer_format, "its kind " + std::to_string(static_cast<int>(from.which())) + " is not known"};
}

offset_value read_offset(disk::OffsetValue::Reader from) {
  return {offset{from.getOffset()}, text(from.getMetadata()), timestamp{from.getCommitted()},
          epoch{from.getLeaderEpoch()}};
}

pending_value read_pending(disk::PendingValue::Reader from) {
  return {from.getEpoch(),
          list<committed_offset>(
              from.getOffsets(), limits::max_partitions, "pending offsets", [](disk::PendingOffset::Reader o) {
                return committed_offset{text(o.getTopic()), partition_index{o.getPartition()}, offset{o.getOffset()},
                                        text(o.getMetadata()), epoch{o.getLeaderEpoch()}};
              })};
}

milliseconds duration(std::int64_t from) {
  if (from < 0 || milliseconds{from} > limits::max_duration) {
    throw refused{errc::corrupt_data, "it says a time of " + std::to_string(from) + " ms"};
  }
  return milliseconds{from};
}

group_value read_group(disk::GroupValue::Reader from) {
  return {generation{from.getGeneration()}, text(from.getProtocolType()), text(from.getProtocol()),
          text(from.getLeader()),
          list<stored_member>(from.getMembers(), limits::max_group_members, "members", [](disk::Member::Reader m) {
            return stored_member{text(m.getId()),
                                 text(m.getInstance()),
                                 text(m.getClient()),
                                 duration(m.getSessionTimeoutMs()),
                                 duration(m.getRebalanceTimeoutMs()),
                                 data(m.getMetadata()),
                                 data(m.getAssignment()),
                                 text(m.getClientHost())};
          })};
}

using partition_lists = capnp::List<disk::TopicPartitions>;

std::vector<topic_partition> read_partitions(partition_lists::Reader from) {
  std::vector<topic_partition> to;
  for (auto t : from) {
    for (auto p : t.getPartitions()) {
      if (to.size() == limits::max_partitions) throw refused{errc::corrupt_data, "it names too many partitions"};
      to.push_back({text(t.getTopic()), partition_index{p}});
    }
  }
  return to;
}

stored_consumer read_consumer(disk::Consumer::Reader from) {
  stored_consumer c;
  c.id = text(from.getId());
  c.instance = text(from.getInstance());
  c.rack = text(from.getRack());
  c.client = text(from.getClient());
  c.client_host = text(from.getClientHost());
  c.epoch = from.getEpoch();
  c.previous_epoch = from.getPreviousEpoch();
  c.phase = from.getPhase();
  if (c.phase > 2) throw refused{errc::newer_format, "its phase " + std::to_string(c.phase) + " is not known"};
  c.rebalance_timeout = duration(from.getRebalanceTimeoutMs());
  c.topics = list<std::string>(from.getTopics(), limits::max_topics, "topics", [](auto t) { return text(t); });
  c.pattern = text(from.getPattern());
  c.assignor = text(from.getAssignor());
  c.assigned = read_partitions(from.getAssigned());
  c.revoking = read_partitions(from.getRevoking());
  c.target = read_partitions(from.getTarget());
  return c;
}

consumer_group_value read_consumer_group(disk::ConsumerGroupValue::Reader from) {
  using topic_count = std::pair<std::string, std::int32_t>;
  return {from.getEpoch(), from.getAssignmentEpoch(),
          list<topic_count>(from.getTopics(), limits::max_topics, "topics",
                            [](disk::ReadTopic::Reader t) {
                              return topic_count{text(t.getName()), t.getPartitions()};
                            }),
          list<stored_consumer>(from.getMembers(), limits::max_group_members, "members", read_consumer)};
}

transaction_value read_transaction(disk::TransactionValue::Reader from) {
  constexpr auto last = transaction_status::complete_abort;
  if (from.getState() > static_cast<std::uint8_t>(last))
    throw refused{errc::newer_format, "its state " + std::to_string(from.getState()) + " is not known"};
  transaction_value value;
  value.producer = producer_id{from.getProducer()};
  value.epoch = from.getEpoch();
  value.timeout = duration(from.getTimeoutMs());
  value.status = static_cast<transaction_status>(from.getState());
  for (auto p : from.getPartitions()) value.partitions.insert({text(p.getTopic()), partition_index{p.getPartition()}});
  for (auto g : from.getGroups()) value.groups.insert(text(g));
  value.started = timestamp{from.getStarted()};
  value.updated = timestamp{from.getUpdated()};
  return value;
}

}  // namespace

std::string encode_cluster_record(const cluster_record& record) {
  return encode<disk::ClusterRecord>([&](auto to) { std::visit(cluster_writer{to}, record); });
}

result<cluster_record> decode_cluster_record(std::string_view value) {
  return decode<disk::ClusterRecord>(value, "cluster metadata record", read_cluster);
}

std::string encode_group_key(const stored_group_key& key) {
  return encode<disk::GroupKey>([&](disk::GroupKey::Builder to) {
    if (const auto* group = std::get_if<group_key>(&key)) {
      to.setGroup(text(group->group));
      return;
    }
    if (const auto* pending = std::get_if<pending_key>(&key)) {
      auto p = to.initPending();
      p.setGroup(text(pending->group));
      p.setProducer(pending->producer.value);
      return;
    }
    if (const auto* consumers = std::get_if<consumer_group_key>(&key)) {
      to.setConsumerGroup(text(consumers->group));
      return;
    }
    const auto& from = std::get<offset_key>(key);
    auto o = to.initOffset();
    o.setGroup(text(from.group));
    o.setTopic(text(from.topic));
    o.setPartition(from.partition.value);
  });
}

std::string encode_offset_value(const offset_value& value) {
  return encode<disk::OffsetValue>([&](disk::OffsetValue::Builder to) {
    to.setOffset(value.offset.value);
    to.setMetadata(text(value.metadata));
    to.setCommitted(value.committed.value);
    to.setLeaderEpoch(value.leader_epoch.value);
  });
}

std::string encode_group_value(const group_value& value) {
  return encode<disk::GroupValue>([&](disk::GroupValue::Builder to) {
    to.setGeneration(value.generation.value);
    to.setProtocolType(text(value.protocol_type));
    to.setProtocol(text(value.protocol));
    to.setLeader(text(value.leader));
    auto members = to.initMembers(count(value.members.size()));
    for (unsigned i = 0; i < members.size(); ++i) {
      const auto& from = value.members[i];
      members[i].setId(text(from.id));
      members[i].setInstance(text(from.instance));
      members[i].setClient(text(from.client));
      members[i].setSessionTimeoutMs(from.session_timeout.count());
      members[i].setRebalanceTimeoutMs(from.rebalance_timeout.count());
      members[i].setMetadata(data(from.metadata));
      members[i].setAssignment(data(from.assignment));
      members[i].setClientHost(text(from.client_host));
    }
  });
}

std::string encode_pending_value(const pending_value& value) {
  return encode<disk::PendingValue>([&](disk::PendingValue::Builder to) {
    to.setEpoch(value.epoch);
    auto offsets = to.initOffsets(count(value.offsets.size()));
    for (unsigned i = 0; i < offsets.size(); ++i) {
      offsets[i].setTopic(text(value.offsets[i].topic));
      offsets[i].setPartition(value.offsets[i].partition.value);
      offsets[i].setOffset(value.offsets[i].offset.value);
      offsets[i].setMetadata(text(value.offsets[i].metadata));
      offsets[i].setLeaderEpoch(value.offsets[i].leader_epoch.value);
    }
  });
}

namespace {

/// `from` is sorted: a topic's name stands once.
template <class Init>
void write_partitions(const std::vector<topic_partition>& from, Init init) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (i == 0 || from[i].topic != from[i - 1].topic) begins.push_back(i);
  partition_lists::Builder to = init(count(begins.size()));
  for (std::size_t t = 0; t < begins.size(); ++t) {
    const auto end = t + 1 < begins.size() ? begins[t + 1] : from.size();
    auto entry = to[count(t)];
    entry.setTopic(text(from[begins[t]].topic));
    auto partitions = entry.initPartitions(count(end - begins[t]));
    for (auto i = begins[t]; i < end; ++i) partitions.set(count(i - begins[t]), from[i].partition.value);
  }
}

void write_consumer(disk::Consumer::Builder to, const stored_consumer& from) {
  to.setId(text(from.id));
  to.setInstance(text(from.instance));
  to.setRack(text(from.rack));
  to.setClient(text(from.client));
  to.setClientHost(text(from.client_host));
  to.setEpoch(from.epoch);
  to.setPreviousEpoch(from.previous_epoch);
  to.setPhase(from.phase);
  to.setRebalanceTimeoutMs(from.rebalance_timeout.count());
  auto topics = to.initTopics(count(from.topics.size()));
  for (unsigned i = 0; i < topics.size(); ++i) topics.set(i, text(from.topics[i]));
  to.setPattern(text(from.pattern));
  to.setAssignor(text(from.assignor));
  write_partitions(from.assigned, [&](unsigned n) { return to.initAssigned(n); });
  write_partitions(from.revoking, [&](unsigned n) { return to.initRevoking(n); });
  write_partitions(from.target, [&](unsigned n) { return to.initTarget(n); });
}

}  // namespace

std::string encode_consumer_group_value(const consumer_group_value& value) {
  return encode<disk::ConsumerGroupValue>([&](disk::ConsumerGroupValue::Builder to) {
    to.setEpoch(value.epoch);
    to.setAssignmentEpoch(value.assignment_epoch);
    auto topics = to.initTopics(count(value.topics.size()));
    for (unsigned i = 0; i < topics.size(); ++i) {
      topics[i].setName(text(value.topics[i].first));
      topics[i].setPartitions(value.topics[i].second);
    }
    auto members = to.initMembers(count(value.members.size()));
    for (unsigned i = 0; i < members.size(); ++i) write_consumer(members[i], value.members[i]);
  });
}

std::string encode_transaction_value(const transaction_value& value) {
  return encode<disk::TransactionValue>([&](disk::TransactionValue::Builder to) {
    to.setProducer(value.producer.value);
    to.setEpoch(value.epoch);
    to.setTimeoutMs(value.timeout.count());
    to.setState(static_cast<std::uint8_t>(value.status));
    auto partitions = to.initPartitions(count(value.partitions.size()));
    unsigned i = 0;
    for (const auto& p : value.partitions) {
      partitions[i].setTopic(text(p.topic));
      partitions[i++].setPartition(p.partition.value);
    }
    auto groups = to.initGroups(count(value.groups.size()));
    i = 0;
    for (const auto& g : value.groups) groups.set(i++, text(g));
    to.setStarted(value.started.value);
    to.setUpdated(value.updated.value);
  });
}

result<transaction_value> decode_transaction_value(std::string_view value) {
  return decode<disk::TransactionValue>(value, "transaction", read_transaction);
}

result<stored_group_record> decode_group_record(std::string_view key, std::optional<std::string_view> value) {
  auto named = decode<disk::GroupKey>(key, "key of a group record", read_key);
  if (!named) return named.error();
  if (auto* of_offset = std::get_if<offset_key>(&*named)) {
    offset_record record{std::move(*of_offset), {}};
    if (!value) return stored_group_record{std::move(record)};
    auto decoded = decode<disk::OffsetValue>(*value, "committed offset", read_offset);
    if (!decoded) return decoded.error();
    record.value = std::move(*decoded);
    return stored_group_record{std::move(record)};
  }
  if (auto* of_pending = std::get_if<pending_key>(&*named)) {
    pending_offsets_record record{std::move(*of_pending), {}};
    if (!value) return stored_group_record{std::move(record)};
    auto decoded = decode<disk::PendingValue>(*value, "pending offsets", read_pending);
    if (!decoded) return decoded.error();
    record.value = std::move(*decoded);
    return stored_group_record{std::move(record)};
  }
  if (auto* of_consumers = std::get_if<consumer_group_key>(&*named)) {
    consumer_group_record record{std::move(*of_consumers), {}};
    if (!value) return stored_group_record{std::move(record)};
    auto decoded = decode<disk::ConsumerGroupValue>(*value, "consumer group", read_consumer_group);
    if (!decoded) return decoded.error();
    record.value = std::move(*decoded);
    return stored_group_record{std::move(record)};
  }
  group_record record{std::move(std::get<group_key>(*named)), {}};
  if (!value) return stored_group_record{std::move(record)};
  auto decoded = decode<disk::GroupValue>(*value, "group", read_group);
  if (!decoded) return decoded.error();
  record.value = std::move(*decoded);
  return stored_group_record{std::move(record)};
}

}  // namespace dohle
