import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.graylog2.gelfclient.GelfConfiguration;
import org.graylog2.gelfclient.GelfMessageBuilder;
import org.graylog2.gelfclient.GelfMessageLevel;
import org.graylog2.gelfclient.GelfTransports;

/** Logs five messages through Graylog's client: the transport and the secret are its arguments. */
public class Log {
  public static void main(String[] arguments) throws Exception {
    var host = System.getenv("KBC_LOGGER_ADDR");
    var address = new InetSocketAddress(host, Integer.parseInt(System.getenv("KBC_LOGGER_PORT")));
    var kind = GelfTransports.valueOf(arguments[0].toUpperCase());
    var transport = GelfTransports.create(new GelfConfiguration(address).transport(kind));
    for (var level : new GelfMessageLevel[] {
      GelfMessageLevel.DEBUG, GelfMessageLevel.INFO, GelfMessageLevel.WARNING,
      GelfMessageLevel.ERROR, GelfMessageLevel.CRITICAL
    }) {
      var text = level.name().toLowerCase() + " with " + arguments[1] + " and much more".repeat(300);
      transport.send(new GelfMessageBuilder(text, "java").level(level).build());
    }
    transport.flushAndStopSynchronously(100, TimeUnit.MILLISECONDS, 100);
  }
}
