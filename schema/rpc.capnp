@0xb8f0a1d6c2e34975;
# What travels in the frames of Dohle's native protocol (frame.hpp): one Request or one Response a frame.
# messages.hpp says what the fields mean. Fields and union members are appended, never renumbered or reused: an older
# peer skips what it does not know, and what is missing reads as its default.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("dohle::rpc");

struct Request {
  correlation @0 :UInt64;
  union {
    hello @1 :HelloRequest;
    metadata @2 :MetadataRequest;
    createTopic @3 :CreateTopicRequest;
    describeTopic @4 :Text;
    alterTopic @5 :AlterTopicRequest;
    deleteTopic @6 :Text;
    initProducer @7 :InitProducerRequest;
    produce @8 :ProduceRequest;
    fetch @9 :FetchRequest;
    listOffsets @10 :ListOffsetsRequest;
    joinGroup @11 :JoinGroupRequest;
    syncGroup @12 :SyncGroupRequest;
    heartbeat @13 :HeartbeatRequest;
    leaveGroup @14 :LeaveGroupRequest;
    commitOffsets @15 :CommitOffsetsRequest;
    fetchOffsets @16 :FetchOffsetsRequest;
    describeGroup @17 :Text;
    listGroups @18 :Void;
    deleteGroup @19 :Text;
    deleteRecords @20 :DeleteRecordsRequest;
    addToTransaction @21 :AddToTransactionRequest;
    endTransaction @22 :EndTransactionRequest;
    listTransactions @23 :Text;
    describeTransaction @24 :Text;
    describeProducers @25 :TopicPartition;
    epochEnd @26 :EpochEndRequest;
    deleteOffsets @27 :DeleteOffsetsRequest;
    consumerHeartbeat @28 :ConsumerHeartbeatRequest;
    describeConsumerGroup @29 :Text;
    writeMarker @30 :WriteMarkerRequest;
  }
}

struct Response {
  correlation @0 :UInt64;
  union {
    error @1 :Error;
    hello @2 :HelloResponse;
    metadata @3 :MetadataResponse;
    topic @4 :TopicDescription;
    topicDeleted @5 :Void;
    producer @6 :InitProducerResponse;
    produced @7 :ProduceResponse;
    fetched @8 :FetchResponse;
    offsets @9 :ListOffsetsResponse;
    joined @10 :JoinGroupResponse;
    synced @11 :Data;
    heartbeat @12 :Void;
    left @13 :Void;
    committed @14 :Void;
    committedOffsets @15 :List(CommittedOffset);
    group @16 :DescribeGroupResponse;
    groups @17 :List(ListedGroup);
    groupDeleted @18 :Void;
    recordsDeleted @19 :Int64;
    addedToTransaction @20 :Void;
    transactionEnded @21 :InitProducerResponse;
    transactions @22 :List(ListedTransaction);
    transaction @23 :DescribeTransactionResponse;
    producers @24 :List(ActiveProducer);
    epochEnded @25 :EpochEndResponse;
    offsetsDeleted @26 :List(TopicPartition);
    consumerHeartbeat @27 :ConsumerHeartbeatResponse;
    consumerGroup @28 :DescribeConsumerGroupResponse;
    markerWritten @29 :Void;
  }
}

struct Error {
  code @0 :UInt16;
  message @1 :Text;
  hint @2 :Text;
}

# --- connection

struct HelloRequest {
  client @0 :Text;
  minVersion @1 :UInt16;
  maxVersion @2 :UInt16;
  features @3 :List(Text);
}

struct HelloResponse {
  version @0 :UInt16;
  features @1 :List(Text);
  broker @2 :Int32;
  cluster @3 :Text;
  software @4 :Text;
  maxFrameBytes @5 :UInt64;
}

# --- topics

struct ConfigEntry {
  name @0 :Text;
  value @1 :Text;
  isDefault @2 :Bool;
}

struct BrokerInfo {
  id @0 :Int32;
  host @1 :Text;
  port @2 :UInt16;
}

struct PartitionInfo {
  index @0 :Int32;
  id @1 :UInt32;
  leader @2 :Int32;
  epoch @3 :Int32;
  replicas @4 :List(Int32);
}

struct TopicInfo {
  name @0 :Text;
  internal @1 :Bool;
  partitions @2 :List(PartitionInfo);
}

struct MetadataRequest {
  topics @0 :List(Text);
  includeInternal @1 :Bool;
}

struct MetadataResponse {
  cluster @0 :Text;
  controller @1 :Int32;
  brokers @2 :List(BrokerInfo);
  topics @3 :List(TopicInfo);
}

struct PartitionDescription {
  info @0 :PartitionInfo;
  start @1 :Int64;
  highWatermark @2 :Int64;
  sizeBytes @3 :UInt64;
  maxTimestamp @4 :Int64 = -1;
  cleanedUntil @5 :Int64;
  dirtyBytes @6 :UInt64;
  damagedPlaces @7 :UInt32;
}

struct TopicDescription {
  name @0 :Text;
  internal @1 :Bool;
  created @2 :Int64;
  partitions @3 :List(PartitionDescription);
  configs @4 :List(ConfigEntry);
}

struct CreateTopicRequest {
  name @0 :Text;
  partitions @1 :Int32 = 1;
  replicas @2 :Int16 = 1;
  configs @3 :List(ConfigEntry);
  validateOnly @4 :Bool;
}

struct AlterTopicRequest {
  name @0 :Text;
  set @1 :List(ConfigEntry);
  reset @2 :List(Text);
  partitions @3 :Int32;
}

# --- producing and fetching

struct InitProducerRequest {
  transaction @0 :Text;
  timeoutMs @1 :Int64 = 60000;
  id @2 :Int64 = -1;
  epoch @3 :Int16 = -1;
}

struct InitProducerResponse {
  id @0 :Int64;
  epoch @1 :Int16;
}

struct ProduceRequest {
  topic @0 :Text;
  partition @1 :Int32;
  acks @2 :Int8 = -1;
  batch @3 :Data;
  enlist @4 :Bool = true;
}

struct ProduceResponse {
  base @0 :Int64;
  appendTime @1 :Int64 = -1;
  level @2 :Int8 = -1;
  duplicate @3 :Bool;
}

struct FetchRequest {
  topic @0 :Text;
  partition @1 :Int32;
  from @2 :Int64;
  maxBytes @3 :UInt32 = 1048576;
  minBytes @4 :UInt32 = 1;
  maxWaitMs @5 :Int64;
  backward @6 :Bool;
  isolation @7 :UInt8;
}

struct FetchResponse {
  highWatermark @0 :Int64;
  start @1 :Int64;
  batches @2 :List(Data);
  lastStable @3 :Int64;
  aborted @4 :List(AbortedTransaction);
}

struct AbortedTransaction {
  producer @0 :Int64;
  first @1 :Int64;
}

struct ListOffsetsRequest {
  topic @0 :Text;
  partition @1 :Int32;
  query @2 :UInt8;
  at @3 :Int64 = -1;
  isolation @4 :UInt8;
}

struct ListOffsetsResponse {
  found @0 :Bool;
  offset @1 :Int64;
  at @2 :Int64 = -1;
}

struct DeleteRecordsRequest {
  topic @0 :Text;
  partition @1 :Int32;
  before @2 :Int64 = -1;
}

struct WriteMarkerRequest {
  topic @0 :Text;
  partition @1 :Int32;
  producer @2 :Int64;
  epoch @3 :Int16;
  commit @4 :Bool;
}

struct EpochEndRequest {
  topic @0 :Text;
  partition @1 :Int32;
  epoch @2 :Int32;
}

struct EpochEndResponse {
  epoch @0 :Int32 = -1;
  end @1 :Int64 = -1;
}

struct ActiveProducer {
  id @0 :Int64;
  epoch @1 :Int16;
  lastSequence @2 :Int32 = -1;
  last @3 :Int64 = -1;
  transactionStart @4 :Int64 = -1;
}

# --- transactions

struct InTransaction {
  producer @0 :Int64;
  epoch @1 :Int16;
  enlist @2 :Bool = true;
}

struct AddToTransactionRequest {
  transaction @0 :Text;
  producer @1 :Int64;
  epoch @2 :Int16;
  partitions @3 :List(TopicPartition);
  groups @4 :List(Text);
}

struct EndTransactionRequest {
  transaction @0 :Text;
  producer @1 :Int64;
  epoch @2 :Int16;
  commit @3 :Bool = true;
  bump @4 :Bool = true;
}

struct ListedTransaction {
  transaction @0 :Text;
  producer @1 :Int64;
  state @2 :Text;
  started @3 :Int64 = -1;
}

struct DescribeTransactionResponse {
  transaction @0 :Text;
  producer @1 :Int64;
  epoch @2 :Int16;
  state @3 :Text;
  timeoutMs @4 :Int64;
  started @5 :Int64 = -1;
  partitions @6 :List(TopicPartition);
  groups @7 :List(Text);
}

# --- groups

struct GroupProtocol {
  name @0 :Text;
  metadata @1 :Data;
}

struct GroupMember {
  id @0 :Text;
  instance @1 :Text;
  metadata @2 :Data;
}

struct JoinGroupRequest {
  group @0 :Text;
  member @1 :Text;
  instance @2 :Text;
  client @3 :Text;
  protocolType @4 :Text;
  protocols @5 :List(GroupProtocol);
  sessionTimeoutMs @6 :Int64 = 45000;
  rebalanceTimeoutMs @7 :Int64 = 60000;
  clientHost @8 :Text;
}

struct JoinGroupResponse {
  generation @0 :Int32;
  protocol @1 :Text;
  leader @2 :Text;
  member @3 :Text;
  members @4 :List(GroupMember);
}

struct GroupAssignment {
  member @0 :Text;
  assignment @1 :Data;
}

struct SyncGroupRequest {
  group @0 :Text;
  generation @1 :Int32;
  member @2 :Text;
  instance @3 :Text;
  assignments @4 :List(GroupAssignment);
}

struct HeartbeatRequest {
  group @0 :Text;
  generation @1 :Int32;
  member @2 :Text;
  instance @3 :Text;
}

struct LeaveGroupRequest {
  group @0 :Text;
  member @1 :Text;
  instance @2 :Text;
}

struct CommittedOffset {
  topic @0 :Text;
  partition @1 :Int32;
  offset @2 :Int64;
  metadata @3 :Text;
  leaderEpoch @4 :Int32 = -1;
}

struct CommitOffsetsRequest {
  group @0 :Text;
  generation @1 :Int32 = -1;
  member @2 :Text;
  instance @3 :Text;
  offsets @4 :List(CommittedOffset);
  within @5 :InTransaction;
}

struct TopicPartition {
  topic @0 :Text;
  partition @1 :Int32;
}

struct FetchOffsetsRequest {
  group @0 :Text;
  partitions @1 :List(TopicPartition);
  requireStable @2 :Bool;
}

struct DeleteOffsetsRequest {
  group @0 :Text;
  partitions @1 :List(TopicPartition);
}

struct DescribedMember {
  id @0 :Text;
  instance @1 :Text;
  client @2 :Text;
  metadata @3 :Data;
  assignment @4 :Data;
  clientHost @5 :Text;
}

struct DescribeGroupResponse {
  group @0 :Text;
  state @1 :Text;
  protocolType @2 :Text;
  protocol @3 :Text;
  generation @4 :Int32;
  members @5 :List(DescribedMember);
  type @6 :Text = "classic";
}

struct ListedGroup {
  group @0 :Text;
  state @1 :Text;
  protocolType @2 :Text;
  type @3 :Text = "classic";
}

# What is absent stays as it was.
struct ConsumerHeartbeatRequest {
  group @0 :Text;
  member @1 :Text;
  memberEpoch @2 :Int32;
  instance @3 :Text;
  client @4 :Text;
  clientHost @5 :Text;
  rack @6 :Text;
  rebalanceTimeoutMs @7 :Int64 = -1;
  topics @8 :List(Text);
  pattern @9 :Text;
  assignor @10 :Text;
  owned @11 :List(TopicPartition);
}

struct ConsumerHeartbeatResponse {
  member @0 :Text;
  memberEpoch @1 :Int32;
  intervalMs @2 :Int64 = 5000;
  assignment @3 :List(TopicPartition);
}

struct DescribedConsumer {
  id @0 :Text;
  instance @1 :Text;
  rack @2 :Text;
  client @3 :Text;
  clientHost @4 :Text;
  memberEpoch @5 :Int32;
  topics @6 :List(Text);
  pattern @7 :Text;
  assignment @8 :List(TopicPartition);
  target @9 :List(TopicPartition);
  classic @10 :Bool;
}

struct DescribeConsumerGroupResponse {
  group @0 :Text;
  state @1 :Text;
  epoch @2 :Int32;
  assignmentEpoch @3 :Int32;
  assignor @4 :Text;
  members @5 :List(DescribedConsumer);
}
