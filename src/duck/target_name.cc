#include "duck/target_name.h"

#include "duck/delta_table_entry.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/status_exception.h"
#include "duckdb/catalog/catalog_search_path.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/client_data.hpp"
#include "duckdb/parser/qualified_name.hpp"

namespace tarn::duck {

NewTable FindNewTable(duckdb::ClientContext& context, const std::string& name) {
  if (name.find('/') != std::string::npos) {
    throw duckdb::InvalidInputException("'%s' is a path; a new table has a name of the lake", name);
  }
  const auto qualified = duckdb::QualifiedName::Parse(name);
  const auto path = duckdb::ClientData::Get(context).catalog_search_path->GetDefault();
  const std::string catalog = qualified.catalog.empty() ? path.catalog : qualified.catalog;
  const std::string schema = qualified.schema.empty() ? path.schema : qualified.schema;
  auto& found = duckdb::Catalog::GetSchema(context, catalog, schema);
  auto* folder = dynamic_cast<LakeSchemaEntry*>(&found);
  if (!folder) throw duckdb::CatalogException("'%s.%s' is no schema of a lake", catalog, schema);
  auto& lake = folder->ParentCatalog().Cast<LakeCatalog>();
  if (lake.GetAttached().IsReadOnly()) {
    throw duckdb::InvalidInputException("lake %s is attached read-only", lake.GetDBPath());
  }
  if (qualified.name.empty() || qualified.name[0] == '.' ||
      !store::ValidateKey(folder->folder() + "/" + qualified.name).ok()) {
    throw duckdb::CatalogException(
        "'%s' cannot be a table: its name is a folder's, without '/' and not starting with '.'",
        qualified.name);
  }
  NewTable out;
  auto entry = duckdb::Catalog::GetEntry(
      context, catalog, schema,
      duckdb::EntryLookupInfo(duckdb::CatalogType::TABLE_ENTRY, qualified.name),
      duckdb::OnEntryNotFound::RETURN_NULL);
  if (entry) {
    auto* table = dynamic_cast<DeltaTableEntry*>(&*entry);
    if (!table) {
      throw duckdb::CatalogException("'%s' is a view; drop it first or choose another name", name);
    }
    return NewTable{table->QualifiedName(), table->table(), true};
  }
  out.name = folder->folder() + "." + qualified.name;
  out.table = lake.TableAt(folder->folder(), qualified.name);
  return out;
}

}  // namespace tarn::duck
