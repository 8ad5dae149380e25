// Writes records with the keys 0 to 199 and prints where each went: "key partition".
// java -cp 'jars/*' Keys.java BOOTSTRAP TOPIC
import java.util.Map;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.StringSerializer;

public class Keys {
  public static void main(String[] arguments) throws Exception {
    var text = new StringSerializer();
    try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", arguments[0]), text, text)) {
      for (int i = 0; i < 200; ++i) {
        var stored = producer.send(new ProducerRecord<>(arguments[1], "" + i, "of Java")).get();
        System.out.println("at " + i + " " + stored.partition());
      }
    }
  }
}
