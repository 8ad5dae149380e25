// Turns lines of "CLASS VERSION JSON" on standard input into "CLASS VERSION HEX": the bytes that Kafka's own Java client
// writes for that message. make.py runs it.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;

public class Golden {
  public static void main(String[] args) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] parts = line.split(" ", 3);
      short version = Short.parseShort(parts[1]);
      Class<?> converter = Class.forName("org.apache.kafka.common.message." + parts[0] + "DataJsonConverter");
      Object message = converter.getMethod("read", JsonNode.class, short.class)
          .invoke(null, mapper.readTree(parts[2]), version);
      ByteBuffer bytes = MessageUtil.toByteBufferAccessor((Message) message, version).buffer();
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      System.out.println(parts[0] + " " + version + " " + HexFormat.of().formatHex(copy));
    }
  }
}
