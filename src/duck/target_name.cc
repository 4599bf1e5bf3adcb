#include "duck/target_name.h"

#include "duck/delta_table_entry.h"
#include "duck/extension.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/status_exception.h"
#include "duckdb/catalog/catalog_search_path.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/client_data.hpp"
#include "duckdb/parser/qualified_name.hpp"

namespace tarn::duck {

namespace {

struct Place {
  std::string catalog, schema, name;
  LakeSchemaEntry* folder = nullptr;
  LakeCatalog& lake() const { return folder->ParentCatalog().Cast<LakeCatalog>(); }
};

Place PlaceOf(duckdb::ClientContext& context, const std::string& name) {
  const auto qualified = duckdb::QualifiedName::Parse(name);
  const auto path = duckdb::ClientData::Get(context).catalog_search_path->GetDefault();
  Place out;
  out.catalog = qualified.catalog.empty() ? path.catalog : qualified.catalog;
  out.schema = qualified.schema.empty() ? path.schema : qualified.schema;
  out.name = qualified.name;
  out.folder =
      dynamic_cast<LakeSchemaEntry*>(&duckdb::Catalog::GetSchema(context, out.catalog, out.schema));
  if (!out.folder) {
    throw duckdb::CatalogException("'%s.%s' is no schema of a lake", out.catalog, out.schema);
  }
  return out;
}

}  // namespace

std::shared_ptr<delta::Table> FindTableToCheck(duckdb::ClientContext& context,
                                               const std::string& name) {
  if (name.find('/') != std::string::npos && name.find('"') == std::string::npos) {
    return ValueOrThrow(ExtensionState::Get(context).TableAtPath(name));
  }
  const Place place = PlaceOf(context, name);
  return place.lake().TableAt(place.folder->folder(), place.name);
}

NewTable FindNewTable(duckdb::ClientContext& context, const std::string& name) {
  if (name.find('/') != std::string::npos) {
    throw duckdb::InvalidInputException("'%s' is a path; a new table has a name of the lake", name);
  }
  const Place place = PlaceOf(context, name);
  auto* folder = place.folder;
  auto& lake = place.lake();
  if (lake.GetAttached().IsReadOnly()) {
    throw duckdb::InvalidInputException("lake %s is attached read-only", lake.GetDBPath());
  }
  if (place.name.empty() || place.name[0] == '.' ||
      !store::ValidateKey(folder->folder() + "/" + place.name).ok()) {
    throw duckdb::CatalogException(
        "'%s' cannot be a table: its name is a folder's, without '/' and not starting with '.'",
        place.name);
  }
  NewTable out;
  auto entry = duckdb::Catalog::GetEntry(
      context, place.catalog, place.schema,
      duckdb::EntryLookupInfo(duckdb::CatalogType::TABLE_ENTRY, place.name),
      duckdb::OnEntryNotFound::RETURN_NULL);
  if (entry) {
    auto* table = dynamic_cast<DeltaTableEntry*>(&*entry);
    if (!table) {
      throw duckdb::CatalogException("'%s' is a view; drop it first or choose another name", name);
    }
    return NewTable{table->QualifiedName(), table->table(), true};
  }
  out.name = folder->folder() + "." + place.name;
  out.table = lake.TableAt(folder->folder(), place.name);
  return out;
}

}  // namespace tarn::duck
