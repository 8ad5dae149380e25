#include "bench/figure.hpp"

#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace dohle::bench {

namespace {

/// The key that names the figure's worth, in this order: its range over the rounds is printed too.
constexpr const char* leading_keys[] = {"ratio", "events_per_s", "mb_per_s", "p50_us", "cpu_percent", "ms"};

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string file_system(const std::string& folder) {
  struct statfs s {};
  if (::statfs(folder.c_str(), &s) != 0) return "unknown file system";
  switch (s.f_type) {
    case 0xEF53: return "ext4";
    case 0x58465342: return "xfs";
    case 0x9123683E: return "btrfs";
    case 0x01021994: return "tmpfs (no disk!)";
    case 0x794C7630: return "overlayfs";
    default: return "file system " + std::to_string(s.f_type);
  }
}

std::string machine(const std::string& folder) {
  utsname u{};
  ::uname(&u);
  auto gib =
      (static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE))) / (1 << 30);
  return std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " x " + processor() + ", " +
         std::to_string(static_cast<int>(gib + 0.5)) + " GiB, " + file_system(folder) + ", Linux " + u.release;
}

std::string today() {
  auto now = std::time(nullptr);
  std::tm t{};
  ::gmtime_r(&now, &t);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &t);
  return text;
}

/// Six digits are more than any figure is good for, and keep the lines readable.
double rounded(double v) {
  if (v == 0) return 0;
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return std::strtod(text, nullptr);
}

std::vector<double> column(const std::vector<measured>& rounds, const std::string& key) {
  std::vector<double> values;
  for (const auto& r : rounds) {
    if (auto found = r.find(key); found != r.end()) values.push_back(found->second);
  }
  return values;
}

nlohmann::ordered_json line_of(const std::string& figure, const std::vector<measured>& rounds) {
  nlohmann::ordered_json line;
  line["figure"] = figure;
  for (const char* key : leading_keys) {
    auto values = column(rounds, key);
    if (values.empty()) continue;
    line[key] = rounded(median(values));
    auto [low, high] = std::minmax_element(values.begin(), values.end());
    line["low"] = rounded(*low);
    line["high"] = rounded(*high);
    break;
  }
  for (const auto& [key, value] : rounds.front()) {
    if (!line.contains(key)) line[key] = rounded(median(column(rounds, key)));
  }
  line["rounds"] = rounds.size();
  return line;
}

}  // namespace

void report::add(const std::string& figure, measured values) {
  auto& rounds = rounds_[figure];
  if (rounds.empty()) order_.push_back(figure);
  rounds.push_back(std::move(values));
}

void report::ratio(const std::string& name, const std::string& over, const std::string& key) {
  ratios_.push_back({name, over, key});
}

void report::print() const {
  auto where = machine(folder_);
  auto date = today();
  auto emit = [&](const std::string& figure, const std::vector<measured>& rounds) {
    auto line = line_of(figure, rounds);
    line["dohle"] = DOHLE_VERSION;
    line["machine"] = where;
    line["date"] = date;
    std::cout << line.dump() << std::endl;
  };
  for (const auto& figure : order_) emit(figure, rounds_.at(figure));
  for (const auto& r : ratios_) {
    auto top = rounds_.find(r.name);
    auto bottom = rounds_.find(r.over);
    if (top == rounds_.end() || bottom == rounds_.end()) continue;
    std::vector<measured> rounds;
    for (std::size_t i = 0; i < std::min(top->second.size(), bottom->second.size()); ++i)
      rounds.push_back({{"ratio", top->second[i].at(r.key) / bottom->second[i].at(r.key)}});
    emit(r.name + " / " + r.over, rounds);
  }
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  auto half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

measured percentiles(std::vector<std::int64_t> waits) {
  if (waits.empty()) give_up("percentiles", "no samples");
  std::sort(waits.begin(), waits.end());
  auto at = [&](double p) {
    auto i = static_cast<std::size_t>(p * static_cast<double>(waits.size()));
    return static_cast<double>(waits[std::min(i, waits.size() - 1)]) / 1e3;
  };
  return {{"p50_us", at(0.5)},
          {"p99_us", at(0.99)},
          {"p999_us", at(0.999)},
          {"samples", static_cast<double>(waits.size())}};
}

long must_call(long returned, std::string_view doing) {
  if (returned < 0) give_up(doing, std::strerror(errno));
  return returned;
}

}  // namespace dohle::bench
