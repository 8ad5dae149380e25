#include <capnp/message.h>
#include <capnp/orphan.h>

#include <algorithm>
#include <cstring>

#include "schema/byte_order.hpp"
#include "schema/codec.hpp"
#include "schema/limits.hpp"
#include "schema/rpc.capnp.h"

namespace dohle {
namespace {

/// From here on bytes are referred to rather than copied into the message and then copied again into the frame.
constexpr std::size_t refer_from = 512;

capnp::Text::Reader text(const std::string& s) { return {s.c_str(), s.size()}; }
capnp::Data::Reader data(const bytes& b) { return {reinterpret_cast<const kj::byte*>(b.data()), b.size()}; }
unsigned count(std::size_t n) { return static_cast<unsigned>(n); }

/// A message being built, and the bytes in it that still lie where they were.
class draft {
 public:
  draft() : message_(kj::arrayPtr(scratch, std::size(scratch))) {}

  template <class Root>
  typename Root::Builder root() {
    return message_.initRoot<Root>();
  }

  /// For Cap'n Proto a segment of its own; it wants whole words, and reads none of it.
  capnp::Orphan<capnp::Data> blob(const bytes& b) {
    if (b.size() < refer_from || reinterpret_cast<std::uintptr_t>(b.data()) % sizeof(capnp::word) != 0) {
      return message_.getOrphanage().newOrphanCopy(data(b));
    }
    referred_.push_back(b.view());
    return message_.getOrphanage().referenceExternalData(data(b));
  }

  /// Appends the frame: header, segment table, segments. Refuses what no reader takes.
  result<void> finish(frame_kind kind, std::vector<char>& out);

 private:
  // Zero before and after each use, as MallocMessageBuilder wants and leaves it: most messages need no other memory.
  static thread_local capnp::word scratch[1024];
  capnp::MallocMessageBuilder message_;
  std::vector<std::string_view> referred_;
};
thread_local capnp::word draft::scratch[1024];

result<void> draft::finish(frame_kind kind, std::vector<char>& out) {
  const auto segments = message_.getSegmentsForOutput();
  const std::size_t table = (segments.size() / 2 + 1) * sizeof(capnp::word);
  std::size_t body = table;
  for (const auto& s : segments) body += s.asBytes().size();
  if (body > limits::max_frame_bytes) {
    return error{errc::invalid_request,
                 "message of " + std::to_string(body) + " bytes does not fit into a frame, which holds " +
                     std::to_string(limits::max_frame_bytes),
                 "ask for less at once"};
  }
  const std::size_t start = out.size();
  // Grow by doubling: `out` may be a link's buffer that many small frames are appended to.
  if (out.capacity() < start + frame_header_bytes + body) {
    out.reserve(std::max(out.capacity() * 2, start + frame_header_bytes + body));
  }
  out.resize(start + frame_header_bytes + table);
  char* to = out.data() + start;
  store_little(to, static_cast<std::uint32_t>(body));
  store_little(to + 4, static_cast<std::uint16_t>(kind));
  store_little(to + 6, std::uint16_t{0});
  to += frame_header_bytes;
  store_little(to, static_cast<std::uint32_t>(segments.size() - 1));
  for (const auto& s : segments) store_little(to += 4, static_cast<std::uint32_t>(s.size()));
  auto next = referred_.begin();
  for (const auto& s : segments) {
    const auto raw = s.asChars();
    const bool refers = next != referred_.end() && raw.begin() == next->data();
    const std::size_t size = refers ? (next++)->size() : raw.size();  // bytes behind a referred blob are not ours
    out.insert(out.end(), raw.begin(), raw.begin() + size);
    out.insert(out.end(), raw.size() - size, '\0');
  }
  DOHLE_ASSERT(next == referred_.end(), "every referred blob is a segment, in the order in which it was referred to");
  return {};
}

// --- parts ---------------------------------------------------------------------------------------------------------

template <class List, class Values, class Write>
void fill(List list, const Values& values, Write write) {
  for (unsigned i = 0; i < list.size(); ++i) write(values[i], list[i]);
}

template <class List>
void fill_texts(List list, const std::vector<std::string>& values) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, text(values[i]));
}

void write_config(const config_entry& from, rpc::ConfigEntry::Builder to) {
  to.setName(text(from.name));
  to.setValue(text(from.value));
  to.setIsDefault(from.is_default);
}

void write_partition(const partition_info& from, rpc::PartitionInfo::Builder to) {
  to.setIndex(from.index.value);
  to.setId(from.id.value);
  to.setLeader(from.leader.value);
  to.setEpoch(from.epoch.value);
  auto replicas = to.initReplicas(count(from.replicas.size()));
  for (unsigned i = 0; i < replicas.size(); ++i) replicas.set(i, from.replicas[i].value);
}

void write_topic(const topic_info& from, rpc::TopicInfo::Builder to) {
  to.setName(text(from.name));
  to.setInternal(from.internal);
  fill(to.initPartitions(count(from.partitions.size())), from.partitions, write_partition);
}

void write_committed(const committed_offset& from, rpc::CommittedOffset::Builder to) {
  to.setTopic(text(from.topic));
  to.setPartition(from.partition.value);
  to.setOffset(from.offset.value);
  to.setMetadata(text(from.metadata));
  to.setLeaderEpoch(from.leader_epoch.value);
}

void write_place(const topic_partition& from, rpc::TopicPartition::Builder to) {
  to.setTopic(text(from.topic));
  to.setPartition(from.partition.value);
}

void write_consumer(const described_consumer& from, rpc::DescribedConsumer::Builder to) {
  to.setId(text(from.id));
  to.setInstance(text(from.instance));
  to.setRack(text(from.rack));
  to.setClient(text(from.client));
  to.setClientHost(text(from.client_host));
  to.setMemberEpoch(from.member_epoch);
  fill_texts(to.initTopics(count(from.topics.size())), from.topics);
  to.setPattern(text(from.pattern));
  fill(to.initAssignment(count(from.assignment.size())), from.assignment, write_place);
  fill(to.initTarget(count(from.target.size())), from.target, write_place);
  to.setClassic(from.classic);
}

// --- requests ------------------------------------------------------------------------------------------------------

struct request_writer {
  draft& in;
  rpc::Request::Builder to;

  void operator()(const hello_request& m) {
    auto b = to.initHello();
    b.setClient(text(m.client));
    b.setMinVersion(m.min_version);
    b.setMaxVersion(m.max_version);
    fill_texts(b.initFeatures(count(m.features.size())), m.features);
  }
  void operator()(const metadata_request& m) {
    auto b = to.initMetadata();
    fill_texts(b.initTopics(count(m.topics.size())), m.topics);
    b.setIncludeInternal(m.include_internal);
  }
  void operator()(const create_topic_request& m) {
    auto b = to.initCreateTopic();
    b.setName(text(m.name));
    b.setPartitions(m.partitions);
    b.setReplicas(m.replicas);
    fill(b.initConfigs(count(m.configs.size())), m.configs, write_config);
    b.setValidateOnly(m.validate_only);
  }
  void operator()(const describe_topic_request& m) { to.setDescribeTopic(text(m.name)); }
  void operator()(const alter_topic_request& m) {
    auto b = to.initAlterTopic();
    b.setName(text(m.name));
    fill(b.initSet(count(m.set.size())), m.set, write_config);
    fill_texts(b.initReset(count(m.reset.size())), m.reset);
    b.setPartitions(m.partitions);
  }
  void operator()(const delete_topic_request& m) { to.setDeleteTopic(text(m.name)); }
  void operator()(const init_producer_request& m) {
    auto b = to.initInitProducer();
    b.setTransaction(text(m.transaction));
    b.setTimeoutMs(m.timeout.count());
    b.setId(m.id.value);
    b.setEpoch(m.epoch);
  }
  void operator()(const produce_request& m) {
    auto b = to.initProduce();
    b.setTopic(text(m.topic));
    b.setPartition(m.partition.value);
    b.setAcks(static_cast<std::int8_t>(m.acks));
    b.adoptBatch(in.blob(m.batch));
    b.setEnlist(m.enlist);
  }
  void operator()(const fetch_request& m) {
    auto b = to.initFetch();
    b.setTopic(text(m.topic));
    b.setPartition(m.partition.value);
    b.setFrom(m.from.value);
    b.setMaxBytes(m.max_bytes);
    b.setMinBytes(m.min_bytes);
    b.setMaxWaitMs(m.max_wait.count());
    b.setBackward(m.backward);
    b.setIsolation(static_cast<std::uint8_t>(m.isolation));
  }
  void operator()(const list_offsets_request& m) {
    auto b = to.initListOffsets();
    b.setTopic(text(m.topic));
    b.setPartition(m.partition.value);
    b.setQuery(static_cast<std::uint8_t>(m.query));
    b.setAt(m.at.value);
    b.setIsolation(static_cast<std::uint8_t>(m.isolation));
  }
  void operator()(const join_group_request& m) {
    auto b = to.initJoinGroup();
    b.setGroup(text(m.group));
    b.setMember(text(m.member));
    b.setInstance(text(m.instance));
    b.setClient(text(m.client));
    b.setProtocolType(text(m.protocol_type));
    fill(b.initProtocols(count(m.protocols.size())), m.protocols,
         [this](const group_protocol& from, rpc::GroupProtocol::Builder p) {
           p.setName(text(from.name));
           p.adoptMetadata(in.blob(from.metadata));
         });
    b.setSessionTimeoutMs(m.session_timeout.count());
    b.setRebalanceTimeoutMs(m.rebalance_timeout.count());
    b.setClientHost(text(m.client_host));
  }
  void operator()(const sync_group_request& m) {
    auto b = to.initSyncGroup();
    b.setGroup(text(m.group));
    b.setGeneration(m.generation.value);
    b.setMember(text(m.member));
    b.setInstance(text(m.instance));
    fill(b.initAssignments(count(m.assignments.size())), m.assignments,
         [this](const group_assignment& from, rpc::GroupAssignment::Builder a) {
           a.setMember(text(from.member));
           a.adoptAssignment(in.blob(from.assignment));
         });
  }
  void operator()(const heartbeat_request& m) {
    auto b = to.initHeartbeat();
    b.setGroup(text(m.group));
    b.setGeneration(m.generation.value);
    b.setMember(text(m.member));
    b.setInstance(text(m.instance));
  }
  void operator()(const leave_group_request& m) {
    auto b = to.initLeaveGroup();
    b.setGroup(text(m.group));
    b.setMember(text(m.member));
    b.setInstance(text(m.instance));
  }
  void operator()(const commit_offsets_request& m) {
    auto b = to.initCommitOffsets();
    b.setGroup(text(m.group));
    b.setGeneration(m.generation.value);
    b.setMember(text(m.member));
    b.setInstance(text(m.instance));
    fill(b.initOffsets(count(m.offsets.size())), m.offsets, write_committed);
    if (!m.within) return;
    auto within = b.initWithin();
    within.setProducer(m.within->producer.value);
    within.setEpoch(m.within->epoch);
    within.setEnlist(m.within->enlist);
  }
  void operator()(const fetch_offsets_request& m) {
    auto b = to.initFetchOffsets();
    b.setGroup(text(m.group));
    fill(b.initPartitions(count(m.partitions.size())), m.partitions, write_place);
    b.setRequireStable(m.require_stable);
  }
  void operator()(const describe_group_request& m) { to.setDescribeGroup(text(m.group)); }
  void operator()(const list_groups_request&) { to.setListGroups(); }
  void operator()(const delete_group_request& m) { to.setDeleteGroup(text(m.group)); }
  void operator()(const delete_records_request& m) {
    auto b = to.initDeleteRecords();
    b.setTopic(text(m.topic));
    b.setPartition(m.partition.value);
    b.setBefore(m.before.value);
  }
  void operator()(const add_to_transaction_request& m) {
    auto b = to.initAddToTransaction();
    b.setTransaction(text(m.transaction));
    b.setProducer(m.producer.value);
    b.setEpoch(m.epoch);
    fill(b.initPartitions(count(m.partitions.size())), m.partitions, write_place);
    fill_texts(b.initGroups(count(m.groups.size())), m.groups);
  }
  void operator()(const end_transaction_request& m) {
    auto b = to.initEndTransaction();
    b.setTransaction(text(m.transaction));
    b.setProducer(m.producer.value);
    b.setEpoch(m.epoch);
    b.setCommit(m.commit);
    b.setBump(m.bump);
  }
  void operator()(const list_transactions_request& m) { to.setListTransactions(text(m.pattern)); }
  void operator()(const describe_transaction_request& m) { to.setDescribeTransaction(text(m.transaction)); }
  void operator()(const describe_producers_request& m) {
    write_place({m.topic, m.partition}, to.initDescribeProducers());
  }
  void operator()(const write_marker_request& m) {
    auto b = to.initWriteMarker();
    b.setTopic(text(m.topic));
    b.setPartition(m.partition.value);
    b.setProducer(m.producer.value);
    b.setEpoch(m.epoch);
    b.setCommit(m.commit);
  }
  void operator()(const epoch_end_request& m) {
    auto b = to.initEpochEnd();
    b.setTopic(text(m.topic));
    b.setPartition(m.partition.value);
    b.setEpoch(m.epoch.value);
  }
  void operator()(const delete_offsets_request& m) {
    auto b = to.initDeleteOffsets();
    b.setGroup(text(m.group));
    fill(b.initPartitions(count(m.partitions.size())), m.partitions, write_place);
  }
  void operator()(const consumer_heartbeat_request& m) {
    auto b = to.initConsumerHeartbeat();
    b.setGroup(text(m.group));
    b.setMember(text(m.member));
    b.setMemberEpoch(m.member_epoch);
    b.setInstance(text(m.instance));
    b.setClient(text(m.client));
    b.setClientHost(text(m.client_host));
    if (m.rack) b.setRack(text(*m.rack));
    if (m.rebalance_timeout) b.setRebalanceTimeoutMs(m.rebalance_timeout->count());
    if (m.topics) fill_texts(b.initTopics(count(m.topics->size())), *m.topics);
    if (m.pattern) b.setPattern(text(*m.pattern));
    if (m.assignor) b.setAssignor(text(*m.assignor));
    if (m.owned) fill(b.initOwned(count(m.owned->size())), *m.owned, write_place);
  }
  void operator()(const describe_consumer_group_request& m) { to.setDescribeConsumerGroup(text(m.group)); }
};

// --- responses -----------------------------------------------------------------------------------------------------

struct response_writer {
  draft& in;
  rpc::Response::Builder to;

  void operator()(const error& m) {
    auto b = to.initError();
    b.setCode(static_cast<std::uint16_t>(m.code));
    b.setMessage(text(m.message.substr(0, limits::max_error_text)));
    b.setHint(text(m.hint.substr(0, limits::max_error_text)));
  }
  void operator()(const hello_response& m) {
    auto b = to.initHello();
    b.setVersion(m.version);
    fill_texts(b.initFeatures(count(m.features.size())), m.features);
    b.setBroker(m.broker.value);
    b.setCluster(text(m.cluster));
    b.setSoftware(text(m.software));
    b.setMaxFrameBytes(m.max_frame_bytes);
  }
  void operator()(const metadata_response& m) {
    auto b = to.initMetadata();
    b.setCluster(text(m.cluster));
    b.setController(m.controller.value);
    fill(b.initBrokers(count(m.brokers.size())), m.brokers, [](const broker_info& from, rpc::BrokerInfo::Builder i) {
      i.setId(from.id.value);
      i.setHost(text(from.host));
      i.setPort(from.port);
    });
    fill(b.initTopics(count(m.topics.size())), m.topics, write_topic);
  }
  void operator()(const topic_description& m) {
    auto b = to.initTopic();
    b.setName(text(m.name));
    b.setInternal(m.internal);
    b.setCreated(m.created.value);
    fill(b.initPartitions(count(m.partitions.size())), m.partitions,
         [](const partition_description& from, rpc::PartitionDescription::Builder p) {
           write_partition(from.info, p.initInfo());
           p.setStart(from.start.value);
           p.setHighWatermark(from.high_watermark.value);
           p.setSizeBytes(from.size_bytes);
           p.setMaxTimestamp(from.max_timestamp.value);
           p.setCleanedUntil(from.cleaned_until.value);
           p.setDirtyBytes(from.dirty_bytes);
           p.setDamagedPlaces(from.damaged_places);
         });
    fill(b.initConfigs(count(m.configs.size())), m.configs, write_config);
  }
  void operator()(const delete_topic_response&) { to.setTopicDeleted(); }
  void operator()(const init_producer_response& m) {
    auto b = to.initProducer();
    b.setId(m.id.value);
    b.setEpoch(m.epoch);
  }
  void operator()(const produce_response& m) {
    auto b = to.initProduced();
    b.setBase(m.base.value);
    b.setAppendTime(m.append_time.value);
    b.setLevel(static_cast<std::int8_t>(m.level));
    b.setDuplicate(m.duplicate);
  }
  void operator()(const fetch_response& m) {
    auto b = to.initFetched();
    b.setHighWatermark(m.high_watermark.value);
    b.setStart(m.start.value);
    auto batches = b.initBatches(count(m.batches.size()));
    for (unsigned i = 0; i < batches.size(); ++i) batches.adopt(i, in.blob(m.batches[i]));
    b.setLastStable(m.last_stable.value);
    fill(b.initAborted(count(m.aborted.size())), m.aborted,
         [](const aborted_transaction& from, rpc::AbortedTransaction::Builder a) {
           a.setProducer(from.producer.value);
           a.setFirst(from.first.value);
         });
  }
  void operator()(const list_offsets_response& m) {
    auto b = to.initOffsets();
    b.setFound(m.offset.has_value());
    if (m.offset) b.setOffset(m.offset->value);
    b.setAt(m.at.value);
  }
  void operator()(const join_group_response& m) {
    auto b = to.initJoined();
    b.setGeneration(m.generation.value);
    b.setProtocol(text(m.protocol));
    b.setLeader(text(m.leader));
    b.setMember(text(m.member));
    fill(b.initMembers(count(m.members.size())), m.members,
         [this](const group_member& from, rpc::GroupMember::Builder g) {
           g.setId(text(from.id));
           g.setInstance(text(from.instance));
           g.adoptMetadata(in.blob(from.metadata));
         });
  }
  void operator()(const sync_group_response& m) { to.adoptSynced(in.blob(m.assignment)); }
  void operator()(const heartbeat_response&) { to.setHeartbeat(); }
  void operator()(const leave_group_response&) { to.setLeft(); }
  void operator()(const commit_offsets_response&) { to.setCommitted(); }
  void operator()(const fetch_offsets_response& m) {
    fill(to.initCommittedOffsets(count(m.offsets.size())), m.offsets, write_committed);
  }
  void operator()(const describe_group_response& m) {
    auto b = to.initGroup();
    b.setGroup(text(m.group));
    b.setState(text(m.state));
    b.setProtocolType(text(m.protocol_type));
    b.setProtocol(text(m.protocol));
    b.setGeneration(m.generation.value);
    fill(b.initMembers(count(m.members.size())), m.members,
         [this](const described_member& from, rpc::DescribedMember::Builder g) {
           g.setId(text(from.id));
           g.setInstance(text(from.instance));
           g.setClient(text(from.client));
           g.adoptMetadata(in.blob(from.metadata));
           g.adoptAssignment(in.blob(from.assignment));
           g.setClientHost(text(from.client_host));
         });
    b.setType(text(m.type));
  }
  void operator()(const list_groups_response& m) {
    fill(to.initGroups(count(m.groups.size())), m.groups, [](const listed_group& from, rpc::ListedGroup::Builder g) {
      g.setGroup(text(from.group));
      g.setState(text(from.state));
      g.setProtocolType(text(from.protocol_type));
      g.setType(text(from.type));
    });
  }
  void operator()(const delete_group_response&) { to.setGroupDeleted(); }
  void operator()(const delete_records_response& m) { to.setRecordsDeleted(m.start.value); }
  void operator()(const add_to_transaction_response&) { to.setAddedToTransaction(); }
  void operator()(const end_transaction_response& m) {
    auto b = to.initTransactionEnded();
    b.setId(m.producer.value);
    b.setEpoch(m.epoch);
  }
  void operator()(const list_transactions_response& m) {
    fill(to.initTransactions(count(m.transactions.size())), m.transactions,
         [](const listed_transaction& from, rpc::ListedTransaction::Builder t) {
           t.setTransaction(text(from.transaction));
           t.setProducer(from.producer.value);
           t.setState(text(from.state));
           t.setStarted(from.started.value);
         });
  }
  void operator()(const describe_transaction_response& m) {
    auto b = to.initTransaction();
    b.setTransaction(text(m.transaction));
    b.setProducer(m.producer.value);
    b.setEpoch(m.epoch);
    b.setState(text(m.state));
    b.setTimeoutMs(m.timeout.count());
    b.setStarted(m.started.value);
    fill(b.initPartitions(count(m.partitions.size())), m.partitions, write_place);
    fill_texts(b.initGroups(count(m.groups.size())), m.groups);
  }
  void operator()(const describe_producers_response& m) {
    fill(to.initProducers(count(m.producers.size())), m.producers,
         [](const active_producer& from, rpc::ActiveProducer::Builder p) {
           p.setId(from.id.value);
           p.setEpoch(from.epoch);
           p.setLastSequence(from.last_sequence);
           p.setLast(from.last.value);
           if (from.transaction_start) p.setTransactionStart(from.transaction_start->value);
         });
  }
  void operator()(const epoch_end_response& m) {
    auto b = to.initEpochEnded();
    b.setEpoch(m.epoch.value);
    b.setEnd(m.end.value);
  }
  void operator()(const delete_offsets_response& m) {
    fill(to.initOffsetsDeleted(count(m.subscribed.size())), m.subscribed, write_place);
  }
  void operator()(const consumer_heartbeat_response& m) {
    auto b = to.initConsumerHeartbeat();
    b.setMember(text(m.member));
    b.setMemberEpoch(m.member_epoch);
    b.setIntervalMs(m.interval.count());
    if (m.assignment) fill(b.initAssignment(count(m.assignment->size())), *m.assignment, write_place);
  }
  void operator()(const describe_consumer_group_response& m) {
    auto b = to.initConsumerGroup();
    b.setGroup(text(m.group));
    b.setState(text(m.state));
    b.setEpoch(m.epoch);
    b.setAssignmentEpoch(m.assignment_epoch);
    b.setAssignor(text(m.assignor));
    fill(b.initMembers(count(m.members.size())), m.members, write_consumer);
  }
  void operator()(const write_marker_response&) { to.setMarkerWritten(); }
};

}  // namespace

result<void> encode(std::uint64_t correlation, const request& message, std::vector<char>& out) {
  draft d;
  auto root = d.root<rpc::Request>();
  root.setCorrelation(correlation);
  std::visit(request_writer{d, root}, message);
  return d.finish(frame_kind::request, out);
}

void encode(std::uint64_t correlation, const response& message, std::vector<char>& out) {
  const auto write = [&](const response& what) {
    draft d;
    auto root = d.root<rpc::Response>();
    root.setCorrelation(correlation);
    std::visit(response_writer{d, root}, what);
    return d.finish(frame_kind::response, out);
  };
  if (auto done = write(message); !done) {
    auto refused = write(done.error());
    DOHLE_ASSERT(refused.ok(), "an error's texts are bounded and fit into any frame");
  }
}

}  // namespace dohle
