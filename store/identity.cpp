#include "store/identity.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>

#include "schema/record_batch.hpp"

namespace dohle::store {

namespace fs = std::filesystem;

result<folder_lock> folder_lock::take(const fs::path& folder) {
  const fs::path path = folder / lock_name;
  auto file = open_file(path, O_RDWR | O_CREAT);
  if (!file) return file.error();
  if (::flock(file->fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io_error(errno, "locking", path);
    std::string holder;
    if (auto text = read_small_file(path); text && !text->empty()) holder = text->substr(0, text->find('\n'));
    return error{errc::folder_locked,
                 "data folder " + folder.string() + " is in use" + (holder.empty() ? "" : " by process " + holder),
                 "end that process, or choose another folder"};
  }
  if (::ftruncate(file->fd(), 0) != 0) return io_error(errno, "writing", path);
  if (auto r = write_at(*file, 0, std::to_string(::getpid()) + "\n", path); !r) return r.error();
  return folder_lock{std::move(*file)};
}

identity make_identity() {
  // RFC 4122, version 4.
  const std::uint64_t high = (random_number() & ~0xf000ULL) | 0x4000ULL;
  const std::uint64_t low = (random_number() & ~(0xc0ULL << 56)) | (0x80ULL << 56);
  const std::string a = to_hex(high), b = to_hex(low);
  identity made;
  made.uuid = a.substr(0, 8) + "-" + a.substr(8, 4) + "-" + a.substr(12, 4) + "-" + b.substr(0, 4) + "-" + b.substr(4);
  return made;
}

folder_uuid to_number(const std::string& uuid) {
  std::string digits;
  for (char c : uuid) {
    if (c != '-') digits += c;
  }
  folder_uuid number;
  const bool good =
      digits.size() == 32 && parse_hex(digits.substr(0, 16), number.high) && parse_hex(digits.substr(16), number.low);
  DOHLE_ASSERT(good, "an identity was checked when it was read");
  return number;
}

namespace {

std::string body_of(const identity& what) {
  return "dohle data folder\nformat " + std::to_string(folder_format) + "\nuuid " + what.uuid + "\njournal " +
         (what.journal_made ? "made" : "none") + "\nfloor " + std::to_string(what.floor) + "\n";
}

bool is_uuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    std::uint64_t ignored = 0;
    if (dash ? text[i] != '-' : !parse_hex(text.substr(i, 1), ignored)) return false;
  }
  return true;
}

}  // namespace

result<identity> read_identity(const fs::path& folder) {
  const fs::path path = folder / identity_name;
  auto text = read_small_file(path);
  if (!text) return text.error();
  const error damaged{errc::corrupt_data, path.string() + " is damaged",
                      "restore this file from where it was copied, or remove the folder if its data is replicated"};
  std::istringstream in(*text);
  std::string title, word, uuid, made, check;
  int format = 0;
  identity found;
  if (!std::getline(in, title) || title != "dohle data folder")
    return error{errc::wrong_folder, path.string() + " is not that of a Dohle data folder", "choose another folder"};
  if (!(in >> word >> format) || word != "format") return damaged;
  if (format > folder_format)
    return error{errc::newer_format,
                 folder.string() + " has format " + std::to_string(format) + ", this program knows up to " +
                     std::to_string(folder_format),
                 "use the newer program"};
  if (!(in >> word >> uuid) || word != "uuid" || !is_uuid(uuid)) return damaged;
  if (!(in >> word >> made) || word != "journal" || (made != "made" && made != "none")) return damaged;
  if (!(in >> word >> found.floor) || word != "floor") return damaged;
  if (!(in >> word >> check) || word != "check") return damaged;
  found.uuid = uuid;
  found.journal_made = made == "made";
  if (check != to_hex(crc32c(body_of(found)), 8)) return damaged;
  return found;
}

result<void> write_identity(const fs::path& folder, const identity& what) {
  const std::string body = body_of(what);
  return replace_file(folder / identity_name, body + "check " + to_hex(crc32c(body), 8) + "\n");
}

}  // namespace dohle::store
