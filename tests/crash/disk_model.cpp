#include "tests/crash/disk_model.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace dohle::crash {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t page = 4096, sector = 512;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spill(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::uint64_t inode_of(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) throw std::runtime_error("cannot look at " + path.string());
  return info.st_ino;
}

/// A write that was cut ends with a whole sector: a disk writes those at once.
std::size_t torn_size(std::uint64_t at, std::string_view data, generator& chance) {
  const std::uint64_t end = (at + chance.below(data.size() + 1)) / sector * sector;
  return end > at ? end - at : 0;
}

}  // namespace

disk_model::disk_model(fs::path root) : root_(std::move(root)), top_(read(root_)) {}

std::shared_ptr<disk_model::node> disk_model::read(const fs::path& from) {
  auto made = std::make_shared<node>();
  by_inode_[inode_of(from)] = made;
  made->directory = fs::is_directory(from);
  if (!made->directory) {
    made->bytes = slurp(from);
    return made;
  }
  for (const auto& entry : fs::directory_iterator(from)) made->names[entry.path().filename()] = read(entry.path());
  made->seen = made->names;
  return made;
}

disk_model::node& disk_model::parent_of(const std::string& path) {
  node* at = top_.get();
  for (const fs::path& name : fs::path(path).parent_path().lexically_relative(root_)) {
    if (name == ".") continue;
    at = at->seen.at(name).get();
  }
  return *at;
}

void disk_model::apply(std::string& bytes, const change& c) {
  if (c.resize) {
    bytes.resize(c.at);
    return;
  }
  if (bytes.size() < c.at + c.data.size()) bytes.resize(c.at + c.data.size());
  bytes.replace(c.at, c.data.size(), c.data);
}

void disk_model::apply(entries& names, const renaming& r) {
  if (!r.from.empty()) names.erase(r.from);
  if (!r.to.empty()) names[r.to] = r.what;
}

void disk_model::enter(const std::string& from, const std::string& to, std::shared_ptr<node> what) {
  const std::string& any = from.empty() ? to : from;
  node& in = parent_of(any);
  if (!from.empty() && !to.empty() && &in != &parent_of(to)) throw std::runtime_error("moved to another folder: " + to);
  renaming made{fs::path(from).filename(), fs::path(to).filename(), std::move(what)};
  if (!made.from.empty() && !made.to.empty()) made.what = in.seen.at(made.from);
  apply(in.seen, made);
  in.moves.push_back(std::move(made));
}

void disk_model::apply(const operation& op) {
  switch (op.kind) {
    case disk_op::create:
    case disk_op::make_directory: {
      auto made = std::make_shared<node>();
      made->directory = op.kind == disk_op::make_directory;
      by_inode_[op.file] = made;
      return enter({}, op.path, std::move(made));
    }
    case disk_op::rename: return enter(op.path, op.to, nullptr);
    case disk_op::remove: return enter(op.path, {}, nullptr);
    case disk_op::write:
      if (op.durable) return apply(by_inode_.at(op.file)->bytes, {false, op.at, op.data});
      return by_inode_.at(op.file)->writes.push_back({false, op.at, op.data});
    case disk_op::truncate: return by_inode_.at(op.file)->writes.push_back({true, op.at, {}});
    case disk_op::flush: {
      node& file = *by_inode_.at(op.file);
      for (const change& c : file.writes) apply(file.bytes, c);
      return file.writes.clear();
    }
    case disk_op::flush_directory: {
      node& directory = *by_inode_.at(op.file);
      for (const renaming& r : directory.moves) apply(directory.names, r);
      return directory.moves.clear();
    }
    case disk_op::mark: return;
  }
}

bool disk_model::settled() const {
  return std::all_of(by_inode_.begin(), by_inode_.end(),
                     [](const auto& n) { return n.second->writes.empty() && n.second->moves.empty(); });
}

std::string disk_model::bytes_after_cut(const node& file, generator& chance) {
  std::string bytes = file.bytes, all = file.bytes;
  for (const change& c : file.writes) apply(all, c);
  // How many of eight pieces survive; beyond eight: which ones is not left to chance.
  enum style : std::uint64_t { none = 0, whole = 8, prefix, roots, no_roots, styles };
  const std::uint64_t how = chance.below(styles);
  const std::size_t piece = chance.once_in(2) ? page : sector;
  const std::size_t last = how == prefix ? chance.below(file.writes.size() + 1) : 0;
  for (std::size_t i = 0; i < file.writes.size(); ++i) {
    const change& c = file.writes[i];
    if (c.resize) {
      if (how == whole || (how == prefix ? i < last : chance.once_in(2))) apply(bytes, c);
      continue;
    }
    const std::size_t torn = how != prefix || i < last ? c.data.size() : i > last ? 0 : torn_size(c.at, c.data, chance);
    for (std::size_t at = 0; at < torn;) {
      const std::size_t n = std::min(piece - (c.at + at) % piece, torn - at);
      const bool root = c.at + at < 2 * page;  // of an LMDB file
      const bool kept = how <= whole      ? chance.below(8) < how
                        : how == roots    ? root || chance.once_in(4)
                        : how == no_roots ? !root
                                          : true;
      if (kept) apply(bytes, {false, c.at + at, c.data.substr(at, n)});
      at += n;
    }
  }
  if (how == none || how == whole) return bytes;
  switch (chance.below(3)) {
    case 0:  // the bytes came, the size not yet
      bytes.resize(
          std::min(bytes.size(), std::max(file.bytes.size(), sector * chance.below(bytes.size() / sector + 1))));
      break;
    case 1: bytes.resize(std::max(bytes.size(), all.size())); break;  // the size came, the bytes not yet
    default: break;
  }
  return bytes;
}

disk_model::entries disk_model::names_after_cut(const node& directory, generator& chance) {
  entries names = directory.names;
  // A journal of the file system keeps the order; POSIX does not ask for one.
  const bool ordered = chance.once_in(2);
  const std::size_t until = chance.below(directory.moves.size() + 1);
  for (std::size_t i = 0; i < directory.moves.size(); ++i) {
    if (ordered ? i < until : chance.once_in(2)) apply(names, directory.moves[i]);
  }
  return names;
}

void disk_model::write(const node& what, const fs::path& to, generator& chance) {
  if (!what.directory) return spill(to, what.writes.empty() ? what.bytes : bytes_after_cut(what, chance));
  fs::create_directory(to);
  for (const auto& [name, inner] : what.moves.empty() ? what.names : names_after_cut(what, chance))
    write(*inner, to / name, chance);
}

void disk_model::cut(const fs::path& to, generator chance) const { write(*top_, to, chance); }

}  // namespace dohle::crash
