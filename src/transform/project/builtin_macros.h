// The macros every project has (package `dbt`): folder builtin/, compiled into the binary.
#pragma once

#include <string_view>
#include <vector>

namespace tarn::transform {

struct BuiltinMacroFile {
  std::string_view path;  // "macros/tests.sql"
  std::string_view text;
};

// Made by the build from builtin/*.sql.
const std::vector<BuiltinMacroFile>& BuiltinMacroFiles();

}  // namespace tarn::transform
