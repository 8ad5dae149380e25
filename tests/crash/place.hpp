// A temporary folder, in memory where there is room: these searches are not about the disk's speed.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace dohle::crash {

inline std::filesystem::path make_place(const std::string& what) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const bool roomy = fs::space("/dev/shm", ignored).available > (std::uintmax_t{2} << 30) && !ignored;
  std::string name = ((roomy ? fs::path("/dev/shm") : fs::temp_directory_path()) / ("dohle-" + what + "-XXXXXX"));
  if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a folder");
  return name;
}

}  // namespace dohle::crash
