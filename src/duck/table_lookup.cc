#include "duck/table_lookup.h"

#include <filesystem>

#include "duck/delta_table_entry.h"
#include "duck/extension.h"
#include "duck/status_exception.h"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/qualified_name.hpp"

namespace tarn::duck {

namespace {

// The path in "delta.`/data/t`", or the name itself when it looks like a path; empty for a table
// name.
std::string PathIn(const std::string& name) {
  const std::string prefix = "delta.`";
  if (duckdb::StringUtil::StartsWith(duckdb::StringUtil::Lower(name), prefix) &&
      name.size() > prefix.size() && name.back() == '`') {
    return name.substr(prefix.size(), name.size() - prefix.size() - 1);
  }
  if (name.find('"') != std::string::npos) return "";
  return name.find('/') == std::string::npos ? "" : name;
}

}  // namespace

DeltaTableEntry& LookupLakeTable(duckdb::ClientContext& context, const std::string& name) {
  if (!PathIn(name).empty()) {
    throw duckdb::InvalidInputException(
        "'%s' is a path; this statement works on a table of the lake, by its name", name);
  }
  const auto qualified = duckdb::QualifiedName::Parse(name);
  auto& entry = duckdb::Catalog::GetEntry(
      context, qualified.catalog, qualified.schema,
      duckdb::EntryLookupInfo(duckdb::CatalogType::TABLE_ENTRY, qualified.name));
  if (entry.type != duckdb::CatalogType::TABLE_ENTRY) {
    throw duckdb::CatalogException("'%s' is a view, not a table", name);
  }
  auto* table = dynamic_cast<DeltaTableEntry*>(&entry);
  if (!table) throw duckdb::CatalogException("'%s' is not a Delta table", name);
  return *table;
}

NamedTable LookupTable(duckdb::ClientContext& context, const std::string& name) {
  NamedTable out;
  const std::string path = PathIn(name);
  if (!path.empty()) {
    out.name = path;
    out.table = ValueOrThrow(ExtensionState::Get(context).TableAtPath(path));
    auto latest = out.table->Latest();
    ThrowIfError(latest.status().WithContext(path));
    out.snapshot = std::move(latest).value();
    return out;
  }
  auto& entry = LookupLakeTable(context, name);
  out.name = entry.QualifiedName();
  out.table = entry.table();
  out.entry = &entry;
  out.snapshot = entry.snapshot();
  return out;
}

}  // namespace tarn::duck
