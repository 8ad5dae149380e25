#include "bindings/batch.hpp"

#include <pybind11/gil_safe_call_once.h>

#include <algorithm>
#include <array>
#include <map>

namespace dohle::bindings {
namespace {

/// Fills the slots of dohle.records.Record, a class that is immutable from Python: through its own slot descriptors,
/// which is many times quicker than a call of the class.
class record_maker {
 public:
  record_maker() : type_(py::module_::import("dohle.records").attr("Record")), no_headers_(py::tuple()) {
    const std::array<const char*, slot_count> names = {"topic", "partition", "offset",      "timestamp_ms",
                                                       "key",   "value",     "header_pairs"};
    for (std::size_t i = 0; i < slot_count; ++i) slots_[i] = type_.attr("__dict__")[names[i]];
  }

  py::object make(const py::object& topic, const py::object& partition, const record_view& r) const {
    auto* type = reinterpret_cast<PyTypeObject*>(type_.ptr());
    auto record = py::reinterpret_steal<py::object>(type->tp_alloc(type, 0));
    if (!record) throw py::error_already_set();
    set(record, 0, topic);
    set(record, 1, partition);
    set(record, 2, py::int_(r.offset.value));
    set(record, 3, py::int_(r.timestamp.value));
    set(record, 4, to_bytes_or_none(r.key));
    set(record, 5, to_bytes_or_none(r.value));
    set(record, 6, r.header_count == 0 ? no_headers_ : py::object(headers_of(r)));
    return record;
  }

 private:
  static constexpr std::size_t slot_count = 7;

  static py::tuple headers_of(const record_view& r) {
    const auto decoded = unwrap(r.headers());
    py::tuple pairs(decoded.size());
    for (std::size_t i = 0; i < decoded.size(); ++i) {
      auto name = py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(
          decoded[i].key.data(), static_cast<Py_ssize_t>(decoded[i].key.size()), "surrogateescape"));
      if (!name) throw py::error_already_set();
      pairs[i] = py::make_tuple(name, to_bytes_or_none(decoded[i].value));
    }
    return pairs;
  }

  void set(const py::object& record, std::size_t slot, const py::object& value) const {
    PyObject* descriptor = slots_[slot].ptr();
    if (Py_TYPE(descriptor)->tp_descr_set(descriptor, record.ptr(), value.ptr()) != 0) throw py::error_already_set();
  }

  py::object type_;
  py::object no_headers_;
  std::array<py::object, slot_count> slots_;
};

const record_maker& maker() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<record_maker> storage;
  return storage.call_once_and_store_result([] { return record_maker(); }).get_stored();
}

}  // namespace

core_batch::core_batch(std::vector<chunk> chunks) {
  std::size_t count = 0;
  for (const chunk& c : chunks) count += c.record_count();
  refs_.reserve(count);
  chunks_.reserve(chunks.size());
  for (chunk& c : chunks) {
    const auto number = static_cast<std::uint32_t>(chunks_.size());
    for (std::uint32_t i = 0; i < c.record_count(); ++i) refs_.push_back({number, i});
    chunks_.push_back(std::make_shared<const chunk>(std::move(c)));
  }
}

object_list core_batch::records(std::size_t start, std::size_t stop) const {
  stop = std::min(stop, refs_.size());
  start = std::min(start, stop);
  object_list list(stop - start);
  const record_maker& make_record = maker();
  py::object topic;
  py::object partition;
  std::uint32_t last_chunk = 0;
  for (std::size_t i = start; i < stop; ++i) {
    const record_ref r = refs_[i];
    if (!topic || r.chunk != last_chunk) {
      topic = py::str(source(r).topic);
      partition = py::int_(source(r).partition.value);
      last_chunk = r.chunk;
    }
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i - start),
                    make_record.make(topic, partition, at(r)).release().ptr());
  }
  return list;
}

core_batch core_batch::slice(std::size_t start, std::ptrdiff_t step, std::size_t count) const {
  core_batch part;
  part.chunks_ = chunks_;
  part.refs_.reserve(count);
  auto from = static_cast<std::ptrdiff_t>(start);
  for (std::size_t i = 0; i < count; ++i, from += step) part.refs_.push_back(refs_.at(static_cast<std::size_t>(from)));
  return part;
}

core_batch core_batch::newest(std::size_t count) const {
  // Sorted by the smallest timestamp so far in a record's partition: that never rises, so a partition keeps its order.
  std::map<topic_partition, timestamp> smallest;
  std::vector<std::pair<timestamp, record_ref>> keyed;
  keyed.reserve(refs_.size());
  for (record_ref r : refs_) {
    timestamp& so_far = smallest.try_emplace(source(r), at(r).timestamp).first->second;
    so_far = std::min(so_far, at(r).timestamp);
    keyed.emplace_back(so_far, r);
  }
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  core_batch part;
  part.chunks_ = chunks_;
  count = std::min(count, keyed.size());
  part.refs_.reserve(count);
  while (count > 0) part.refs_.push_back(keyed[--count].second);
  return part;
}

core_batch core_batch::joined(const core_batch& other) const {
  core_batch both = *this;
  const auto shift = static_cast<std::uint32_t>(chunks_.size());
  both.chunks_.insert(both.chunks_.end(), other.chunks_.begin(), other.chunks_.end());
  both.refs_.reserve(refs_.size() + other.refs_.size());
  for (record_ref r : other.refs_) both.refs_.push_back({r.chunk + shift, r.index});
  return both;
}

std::vector<batch_range> core_batch::ranges() const {
  struct range {
    std::int64_t first;
    std::int64_t last;
    std::int64_t count;
  };
  std::map<topic_partition, range> found;
  const topic_partition* source_before = nullptr;
  range* current = nullptr;
  for (record_ref r : refs_) {
    const std::int64_t offset = at(r).offset.value;
    if (const topic_partition* from = &source(r); from != source_before) {
      current = &found.try_emplace(*from, range{offset, offset, 0}).first->second;
      source_before = from;
    }
    current->first = std::min(current->first, offset);
    current->last = std::max(current->last, offset);
    ++current->count;
  }
  std::vector<batch_range> rows;
  rows.reserve(found.size());
  for (const auto& [source, r] : found) {
    rows.emplace_back(source.topic, source.partition.value, r.first, r.last, r.count);
  }
  return rows;
}

std::size_t core_batch::value_bytes() const {
  std::size_t sum = 0;
  for (record_ref r : refs_) sum += at(r).value ? at(r).value->size() : 0;
  return sum;
}

}  // namespace dohle::bindings
