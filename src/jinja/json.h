// JSON as Python's json module writes and reads it (dbt's tojson, fromjson and the filter tojson).
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "jinja/value.h"

namespace tarn::jinja {

struct JsonOptions {
  bool sort_keys = false;
  bool ensure_ascii = true;
  int indent = -1;  // < 0: on one line
};

// TypeError ("Object of type X is not JSON serializable") for what JSON has no form of; ValueError
// for lists within themselves.
Result<std::string> ToJsonText(const Value& v, const JsonOptions& options = {});
// ValueError with line and column otherwise.
Result<Value> FromJsonText(std::string_view text);

}  // namespace tarn::jinja
