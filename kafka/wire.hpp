// The primitives of Kafka's wire format: big-endian numbers, strings and lists in the plain and the compact form,
// tagged fields. A reader never trusts a length or count before it has compared it with what is there, and bounds the
// memory that a message may become; its first fault ends it, and `ok` tells. Bytes and records stay views of the
// request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/limits.hpp"

namespace dohle::kafka {

struct uuid {
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const uuid&, const uuid&) = default;
};

/// Record batches in a message: views that lie behind each other when they are written. Null when `null`.
struct record_pieces {
  std::vector<bytes> pieces;
  bool null = true;
  std::size_t size() const {
    std::size_t n = 0;
    for (const auto& p : pieces) n += p.size();
    return n;
  }
  friend bool operator==(const record_pieces& a, const record_pieces& b) {
    if (a.null != b.null || a.pieces.size() != b.pieces.size()) return false;
    for (std::size_t i = 0; i < a.pieces.size(); ++i)
      if (a.pieces[i].view() != b.pieces[i].view()) return false;
    return true;
  }
};

/// The zigzag and base-128 forms are those of Protocol Buffers.
class reader {
 public:
  reader(bytes body, int version, bool flexible) : body_(std::move(body)), version_(version), flexible_(flexible) {
    end_ = body_.size();
  }
  int version() const { return version_; }
  bool ok() const { return ok_; }
  /// What is left; a good message leaves nothing.
  std::size_t remaining() const { return end_ - at_; }

  void get(bool& to) { to = number<std::uint8_t>() != 0; }
  void get(std::int8_t& to) { to = number<std::int8_t>(); }
  void get(std::int16_t& to) { to = number<std::int16_t>(); }
  void get(std::int32_t& to) { to = number<std::int32_t>(); }
  void get(std::int64_t& to) { to = number<std::int64_t>(); }
  void get(std::uint16_t& to) { to = number<std::uint16_t>(); }
  void get(double& to);
  void get(uuid& to) {
    to.high = number<std::uint64_t>();
    to.low = number<std::uint64_t>();
  }
  void get(std::string& to);
  void get(std::optional<std::string>& to);
  void get(bytes& to);
  void get(std::optional<bytes>& to);
  void get(record_pieces& to);
  template <class T>
  void get(std::vector<T>& to) {
    auto n = list_length();
    if (!n) return fail();  // null where none may be
    get_elements(to, *n);
  }
  template <class T>
  void get(std::optional<std::vector<T>>& to) {
    to.reset();
    if (auto n = list_length()) get_elements(to.emplace(), *n);
  }
  /// A structure by its own `read`.
  template <class T>
  requires requires(reader& r, T& t) { read(r, t); }
  void get(T& to) { read(*this, to); }
  template <class T>
  requires requires(reader& r, T& t) { read(r, t); }
  void get(std::optional<T>& to) {
    to.reset();
    if (number<std::int8_t>() >= 0) read(*this, to.emplace());
  }

  /// The tagged fields, in flexible versions: `known(tag)` reads those it knows, the others are skipped.
  template <class Known>
  void tags(Known known) {
    if (!flexible_) return;
    auto count = unsigned_varint();
    for (std::uint32_t i = 0; i < count && ok_; ++i) {
      auto tag = unsigned_varint();
      auto size = unsigned_varint();
      if (size > remaining()) return fail();
      auto outer = std::exchange(end_, at_ + size);
      known(tag);
      at_ = std::exchange(end_, outer);
    }
  }
  std::uint32_t unsigned_varint();
  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  template <class T>
  T number() {
    if (remaining() < sizeof(T)) {
      fail();
      return {};
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8 | static_cast<unsigned char>(body_.data()[at_ + i]);
    at_ += sizeof(T);
    return static_cast<T>(value);
  }
  std::optional<std::size_t> list_length();
  std::optional<std::size_t> length(bool wide);
  std::optional<bytes> view(bool wide);
  template <class T>
  void get_elements(std::vector<T>& to, std::size_t count) {
    to.clear();
    for (std::size_t i = 0; i < count && ok_; ++i) {
      memory_ += sizeof(T);
      if (memory_ > limits::max_kafka_message_memory) return fail();
      if constexpr (std::is_same_v<T, bool>) {
        bool value = false;
        get(value);
        to.push_back(value);
      } else {
        get(to.emplace_back());
      }
    }
  }

  bytes body_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::size_t memory_ = 0;
  int version_;
  bool flexible_;
  bool ok_ = true;
};

class writer {
 public:
  writer(std::vector<char>& to, int version, bool flexible) : to_(to), version_(version), flexible_(flexible) {}
  int version() const { return version_; }
  bool flexible() const { return flexible_; }

  void put(bool v) { to_.push_back(v ? 1 : 0); }
  void put(std::int8_t v) { number(static_cast<std::uint8_t>(v)); }
  void put(std::int16_t v) { number(static_cast<std::uint16_t>(v)); }
  void put(std::int32_t v) { number(static_cast<std::uint32_t>(v)); }
  void put(std::int64_t v) { number(static_cast<std::uint64_t>(v)); }
  void put(std::uint16_t v) { number(v); }
  void put(double v);
  void put(const uuid& v) {
    number(v.high);
    number(v.low);
  }
  void put(const std::string& v);
  void put(const std::optional<std::string>& v, bool nullable);
  void put(const bytes& v);
  void put(const std::optional<bytes>& v, bool nullable);
  void put(const record_pieces& v);
  template <class T>
  void put(const std::vector<T>& v) {
    list_length(v.size());
    for (const auto& e : v) put(e);
  }
  template <class T>
  void put(const std::optional<std::vector<T>>& v, bool nullable) {
    if (v) return put(*v);
    if (nullable)
      null_list();
    else
      list_length(0);
  }
  template <class T>
  requires requires(writer& w, const T& t) { write(w, t); }
  void put(const T& v) { write(*this, v); }
  template <class T>
  requires requires(writer& w, const T& t) { write(w, t); }
  void put(const std::optional<T>& v, bool) {
    put(static_cast<std::int8_t>(v ? 1 : -1));
    if (v) write(*this, *v);
  }
  void no_tags() {
    if (flexible_) to_.push_back(0);
  }
  void unsigned_varint(std::uint32_t v);
  void raw(std::string_view v) { to_.insert(to_.end(), v.begin(), v.end()); }

 private:
  template <class T>
  void number(T v) {
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
      to_.push_back(static_cast<char>(static_cast<std::uint64_t>(v) >> shift));
  }
  void list_length(std::size_t n);
  void null_list();
  void length(std::size_t n, bool wide);
  void null_length(bool wide);

  std::vector<char>& to_;
  int version_;
  bool flexible_;
};

/// The tagged fields of one structure, in flexible versions.
class tag_section {
 public:
  explicit tag_section(writer& to) : to_(to) {}
  template <class Fill>
  void put(std::uint32_t tag, Fill fill) {
    if (!to_.flexible()) return;
    std::vector<char> value;
    writer inner(value, to_.version(), true);
    fill(inner);
    fields_.emplace_back(tag, std::move(value));
  }
  void end();

 private:
  writer& to_;
  std::vector<std::pair<std::uint32_t, std::vector<char>>> fields_;
};

}  // namespace dohle::kafka
