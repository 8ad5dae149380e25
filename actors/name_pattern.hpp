// A regular expression that names match as a whole: RE2's language, which takes time in proportion to the name,
// whatever the expression is.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "schema/error.hpp"

namespace re2 {
class RE2;
}

namespace dohle::actors {

class name_pattern {
 public:
  /// `invalid_pattern`
  static result<name_pattern> compile(const std::string& text);
  bool matches(std::string_view name) const;

 private:
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace dohle::actors
