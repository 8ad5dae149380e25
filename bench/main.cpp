// dohle-bench: measures Dohle beside the limits of the machine it runs on. One JSON line a figure on standard output.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "bench/runs.hpp"
#include "bench/server.hpp"

namespace {

using dohle::bench::report;
using dohle::bench::settings;

struct benchmark {
  std::string what;
  void (*run)(const settings&, report&);
};

const std::map<std::string, benchmark>& benchmarks() {
  using namespace dohle::bench;
  static const std::map<std::string, benchmark> all{
      {"limits", {"The machine's limits: memcpy and loopback TCP", run_limits}},
      {"produce", {"Durable produce with one producer, beside a flat file flushed in the same groups", run_produce}},
      {"consume", {"Reading back, over loopback and embedded", run_consume}},
      {"partitions", {"Keyed events over 1, 6 and 100 partitions", run_partitions}},
      {"latency", {"One event at a time beside a 4 KiB flush, and end to end", run_latency}},
      {"open", {"Time to open a folder with a full journal, and with many segments", run_open}},
      {"stored", {"Produce, tail and latency with a large history beside a small one", run_stored}},
      {"idle", {"CPU of a quiet broker, start, memory", run_idle}},
  };
  return all;
}

void add_options(CLI::App& app, settings& s) {
  app.add_option("--folder", s.folder, "Folder on the disk to be measured; what is written there goes away again")
      ->capture_default_str();
  app.add_option("--rounds", s.rounds, "Rounds, interleaved")->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option("--events", s.events, "Events of 100 bytes in a round")
      ->check(CLI::Range(10'000, 100'000'000))
      ->capture_default_str();
  app.add_option("--latencies", s.latencies, "Samples of a closed loop")
      ->check(CLI::Range(100, 10'000'000))
      ->capture_default_str();
  app.add_option("--seconds", s.seconds, "How long a quiet broker is watched")->capture_default_str();
  app.add_option("--stored-gb", s.stored_gb, "Size of the large history, 10^9 bytes")
      ->check(CLI::Range(2, 1'000))
      ->capture_default_str();
  app.add_option("--connections", s.connections, "Idle connections")
      ->check(CLI::Range(0, 20'000))
      ->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures Dohle beside the limits of the machine it runs on; one JSON line a figure."};
  settings s;
  s.folder = std::filesystem::temp_directory_path();
  add_options(app, s);
  app.require_subcommand(1, 0);
  app.fallthrough();
  std::vector<std::string> chosen;
  for (const auto& [name, b] : benchmarks())
    app.add_subcommand(name, b.what)->callback([&chosen, n = name] { chosen.push_back(n); });
  app.add_subcommand("all", "All of them")->callback([&] {
    for (const auto& [name, b] : benchmarks()) chosen.push_back(name);
  });
  std::string data;
  int ready_fd = -1;
  auto* serve = app.add_subcommand("serve", "A broker, for the benchmarks themselves")->group("");
  serve->add_option("--data", data)->required();
  serve->add_option("--ready-fd", ready_fd)->required();
  CLI11_PARSE(app, argc, argv);
  try {
    if (serve->parsed()) return dohle::bench::serve(data, ready_fd);
    for (const auto& name : chosen) {
      report figures(s.folder);
      benchmarks().at(name).run(s, figures);
      figures.print();
    }
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "dohle-bench: " << e.what() << '\n';
    return 1;
  }
}
