// Connections that said hello and nothing since: what a broker with many sleepy clients has open. They close with the
// object that owns them.
#pragma once

#include <string>
#include <vector>

namespace dohle::bench {

class idle_connections {
 public:
  /// `address` is "host:port", host a number. Returns when the broker answered each hello.
  idle_connections(const std::string& address, int n);
  ~idle_connections();
  idle_connections(const idle_connections&) = delete;
  idle_connections& operator=(const idle_connections&) = delete;

 private:
  std::vector<int> fds_;
};

}  // namespace dohle::bench
