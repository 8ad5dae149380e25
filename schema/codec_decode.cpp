#include <capnp/serialize.h>
#include <kj/exception.h>

#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "schema/codec.hpp"
#include "schema/limits.hpp"
#include "schema/rpc.capnp.h"

namespace dohle {
namespace {

/// Every byte of an honest body is looked at once; the slack is for the pointers between segments.
constexpr std::size_t traversal_slack_words = 1024;
/// Deepest message: topic description -> partition -> info -> replicas.
constexpr int nesting_limit = 12;

/// Thrown and caught in this file, beside Cap'n Proto's own exceptions.
struct refused {
  errc code;
  std::string why;
};

[[noreturn]] void refuse(std::string why, errc code = errc::invalid_request) { throw refused{code, std::move(why)}; }

std::string text(capnp::Text::Reader from, std::size_t most, const char* what) {
  if (from.size() > most) {
    refuse(std::string(what) + " has " + std::to_string(from.size()) + " bytes, at most " + std::to_string(most) +
           " are taken");
  }
  return {from.begin(), from.size()};
}

std::string topic_name(capnp::Text::Reader from) { return text(from, limits::max_topic_name, "topic name"); }
std::string group_name(capnp::Text::Reader from) { return text(from, limits::max_group_name, "group name"); }
std::string member_name(capnp::Text::Reader from) { return text(from, limits::max_member_name, "member id"); }
std::string instance_name(capnp::Text::Reader from) { return text(from, limits::max_group_name, "instance name"); }
std::string protocol_name(capnp::Text::Reader from) { return text(from, limits::max_group_name, "protocol name"); }

bytes opaque(capnp::Data::Reader from, const char* what) {
  if (from.size() > limits::max_group_metadata) {
    refuse(std::string(what) + " has " + std::to_string(from.size()) + " bytes, at most " +
           std::to_string(limits::max_group_metadata) + " are taken");
  }
  return bytes::copy({reinterpret_cast<const char*>(from.begin()), from.size()});
}

milliseconds duration(std::int64_t from, const char* what) {
  constexpr std::int64_t most = milliseconds(limits::max_duration).count();
  if (from < 0 || from > most) {
    refuse(std::string(what) + " is " + std::to_string(from) + " ms, 0 to " + std::to_string(most) + " are possible");
  }
  return milliseconds{from};
}

ack_level level(std::int8_t from) {
  if (from < -1 || from > 1) refuse("acknowledgement level is " + std::to_string(from) + ", -1, 0 and 1 are known");
  return static_cast<ack_level>(from);
}

template <class T, class List, class Read>
std::vector<T> list(List from, std::size_t most, const char* what, Read read) {
  if (from.size() > most) {
    refuse("list of " + std::string(what) + " has " + std::to_string(from.size()) + " entries, at most " +
           std::to_string(most) + " are taken");
  }
  std::vector<T> to;
  to.reserve(from.size());
  for (auto entry : from) to.push_back(read(entry));
  return to;
}

// --- parts ---------------------------------------------------------------------------------------------------------

std::vector<std::string> features(capnp::List<capnp::Text>::Reader from) {
  return list<std::string>(from, limits::max_features, "features",
                           [](capnp::Text::Reader f) { return text(f, limits::max_feature_name, "feature"); });
}

std::vector<config_entry> configs(capnp::List<rpc::ConfigEntry>::Reader from) {
  return list<config_entry>(from, limits::max_configs, "configs", [](rpc::ConfigEntry::Reader c) {
    return config_entry{text(c.getName(), limits::max_topic_name, "config name"),
                        text(c.getValue(), limits::max_config_value, "config value"), c.getIsDefault()};
  });
}

partition_info partition(rpc::PartitionInfo::Reader from) {
  return {partition_index{from.getIndex()}, partition_id{from.getId()}, broker_id{from.getLeader()},
          epoch{from.getEpoch()},
          list<broker_id>(from.getReplicas(), limits::max_replicas, "replicas",
                          [](std::int32_t id) { return broker_id{id}; })};
}

std::vector<committed_offset> committed(capnp::List<rpc::CommittedOffset>::Reader from) {
  return list<committed_offset>(from, limits::max_partitions, "committed offsets", [](rpc::CommittedOffset::Reader c) {
    return committed_offset{topic_name(c.getTopic()), partition_index{c.getPartition()}, offset{c.getOffset()},
                            text(c.getMetadata(), limits::max_commit_metadata, "metadata of a committed offset"),
                            epoch{c.getLeaderEpoch()}};
  });
}

isolation isolated(std::uint8_t from) {
  if (from > 1) refuse("isolation is " + std::to_string(from) + ", 0 and 1 are known");
  return static_cast<isolation>(from);
}

std::string transaction_name(capnp::Text::Reader from) { return text(from, limits::max_group_name, "transaction"); }

std::vector<topic_partition> places(capnp::List<rpc::TopicPartition>::Reader from) {
  return list<topic_partition>(from, limits::max_partitions, "partitions", [](rpc::TopicPartition::Reader p) {
    return topic_partition{topic_name(p.getTopic()), partition_index{p.getPartition()}};
  });
}

std::vector<std::string> topic_names(capnp::List<capnp::Text>::Reader from) {
  return list<std::string>(from, limits::max_topics, "topics", topic_name);
}

std::vector<std::string> group_names(capnp::List<capnp::Text>::Reader from) {
  return list<std::string>(from, limits::max_groups, "groups", group_name);
}

// --- requests ------------------------------------------------------------------------------------------------------

request read(rpc::HelloRequest::Reader m) {
  return hello_request{text(m.getClient(), limits::max_client_name, "client name"), m.getMinVersion(),
                       m.getMaxVersion(), features(m.getFeatures())};
}
request read(rpc::MetadataRequest::Reader m) {
  return metadata_request{topic_names(m.getTopics()), m.getIncludeInternal()};
}
request read(rpc::CreateTopicRequest::Reader m) {
  return create_topic_request{topic_name(m.getName()), m.getPartitions(), m.getReplicas(), configs(m.getConfigs()),
                              m.getValidateOnly()};
}
request read(rpc::AlterTopicRequest::Reader m) {
  return alter_topic_request{
      topic_name(m.getName()), configs(m.getSet()),
      list<std::string>(m.getReset(), limits::max_configs, "configs to reset",
                        [](capnp::Text::Reader name) { return text(name, limits::max_topic_name, "config name"); }),
      m.getPartitions()};
}
bytes view(capnp::Data::Reader from, const bytes& body) {
  return {body.owner(), {reinterpret_cast<const char*>(from.begin()), from.size()}};
}
request read(rpc::ProduceRequest::Reader m, const bytes& body) {
  return produce_request{topic_name(m.getTopic()), partition_index{m.getPartition()}, level(m.getAcks()),
                         view(m.getBatch(), body), m.getEnlist()};
}
request read(rpc::FetchRequest::Reader m) {
  return fetch_request{topic_name(m.getTopic()), partition_index{m.getPartition()},
                       offset{m.getFrom()},      m.getMaxBytes(),
                       m.getMinBytes(),          duration(m.getMaxWaitMs(), "waiting time"),
                       m.getBackward(),          isolated(m.getIsolation())};
}
request read(rpc::ListOffsetsRequest::Reader m) {
  if (m.getQuery() > static_cast<std::uint8_t>(offset_query::max_timestamp)) {
    refuse("kind of offset query is " + std::to_string(m.getQuery()) + ", 0 to 3 are known");
  }
  return list_offsets_request{topic_name(m.getTopic()), partition_index{m.getPartition()},
                              static_cast<offset_query>(m.getQuery()), timestamp{m.getAt()},
                              isolated(m.getIsolation())};
}
request read(rpc::DeleteRecordsRequest::Reader m) {
  return delete_records_request{topic_name(m.getTopic()), partition_index{m.getPartition()}, offset{m.getBefore()}};
}
request read(rpc::JoinGroupRequest::Reader m) {
  return join_group_request{
      group_name(m.getGroup()),
      member_name(m.getMember()),
      instance_name(m.getInstance()),
      text(m.getClient(), limits::max_client_name, "client name"),
      text(m.getClientHost(), limits::max_client_name, "client's address"),
      text(m.getProtocolType(), limits::max_group_name, "protocol type"),
      list<group_protocol>(
          m.getProtocols(), limits::max_group_protocols, "group protocols",
          [](rpc::GroupProtocol::Reader p) {
            return group_protocol{protocol_name(p.getName()), opaque(p.getMetadata(), "metadata of a group protocol")};
          }),
      duration(m.getSessionTimeoutMs(), "session timeout"),
      duration(m.getRebalanceTimeoutMs(), "rebalance timeout")};
}
request read(rpc::SyncGroupRequest::Reader m) {
  return sync_group_request{
      group_name(m.getGroup()), generation{m.getGeneration()}, member_name(m.getMember()),
      instance_name(m.getInstance()),
      list<group_assignment>(
          m.getAssignments(), limits::max_group_members, "assignments", [](rpc::GroupAssignment::Reader a) {
            return group_assignment{member_name(a.getMember()), opaque(a.getAssignment(), "assignment")};
          })};
}
request read(rpc::HeartbeatRequest::Reader m) {
  return heartbeat_request{group_name(m.getGroup()), generation{m.getGeneration()}, member_name(m.getMember()),
                           instance_name(m.getInstance())};
}
request read(rpc::LeaveGroupRequest::Reader m) {
  return leave_group_request{group_name(m.getGroup()), member_name(m.getMember()), instance_name(m.getInstance())};
}
request read(rpc::CommitOffsetsRequest::Reader m) {
  std::optional<in_transaction> within;
  if (m.hasWithin()) {
    auto w = m.getWithin();
    within = in_transaction{producer_id{w.getProducer()}, w.getEpoch(), w.getEnlist()};
  }
  return commit_offsets_request{group_name(m.getGroup()),   generation{m.getGeneration()},
                                member_name(m.getMember()), instance_name(m.getInstance()),
                                committed(m.getOffsets()),  within};
}
request read(rpc::FetchOffsetsRequest::Reader m) {
  return fetch_offsets_request{group_name(m.getGroup()), places(m.getPartitions()), m.getRequireStable()};
}
request read(rpc::InitProducerRequest::Reader m) {
  return init_producer_request{transaction_name(m.getTransaction()), duration(m.getTimeoutMs(), "transaction timeout"),
                               producer_id{m.getId()}, m.getEpoch()};
}
request read(rpc::AddToTransactionRequest::Reader m) {
  return add_to_transaction_request{transaction_name(m.getTransaction()), producer_id{m.getProducer()}, m.getEpoch(),
                                    places(m.getPartitions()), group_names(m.getGroups())};
}
request read(rpc::EndTransactionRequest::Reader m) {
  return end_transaction_request{transaction_name(m.getTransaction()), producer_id{m.getProducer()}, m.getEpoch(),
                                 m.getCommit(), m.getBump()};
}
request read(rpc::EpochEndRequest::Reader m) {
  return epoch_end_request{topic_name(m.getTopic()), partition_index{m.getPartition()}, epoch{m.getEpoch()}};
}
request read(rpc::DeleteOffsetsRequest::Reader m) {
  return delete_offsets_request{group_name(m.getGroup()), places(m.getPartitions())};
}
request read(rpc::ConsumerHeartbeatRequest::Reader m) {
  consumer_heartbeat_request r;
  r.group = group_name(m.getGroup());
  r.member = member_name(m.getMember());
  r.member_epoch = m.getMemberEpoch();
  r.instance = instance_name(m.getInstance());
  r.client = text(m.getClient(), limits::max_client_name, "client name");
  r.client_host = text(m.getClientHost(), limits::max_client_name, "client's address");
  if (m.hasRack()) r.rack = text(m.getRack(), limits::max_group_name, "rack");
  if (m.getRebalanceTimeoutMs() != -1) r.rebalance_timeout = duration(m.getRebalanceTimeoutMs(), "rebalance timeout");
  if (m.hasTopics()) r.topics = topic_names(m.getTopics());
  if (m.hasPattern()) r.pattern = text(m.getPattern(), limits::max_group_name, "pattern");
  if (m.hasAssignor()) r.assignor = text(m.getAssignor(), limits::max_group_name, "assignor");
  if (m.hasOwned()) r.owned = places(m.getOwned());
  return r;
}

request read(rpc::Request::Reader m, const bytes& body) {
  switch (m.which()) {
    case rpc::Request::HELLO: return read(m.getHello());
    case rpc::Request::METADATA: return read(m.getMetadata());
    case rpc::Request::CREATE_TOPIC: return read(m.getCreateTopic());
    case rpc::Request::DESCRIBE_TOPIC: return describe_topic_request{topic_name(m.getDescribeTopic())};
    case rpc::Request::ALTER_TOPIC: return read(m.getAlterTopic());
    case rpc::Request::DELETE_TOPIC: return delete_topic_request{topic_name(m.getDeleteTopic())};
    case rpc::Request::INIT_PRODUCER: return read(m.getInitProducer());
    case rpc::Request::PRODUCE: return read(m.getProduce(), body);
    case rpc::Request::FETCH: return read(m.getFetch());
    case rpc::Request::LIST_OFFSETS: return read(m.getListOffsets());
    case rpc::Request::JOIN_GROUP: return read(m.getJoinGroup());
    case rpc::Request::SYNC_GROUP: return read(m.getSyncGroup());
    case rpc::Request::HEARTBEAT: return read(m.getHeartbeat());
    case rpc::Request::LEAVE_GROUP: return read(m.getLeaveGroup());
    case rpc::Request::COMMIT_OFFSETS: return read(m.getCommitOffsets());
    case rpc::Request::FETCH_OFFSETS: return read(m.getFetchOffsets());
    case rpc::Request::DESCRIBE_GROUP: return describe_group_request{group_name(m.getDescribeGroup())};
    case rpc::Request::LIST_GROUPS: return list_groups_request{};
    case rpc::Request::DELETE_GROUP: return delete_group_request{group_name(m.getDeleteGroup())};
    case rpc::Request::DELETE_RECORDS: return read(m.getDeleteRecords());
    case rpc::Request::ADD_TO_TRANSACTION: return read(m.getAddToTransaction());
    case rpc::Request::END_TRANSACTION: return read(m.getEndTransaction());
    case rpc::Request::LIST_TRANSACTIONS:
      return list_transactions_request{text(m.getListTransactions(), limits::max_group_name, "pattern")};
    case rpc::Request::DESCRIBE_TRANSACTION:
      return describe_transaction_request{transaction_name(m.getDescribeTransaction())};
    case rpc::Request::DESCRIBE_PRODUCERS: {
      auto p = m.getDescribeProducers();
      return describe_producers_request{topic_name(p.getTopic()), partition_index{p.getPartition()}};
    }
    case rpc::Request::EPOCH_END: return read(m.getEpochEnd());
    case rpc::Request::DELETE_OFFSETS: return read(m.getDeleteOffsets());
    case rpc::Request::CONSUMER_HEARTBEAT: return read(m.getConsumerHeartbeat());
    case rpc::Request::DESCRIBE_CONSUMER_GROUP:
      return describe_consumer_group_request{group_name(m.getDescribeConsumerGroup())};
    case rpc::Request::WRITE_MARKER: {
      auto w = m.getWriteMarker();
      return write_marker_request{topic_name(w.getTopic()), partition_index{w.getPartition()},
                                  producer_id{w.getProducer()}, w.getEpoch(), w.getCommit()};
    }
  }
  refuse("kind " + std::to_string(static_cast<int>(m.which())) + " is not known", errc::unsupported_version);
}

// --- responses -----------------------------------------------------------------------------------------------------

response read(rpc::Error::Reader m) {
  auto code = static_cast<errc>(m.getCode());
  if (code == errc::ok) refuse("error without a code");
  if (to_string(code) == to_string(errc{0xffff}))
    code = errc::internal;  // a newer peer's; its text says more than we can
  return error{code, text(m.getMessage(), limits::max_error_text, "error message"),
               text(m.getHint(), limits::max_error_text, "error hint")};
}
response read(rpc::HelloResponse::Reader m) {
  return hello_response{m.getVersion(),
                        features(m.getFeatures()),
                        broker_id{m.getBroker()},
                        text(m.getCluster(), limits::max_client_name, "cluster"),
                        text(m.getSoftware(), limits::max_client_name, "software"),
                        m.getMaxFrameBytes()};
}
response read(rpc::MetadataResponse::Reader m) {
  return metadata_response{
      text(m.getCluster(), limits::max_client_name, "cluster"), broker_id{m.getController()},
      list<broker_info>(
          m.getBrokers(), limits::max_brokers, "brokers",
          [](rpc::BrokerInfo::Reader b) {
            return broker_info{broker_id{b.getId()}, text(b.getHost(), limits::max_client_name, "host"), b.getPort()};
          }),
      list<topic_info>(m.getTopics(), limits::max_topics, "topics", [](rpc::TopicInfo::Reader t) {
        constexpr std::size_t most = limits::max_partitions_per_topic;
        return topic_info{topic_name(t.getName()), t.getInternal(),
                          list<partition_info>(t.getPartitions(), most, "partitions", partition)};
      })};
}
response read(rpc::TopicDescription::Reader m) {
  return topic_description{
      topic_name(m.getName()), m.getInternal(), timestamp{m.getCreated()},
      list<partition_description>(m.getPartitions(), limits::max_partitions_per_topic, "partitions",
                                  [](rpc::PartitionDescription::Reader p) {
                                    return partition_description{partition(p.getInfo()),
                                                                 offset{p.getStart()},
                                                                 offset{p.getHighWatermark()},
                                                                 p.getSizeBytes(),
                                                                 timestamp{p.getMaxTimestamp()},
                                                                 offset{p.getCleanedUntil()},
                                                                 p.getDirtyBytes(),
                                                                 p.getDamagedPlaces()};
                                  }),
      configs(m.getConfigs())};
}
response read(rpc::ProduceResponse::Reader m) {
  return produce_response{offset{m.getBase()}, timestamp{m.getAppendTime()}, level(m.getLevel()), m.getDuplicate()};
}
response read(rpc::FetchResponse::Reader m, const bytes& body) {
  return fetch_response{
      offset{m.getHighWatermark()}, offset{m.getStart()},
      list<bytes>(m.getBatches(), limits::max_fetch_pieces, "batches",
                  [&](capnp::Data::Reader b) { return view(b, body); }),
      offset{m.getLastStable()},
      list<aborted_transaction>(m.getAborted(), limits::max_fetch_aborted, "aborted transactions",
                                [](rpc::AbortedTransaction::Reader a) {
                                  return aborted_transaction{producer_id{a.getProducer()}, offset{a.getFirst()}};
                                })};
}
response read(rpc::ListOffsetsResponse::Reader m) {
  std::optional<offset> found;
  if (m.getFound()) found = offset{m.getOffset()};
  return list_offsets_response{found, timestamp{m.getAt()}};
}
response read(rpc::JoinGroupResponse::Reader m) {
  return join_group_response{
      generation{m.getGeneration()}, protocol_name(m.getProtocol()), member_name(m.getLeader()),
      member_name(m.getMember()),
      list<group_member>(m.getMembers(), limits::max_group_members, "members", [](rpc::GroupMember::Reader g) {
        return group_member{member_name(g.getId()), instance_name(g.getInstance()),
                            opaque(g.getMetadata(), "metadata of a member")};
      })};
}
response read(rpc::DescribeGroupResponse::Reader m) {
  return describe_group_response{
      group_name(m.getGroup()),
      text(m.getState(), limits::max_group_name, "group state"),
      text(m.getProtocolType(), limits::max_group_name, "protocol type"),
      protocol_name(m.getProtocol()),
      generation{m.getGeneration()},
      list<described_member>(m.getMembers(), limits::max_group_members, "members",
                             [](rpc::DescribedMember::Reader g) {
                               return described_member{
                                   member_name(g.getId()),
                                   instance_name(g.getInstance()),
                                   text(g.getClient(), limits::max_client_name, "client name"),
                                   text(g.getClientHost(), limits::max_client_name, "client's address"),
                                   opaque(g.getMetadata(), "metadata of a member"),
                                   opaque(g.getAssignment(), "assignment")};
                             }),
      text(m.getType(), limits::max_group_name, "group type")};
}
listed_group read(rpc::ListedGroup::Reader m) {
  return {group_name(m.getGroup()), text(m.getState(), limits::max_group_name, "group state"),
          text(m.getProtocolType(), limits::max_group_name, "protocol type"),
          text(m.getType(), limits::max_group_name, "group type")};
}
response read(rpc::DescribeTransactionResponse::Reader m) {
  return describe_transaction_response{transaction_name(m.getTransaction()),
                                       producer_id{m.getProducer()},
                                       m.getEpoch(),
                                       text(m.getState(), limits::max_group_name, "transaction's state"),
                                       duration(m.getTimeoutMs(), "transaction timeout"),
                                       timestamp{m.getStarted()},
                                       places(m.getPartitions()),
                                       group_names(m.getGroups())};
}
response read(capnp::List<rpc::ListedTransaction>::Reader m) {
  return list_transactions_response{
      list<listed_transaction>(m, limits::max_transactions, "transactions", [](rpc::ListedTransaction::Reader t) {
        return listed_transaction{transaction_name(t.getTransaction()), producer_id{t.getProducer()},
                                  text(t.getState(), limits::max_group_name, "transaction's state"),
                                  timestamp{t.getStarted()}};
      })};
}
response read(capnp::List<rpc::ActiveProducer>::Reader m) {
  return describe_producers_response{list<
      active_producer>(m, limits::max_producers_per_partition, "producers", [](rpc::ActiveProducer::Reader p) {
    std::optional<offset> start;
    if (p.getTransactionStart() >= 0) start = offset{p.getTransactionStart()};
    return active_producer{producer_id{p.getId()}, p.getEpoch(), p.getLastSequence(), timestamp{p.getLast()}, start};
  })};
}
response read(rpc::ConsumerHeartbeatResponse::Reader m) {
  std::optional<std::vector<topic_partition>> assignment;
  if (m.hasAssignment()) assignment = places(m.getAssignment());
  return consumer_heartbeat_response{member_name(m.getMember()), m.getMemberEpoch(),
                                     duration(m.getIntervalMs(), "heartbeat interval"), std::move(assignment)};
}
described_consumer read(rpc::DescribedConsumer::Reader m) {
  return {member_name(m.getId()),
          instance_name(m.getInstance()),
          text(m.getRack(), limits::max_group_name, "rack"),
          text(m.getClient(), limits::max_client_name, "client name"),
          text(m.getClientHost(), limits::max_client_name, "client's address"),
          m.getMemberEpoch(),
          topic_names(m.getTopics()),
          text(m.getPattern(), limits::max_group_name, "pattern"),
          places(m.getAssignment()),
          places(m.getTarget()),
          m.getClassic()};
}
response read(rpc::DescribeConsumerGroupResponse::Reader m) {
  return describe_consumer_group_response{
      group_name(m.getGroup()),
      text(m.getState(), limits::max_group_name, "group state"),
      m.getEpoch(),
      m.getAssignmentEpoch(),
      text(m.getAssignor(), limits::max_group_name, "assignor"),
      list<described_consumer>(m.getMembers(), limits::max_group_members, "members",
                               [](rpc::DescribedConsumer::Reader c) { return read(c); })};
}

response read(rpc::Response::Reader m, const bytes& body) {
  switch (m.which()) {
    case rpc::Response::ERROR: return read(m.getError());
    case rpc::Response::HELLO: return read(m.getHello());
    case rpc::Response::METADATA: return read(m.getMetadata());
    case rpc::Response::TOPIC: return read(m.getTopic());
    case rpc::Response::TOPIC_DELETED: return delete_topic_response{};
    case rpc::Response::PRODUCER:
      return init_producer_response{producer_id{m.getProducer().getId()}, m.getProducer().getEpoch()};
    case rpc::Response::PRODUCED: return read(m.getProduced());
    case rpc::Response::FETCHED: return read(m.getFetched(), body);
    case rpc::Response::OFFSETS: return read(m.getOffsets());
    case rpc::Response::JOINED: return read(m.getJoined());
    case rpc::Response::SYNCED: return sync_group_response{opaque(m.getSynced(), "assignment")};
    case rpc::Response::HEARTBEAT: return heartbeat_response{};
    case rpc::Response::LEFT: return leave_group_response{};
    case rpc::Response::COMMITTED: return commit_offsets_response{};
    case rpc::Response::COMMITTED_OFFSETS: return fetch_offsets_response{committed(m.getCommittedOffsets())};
    case rpc::Response::GROUP: return read(m.getGroup());
    case rpc::Response::GROUPS:
      return list_groups_response{list<listed_group>(m.getGroups(), limits::max_groups, "groups",
                                                     [](rpc::ListedGroup::Reader g) { return read(g); })};
    case rpc::Response::GROUP_DELETED: return delete_group_response{};
    case rpc::Response::RECORDS_DELETED: return delete_records_response{offset{m.getRecordsDeleted()}};
    case rpc::Response::ADDED_TO_TRANSACTION: return add_to_transaction_response{};
    case rpc::Response::TRANSACTION_ENDED:
      return end_transaction_response{producer_id{m.getTransactionEnded().getId()}, m.getTransactionEnded().getEpoch()};
    case rpc::Response::TRANSACTIONS: return read(m.getTransactions());
    case rpc::Response::TRANSACTION: return read(m.getTransaction());
    case rpc::Response::PRODUCERS: return read(m.getProducers());
    case rpc::Response::EPOCH_ENDED:
      return epoch_end_response{epoch{m.getEpochEnded().getEpoch()}, offset{m.getEpochEnded().getEnd()}};
    case rpc::Response::OFFSETS_DELETED: return delete_offsets_response{places(m.getOffsetsDeleted())};
    case rpc::Response::CONSUMER_HEARTBEAT: return read(m.getConsumerHeartbeat());
    case rpc::Response::CONSUMER_GROUP: return read(m.getConsumerGroup());
    case rpc::Response::MARKER_WRITTEN: return write_marker_response{};
  }
  refuse("kind " + std::to_string(static_cast<int>(m.which())) + " is not known", errc::unsupported_version);
}

// Names by union tag, for errors.
constexpr std::string_view request_names[] = {"hello",
                                              "metadata",
                                              "createTopic",
                                              "describeTopic",
                                              "alterTopic",
                                              "deleteTopic",
                                              "initProducer",
                                              "produce",
                                              "fetch",
                                              "listOffsets",
                                              "joinGroup",
                                              "syncGroup",
                                              "heartbeat",
                                              "leaveGroup",
                                              "commitOffsets",
                                              "fetchOffsets",
                                              "describeGroup",
                                              "listGroups",
                                              "deleteGroup",
                                              "deleteRecords",
                                              "addToTransaction",
                                              "endTransaction",
                                              "listTransactions",
                                              "describeTransaction",
                                              "describeProducers",
                                              "epochEnd",
                                              "deleteOffsets",
                                              "consumerHeartbeat",
                                              "describeConsumerGroup",
                                              "writeMarker"};
constexpr std::string_view response_names[] = {"error",
                                               "hello",
                                               "metadata",
                                               "topic",
                                               "topicDeleted",
                                               "producer",
                                               "produced",
                                               "fetched",
                                               "offsets",
                                               "joined",
                                               "synced",
                                               "heartbeat",
                                               "left",
                                               "committed",
                                               "committedOffsets",
                                               "group",
                                               "groups",
                                               "groupDeleted",
                                               "recordsDeleted",
                                               "addedToTransaction",
                                               "transactionEnded",
                                               "transactions",
                                               "transaction",
                                               "producers",
                                               "epochEnded",
                                               "offsetsDeleted",
                                               "consumerHeartbeat",
                                               "consumerGroup",
                                               "markerWritten"};
static_assert(std::size(request_names) == static_cast<int>(rpc::Request::WRITE_MARKER) + 1);
static_assert(std::size(response_names) == static_cast<int>(rpc::Response::MARKER_WRITTEN) + 1);

// --- whole bodies --------------------------------------------------------------------------------------------------

template <class Message, class Root>
result<correlated<Message>> decode(const frame& f, frame_kind kind, std::span<const std::string_view> names) {
  std::string name = kind == frame_kind::request ? "request" : "response";
  const auto failed = [&](errc code, const std::string& why) {
    return error{code, name + " cannot be read: " + why, "do both sides speak the same version?"};
  };
  if (f.kind != kind) return failed(errc::invalid_request, "the frame holds the other kind");
  const std::size_t size = f.body.size();
  if (reinterpret_cast<std::uintptr_t>(f.body.data()) % sizeof(capnp::word) != 0 || size % sizeof(capnp::word) != 0) {
    return failed(errc::invalid_request, "its " + std::to_string(size) + " bytes are not whole, aligned words");
  }
  const auto words = kj::arrayPtr(reinterpret_cast<const capnp::word*>(f.body.data()), size / sizeof(capnp::word));
  capnp::ReaderOptions bounds;
  bounds.traversalLimitInWords = words.size() + traversal_slack_words;
  bounds.nestingLimit = nesting_limit;
  try {
    capnp::FlatArrayMessageReader reader(words, bounds);
    if (reader.getEnd() != words.end()) {
      return failed(errc::invalid_request, std::to_string((words.end() - reader.getEnd()) * 8) + " bytes follow it");
    }
    auto root = reader.getRoot<Root>();
    const std::uint64_t correlation = root.getCorrelation();
    if (const auto tag = static_cast<std::size_t>(root.which()); tag < names.size()) {
      name.append(" ").append(names[tag]);
    }
    return correlated<Message>{correlation, read(root, f.body)};
  } catch (const refused& why) {
    return failed(why.code, why.why);
  } catch (const kj::Exception& e) {
    return failed(errc::invalid_request, e.getDescription().cStr());
  }
}

}  // namespace

result<correlated<request>> decode_request(const frame& f) {
  return decode<request, rpc::Request>(f, frame_kind::request, request_names);
}

result<correlated<response>> decode_response(const frame& f) {
  return decode<response, rpc::Response>(f, frame_kind::response, response_names);
}

}  // namespace dohle
