// Where partitions lie: one folder holds everything.
#include "kafka/apis.hpp"
#include "kafka/errors.hpp"
#include "kafka/translate.hpp"

namespace dohle::kafka {

namespace {

exchange describe_folder(const call& c, const std::string& path, const std::vector<std::string>& topics) {
  std::vector<request> asks;
  for (const auto& name : topics) asks.push_back(describe_topic_request{name});
  auto finish = [=](std::vector<response> r) {
    describe_log_dirs_response answer;
    auto& folder = answer.results.emplace_back();
    folder.log_dir = path;
    for (auto& one : r) {
      auto found = typed<topic_description>(one);
      if (!found) continue;
      auto& topic = folder.topics.emplace_back();
      topic.name = found->name;
      for (const auto& p : found->partitions) {
        auto& line = topic.partitions.emplace_back();
        line.partition_index = p.info.index.value;
        line.partition_size = static_cast<std::int64_t>(p.size_bytes);
      }
    }
    return reply(c, answer);
  };
  return asks.empty() ? finish({}) : ask(std::move(asks), finish);
}

}  // namespace

exchange on(const context& with, const call& c, describe_log_dirs_request& m) {
  std::vector<std::string> names;
  if (m.topics) {
    for (const auto& t : *m.topics) names.push_back(t.topic);
    return describe_folder(c, with.folder, names);
  }
  return with_topics([=, path = with.folder](const std::vector<topic_info>& known) {
    std::vector<std::string> all;
    for (const auto& t : known) all.push_back(t.name);
    return describe_folder(c, path, all);
  });
}

/// A replica that is to lie where it lies has moved; there is no other folder.
exchange on(const context& with, const call& c, alter_replica_log_dirs_request& m) {
  return with_topics([=, path = with.folder](const std::vector<topic_info>& known) {
    alter_replica_log_dirs_response answer;
    for (const auto& dir : m.dirs) {
      for (const auto& t : dir.topics) {
        auto& topic = answer.results.emplace_back();
        topic.topic_name = t.name;
        for (auto p : t.partitions) {
          auto code =
              has_partition(find_topic(known, t.name), p) ? error_code::none : error_code::unknown_topic_or_partition;
          if (dir.path != path) code = error_code::log_dir_not_found;
          topic.partitions.push_back({p, number(code)});
        }
      }
    }
    return reply(c, answer);
  });
}

}  // namespace dohle::kafka
