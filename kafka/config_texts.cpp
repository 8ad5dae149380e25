#include "kafka/config_texts.hpp"

#include <algorithm>
#include <array>

namespace dohle::kafka {

namespace {

constexpr std::string_view kept = "Kept for clients that set it; it has no effect on this broker.";

constexpr std::array texts{
    config_text{"cleanup.policy", list, "log.cleanup.policy",
                "What becomes of old records: delete drops them by age or size, compact keeps the newest of each key."},
    config_text{"compression.gzip.level", int32, "compression.gzip.level", kept},
    config_text{"compression.lz4.level", int32, "compression.lz4.level", kept},
    config_text{"compression.type", text, "compression.type",
                "Kept for clients that set it; batches are stored as their producer compressed them."},
    config_text{"compression.zstd.level", int32, "compression.zstd.level", kept},
    config_text{"delete.retention.ms", int64, "log.cleaner.delete.retention.ms",
                "How long a record without a value stays after compaction met it."},
    config_text{"file.delete.delay.ms", int64, "log.segment.delete.delay.ms", kept},
    config_text{"flush.messages", int64, "log.flush.interval.messages",
                "Kept for clients that set it; every batch is flushed before it is acknowledged."},
    config_text{"flush.ms", int64, "log.flush.interval.ms",
                "Kept for clients that set it; every batch is flushed before it is acknowledged."},
    config_text{"follower.replication.throttled.replicas", list, "follower.replication.throttled.replicas", kept},
    config_text{"index.interval.bytes", int32, "log.index.interval.bytes", kept},
    config_text{"leader.replication.throttled.replicas", list, "leader.replication.throttled.replicas", kept},
    config_text{"local.retention.bytes", int64, "log.local.retention.bytes", kept},
    config_text{"local.retention.ms", int64, "log.local.retention.ms", kept},
    config_text{"max.compaction.lag.ms", int64, "log.cleaner.max.compaction.lag.ms",
                "What was appended longer ago is compacted, however little it is."},
    config_text{"max.message.bytes", int32, "message.max.bytes", "The largest batch, as it is stored."},
    config_text{"message.downconversion.enable", boolean, "log.message.downconversion.enable", kept},
    config_text{"message.timestamp.after.max.ms", int64, "log.message.timestamp.after.max.ms", kept},
    config_text{"message.timestamp.before.max.ms", int64, "log.message.timestamp.before.max.ms", kept},
    config_text{"message.timestamp.type", text, "log.message.timestamp.type",
                "Whose clock a record's time is of: CreateTime the producer's, LogAppendTime the broker's."},
    config_text{"min.cleanable.dirty.ratio", real, "log.cleaner.min.cleanable.ratio",
                "Compaction begins when this part of the log is new since the last one."},
    config_text{"min.compaction.lag.ms", int64, "log.cleaner.min.compaction.lag.ms",
                "What was appended more recently is not compacted."},
    config_text{"min.insync.replicas", int32, "min.insync.replicas",
                "How many replicas must have a batch before acks=all is answered."},
    config_text{"preallocate", boolean, "log.preallocate", kept},
    config_text{"remote.log.copy.disable", boolean, "remote.log.copy.disable", kept},
    config_text{"remote.log.delete.on.disable", boolean, "remote.log.delete.on.disable", kept},
    config_text{"remote.storage.enable", boolean, "remote.storage.enable", kept},
    config_text{"retention.bytes", int64, "log.retention.bytes",
                "With delete: old records go when a partition is larger; -1 is no bound."},
    config_text{"retention.ms", int64, "log.retention.ms", "With delete: older records go; -1 is no bound."},
    config_text{"segment.bytes", int32, "log.segment.bytes", "Compaction merges small segments up to this."},
    config_text{"segment.index.bytes", int32, "log.index.size.max.bytes", kept},
    config_text{"segment.jitter.ms", int64, "log.roll.jitter.ms", kept},
    config_text{"segment.ms", int64, "log.roll.ms", kept},
    config_text{"unclean.leader.election.enable", boolean, "unclean.leader.election.enable", kept},
};

}  // namespace

config_text tell(std::string_view name) {
  const auto* found = std::find_if(texts.begin(), texts.end(), [&](const auto& t) { return t.name == name; });
  return found == texts.end() ? config_text{name, text, name, {}} : *found;
}

}  // namespace dohle::kafka
