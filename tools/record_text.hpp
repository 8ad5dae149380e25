// Records as text by a format string in kcat's manner: '%t %p %o %k %v %T\n'.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/error.hpp"
#include "schema/record_batch.hpp"
#include "schema/types.hpp"

namespace dohle::tools {

///   %t topic  %p partition  %o offset  %k key  %v value (also %s)  %h headers as k=v,...  %T timestamp in milliseconds
///   %I timestamp as ISO 8601  %K length of the key  %V length of the value (also %S), -1 when null  %% a percent sign
///   \n \t \r \0 \\ \xHH
class record_format {
 public:
  /// `null_text` stands where a key or value is null.
  static result<record_format> parse(std::string_view format, std::string null_text);
  result<void> append(std::string& out, const topic_partition& source, const record_view& record) const;

 private:
  struct piece {
    char what = 0;  ///< 0: `text` as it is
    std::string text;
  };
  std::vector<piece> pieces_;
  std::string null_text_;
};

}  // namespace dohle::tools
