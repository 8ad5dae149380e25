#include "actors/topic_pattern.hpp"

#include <re2/re2.h>

#include "schema/limits.hpp"

namespace dohle::actors {

result<topic_pattern> topic_pattern::compile(const std::string& text) {
  if (text.size() > limits::max_group_name)
    return error{errc::invalid_pattern, "a pattern of " + std::to_string(text.size()) + " bytes is too long",
                 "at most " + std::to_string(limits::max_group_name) + " bytes"};
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(limits::mib));
  topic_pattern made;
  made.compiled_ = std::make_shared<const re2::RE2>(text, options);
  if (!made.compiled_->ok())
    return error{errc::invalid_pattern, "'" + text + "' is no regular expression: " + made.compiled_->error(),
                 "RE2's syntax"};
  return made;
}

bool topic_pattern::matches(std::string_view topic) const {
  return re2::RE2::FullMatch(re2::StringPiece{topic.data(), topic.size()}, *compiled_);
}

}  // namespace dohle::actors
