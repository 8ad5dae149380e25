// Kafka Streams, exactly once: counts the words of the topic `lines` into `counts` until every line of a file was read.
// java -cp 'jars/*' WordCount.java HOST:PORT FILE STATE_FOLDER; prints "word count" pairs as a committed reader sees them.
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

public class WordCount {
  public static void main(String[] arguments) throws Exception {
    String brokers = arguments[0];
    List<String> lines = Files.readAllLines(Path.of(arguments[1]));
    Map<String, Long> expected = new TreeMap<>();
    for (String line : lines)
      for (String word : words(line)) expected.merge(word, 1L, Long::sum);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      admin.createTopics(List.of(new NewTopic("lines", 2, (short) 1), new NewTopic("counts", 2, (short) 1))).all().get();
    }
    Properties settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    settings.put("application.id", "word-count");
    settings.put("processing.guarantee", "exactly_once_v2");
    settings.put("commit.interval.ms", 200);
    settings.put("replication.factor", -1);
    settings.put("auto.offset.reset", "earliest");
    settings.put("state.dir", arguments[2]);
    try (KafkaStreams streams = new KafkaStreams(topology(), settings)) {
      streams.start();
      write(brokers, lines);
      Map<String, Long> counts = read(brokers, expected);
      counts.forEach((word, count) -> System.out.println(word + " " + count));
      System.exit(counts.equals(expected) ? 0 : 1);
    }
  }

  static List<String> words(String line) {
    return Arrays.stream(line.toLowerCase().split("\\W+")).filter(w -> !w.isEmpty()).toList();
  }

  static Topology topology() {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("lines", Consumed.with(Serdes.Integer(), Serdes.String()))
        .flatMapValues(WordCount::words)
        .groupBy((number, word) -> word, Grouped.with(Serdes.String(), Serdes.String()))
        .count()
        .toStream()
        .to("counts", Produced.with(Serdes.String(), Serdes.Long()));
    return builder.build();
  }

  static void write(String brokers, List<String> lines) throws Exception {
    Map<String, Object> settings = Map.of("bootstrap.servers", brokers);
    try (Producer<Integer, String> out =
        new KafkaProducer<>(settings, new IntegerSerializer(), new StringSerializer())) {
      for (int i = 0; i < lines.size(); i++) out.send(new ProducerRecord<>("lines", i, lines.get(i)));
      out.flush();
    }
  }

  /** The newest count of each word among what is committed, once it is as expected or two minutes have passed. */
  static Map<String, Long> read(String brokers, Map<String, Long> expected) {
    Map<String, Object> settings =
        Map.of("bootstrap.servers", brokers, "group.id", "reader", "auto.offset.reset", "earliest",
            "isolation.level", "read_committed");
    Map<String, Long> counts = new TreeMap<>();
    long end = System.nanoTime() + Duration.ofMinutes(2).toNanos();
    try (Consumer<String, Long> in = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
      in.subscribe(List.of("counts"));
      while (!counts.equals(expected) && System.nanoTime() < end)
        in.poll(Duration.ofMillis(200)).forEach(r -> counts.put(r.key(), r.value()));
    }
    return counts;
  }
}
