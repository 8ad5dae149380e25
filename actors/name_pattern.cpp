#include "actors/name_pattern.hpp"

#include <re2/re2.h>

#include "schema/limits.hpp"

namespace dohle::actors {

result<name_pattern> name_pattern::compile(const std::string& text) {
  if (text.size() > limits::max_group_name)
    return error{errc::invalid_pattern, "a pattern of " + std::to_string(text.size()) + " bytes is too long",
                 "at most " + std::to_string(limits::max_group_name) + " bytes"};
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(limits::mib));
  name_pattern made;
  made.compiled_ = std::make_shared<const re2::RE2>(text, options);
  if (!made.compiled_->ok())
    return error{errc::invalid_pattern, "'" + text + "' is no regular expression: " + made.compiled_->error(),
                 "RE2's syntax"};
  return made;
}

bool name_pattern::matches(std::string_view name) const {
  return re2::RE2::FullMatch(re2::StringPiece{name.data(), name.size()}, *compiled_);
}

}  // namespace dohle::actors
