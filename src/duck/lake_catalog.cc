#include "duck/lake_catalog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "duck/lake_schema_entry.h"
#include "duck/lake_transaction.h"
#include "duck/status_exception.h"
#include "duck/view_file.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/parser/parsed_data/create_schema_info.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"
#include "duckdb/planner/parsed_data/bound_create_table_info.hpp"
#include "duckdb/storage/database_size.hpp"

namespace tarn::duck {

using duckdb::StringUtil;

namespace {

bool IsSchemaFolder(const std::string& name) {
  return !name.empty() && name[0] != '.' && name[0] != '_';
}

std::string SchemaMarker(const std::string& folder) { return folder + "/.schema.json"; }

// Made in this transaction; a schema made before has a folder.
bool IsStagedSchema(const LakeTransaction& transaction, const std::string& name) {
  const auto staged = transaction.StagedObjects(SchemaMarker(name));
  const auto marker = staged.find(SchemaMarker(name));
  return marker != staged.end() && marker->second;
}

}  // namespace

const std::vector<std::string>& BuiltinSchemas() {
  static const std::vector<std::string> names = {"bronze", "gold", "silver", "system"};
  return names;
}

LakeCatalog::LakeCatalog(duckdb::AttachedDatabase& db, ExtensionState& state, std::string path,
                         std::shared_ptr<store::ObjectStore> store)
    : duckdb::Catalog(db), state_(state), path_(std::move(path)), store_(std::move(store)) {}

LakeCatalog::~LakeCatalog() = default;

void LakeCatalog::Initialize(bool load_builtin) {}

std::shared_ptr<delta::Table> LakeCatalog::TableAt(const std::string& schema,
                                                   const std::string& table) {
  return state_.TableAt(store_, schema + "/" + table);
}

Result<bool> LakeCatalog::HasTable(const std::string& schema, const std::string& table) {
  delta::TableEnvironment environment;
  environment.store = store_;
  return delta::Table::At(std::move(environment), schema + "/" + table)->Exists();
}

duckdb::DatabaseSize LakeCatalog::GetDatabaseSize(duckdb::ClientContext& context) {
  duckdb::DatabaseSize size;
  size.free_blocks = 0;
  size.total_blocks = 0;
  size.used_blocks = 0;
  size.wal_size = 0;
  size.block_size = 0;
  size.bytes = 0;
  return size;
}

duckdb::ErrorData LakeCatalog::SupportsCreateTable(duckdb::BoundCreateTableInfo& info) {
  return duckdb::ErrorData();  // PARTITIONED BY and SORTED BY are for create_table.cc
}

std::string LakeCatalog::FindSchemaFolder(LakeTransaction& transaction, const std::string& name) {
  for (const auto& builtin : BuiltinSchemas()) {
    if (StringUtil::CIEquals(builtin, name)) return builtin;
  }
  if (!IsSchemaFolder(name) || name.find('/') != std::string::npos) return "";
  std::string found;
  for (const auto& folder : transaction.RootFolders()) {
    if (folder == name) return folder;
    if (found.empty() && StringUtil::CIEquals(folder, name)) found = folder;
  }
  return found;
}

duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LakeCatalog::LookupSchema(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& schema_lookup,
    duckdb::OnEntryNotFound if_not_found) {
  const std::string& name = schema_lookup.GetEntryName();
  if (!transaction.HasContext()) {
    throw duckdb::InvalidInputException("a lake can be looked at only inside a query");
  }
  auto& lake_transaction = LakeTransaction::Get(transaction.GetContext(), *this);
  std::string folder = FindSchemaFolder(lake_transaction, name);
  if (!folder.empty() && lake_transaction.IsSchemaDropped(folder)) folder.clear();
  if (folder.empty() && IsStagedSchema(lake_transaction, name)) folder = name;
  if (!folder.empty()) return &lake_transaction.SchemaEntry(folder);
  if (if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return nullptr;
  throw duckdb::CatalogException(schema_lookup.GetErrorContext(),
                                 "schema '%s' does not exist in lake %s; CREATE SCHEMA %s makes it",
                                 name, path_, name);
}

void LakeCatalog::ScanSchemas(duckdb::ClientContext& context,
                              std::function<void(duckdb::SchemaCatalogEntry&)> callback) {
  auto& transaction = LakeTransaction::Get(context, *this);
  std::set<std::string> folders(BuiltinSchemas().begin(), BuiltinSchemas().end());
  const auto listing = ValueOrThrow(store_->ListFolder(""));
  for (const auto& folder : listing.folders) {
    if (IsSchemaFolder(folder)) folders.insert(folder);
  }
  for (const auto& [key, present] : transaction.StagedObjects("")) {
    const auto slash = key.find('/');
    if (slash != std::string::npos && present && key == SchemaMarker(key.substr(0, slash))) {
      folders.insert(key.substr(0, slash));
    }
  }
  for (const auto& folder : folders) {
    if (!transaction.IsSchemaDropped(folder)) callback(transaction.SchemaEntry(folder));
  }
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeCatalog::CreateSchema(
    duckdb::CatalogTransaction transaction, duckdb::CreateSchemaInfo& info) {
  auto& lake_transaction = LakeTransaction::Get(transaction.GetContext(), *this);
  const std::string& name = info.schema;
  if (!IsSchemaFolder(name) || !store::ValidateKey(name).ok() ||
      name.find('/') != std::string::npos) {
    throw duckdb::CatalogException(
        "'%s' cannot be a schema: its name is a folder's, without '/' and not starting with '.' or "
        "'_'",
        name);
  }
  const auto lookup =
      LookupSchema(transaction, duckdb::EntryLookupInfo(duckdb::CatalogType::SCHEMA_ENTRY, name),
                   duckdb::OnEntryNotFound::RETURN_NULL);
  if (lookup) {
    switch (info.on_conflict) {
      case duckdb::OnCreateConflict::IGNORE_ON_CONFLICT: return nullptr;
      case duckdb::OnCreateConflict::REPLACE_ON_CONFLICT:
        throw duckdb::NotImplementedException(
            "CREATE OR REPLACE SCHEMA would drop every table of '%s'; drop what should go, then "
            "use "
            "CREATE SCHEMA IF NOT EXISTS",
            name);
      default:
        throw duckdb::CatalogException(
            "schema '%s' exists already; use CREATE SCHEMA IF NOT EXISTS", lookup->name);
    }
  }
  lake_transaction.StageObject(SchemaMarker(name), "{\"schema\":1}\n");
  return &lake_transaction.SchemaEntry(name);
}

void LakeCatalog::DropSchema(duckdb::ClientContext& context, duckdb::DropInfo& info) {
  auto& transaction = LakeTransaction::Get(context, *this);
  const std::string folder = FindSchemaFolder(transaction, info.name);
  const bool staged = IsStagedSchema(transaction, info.name);
  if (folder.empty() && !staged) {
    if (info.if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return;
    throw duckdb::CatalogException("schema '%s' does not exist in lake %s", info.name, path_);
  }
  const std::string name = folder.empty() ? info.name : folder;
  const auto& builtin = BuiltinSchemas();
  if (std::find(builtin.begin(), builtin.end(), name) != builtin.end()) {
    throw duckdb::CatalogException("schema '%s' is part of every lake and cannot be dropped", name);
  }
  auto& schema = transaction.SchemaEntry(name);
  const auto tables = schema.TableNames();
  const auto views = schema.ViewNames();
  if (!tables.empty() || !views.empty()) {
    if (!info.cascade) {
      throw duckdb::CatalogException(
          "schema '%s' still holds '%s'%s; drop what it holds first, or use DROP SCHEMA … CASCADE",
          name, tables.empty() ? views[0] : tables[0],
          tables.size() + views.size() > 1
              ? " and " + std::to_string(tables.size() + views.size() - 1) + " more"
              : "");
    }
    for (const auto& table : tables) {
      transaction.StageDropTable(name + "." + table, TableAt(name, table));
    }
    for (const auto& view : views) {
      transaction.StageObject(name + "/" + view + kViewSuffix, std::nullopt);
    }
  }
  transaction.StageDropSchema(name);
}

}  // namespace tarn::duck
