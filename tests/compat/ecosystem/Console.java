// What consoles (AKHQ, Kafbat UI, Kafdrop) ask of a broker for their pages, with the client that they use, and what their
// buttons do. Every answer is looked at; the first that is wrong ends the program.
// java -cp 'jars/*' Console.java BOOTSTRAP
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.SecurityDisabledException;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.serialization.*;

@SuppressWarnings("removal")
public class Console {
  static final String TOPIC = "console", GROUP = "console-group";
  static int checked = 0;

  static void check(String what, boolean right) {
    if (!right) throw new AssertionError(what);
    System.out.println("ok " + what);
    ++checked;
  }

  static ConfigEntry entry(Admin admin, ConfigResource.Type type, String name, String config) throws Exception {
    var resource = new ConfigResource(type, name);
    var options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
    return admin.describeConfigs(List.of(resource), options).all().get().get(resource).get(config);
  }

  static long end(Admin admin, TopicPartition p, OffsetSpec of) throws Exception {
    return admin.listOffsets(Map.of(p, of)).all().get().get(p).offset();
  }

  // --- the cluster's page -------------------------------------------------------------------------------------------

  static int cluster(Admin admin) throws Exception {
    var cluster = admin.describeCluster();
    var nodes = cluster.nodes().get();
    check("the cluster has one node, which is its controller", nodes.size() == 1
        && cluster.controller().get().id() == nodes.iterator().next().id() && !cluster.clusterId().get().isEmpty());
    int id = nodes.iterator().next().id();
    check("features are told", admin.describeFeatures().featureMetadata().get().finalizedFeatures() != null);
    check("the quorum is told", admin.describeMetadataQuorum().quorumInfo().get().leaderId() >= 0);
    var config = entry(admin, ConfigResource.Type.BROKER, "" + id, "log.retention.ms");
    check("a broker's configs have sources", config != null && config.source() != null);
    check("folders are told", admin.describeLogDirs(List.of(id)).allDescriptions().get().get(id).size() == 1);
    check("nobody is limited",
        admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get().isEmpty());
    check("there are no users", admin.describeUserScramCredentials().all().get().isEmpty());
    try {
      admin.describeAcls(AclBindingFilter.ANY).values().get();
      check("an authorizer", false);
    } catch (ExecutionException e) {
      check("there is no authorizer", e.getCause() instanceof SecurityDisabledException);
    }
    return id;
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  static void topics(Admin admin, int broker) throws Exception {
    var made = new NewTopic(TOPIC, Optional.of(3), Optional.empty()).configs(Map.of("retention.ms", "3600000"));
    check("a topic is made and says its configs",
        admin.createTopics(List.of(made)).config(TOPIC).get().get("retention.ms").value().equals("3600000"));
    var names = admin.listTopics(new ListTopicsOptions().listInternal(true)).listings().get();
    check("it is listed with its id", names.stream().anyMatch(t -> t.name().equals(TOPIC)
        && !t.topicId().equals(Uuid.ZERO_UUID) && !t.isInternal()));
    var told = admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC);
    check("it has three partitions with leader and replicas", told.partitions().size() == 3
        && told.partitions().stream().allMatch(p -> p.leader().id() == broker && p.isr().size() == 1));
    check("it is found by its id",
        admin.describeTopics(TopicCollection.ofTopicIds(List.of(told.topicId()))).allTopicIds().get().size() == 1);
    var own = entry(admin, ConfigResource.Type.TOPIC, TOPIC, "retention.ms");
    check("its own config has a source, synonyms and a text",
        own.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG && !own.synonyms().isEmpty()
            && own.documentation() != null);
    check("others are defaults", entry(admin, ConfigResource.Type.TOPIC, TOPIC, "cleanup.policy").isDefault());
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
    admin.incrementalAlterConfigs(Map.of(resource, List.of(
        new AlterConfigOp(new ConfigEntry("retention.ms", ""), AlterConfigOp.OpType.DELETE),
        new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND)))).all().get();
    check("configs go back and grow",
        entry(admin, ConfigResource.Type.TOPIC, TOPIC, "retention.ms").isDefault()
            && entry(admin, ConfigResource.Type.TOPIC, TOPIC, "cleanup.policy").value().contains("compact"));
    admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(4))).all().get();
    check("it grows",
        admin.describeTopics(List.of(TOPIC)).allTopicNames().get().get(TOPIC).partitions().size() == 4);
  }

  // --- records ------------------------------------------------------------------------------------------------------

  static void records(Admin admin, String bootstrap, int broker) throws Exception {
    var text = new StringSerializer();
    try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), text, text)) {
      for (int i = 0; i < 40; ++i)
        producer.send(new ProducerRecord<>(TOPIC, i % 4, 1_000L + i, "key " + i, "value " + i));
    }
    var first = new TopicPartition(TOPIC, 0);
    check("the end of a partition", end(admin, first, OffsetSpec.latest()) == 10);
    check("an offset by its time", end(admin, first, OffsetSpec.forTimestamp(1_005)) == 2);
    check("the newest time", end(admin, first, OffsetSpec.maxTimestamp()) == 9);
    var reader = new StringDeserializer();
    try (var consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap), reader, reader)) {
      consumer.assign(List.of(first));
      consumer.seek(first, 7);  // a page of records from an offset
      var seen = new ArrayList<String>();
      while (seen.size() < 3) consumer.poll(java.time.Duration.ofSeconds(1)).forEach(r -> seen.add(r.value()));
      check("a page of records", seen.equals(List.of("value 28", "value 32", "value 36")));
      check("offsets of many times",
          consumer.offsetsForTimes(Map.of(first, 1_005L)).get(first).offset() == 2);
    }
    var size = admin.describeLogDirs(List.of(broker)).allDescriptions().get().get(broker).values().iterator().next();
    check("sizes of partitions", size.replicaInfos().get(first).size() > 0);
    admin.deleteRecords(Map.of(first, RecordsToDelete.beforeOffset(5))).all().get();
    check("records are deleted", end(admin, first, OffsetSpec.earliest()) == 5);
  }

  // --- groups -------------------------------------------------------------------------------------------------------

  static void groups(Admin admin, String bootstrap, String protocol) throws Exception {
    var group = GROUP + "-" + protocol;
    var reader = new StringDeserializer();
    Map<String, Object> settings = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group,
        "auto.offset.reset", "earliest", "client.id", "page", "group.protocol", protocol));
    try (var consumer = new KafkaConsumer<>(settings, reader, reader)) {
      consumer.subscribe(List.of(TOPIC));
      int seen = 0;
      while (seen < 35) seen += consumer.poll(java.time.Duration.ofSeconds(1)).count();
      consumer.commitSync();
      var listed = admin.listConsumerGroups().all().get();
      check(protocol + ": the group is listed with its state", listed.stream().anyMatch(g ->
          g.groupId().equals(group) && g.groupState().get() == GroupState.STABLE));
      var told = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
      var member = told.members().iterator().next();
      check(protocol + ": its member has a client, a host and four partitions", told.members().size() == 1
          && member.clientId().equals("page") && member.host().startsWith("/127.0.0.1")
          && member.assignment().topicPartitions().size() == 4);
      check(protocol + ": its coordinator is told", told.coordinator().id() >= 0);
    }
    var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    check(protocol + ": its offsets, so its lag", offsets.size() == 4
        && offsets.get(new TopicPartition(TOPIC, 0)).offset() == 10);
    var first = new TopicPartition(TOPIC, 0);
    admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(6))).all().get();
    check(protocol + ": its offsets are set", admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
        .get(first).offset() == 6);
    admin.deleteConsumerGroupOffsets(group, Set.of(first)).all().get();
    check(protocol + ": one of them is deleted",
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(first) == null);
    admin.deleteConsumerGroups(List.of(group)).all().get();
    check(protocol + ": the group is deleted",
        admin.listConsumerGroups().all().get().stream().noneMatch(g -> g.groupId().equals(group)));
  }

  static void transactions(Admin admin, String bootstrap) throws Exception {
    var text = new StringSerializer();
    Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "transactional.id", "console-tx");
    try (var producer = new KafkaProducer<>(settings, text, text)) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(TOPIC, 1, "k", "v")).get();
      var listed = admin.listTransactions().all().get();
      check("an open transaction is listed", listed.stream().anyMatch(t ->
          t.transactionalId().equals("console-tx") && t.state() == TransactionState.ONGOING));
      check("it is described", admin.describeTransactions(List.of("console-tx")).all().get().get("console-tx")
          .topicPartitions().equals(Set.of(new TopicPartition(TOPIC, 1))));
      var partition = new TopicPartition(TOPIC, 1);
      var producers = admin.describeProducers(List.of(partition)).all().get().get(partition).activeProducers();
      check("its producer is told where it writes",
          producers.stream().anyMatch(p -> p.currentTransactionStartOffset().isPresent()));
      producer.commitTransaction();
    }
  }

  public static void main(String[] arguments) throws Exception {
    var bootstrap = arguments[0];
    try (var admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      int broker = cluster(admin);
      topics(admin, broker);
      records(admin, bootstrap, broker);
      groups(admin, bootstrap, "classic");
      groups(admin, bootstrap, "consumer");
      transactions(admin, bootstrap);
      admin.deleteTopics(List.of(TOPIC)).all().get();
      var left = admin.listTopics().names().get();
      check("the topic is deleted", !left.contains(TOPIC));
    }
    System.out.println(checked + " checked");
  }
}
