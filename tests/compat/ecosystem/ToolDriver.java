// Runs Kafka's command-line tools one after the other in one JVM: starting one for each would take longer than all their
// work. Reads a line of words from stdin, each in Base64: main class, text for the tool's stdin, arguments. Answers with
// a line "exit status, bytes of output" and that output. Each tool gets its classes anew, for some keep static state.
// java -cp 'jars/*' ToolDriver.java TOOLS_JAR
import java.io.*;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.*;
import org.apache.kafka.common.utils.Exit;

public class ToolDriver {
  static class Ended extends RuntimeException {
    final int status;
    Ended(int status) {
      super("exit " + status, null, false, false);
      this.status = status;
    }
  }

  /** The tools' own classes are not those of the class path. */
  static class Fresh extends URLClassLoader {
    Fresh(URL tools) { super(new URL[] {tools}, ToolDriver.class.getClassLoader()); }
    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      synchronized (getClassLoadingLock(name)) {
        if (!name.startsWith("org.apache.kafka.tools.")) return super.loadClass(name, resolve);
        Class<?> found = findLoadedClass(name);
        try {
          return found != null ? found : findClass(name);
        } catch (ClassNotFoundException e) {  // a package of the same name in another jar
          return super.loadClass(name, resolve);
        }
      }
    }
  }

  static volatile Integer status;
  static final List<Thread> hooks = new ArrayList<>();  // what a tool does when its JVM ends

  public static void main(String[] arguments) throws Exception {
    URL tools = Path.of(arguments[0]).toUri().toURL();
    PrintStream answers = System.out;
    Exit.setExitProcedure((code, message) -> ended(code));
    Exit.setHaltProcedure((code, message) -> ended(code));
    Exit.setShutdownHookAdder((name, hook) -> hooks.add(new Thread(hook)));
    BufferedReader asked = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = asked.readLine()) != null; ) {
      List<String> words = new ArrayList<>();
      for (String word : line.split(" ", -1)) words.add(new String(Base64.getDecoder().decode(word)));
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      PrintStream both = new PrintStream(out, true);
      System.setIn(new ByteArrayInputStream(words.get(1).getBytes()));
      System.setOut(both);
      System.setErr(both);
      int code = call(tools, words.get(0), words.subList(2, words.size()).toArray(String[]::new), both);
      finish();
      both.flush();
      answers.println(code + " " + out.size());
      out.writeTo(answers);
      answers.flush();
    }
  }

  /** The first status counts: what catches the exception of the first may exit once more. */
  static void ended(int code) {
    if (status == null) status = code;
    throw new Ended(code);
  }

  static int call(URL tools, String main, String[] arguments, PrintStream out) {
    status = null;
    try (Fresh loader = new Fresh(tools)) {
      Thread.currentThread().setContextClassLoader(loader);
      loader.loadClass(main).getMethod("main", String[].class).invoke(null, (Object) arguments);
    } catch (InvocationTargetException e) {
      if (!(e.getCause() instanceof Ended)) {
        e.getCause().printStackTrace(out);
        return status == null ? 1 : status;
      }
    } catch (Exception e) {
      e.printStackTrace(out);
      return 1;
    }
    return status == null ? 0 : status;
  }

  static void finish() throws InterruptedException {
    for (Thread hook : hooks) hook.start();
    for (Thread hook : hooks) hook.join(10_000);
    hooks.clear();
  }
}
