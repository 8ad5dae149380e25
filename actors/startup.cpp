#include "actors/startup.hpp"

#include <set>

namespace dohle::actors {

namespace {

result<opened_log> open(store::folder& folder, partition_id id) {
  auto log = folder.open_log(id);
  if (!log) return log.error();
  auto history = (*log)->history();
  if (!history) return history.error();
  return opened_log{std::move(*log), std::move(*history)};
}

result<void> read_batch(const bytes& batch, offset from, const std::function<result<void>(const record_view&)>& each) {
  auto reader = batch_reader::open(batch);
  if (!reader) return reader.error();
  for (auto record = reader->next();; record = reader->next()) {
    if (!record) return record.error();
    if (!record->has_value()) return {};
    if ((*record)->offset < from) continue;
    if (auto done = each(**record); !done) return done;
  }
}

result<void> load_cluster(loaded_folder& out) {
  return read_all(*out.logs.at(cluster_partition).log, [&](const record_view& r) -> result<void> {
    auto record = decode_cluster_record(r.value.value_or(""));
    if (!record) return record.error();
    rules::apply(out.cluster, *record);
    return {};
  });
}

void apply(loaded_folder& out, offset_record r) {
  auto& offsets = out.groups[r.key.group].offsets;
  if (r.value)
    offsets[{r.key.topic, r.key.partition}] = std::move(*r.value);
  else
    offsets.erase({r.key.topic, r.key.partition});
}

void apply(loaded_folder& out, pending_offsets_record r) {
  auto& pending = out.groups[r.key.group].pending;
  if (r.value)
    pending[r.key.producer] = std::move(*r.value);
  else
    pending.erase(r.key.producer);
}

void apply(loaded_folder& out, group_record r) { out.groups[r.key.group].members = std::move(r.value); }

void apply(loaded_folder& out, consumer_group_record r) { out.groups[r.key.group].consumers = std::move(r.value); }

result<void> load_groups(loaded_folder& out) {
  auto done = read_all(*out.logs.at(groups_partition).log, [&](const record_view& r) -> result<void> {
    auto record = decode_group_record(r.key.value_or(""), r.value);
    if (!record) return record.error();
    std::visit([&](auto& it) { apply(out, std::move(it)); }, *record);
    return {};
  });
  std::erase_if(out.groups, [](const auto& g) {
    return !g.second.members && !g.second.consumers && g.second.offsets.empty() && g.second.pending.empty();
  });
  return done;
}

result<void> load_transactions(loaded_folder& out) {
  return read_all(*out.logs.at(transactions_partition).log, [&](const record_view& r) -> result<void> {
    const std::string name{r.key.value_or("")};
    if (!r.value) {
      out.transactions.erase(name);
      return {};
    }
    auto value = decode_transaction_value(*r.value);
    if (!value) return value.error();
    out.transactions[name] = std::move(*value);
    return {};
  });
}

}  // namespace

result<void> read_all(store::log& log, const std::function<result<void>(const record_view&)>& each) {
  auto at = log.start();
  auto end = log.flushed();
  while (at < end) {
    auto parts = log.read(at, limits::default_fetch_bytes, end);
    if (!parts) return parts.error();
    for (const auto& part : *parts) {
      for (auto rest = part; !rest.empty();) {
        auto header = read_header(rest.view());
        if (!header) return header.error();
        if (auto done = read_batch(rest.part(0, header->size_bytes()), at, each); !done) return done;
        at = header->end();
        rest = rest.part(header->size_bytes());
      }
    }
  }
  return {};
}

result<loaded_folder> load(store::folder& folder) {
  loaded_folder out;
  for (auto id : {cluster_partition, groups_partition, transactions_partition}) {
    auto log = open(folder, id);
    if (!log) return log.error();
    out.logs.emplace(id, std::move(*log));
  }
  if (auto done = load_cluster(out); !done) return done.error();
  if (auto done = load_groups(out); !done) return done.error();
  if (auto done = load_transactions(out); !done) return done.error();
  for (const auto& [name, topic] : out.cluster.topics) {
    for (const auto& p : topic.partitions) {
      auto log = open(folder, p.id);
      if (!log) return log.error();
      out.logs.emplace(p.id, std::move(*log));
    }
  }
  for (auto id : folder.partitions()) {
    if (out.logs.contains(id)) continue;  // else a deletion that a crash interrupted
    if (auto done = folder.drop_log(id); !done) return done.error();
  }
  return out;
}

}  // namespace dohle::actors
