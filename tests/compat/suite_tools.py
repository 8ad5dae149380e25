"""Kafka's command-line tools, each made to do its work and checked by what it prints. Every function whose name begins
with `check_` is one test; it gets topics of its own by naming them."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import maven
import tools_transactions
from kit import FAIL, PASS, Results, Suite, Target
from tools_kit import Tools, driver, produced

TOPICS = "org.apache.kafka.tools.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
REASSIGN = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"


# --- topics and configs ----------------------------------------------------------------------------------------------


def check_topics_create_describe_alter_delete(t: Tools) -> None:
    t.run(TOPICS, "--create", "--topic", "tt", "--partitions", "3", "--replication-factor", "1")
    assert "PartitionCount: 3" in t.run(TOPICS, "--describe", "--topic", "tt")
    t.run(TOPICS, "--alter", "--topic", "tt", "--partitions", "5")
    assert "PartitionCount: 5" in t.run(TOPICS, "--describe", "--topic", "tt")
    assert "tt" in t.run(TOPICS, "--list").split()
    assert t.run(TOPICS, "--describe", "--under-replicated-partitions").strip() == ""
    t.run(TOPICS, "--delete", "--topic", "tt")
    assert any("tt" not in t.run(TOPICS, "--list").split() for _ in range(20)), "it is still listed"


def check_topics_say_that_one_exists(t: Tools) -> None:
    t.run(TOPICS, "--create", "--topic", "twice")
    assert "already" in t.run(TOPICS, "--create", "--topic", "twice", code=1)
    t.run(TOPICS, "--create", "--topic", "twice", "--if-not-exists")


def check_topics_with_configs(t: Tools) -> None:
    wanted = {
        "cleanup.policy": "compact",
        "compression.type": "lz4",
        "segment.ms": "3600000",
        "segment.bytes": "104857600",
        "min.cleanable.dirty.ratio": "0.2",
        "message.timestamp.type": "LogAppendTime",
        "unclean.leader.election.enable": "true",
        "index.interval.bytes": "8192",
        "flush.messages": "10000",
        "file.delete.delay.ms": "1000",
        "preallocate": "true",
    }
    words = [word for name, value in wanted.items() for word in ("--config", f"{name}={value}")]
    t.run(TOPICS, "--create", "--topic", "conf", *words)
    described = t.run(TOPICS, "--describe", "--topic", "conf")
    for name, value in wanted.items():
        assert f"{name}={value}" in described, f"{name} is not {value}"


def check_topics_refuse_an_unknown_config(t: Tools) -> None:
    assert "no.such" in t.run(TOPICS, "--create", "--topic", "unknown", "--config", "no.such=1", code=1)


def check_configs_of_a_topic(t: Tools) -> None:
    t.topic("altered", 1)
    here = ("--entity-type", "topics", "--entity-name", "altered")
    t.run(CONFIGS, *here, "--alter", "--add-config", "retention.ms=1000,segment.ms=600000")
    described = t.run(CONFIGS, *here, "--describe")
    assert "retention.ms=1000" in described
    assert "segment.ms=600000" in described
    t.run(CONFIGS, *here, "--alter", "--delete-config", "retention.ms")
    assert "retention.ms" not in t.run(CONFIGS, *here, "--describe")
    every = t.run(CONFIGS, *here, "--describe", "--all")
    for name in ("segment.index.bytes", "message.timestamp.after.max.ms", "remote.storage.enable", "flush.ms"):
        assert f"  {name}=" in every, f"{name} is not described"


def check_configs_of_the_broker(t: Tools) -> None:
    every = t.run(CONFIGS, "--entity-type", "brokers", "--entity-name", "1", "--describe", "--all")
    for name in ("log.retention.ms", "num.partitions", "message.max.bytes", "log.segment.bytes"):
        assert f"  {name}=" in every, f"{name} is not described"


def check_configs_of_groups_and_clients(t: Tools) -> None:
    t.run(CONFIGS, "--entity-type", "users", "--describe")
    t.run(CONFIGS, "--entity-type", "clients", "--describe")
    t.run(CONFIGS, "--entity-type", "client-metrics", "--describe")


# --- records ---------------------------------------------------------------------------------------------------------


def check_console_producer_and_consumer(t: Tools) -> None:
    t.topic("console", 1)
    lines = "a:1\nb:2\nc:3\n"
    reading = ("--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
    t.run(PRODUCER, "--topic", "console", *reading, stdin=lines)
    shown = ("--formatter-property", "print.key=true", "--formatter-property", "key.separator=:")
    out = t.run(CONSUMER, "--topic", "console", "--from-beginning", "--max-messages", "3", *shown)
    assert produced(out, r"[abc]:\d") == ["a:1", "b:2", "c:3"]
    out = t.run(CONSUMER, "--topic", "console", "--partition", "0", "--offset", "1", "--max-messages", "2")
    assert produced(out, r"\d") == ["2", "3"]


def check_console_producer_with_headers_and_compression(t: Tools) -> None:
    t.topic("headers", 1)
    reading = ("--reader-property", "parse.headers=true", "--compression-codec", "zstd")
    t.run(PRODUCER, "--topic", "headers", *reading, stdin="h1:v1,h2:v2\tbody\n")
    shown = ("--formatter-property", "print.headers=true", "--formatter-property", "print.offset=true")
    out = t.run(CONSUMER, "--topic", "headers", "--from-beginning", "--max-messages", "1", *shown)
    assert "h1:v1,h2:v2" in out
    assert "body" in out


def check_console_producer_without_acks(t: Tools) -> None:
    t.topic("acks0", 1)
    t.run(PRODUCER, "--topic", "acks0", "--request-required-acks", "0", "--sync", stdin="x\ny\n")
    out = t.run(CONSUMER, "--topic", "acks0", "--from-beginning", "--max-messages", "2")
    assert produced(out, "[xy]") == ["x", "y"]


def consume_twice(t: Tools, protocol: str) -> None:
    topic = f"grouped.{protocol}"
    t.topic(topic, 2)
    t.produce(topic, 20)
    mine = ("--group", f"g.{protocol}", "--command-property", f"group.protocol={protocol}")
    out = t.run(CONSUMER, "--topic", topic, "--from-beginning", "--max-messages", "20", *mine)
    assert len(produced(out, r"\d+")) == 20
    t.produce(topic, 5)
    assert len(produced(t.run(CONSUMER, "--topic", topic, "--max-messages", "5", *mine), r"\d+")) == 5


def check_console_consumer_of_a_group(t: Tools) -> None:
    consume_twice(t, "classic")


def check_console_consumer_of_a_group_that_the_broker_assigns(t: Tools) -> None:
    consume_twice(t, "consumer")


def check_console_consumer_of_a_pattern(t: Tools) -> None:
    t.topic("pattern.one", 1)
    t.topic("pattern.two", 1)
    t.produce("pattern.one", 3)
    t.produce("pattern.two", 3)
    out = t.run(CONSUMER, "--include", r"pattern\..*", "--from-beginning", "--max-messages", "6")
    assert len(produced(out, r"\d+")) == 6


def check_producer_and_consumer_performance(t: Tools) -> None:
    t.topic("perf", 3)
    words = ["--topic", "perf", "--num-records", "20000", "--record-size", "100", "--throughput", "-1"]
    for codec in ("none", "lz4"):
        out = t.run(
            "org.apache.kafka.tools.ProducerPerformance", *words, "--command-property", f"compression.type={codec}"
        )
        assert "20000 records sent" in out
    out = t.run("org.apache.kafka.tools.ConsumerPerformance", "--topic", "perf", "--num-records", "40000")
    assert int(out.strip().splitlines()[-1].split(", ")[4]) >= 40000


def check_end_to_end_latency(t: Tools) -> None:
    t.topic("latency", 1)
    words = ("--topic", "latency", "--num-records", "200", "--producer-acks", "all", "--record-size", "100")
    assert "Percentiles" in t.run("org.apache.kafka.tools.EndToEndLatency", *words)


def verify(t: Tools, protocol: str) -> None:
    topic = f"verifiable.{protocol}"
    t.topic(topic, 2)
    out = t.alone("org.apache.kafka.tools.VerifiableProducer", "--topic", topic, "--max-messages", "500")
    assert out.count('"producer_send_success"') == 500
    words = ["--topic", topic, "--group-id", f"v.{protocol}", "--max-messages", "500"]
    out = t.alone("org.apache.kafka.tools.VerifiableConsumer", *words, "--group-protocol", protocol)
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert sum(e["count"] for e in events if e["name"] == "records_consumed") == 500
    assert all(e["success"] for e in events if e["name"] == "offsets_committed")


def check_verifiable_producer_and_consumer(t: Tools) -> None:
    verify(t, "classic")


def check_verifiable_consumer_of_a_group_that_the_broker_assigns(t: Tools) -> None:
    verify(t, "consumer")


def check_client_compatibility_test(t: Tools) -> None:
    t.topic("compatible", 1)
    yes = ("offsets-for-times", "cluster-id", "create-topics", "describe-configs", "idempotent-producer")
    words = [word for name in yes for word in (f"--{name}-supported", "True")]
    words += ["--topic", "compatible", "--describe-acls-supported", "True", "--num-cluster-nodes", "1"]
    words += ["--expect-record-too-large-exception", "False"]
    t.run("org.apache.kafka.tools.ClientCompatibilityTest", *words)


# --- offsets and groups ----------------------------------------------------------------------------------------------


def check_offsets(t: Tools) -> None:
    t.topic("offsets", 1)
    t.produce("offsets", 10)
    assert "offsets:0:10" in t.run(OFFSETS, "--topic", "offsets")
    assert "offsets:0:0" in t.run(OFFSETS, "--topic", "offsets", "--time", "earliest")
    assert re.search(r"offsets:0:\d", t.run(OFFSETS, "--topic", "offsets", "--time", "max-timestamp"))
    assert "offsets:0:0" in t.run(OFFSETS, "--topic", "offsets", "--time", "1")


def check_delete_records(t: Tools) -> None:
    t.topic("deleted", 1)
    t.produce("deleted", 10)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"version": 1, "partitions": [{"topic": "deleted", "partition": 0, "offset": 4}]}, file)
        file.flush()
        out = t.run("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file.name)
    assert re.search(r"low_watermark:\s*4", out)
    assert "deleted:0:4" in t.run(OFFSETS, "--topic", "deleted", "--time", "-2")


def consume_in_group(t: Tools, topic: str, group: str, count: int) -> None:
    t.topic(topic, 1)
    t.produce(topic, count)
    t.run(CONSUMER, "--topic", topic, "--from-beginning", "--max-messages", str(count), "--group", group)


def check_consumer_groups_list_and_describe(t: Tools) -> None:
    consume_in_group(t, "described", "g1", 10)
    assert "g1" in t.run(GROUPS, "--list").split()
    assert re.search(r"g1\s+\S*\s*Empty", t.run(GROUPS, "--list", "--state"))
    assert re.search(r"g1\s+described\s+0\s+10\s+10\s+0", t.run(GROUPS, "--describe", "--group", "g1"))
    assert "Empty" in t.run(GROUPS, "--describe", "--group", "g1", "--state")
    t.run(GROUPS, "--describe", "--group", "g1", "--members")
    assert "g1" in t.run("org.apache.kafka.tools.GroupsCommand", "--list")


def check_consumer_groups_reset_offsets(t: Tools) -> None:
    consume_in_group(t, "reset", "g2", 10)
    for how in (
        ("--to-earliest",),
        ("--to-offset", "7"),
        ("--shift-by", "-2"),
        ("--to-datetime", "2020-01-01T00:00:00.000"),
    ):
        t.run(GROUPS, "--reset-offsets", "--group", "g2", "--topic", "reset", *how, "--execute")
    assert re.search(r"g2\s+reset\s+0\s+0\s+10\s+10", t.run(GROUPS, "--describe", "--group", "g2"))


def check_consumer_groups_delete_offsets(t: Tools) -> None:
    consume_in_group(t, "forgotten", "g3", 3)
    assert "Successful" in t.run(GROUPS, "--delete-offsets", "--group", "g3", "--topic", "forgotten")


def check_consumer_groups_delete(t: Tools) -> None:
    consume_in_group(t, "left", "g4", 3)
    assert "successful" in t.run(GROUPS, "--delete", "--group", "g4")
    assert "g4" not in t.run(GROUPS, "--list").split()


def check_streams_resetter(t: Tools) -> None:
    consume_in_group(t, "application", "app", 3)
    t.run("org.apache.kafka.tools.StreamsResetter", "--application-id", "app", "--input-topics", "application")


# --- the cluster -----------------------------------------------------------------------------------------------------


def check_broker_api_versions(t: Tools) -> None:
    assert "Produce(0): " in t.run("org.apache.kafka.tools.BrokerApiVersionsCommand")


def check_cluster(t: Tools) -> None:
    assert "Cluster ID: " in t.run("org.apache.kafka.tools.ClusterTool", "cluster-id", first=False)
    assert re.search(
        r"^\d+\s", t.run("org.apache.kafka.tools.ClusterTool", "list-endpoints", first=False), re.MULTILINE
    )


def check_log_dirs(t: Tools) -> None:
    t.topic("sized", 1)
    out = t.run("org.apache.kafka.tools.LogDirsCommand", "--describe", "--topic-list", "sized")
    (folder,) = json.loads(out.strip().splitlines()[-1])["brokers"][0]["logDirs"]
    assert folder["partitions"][0]["partition"] == "sized-0"


def check_metadata_quorum(t: Tools) -> None:
    out = t.run("org.apache.kafka.tools.MetadataQuorumCommand", "describe", "--status")
    assert "LeaderId:" in out
    assert "Leader" in t.run("org.apache.kafka.tools.MetadataQuorumCommand", "describe", "--replication")


def check_features(t: Tools) -> None:
    t.run("org.apache.kafka.tools.FeatureCommand", "describe")


def check_leader_election(t: Tools) -> None:
    t.topic("elected", 2)
    words = ("--election-type", "preferred", "--all-topic-partitions")
    t.run("org.apache.kafka.tools.LeaderElectionCommand", *words)


def check_reassign_partitions(t: Tools) -> None:
    t.topic("moved", 1)
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.json"
        plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "moved", "partition": 0, "replicas": [1]}]}))
        assert "Successfully started" in t.run(REASSIGN, "--execute", "--reassignment-json-file", str(plan))
        assert "is completed" in t.run(REASSIGN, "--verify", "--reassignment-json-file", str(plan))
    assert "No partition reassignments found" in t.run(REASSIGN, "--list")


def check_client_metrics(t: Tools) -> None:
    t.run("org.apache.kafka.tools.ClientMetricsCommand", "--list")


def run(folder: Path, target: Target) -> Results:
    jars = folder.parent / "kafka"
    results: Results = {}
    chosen = re.compile(os.environ.get("COMPAT_TESTS", ""))
    everything = {**globals(), **vars(tools_transactions)}
    checks = {n.removeprefix("check_"): c for n, c in everything.items() if n.startswith("check_") and chosen.search(n)}
    with driver(jars) as jvm:
        for name, check in checks.items():
            tools = Tools(jvm, target, target.log / f"{name}.log")
            try:
                check(tools)
                results[name] = PASS
            except Exception as problem:  # whatever is wrong with one tool says nothing of the next
                tools.say(f"FAILED: {type(problem).__name__}: {problem}")
                results[name] = FAIL
    return results


def prepare(folder: Path) -> None:
    maven.fetch(folder.parent / "kafka")


SUITE = Suite("tools", f"Kafka {maven.KAFKA}'s command-line tools", prepare, run, wants=("java", "mvn"))
