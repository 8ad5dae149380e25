// dohle serve: a broker until somebody ends it.
#include <fmt/core.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>

#include "actors/client.hpp"
#include "actors/logging.hpp"
#include "tools/config.hpp"
#include "tools/interrupt.hpp"
#include "tools/output.hpp"
#include "tools/program.hpp"

namespace dohle::tools {

namespace {

struct serve_options {
  std::string file;
  std::map<std::string, std::string> flags;  ///< full name of a setting -> its text
  int ready_fd = -1;
};

/// A connection and an open segment are a descriptor each; the soft limit of most shells is 1,024.
rlim_t raise_descriptor_limit() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
  static_cast<void>(::getrlimit(RLIMIT_NOFILE, &limit));
  return limit.rlim_cur;
}

/// `%*` of a pattern: the message as a JSON string.
class json_message final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& to) override {
    auto text = json(std::string_view{message.payload.data(), message.payload.size()})
                    .dump(-1, ' ', false, json::error_handler_t::replace);
    to.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override { return std::make_unique<json_message>(); }
};

/// Sends the log of the actors to stderr, one line each.
spdlog::logger& start_log(const config& c) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto lines = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  lines->add_flag<json_message>('*');
  lines->set_pattern(c.text("log.format") == "json" ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%*})"
                                                    : "%Y-%m-%dT%H:%M:%S.%eZ %l %v");
  sink->set_formatter(std::move(lines));
  actors::log_sinks()->add_sink(sink);
  auto& log = actors::log();
  log.set_level(spdlog::level::from_str(c.text("log.level")));
  return log;
}

/// What a person who just started a broker wants to know, in at most five lines.
void banner(const broker& b, rlim_t descriptors) {
  say(fmt::format("dohle {}", DOHLE_VERSION));
  say(fmt::format("data in {}", std::filesystem::absolute(b.path()).string()));
  say(fmt::format("listening on {}", b.listening()));
  if (!b.kafka_listening().empty()) say(fmt::format("Kafka's clients on {}", b.kafka_listening()));
  if (descriptors < 4096) {
    say(fmt::format("only {} open files are allowed: enough for few connections (ulimit -n)", descriptors));
  }
  if (stderr_is_terminal()) {
    say(fmt::format("Ctrl-C ends it; try: dohle topic create hello -b dohle://{}", b.listening()));
  }
}

/// "host:port\n" to whoever waits at the other end, then end of file.
result<void> announce(int fd, const std::string& address) {
  if (fd < 0) return {};
  auto line = address + "\n";
  auto n = ::write(fd, line.data(), line.size());
  if (n != static_cast<ssize_t>(line.size())) {
    return error{errc::invalid_request, fmt::format("cannot write to --ready-fd {}: {}", fd, std::strerror(errno)),
                 "a descriptor that is open for writing"};
  }
  if (fd > STDERR_FILENO) ::close(fd);
  return {};
}

broker_options options_of(const config& c) {
  broker_options o;
  o.path = c.text("storage.data");
  o.listen = c.text("listen.address");
  if (auto kafka = c.text("listen.kafka"); !kafka.empty()) o.kafka = kafka;
  o.kafka_advertised = c.text("listen.kafka_advertised");
  o.kafka_auto_create = c.boolean("listen.kafka_auto_create");
  o.auto_create_topics = c.boolean("topics.auto_create");
  o.default_partitions = static_cast<std::int32_t>(c.count("topics.default_partitions"));
  o.journal_file_bytes = c.size("storage.journal_file");
  o.segment_bytes = c.size("storage.segment");
  o.tail_cache_bytes = c.size("storage.tail_cache");
  o.worker_threads = static_cast<std::size_t>(c.count("node.worker_threads"));
  return o;
}

result<int> serve(const serve_options& o) {
  auto c = load_config(o.file, environ, o.flags);
  if (!c) return c.error();
  termination ending;  // before the first thread: it takes the signals from all of them
  auto descriptors = raise_descriptor_limit();
  auto& log = start_log(*c);
  log.debug("opening {}", c->text("storage.data"));
  auto opened = broker::open(options_of(*c));
  if (!opened) return opened.error();
  if (c->text("log.format") == "json") {
    log.info("dohle {} with data in {} is listening on {}", DOHLE_VERSION, opened->path().string(),
             opened->listening());
  } else {
    banner(*opened, descriptors);
  }
  if (auto told = announce(o.ready_fd, opened->listening()); !told) return told.error();

  int signal = ending.wait();
  log.info("ending: {}", ::strsignal(signal));
  auto closed = opened->close(c->duration("node.close_timeout"));
  if (!closed) return closed.error();
  log.info("ended");
  return 0;
}

}  // namespace

void add_serve(program& p) {
  auto o = std::make_shared<serve_options>();
  auto* command = add_command(p.app, p, "serve", "Run a broker");
  command->add_option("-c,--config", o->file, "Configuration file (DOHLE_CONFIG)")->type_name("FILE");
  for (const auto& key : config_keys()) {
    auto full_name = key.full_name();
    std::string description{key.comment};
    if (key.kind == value_kind::boolean) {
      auto flag = std::string{key.flag} + ",!--no-" + std::string{key.flag.substr(2)};
      command->add_flag_function(
          flag, [o, full_name](std::int64_t n) { o->flags[full_name] = n > 0 ? "true" : "false"; }, description);
    } else {
      command
          ->add_option_function<std::string>(
              std::string{key.flag}, [o, full_name](const std::string& text) { o->flags[full_name] = text; },
              fmt::format("{} (default {})", description, key.standard))
          ->type_name(key.kind == value_kind::size       ? "SIZE"
                      : key.kind == value_kind::duration ? "DURATION"
                                                         : "VALUE");
    }
  }
  command->add_option("--ready-fd", o->ready_fd, "Write host:port and a newline here once it listens, then close it")
      ->type_name("FD");
  command->callback([&p, o] { p.chosen = [o] { return serve(*o); }; });
}

}  // namespace dohle::tools
