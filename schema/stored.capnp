@0xd3a57c1e90b64f28;
# What the records of the internal topics hold (stored.hpp). They lie on disk for years: fields and union members are
# appended, never renumbered or reused; what is missing reads as its default.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("dohle::disk");

# Values of __cluster.
struct ClusterRecord {
  union {
    topic @0 :Topic;
    topicDeleted @1 :Text;
    producerIds @2 :Int64;
  }
}

struct Topic {
  name @0 :Text;
  created @1 :Int64 = -1;
  internal @2 :Bool;
  partitions @3 :List(Partition);
  configs @4 :List(Config);
  nextPartitionId @5 :UInt32;
}

struct Partition {
  index @0 :Int32;
  id @1 :UInt32;
  replicas @2 :List(Int32);
}

struct Config {
  name @0 :Text;
  value @1 :Text;
}

# Keys of __consumer_offsets: what a key names says what its value is.
struct GroupKey {
  union {
    offset @0 :OffsetKey;
    group @1 :Text;
    pending @2 :PendingKey;
    consumerGroup @3 :Text;
  }
}

struct OffsetKey {
  group @0 :Text;
  topic @1 :Text;
  partition @2 :Int32;
}

struct PendingKey {
  group @0 :Text;
  producer @1 :Int64;
}

# Value of an OffsetKey.
struct OffsetValue {
  offset @0 :Int64;
  metadata @1 :Text;
  committed @2 :Int64 = -1;
  leaderEpoch @3 :Int32 = -1;
}

# Value of a PendingKey.
struct PendingValue {
  epoch @0 :Int16;
  offsets @1 :List(PendingOffset);
}

struct PendingOffset {
  topic @0 :Text;
  partition @1 :Int32;
  offset @2 :Int64;
  metadata @3 :Text;
  leaderEpoch @4 :Int32 = -1;
}

# Value of a group's key.
struct GroupValue {
  generation @0 :Int32;
  protocolType @1 :Text;
  protocol @2 :Text;
  leader @3 :Text;
  members @4 :List(Member);
}

struct Member {
  id @0 :Text;
  instance @1 :Text;
  client @2 :Text;
  sessionTimeoutMs @3 :Int64;
  rebalanceTimeoutMs @4 :Int64;
  metadata @5 :Data;
  assignment @6 :Data;
  clientHost @7 :Text;
}

# Value of the key of a group whose members the broker assigns.
struct ConsumerGroupValue {
  epoch @0 :Int32;
  assignmentEpoch @1 :Int32;
  topics @2 :List(ReadTopic);
  members @3 :List(Consumer);
}

# A topic that members read, as it was when the epoch began.
struct ReadTopic {
  name @0 :Text;
  partitions @1 :Int32;
}

struct Consumer {
  id @0 :Text;
  instance @1 :Text;
  rack @2 :Text;
  client @3 :Text;
  clientHost @4 :Text;
  epoch @5 :Int32;
  previousEpoch @6 :Int32 = -1;
  phase @7 :UInt8;
  rebalanceTimeoutMs @8 :Int64;
  topics @9 :List(Text);
  pattern @10 :Text;
  assignor @11 :Text;
  assigned @12 :List(TopicPartitions);
  revoking @13 :List(TopicPartitions);
  target @14 :List(TopicPartitions);
}

struct TopicPartitions {
  topic @0 :Text;
  partitions @1 :List(Int32);
}

# Values of __transaction_state; a record's key is the transaction's name.
struct TransactionValue {
  producer @0 :Int64;
  epoch @1 :Int16;
  timeoutMs @2 :Int64;
  state @3 :UInt8;
  partitions @4 :List(TransactionPartition);
  groups @5 :List(Text);
  started @6 :Int64 = -1;
  updated @7 :Int64 = -1;
}

struct TransactionPartition {
  topic @0 :Text;
  partition @1 :Int32;
}
