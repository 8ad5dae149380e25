#include "tools/program.hpp"

#include <fmt/core.h>

#include <cstdlib>

#include "tools/nearest.hpp"
#include "tools/units.hpp"

namespace dohle::tools {

namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
    for (const auto& alias : sub->get_aliases()) names.push_back(alias);
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

bool knows_option(const CLI::App& app, std::string_view word) {
  for (const auto* option : app.get_options()) {
    if (option->check_name(std::string{word})) return true;
  }
  return false;
}

std::string path_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

/// Follows the words down the tree as far as they name commands.
struct walked {
  const CLI::App* app;
  int next;
};
walked walk(const CLI::App& root, int argc, const char* const* argv) {
  walked at{&root, 1};
  for (; at.next < argc; ++at.next) {
    const CLI::App* below = nullptr;
    for (const auto* sub : at.app->get_subcommands([](const CLI::App*) { return true; })) {
      if (sub->check_name(argv[at.next])) below = sub;
    }
    if (below == nullptr) break;
    at.app = below;
  }
  return at;
}

}  // namespace

CLI::App* add_command(CLI::App& parent, program& p, const std::string& name, const std::string& description) {
  auto* command = parent.add_subcommand(name, description);
  command->add_flag("--json", p.common.json, "Answer (and errors) as JSON");
  return command;
}

CLI::App* add_client_command(CLI::App& parent, program& p, const std::string& name, const std::string& description) {
  auto* command = add_command(parent, p, name, description);
  auto* url = command->add_option("-b,--broker", p.common.broker,
                                  "Broker to talk to (DOHLE_URL; default dohle://127.0.0.1:7420)");
  auto* data = command->add_option("--data", p.common.data, "Work on this data folder directly, without a broker");
  command->add_option("--timeout", p.common.timeout, "How long to wait for an answer (default 30s)");
  url->type_name("URL")->group("Connection")->excludes(data);
  data->type_name("FOLDER")->group("Connection");
  command->get_option("--timeout")->type_name("DURATION")->group("Connection");
  return command;
}

CLI::App* add_group_of_commands(CLI::App& parent, const std::string& name, const std::string& description) {
  auto* group = parent.add_subcommand(name, description);
  group->require_subcommand(1);
  return group;
}

void session::close() {
  client.close();
  if (embedded) static_cast<void>(embedded->close(timeout));  // all that was acknowledged is on the disk already
}

result<session> open_session(const common_options& options, missing_folder missing) {
  auto timeout = parse_duration(options.timeout);
  if (!timeout) return timeout.error();
  if (!options.data.empty()) {
    std::error_code ignored;
    if (missing == missing_folder::refuse && !std::filesystem::exists(options.data, ignored)) {
      return error{errc::wrong_folder, fmt::format("there is no data folder '{}'", options.data),
                   "another path with --data, or dohle topic create TOPIC --data FOLDER makes one"};
    }
    broker_options how;
    how.path = options.data;
    auto opened = broker::open(how);
    if (!opened) return opened.error();
    auto client = opened->client();
    return session{std::move(*opened), std::move(client), *timeout};
  }
  std::string url = options.broker;
  if (url.empty()) {
    const char* from_environment = std::getenv("DOHLE_URL");
    url = from_environment != nullptr && *from_environment != '\0' ? from_environment : "dohle://127.0.0.1:7420";
  }
  if (url.find("://") == std::string::npos) url = "dohle://" + url;
  client_options how;
  how.name = "dohle-cli";
  how.connect_timeout = std::min<duration>(how.connect_timeout, *timeout);
  how.request_timeout = *timeout;
  auto connected = client::connect(url, how);
  if (!connected) return connected.error();
  return session{std::nullopt, std::move(*connected), *timeout};
}

void add_all(program& p) {
  p.app.require_subcommand(1);
  add_serve(p);
  add_topic(p);
  add_produce(p);
  add_consume(p);
  add_group(p);
  add_log(p);
  add_config(p);
  add_completion(p);
  add_version(p);
  // Last, because commands inherit what their parent has when they are made.
  p.app.set_help_all_flag("--help-all", "Help of every command");
  p.app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 not permitted,\n"
      "            6 unreachable or timed out, 130 interrupted.");
}

error usage_error(const program& p, const CLI::ParseError& e, int argc, const char* const* argv) {
  auto at = walk(p.app, argc, argv);
  auto help = fmt::format("{} --help", path_of(*at.app));
  auto commands = command_names(*at.app);
  if (!commands.empty() && at.next < argc && argv[at.next][0] != '-') {
    return {errc::invalid_request,
            fmt::format("'{}' is not a command of {}{}", argv[at.next], path_of(*at.app),
                        did_you_mean(argv[at.next], commands)),
            help};
  }
  for (int i = at.next; i < argc; ++i) {
    std::string_view word = argv[i];
    word = word.substr(0, word.find('='));
    if (word.starts_with("--") && word.size() > 2 && !knows_option(*at.app, word)) {
      return {errc::invalid_request,
              fmt::format("'{}' is not an option of {}{}", word, path_of(*at.app),
                          did_you_mean(word, option_names(*at.app))),
              help};
    }
  }
  if (!commands.empty())
    return {errc::invalid_request, fmt::format("'{}' needs a command behind it", path_of(*at.app)), help};
  return {errc::invalid_request, fmt::format("'{}': {}", path_of(*at.app), e.what()), help};
}

}  // namespace dohle::tools
