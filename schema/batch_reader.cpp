#include <string>

#include "schema/limits.hpp"
#include "schema/record_batch.hpp"
#include "schema/record_parser.hpp"

namespace dohle {
namespace {

error corrupt(std::int32_t index, const batch_header& h, const std::string& why) {
  return {errc::corrupt_batch,
          "record " + std::to_string(index) + " of " + std::to_string(h.record_count) + " in the batch at offset " +
              std::to_string(h.base.value) + " " + why,
          ""};
}

std::optional<std::string_view> view(const char* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view{data, size};
}

}  // namespace

result<std::vector<header_view>> record_view::headers() const {
  std::vector<header_view> found;
  found.reserve(static_cast<std::size_t>(header_count));
  const char* at = raw_headers.data();
  const char* const end = at + raw_headers.size();
  for (std::int32_t i = 0; i < header_count; ++i) {
    const char* data = nullptr;
    std::size_t size = 0;
    header_view h;
    if (!detail::read_sized(at, end, false, data, size)) break;
    h.key = {data, size};
    if (!detail::read_sized(at, end, true, data, size)) break;
    h.value = view(data, size);
    found.push_back(h);
  }
  if (found.size() != static_cast<std::size_t>(header_count) || at != end) {
    return error{errc::corrupt_batch,
                 "headers of the record at offset " + std::to_string(offset.value) + " are damaged", ""};
  }
  return found;
}

result<batch_reader> batch_reader::open(bytes data) {
  auto header = check_batch(data.view());
  if (!header) return header.error();
  batch_reader reader;
  reader.header_ = *header;
  const std::size_t size = header->size_bytes() - batch_header_bytes;
  reader.records_ = data.part(batch_header_bytes, size);
  if (header->compression() != compression::none) {
    std::vector<char> unpacked;
    auto done = decompress(header->compression(), reader.records_.view(), limits::max_decompressed_bytes, unpacked);
    if (!done) return done.error();
    reader.records_ = bytes::own(std::move(unpacked));
  }
  const auto count = static_cast<std::size_t>(header->record_count);
  if (count * detail::min_record_bytes > reader.records_.size()) {
    return error{errc::corrupt_batch,
                 "batch at offset " + std::to_string(header->base.value) + " says " + std::to_string(count) +
                     " records, which do not fit into its " + std::to_string(reader.records_.size()) + " bytes",
                 ""};
  }
  return reader;
}

// One variable is returned everywhere, so that it is built in the caller's place: a copy costs as much as the parsing.
result<std::optional<record_view>> batch_reader::next() {
  result<std::optional<record_view>> found;
  const char* const begin = records_.data();
  const char* const end = begin + records_.size();
  const char* at = begin + at_;
  if (index_ == header_.record_count) [[unlikely]] {
    if (at != end) {
      found = corrupt(index_ - 1, header_, "is followed by " + std::to_string(end - at) + " bytes");
    }
    return found;
  }
  detail::raw_record raw;
  if (const char* wrong = detail::parse_record(at, end, raw)) [[unlikely]] {
    found = corrupt(index_, header_, wrong);
    return found;
  }
  if (raw.offset_delta <= last_delta_ || raw.offset_delta > header_.last_offset_delta) [[unlikely]] {
    found = corrupt(index_, header_, "has offset delta " + std::to_string(raw.offset_delta));
    return found;
  }
  last_delta_ = static_cast<std::int32_t>(raw.offset_delta);
  at_ = static_cast<std::size_t>(at - begin);
  ++index_;

  record_view& record = found->emplace();
  record.offset = header_.base + raw.offset_delta;
  record.timestamp =
      header_.append_time()
          ? header_.max_timestamp
          : timestamp{static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.base_timestamp.value) +
                                                static_cast<std::uint64_t>(raw.timestamp_delta))};
  record.key = view(raw.key, raw.key_size);
  record.value = view(raw.value, raw.value_size);
  record.raw_headers = {raw.headers, raw.headers_size};
  record.header_count = raw.header_count;
  return found;
}

}  // namespace dohle
