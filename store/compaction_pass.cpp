// One pass: the batches of the dirty part are shown to the judge, then their keys are remembered, then all segments
// from the log's start to the pass's end are rewritten. The keys that were newest are the only thing held in memory.
#include <algorithm>

#include "store/files.hpp"
#include "store/key_map.hpp"
#include "store/partition_log.hpp"

namespace dohle::store {

namespace {

/// Times that are counted from a horizon are longer, so a rewritten segment may grow: its map has room for that.
constexpr std::size_t growth = 2;

using sources = std::vector<std::shared_ptr<segment>>;

class compaction_pass final : public compaction {
 public:
  compaction_pass(std::shared_ptr<partition_log> log, std::filesystem::path directory, sources from,
                  const compaction_order& order, std::unique_ptr<compaction_judge> judge)
      : log_(std::move(log)),
        directory_(std::move(directory)),
        order_(order),
        judge_(std::move(judge)),
        sources_(std::move(from)),
        start_(log_->start()),
        first_dirty_(std::max(log_->cleaned_until(), start_)),
        end_(std::min(order.end, sources_.empty() ? offset{} : offset{sources_.back()->meta.end})) {
    begin_dirty(end_ > first_dirty_ ? phase::see : phase::done);
  }

  bool done() const override { return phase_ == phase::done; }
  offset end() const override { return end_; }

  result<std::size_t> step(std::size_t max_bytes) override {
    switch (phase_) {
      case phase::see: return see(max_bytes);
      case phase::remember: return remember(max_bytes);
      case phase::rewrite: return rewrite(max_bytes);
      case phase::done: break;
    }
    return std::size_t{0};
  }

 private:
  enum class phase { see, remember, rewrite, done };

  void begin_dirty(phase next) {
    phase_ = next;
    at_ = first_dirty_;
    source_ = 0;
    while (source_ < sources_.size() && offset{sources_[source_]->meta.end} <= at_) ++source_;
  }

  /// Reads on in the current source and shows the batches one by one, until one of them ends the walk by false.
  template <class Each>
  result<std::size_t> walk(std::size_t max_bytes, offset limit, Each&& each) {
    segment& from = *sources_[source_];
    auto run = from.read(at_, max_bytes, std::min(limit, offset{from.meta.end}));
    if (!run) return run.error();
    for (std::size_t i = 0; i < run->size();) {
      auto header = read_header(run->view().substr(i));
      if (!header) return error{errc::corrupt_data, header.error().message, header.error().hint};
      auto more = each(*header, run->part(i, header->size_bytes()));
      if (!more) return more.error();
      if (!*more) return run->size();
      i += header->size_bytes();
      at_ = header->end();
    }
    if (run->empty() || at_ >= offset{from.meta.end}) {
      at_ = offset{from.meta.end};
      ++source_;
    }
    return run->size();
  }
  bool is_walked() const { return source_ == sources_.size() || at_ >= end_; }

  // --- the three phases

  result<std::size_t> see(std::size_t max_bytes) {
    auto read = walk(max_bytes, end_, [&](const batch_header& header, const bytes& batch) -> result<bool> {
      std::string key;
      if (header.control()) {
        auto reader = batch_reader::open(batch);
        if (!reader) return reader.error();
        auto record = reader->next();
        if (!record) return record.error();
        if (*record) key = (*record)->key.value_or("");
      }
      judge_->see(header, key);
      records_ += static_cast<std::size_t>(header.record_count);
      largest_ = std::max(largest_, static_cast<std::size_t>(header.record_count));
      return true;
    });
    if (!read || !is_walked()) return read;
    end_ = judge_->bound(end_);
    if (end_ <= first_dirty_) {
      phase_ = phase::done;
      return read;
    }
    // One batch always fits, so that each pass gets on.
    map_.emplace(std::min(std::max(key_map::keys_in(order_.map_bytes), largest_), records_));
    begin_dirty(phase::remember);
    return read;
  }

  result<std::size_t> remember(std::size_t max_bytes) {
    auto read = walk(max_bytes, end_, [&](const batch_header& header, const bytes& batch) -> result<bool> {
      if (header.base >= end_ || header.control() || judge_->drops(header)) return true;
      auto reader = batch_reader::open(batch);
      if (!reader) return reader.error();
      for (auto record = reader->next();; record = reader->next()) {
        if (!record) return record.error();
        if (!*record) return true;
        if (!(*record)->key || map_->put(*(*record)->key, (*record)->offset)) continue;
        end_ = header.base;  // the next pass goes on with this batch
        return false;
      }
    });
    if (!read || !is_walked()) return read;
    while (!sources_.empty() && sources_.back()->base() >= end_) sources_.pop_back();
    phase_ = phase::rewrite;
    source_ = first_of_output_ = 0;
    at_ = sources_.front()->base();
    return read;
  }

  result<std::size_t> rewrite(std::size_t max_bytes) {
    if (!output_) {
      if (auto r = begin_output(); !r) return r.error();
    }
    const std::size_t before = source_;
    const std::uint64_t written_before = output_->bytes();
    auto read = walk(max_bytes, offset{std::numeric_limits<std::int64_t>::max()},
                     [&](const batch_header& header, const bytes& batch) { return keep(header, batch); });
    if (!read) return read;
    const auto written = static_cast<std::size_t>(output_->bytes() - written_before);
    if (auto r = output_->commit(); !r) return r.error();
    const bool full = source_ < sources_.size() && source_ != before &&
                      output_->bytes() + sources_[source_]->meta.bytes > order_.segment_bytes;
    if (source_ == sources_.size() || full) {
      if (auto r = end_output(); !r) return r.error();
    }
    if (source_ == sources_.size()) phase_ = phase::done;
    return *read + written;
  }

  result<bool> keep(const batch_header& header, const bytes& batch) {
    last_ = header;
    last_written_ = false;
    bytes left = batch;
    if (header.base < end_) {
      if (judge_->drops(header) || header.record_count == 0 || header.end() <= start_) return true;
      auto filtered = filter_batch(
          batch,
          [&](const record_view& r) { return judge_->stays(header, r, r.key ? map_->find(*r.key) : std::nullopt); },
          order_.horizon);
      if (!filtered) return error{errc::corrupt_data, filtered.error().message, filtered.error().hint};
      left = std::move(*filtered);
    }
    if (left.empty()) return true;
    last_written_ = true;
    if (header.control()) {
      if (auto r = copy_aborted(header.base); !r) return r.error();
    }
    return add(left);
  }

  /// As long as a marker stays, readers are told which transaction it aborted.
  result<void> copy_aborted(offset marker) {
    std::optional<aborted_entry> entry;
    auto looked = sources_[source_]->look([&](const lmdb::transaction& txn) -> result<void> {
      auto stored = txn.get(segment::index, aborted_key(marker));
      if (!stored) return stored.error();
      if (!*stored) return {};  // it committed, or ended nothing
      auto read = read_aborted(aborted_key(marker), **stored);
      if (!read) return read.error();
      entry = *read;
      return {};
    });
    if (!looked || !entry) return looked;
    return output_->add_aborted(*entry);
  }

  result<bool> add(const bytes& batch) {
    auto header = read_header(batch.view());
    if (!header) return header.error();
    if (auto r = output_->add(*header, batch.view()); !r) return r.error();
    return true;
  }

  result<void> begin_output() {
    first_of_output_ = source_;
    segment_meta meta = sources_[source_]->meta;
    // Its neighbours may have been rewritten more often than the first: the new one is above all that it may replace.
    for (const auto& s : sources_) meta.generation = std::max(meta.generation, s->meta.generation);
    ++meta.generation;
    const std::size_t most = std::max<std::size_t>(order_.segment_bytes, sources_[source_]->meta.bytes);
    auto made = segment_builder::begin(directory_, meta, growth * most + limits::map_slack_bytes);
    if (!made) return made.error();
    output_ = std::move(*made);
    return {};
  }

  result<void> end_output() {
    if (last_ && !last_written_) {
      if (auto r = add(empty_batch(*last_)); !r) return r.error();
    }
    segment& newest = *sources_[source_ - 1];
    auto producers = newest.producers();
    if (!producers) return producers.error();
    // The last file to take its place says that the pass is over.
    const offset mark = source_ == sources_.size() ? end_ : first_dirty_;
    if (auto r = output_->finish(newest.meta, *producers, mark); !r) return r;
    const sources old(sources_.begin() + static_cast<std::ptrdiff_t>(first_of_output_),
                      sources_.begin() + static_cast<std::ptrdiff_t>(source_));
    auto done = log_->replace(old, *output_);
    output_.reset();
    last_.reset();
    return done;
  }

  const std::shared_ptr<partition_log> log_;
  const std::filesystem::path directory_;
  const compaction_order order_;
  const std::unique_ptr<compaction_judge> judge_;
  sources sources_;
  const offset start_;
  const offset first_dirty_;
  offset end_;
  phase phase_ = phase::done;
  std::size_t source_ = 0;  ///< being read, at
  offset at_;
  std::size_t records_ = 0, largest_ = 0;
  std::optional<key_map> map_;
  std::unique_ptr<segment_builder> output_;
  std::size_t first_of_output_ = 0;
  std::optional<batch_header> last_;  ///< read, of the output's range
  bool last_written_ = false;
};

}  // namespace

result<std::unique_ptr<compaction>> partition_log::begin_compaction(const compaction_order& order,
                                                                    std::unique_ptr<compaction_judge> judge) {
  std::lock_guard one(settle_mutex_);
  std::shared_ptr<segment> newest;
  offset start;
  {
    std::lock_guard lock(mutex_);
    if (!segments_.empty()) newest = segments_.back();
    start = start_;
  }
  if (newest && newest->meta.bytes > 0 && order.end > newest->base()) {
    if (auto made = next_segment(offset{newest->meta.end}, start); !made) return made.error();
  }
  sources from;
  {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i + 1 < segments_.size() && segments_[i]->base() < order.end; ++i)
      from.push_back(segments_[i]);
  }
  return std::unique_ptr<compaction>{
      std::make_unique<compaction_pass>(std::static_pointer_cast<partition_log>(shared_from_this()), directory(),
                                        std::move(from), order, std::move(judge))};
}

result<void> partition_log::replace(const std::vector<std::shared_ptr<segment>>& old, const segment_builder& by) {
  std::lock_guard one(settle_mutex_);
  {
    std::lock_guard lock(mutex_);
    if (std::search(segments_.begin(), segments_.end(), old.begin(), old.end()) == segments_.end())
      return error{errc::closed, "segments that were being compacted are gone", ""};
  }
  if (auto r = rename_durably(by.temporary(), by.path()); !r) return r;
  auto made = segment::open(by.path(), false, 0, context_->segments);
  if (!made) return made.error();
  std::vector<std::shared_ptr<const void>> released;  // freed after the lock
  std::size_t size = 0;
  {
    std::lock_guard lock(mutex_);
    auto first = std::search(segments_.begin(), segments_.end(), old.begin(), old.end());
    *first = std::move(*made);
    segments_.erase(first + 1, first + static_cast<std::ptrdiff_t>(old.size()));
    // Nor does memory go on showing what went.
    while (!tail_.empty() && tail_[0].end() <= offset{by.meta().end}) {
      size += tail_.evict(tail_[0].base, released.emplace_back());
      tail_.trim(settled_);
    }
  }
  context_->budget.release(size);
  for (const auto& s : old) {
    if (auto r = s->remove(); !r) return r;
  }
  return {};
}

}  // namespace dohle::store
