#include "bindings/arrow_out.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "bindings/utf8.hpp"

namespace dohle::bindings {
namespace {

// --- schema --------------------------------------------------------------------------------------------------------

struct schema_node {
  std::string name;
  std::string format;
  bool nullable = true;
  std::vector<schema_node> children;
};

/// What an exported ArrowSchema owns.
struct schema_memory {
  std::string name;
  std::string format;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
};

/// Releases children that were not moved away, then the memory: the same for schemas and arrays.
template <class Struct, class Memory>
void release(Struct* s) {
  for (std::int64_t i = 0; i < s->n_children; ++i) {
    if (s->children[i]->release != nullptr) s->children[i]->release(s->children[i]);
  }
  delete static_cast<Memory*>(s->private_data);
  s->release = nullptr;
}

void export_node(const schema_node& node, ArrowSchema* out) {
  auto memory = std::make_unique<schema_memory>();
  memory->name = node.name;
  memory->format = node.format;
  memory->children.resize(node.children.size());
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    export_node(node.children[i], &memory->children[i]);
    memory->pointers.push_back(&memory->children[i]);
  }
  *out = ArrowSchema{.format = memory->format.c_str(),
                     .name = memory->name.c_str(),
                     .metadata = nullptr,
                     .flags = node.nullable ? arrow_flag_nullable : 0,
                     .n_children = static_cast<std::int64_t>(node.children.size()),
                     .children = memory->pointers.data(),
                     .dictionary = nullptr,
                     .release = &release<ArrowSchema, schema_memory>,
                     .private_data = nullptr};
  out->private_data = memory.release();
}

schema_node node_of(column c) {
  switch (c) {
    case column::topic: return {"topic", "u", false, {}};
    case column::partition: return {"partition", "i", false, {}};
    case column::offset: return {"offset", "l", false, {}};
    case column::timestamp: return {"timestamp", "tsm:UTC", true, {}};
    case column::key: return {"key", "z", true, {}};
    case column::value: return {"value", "z", true, {}};
    case column::headers: break;
  }
  schema_node pair{"item", "+s", false, {{"key", "u", false, {}}, {"value", "z", true, {}}}};
  return {"headers", "+l", false, {std::move(pair)}};
}

// --- arrays --------------------------------------------------------------------------------------------------------

struct free_memory {
  void operator()(void* p) const { std::free(p); }
};
using buffer = std::unique_ptr<void, free_memory>;

/// Not filled with zeros; aligned as the format recommends.
template <class T>
T* allocate(buffer& into, std::size_t count) {
  const std::size_t size = (count * sizeof(T) / 64 + 1) * 64;
  into.reset(std::aligned_alloc(64, size));
  if (!into) throw std::bad_alloc();
  return static_cast<T*>(into.get());
}

/// What an exported ArrowArray owns.
struct array_memory {
  std::array<buffer, 3> owned;
  std::array<const void*, 3> buffers{};
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;
};

void finish_array(std::unique_ptr<array_memory> memory, std::size_t length, std::size_t nulls, std::int64_t buffers,
                  ArrowArray* out) {
  for (std::size_t i = 0; i < memory->owned.size(); ++i) memory->buffers[i] = memory->owned[i].get();
  for (ArrowArray& child : memory->children) memory->pointers.push_back(&child);
  *out = ArrowArray{.length = static_cast<std::int64_t>(length),
                    .null_count = static_cast<std::int64_t>(nulls),
                    .offset = 0,
                    .n_buffers = buffers,
                    .n_children = static_cast<std::int64_t>(memory->children.size()),
                    .buffers = memory->buffers.data(),
                    .children = memory->pointers.data(),
                    .dictionary = nullptr,
                    .release = &release<ArrowArray, array_memory>,
                    .private_data = nullptr};
  out->private_data = memory.release();
}

/// Clears the bit of each null; allocates the bitmap at the first one. Returns the number of nulls.
template <class IsNull>
std::size_t write_validity(buffer& into, std::size_t rows, IsNull is_null) {
  std::size_t nulls = 0;
  std::uint8_t* bits = nullptr;
  for (std::size_t i = 0; i < rows; ++i) {
    if (!is_null(i)) continue;
    if (nulls++ == 0) {
      bits = allocate<std::uint8_t>(into, (rows + 7) / 8);
      std::memset(bits, 0xFF, (rows + 7) / 8);
    }
    bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] & ~(1U << (i % 8)));
  }
  return nulls;
}

template <class T, class Get>
void write_numbers(std::size_t rows, ArrowArray* out, Get get) {
  auto memory = std::make_unique<array_memory>();
  T* to = allocate<T>(memory->owned[1], rows);
  for (std::size_t i = 0; i < rows; ++i) to[i] = static_cast<T>(get(i));
  finish_array(std::move(memory), rows, 0, 2, out);
}

/// `get(i)` is an optional view; the views live until this returns.
template <class Get>
void write_binary(std::size_t rows, ArrowArray* out, Get get) {
  auto memory = std::make_unique<array_memory>();
  const std::size_t nulls = write_validity(memory->owned[0], rows, [&](std::size_t i) { return !get(i).has_value(); });
  auto* offsets = allocate<std::int32_t>(memory->owned[1], rows + 1);
  std::size_t total = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    offsets[i] = static_cast<std::int32_t>(total);
    if (const auto view = get(i)) total += view->size();
  }
  offsets[rows] = static_cast<std::int32_t>(total);
  char* data = allocate<char>(memory->owned[2], total);
  for (std::size_t i = 0; i < rows; ++i) {
    if (const auto view = get(i); view && !view->empty()) {
      std::memcpy(data, view->data(), view->size());
      data += view->size();
    }
  }
  finish_array(std::move(memory), rows, nulls, 3, out);
}

void write_timestamps(const core_batch& batch, std::size_t start, std::size_t rows, ArrowArray* out) {
  auto memory = std::make_unique<array_memory>();
  const auto time = [&](std::size_t i) { return batch.at(batch.refs()[start + i]).timestamp; };
  const std::size_t nulls =
      write_validity(memory->owned[0], rows, [&](std::size_t i) { return time(i) == no_timestamp; });
  auto* to = allocate<std::int64_t>(memory->owned[1], rows);
  for (std::size_t i = 0; i < rows; ++i) to[i] = time(i).value;
  finish_array(std::move(memory), rows, nulls, 2, out);
}

/// list<struct<key: utf8, value: binary>>
result<void> write_headers(const core_batch& batch, std::size_t start, std::size_t rows, ArrowArray* out) {
  auto lists = std::make_unique<array_memory>();
  auto* offsets = allocate<std::int32_t>(lists->owned[1], rows + 1);
  std::vector<header_view> all;
  for (std::size_t i = 0; i < rows; ++i) {
    offsets[i] = static_cast<std::int32_t>(all.size());
    const record_view& r = batch.at(batch.refs()[start + i]);
    if (r.header_count == 0) continue;
    auto decoded = r.headers();
    if (!decoded) return decoded.error();
    all.insert(all.end(), decoded->begin(), decoded->end());
  }
  offsets[rows] = static_cast<std::int32_t>(all.size());

  auto pairs = std::make_unique<array_memory>();
  pairs->children.resize(2);
  // A foreign producer may have written anything; Arrow's readers trust that utf8 is valid.
  std::vector<std::string> repaired;
  repaired.reserve(all.size());
  for (header_view& h : all) {
    if (!is_utf8(h.key)) h.key = repaired.emplace_back(repair_utf8(h.key));
  }
  write_binary(all.size(), &pairs->children[0], [&](std::size_t i) { return std::optional(all[i].key); });
  write_binary(all.size(), &pairs->children[1], [&](std::size_t i) { return all[i].value; });
  lists->children.resize(1);
  finish_array(std::move(pairs), all.size(), 0, 1, &lists->children[0]);
  finish_array(std::move(lists), rows, 0, 2, out);
  return {};
}

result<void> export_column(column c, const core_batch& batch, std::size_t start, std::size_t rows, ArrowArray* out) {
  const std::vector<record_ref>& refs = batch.refs();
  const auto at = [&](std::size_t i) -> const record_view& { return batch.at(refs[start + i]); };
  switch (c) {
    case column::topic:
      write_binary(rows, out,
                   [&](std::size_t i) { return std::optional<std::string_view>(batch.source(refs[start + i]).topic); });
      break;
    case column::partition:
      write_numbers<std::int32_t>(rows, out,
                                  [&](std::size_t i) { return batch.source(refs[start + i]).partition.value; });
      break;
    case column::offset:
      write_numbers<std::int64_t>(rows, out, [&](std::size_t i) { return at(i).offset.value; });
      break;
    case column::timestamp: write_timestamps(batch, start, rows, out); break;
    case column::key: write_binary(rows, out, [&](std::size_t i) { return at(i).key; }); break;
    case column::value: write_binary(rows, out, [&](std::size_t i) { return at(i).value; }); break;
    case column::headers: return write_headers(batch, start, rows, out);
  }
  return {};
}

}  // namespace

std::vector<column> parse_columns(const std::optional<std::vector<std::string>>& names) {
  static constexpr std::array<std::string_view, 7> known = {"topic", "partition", "offset", "timestamp",
                                                            "key",   "value",     "headers"};
  std::vector<column> columns;
  if (!names) {
    for (std::size_t i = 1; i < known.size(); ++i) columns.push_back(static_cast<column>(i));
    return columns;
  }
  for (const std::string& name : *names) {
    const auto* found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      throw py::value_error("there is no column '" + name +
                            "' (try: topic, partition, offset, timestamp, key, value, headers)");
    }
    columns.push_back(static_cast<column>(found - known.begin()));
  }
  return columns;
}

void export_schema(const std::vector<column>& columns, ArrowSchema* out) {
  schema_node root{"", "+s", false, {}};
  for (column c : columns) root.children.push_back(node_of(c));
  export_node(root, out);
}

result<void> export_rows(const core_batch& batch, std::size_t& start, const std::vector<column>& columns,
                         ArrowArray* out) {
  std::size_t rows = 0;
  std::size_t size = 0;
  for (std::size_t i = start; i < batch.size() && rows < max_arrow_rows && size < max_arrow_bytes; ++i, ++rows) {
    const record_view& r = batch.at(batch.refs()[i]);
    size += (r.value ? r.value->size() : 0) + (r.key ? r.key->size() : 0) + r.raw_headers.size();
  }
  auto root = std::make_unique<array_memory>();
  root->children.resize(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto written = export_column(columns[i], batch, start, rows, &root->children[i]);
    if (!written) {
      for (std::size_t j = 0; j < i; ++j) root->children[j].release(&root->children[j]);
      return written.error();
    }
  }
  finish_array(std::move(root), rows, 0, 1, out);
  start += rows;
  return {};
}

}  // namespace dohle::bindings
