// A broker in a process of its own, as users run it: `dohle serve` from beside this program, or this program itself
// when that is not built. Owned by the run that started it: gone, with its folder, when the object is.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace dohle::bench {

/// A folder of its own under `parent`, removed with the object.
class scratch {
 public:
  explicit scratch(const std::filesystem::path& parent);
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class server {
 public:
  /// Returns when it listens.
  explicit server(const std::filesystem::path& data);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  const std::string& address() const { return address_; }  ///< "127.0.0.1:port"
  std::string url() const { return "dohle://" + address_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::string address_;
};

/// CPU seconds that all threads of a process have used, those that ended included; 0 = this one.
double cpu_seconds(pid_t pid = 0);
double resident_mb(pid_t pid);
/// Waits until the process used less than 1 % of a core for 300 ms: what it had to settle is settled. Gives up after a
/// minute.
void wait_quiet(pid_t pid);

/// The body of `dohle-bench serve`: a broker until SIGTERM.
int serve(const std::filesystem::path& data, int ready_fd);

}  // namespace dohle::bench
