// Shared, immutable bytes and a view into them. Copying is cheap and never copies the bytes; the memory lives as long
// as any view of it. This is what a batch travels in, from the socket to the journal and back to the socket.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dohle {

class bytes {
 public:
  bytes() = default;
  /// A view of `view` that keeps `owner` alive.
  bytes(std::shared_ptr<const void> owner, std::string_view view) : owner_(std::move(owner)), view_(view) {}

  /// Owns a fresh copy of `view`, 8-byte aligned or better.
  static bytes copy(std::string_view view) {
    std::shared_ptr<char[]> memory(new char[view.empty() ? 1 : view.size()]);
    if (!view.empty()) std::memcpy(memory.get(), view.data(), view.size());
    std::string_view own{memory.get(), view.size()};
    return {std::move(memory), own};
  }
  /// Takes over `data` without a copy.
  static bytes own(std::vector<char> data) {
    auto held = std::make_shared<std::vector<char>>(std::move(data));
    std::string_view own{held->data(), held->size()};
    return {std::move(held), own};
  }

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  /// The same memory, a part of it.
  bytes part(std::size_t from, std::size_t count = std::string_view::npos) const {
    return {owner_, view_.substr(from, count)};
  }
  friend bool operator==(const bytes& a, const bytes& b) { return a.view_ == b.view_; }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

}  // namespace dohle
