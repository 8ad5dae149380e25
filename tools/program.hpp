// The command line as a whole: what every command shares, and the list of commands. A command is a file with one
// `add_...` that hangs its CLI::App below the program and leaves in `chosen` what is to be done.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "actors/client.hpp"
#include "schema/error.hpp"

namespace dohle::tools {

struct common_options {
  std::string broker;  ///< empty: DOHLE_URL, then the default address
  std::string data;    ///< not empty: a broker in this process, on that folder
  std::string timeout = "30s";
  bool json = false;
};

struct program {
  CLI::App app{"Dohle: a durable event store", "dohle"};
  common_options common;
  /// Set by the callback of the command that was named. Its value is the exit code.
  std::function<result<int>()> chosen;
};

/// A command below `parent` with --json. Throws what CLI11 throws.
CLI::App* add_command(CLI::App& parent, program&, const std::string& name, const std::string& description);
/// The same with --broker, --data and --timeout, for what talks to a broker.
CLI::App* add_client_command(CLI::App& parent, program&, const std::string& name, const std::string& description);
/// A group of commands: it does nothing by itself.
CLI::App* add_group_of_commands(CLI::App& parent, const std::string& name, const std::string& description);

/// What a client command works on. Closing is what its end does.
struct session {
  std::optional<dohle::broker> embedded;
  dohle::client client;
  std::chrono::nanoseconds timeout;

  template <class Request>
  result<typename Request::response> call(Request r) const {
    return client.call(std::move(r), timeout);
  }
  /// Closes connection and broker, waiting for what is under way.
  void close();
};

enum class missing_folder { refuse, create };

/// Reaches the broker that the options name, or opens their data folder in this process.
result<session> open_session(const common_options&, missing_folder = missing_folder::refuse);

void add_serve(program&);
void add_config(program&);
void add_topic(program&);
void add_produce(program&);
void add_consume(program&);
void add_group(program&);
void add_log(program&);
void add_version(program&);
void add_completion(program&);

/// Everything above.
void add_all(program&);

/// A mistyped command or option, explained: "'tpic' is not a command (did you mean 'topic'?)".
error usage_error(const program&, const CLI::ParseError&, int argc, const char* const* argv);

}  // namespace dohle::tools
