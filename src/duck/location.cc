#include "duck/location.h"

#include <filesystem>

#include "duck/extension.h"

namespace tarn::duck {

Result<std::shared_ptr<delta::Table>> OpenKnownLocation(duckdb::ClientContext& context,
                                                        const std::string& location) {
  auto table = ExtensionState::Get(context).TableAtPath(location);
  if (table.ok() || table.status().code() != StatusCode::kNotFound) return table;
  if (location.find("://") != std::string::npos) return table;
  std::error_code error;
  const auto parent = std::filesystem::path(location).parent_path();
  if (std::filesystem::is_directory(parent, error)) return table;
  return Status::Io("folder " + parent.string() + " is not there; is its disk mounted?");
}

}  // namespace tarn::duck
