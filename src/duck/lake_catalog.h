// LakeCatalog: a lake folder as a DuckDB catalog. A schema is a folder below the root, a table a
// folder below the schema that holds `_delta_log`, a view a file `<view>.view.json` in the schema's
// folder. bronze, silver, gold and system exist from the start; another schema's folder holds
// `.schema.json`.
//
// What it does not do: no cache of names. Folders are looked at on every lookup, so that what
// another process made is seen at once; snapshots are cached by delta::Table (extension.h).
//
// Threads: safe. Entries handed out live as long as the DuckDB transaction (LakeTransaction owns
// them).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "duck/extension.h"
#include "duckdb.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "store/object_store.h"

namespace tarn::duck {

class LakeTransaction;

class LakeCatalog : public duckdb::Catalog {
 public:
  LakeCatalog(duckdb::AttachedDatabase& db, ExtensionState& state, std::string path,
              std::shared_ptr<store::ObjectStore> store);
  ~LakeCatalog() override;

  const std::shared_ptr<store::ObjectStore>& store() const { return store_; }
  ExtensionState& state() { return state_; }
  // The table of that name; no I/O and no check that it exists. `schema` and `table` are folder
  // names.
  std::shared_ptr<delta::Table> TableAt(const std::string& schema, const std::string& table);
  // True when the folder holds a log. Leaves no trace of a name that is no table.
  Result<bool> HasTable(const std::string& schema, const std::string& table);

  void Initialize(bool load_builtin) override;
  duckdb::string GetCatalogType() override { return "tarn"; }
  bool InMemory() override { return false; }
  duckdb::string GetDBPath() override { return path_; }
  bool SupportsTimeTravel() const override { return true; }
  duckdb::string GetDefaultSchema() const override { return "bronze"; }
  duckdb::DatabaseSize GetDatabaseSize(duckdb::ClientContext& context) override;
  duckdb::ErrorData SupportsCreateTable(duckdb::BoundCreateTableInfo& info) override;

  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction transaction,
                                                          duckdb::CreateSchemaInfo& info) override;
  void ScanSchemas(duckdb::ClientContext& context,
                   std::function<void(duckdb::SchemaCatalogEntry&)> callback) override;
  duckdb::optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(
      duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& schema_lookup,
      duckdb::OnEntryNotFound if_not_found) override;

  // insert.cc
  duckdb::PhysicalOperator& PlanInsert(
      duckdb::ClientContext& context, duckdb::PhysicalPlanGenerator& planner,
      duckdb::LogicalInsert& op, duckdb::optional_ptr<duckdb::PhysicalOperator> plan) override;
  duckdb::PhysicalOperator& PlanCreateTableAs(duckdb::ClientContext& context,
                                              duckdb::PhysicalPlanGenerator& planner,
                                              duckdb::LogicalCreateTable& op,
                                              duckdb::PhysicalOperator& plan) override;
  // delete.cc
  duckdb::PhysicalOperator& PlanDelete(duckdb::ClientContext& context,
                                       duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalDelete& op,
                                       duckdb::PhysicalOperator& plan) override;
  // update.cc
  duckdb::PhysicalOperator& PlanUpdate(duckdb::ClientContext& context,
                                       duckdb::PhysicalPlanGenerator& planner,
                                       duckdb::LogicalUpdate& op,
                                       duckdb::PhysicalOperator& plan) override;
  // merge.cc
  duckdb::PhysicalOperator& PlanMergeInto(duckdb::ClientContext& context,
                                          duckdb::PhysicalPlanGenerator& planner,
                                          duckdb::LogicalMergeInto& op,
                                          duckdb::PhysicalOperator& plan) override;

 private:
  void DropSchema(duckdb::ClientContext& context, duckdb::DropInfo& info) override;
  // The folder that carries this name, whatever its case; empty when there is none.
  std::string FindSchemaFolder(LakeTransaction& transaction, const std::string& name);

  ExtensionState& state_;
  std::string path_;
  std::shared_ptr<store::ObjectStore> store_;
};

// Schemas that are there before anything was written.
const std::vector<std::string>& BuiltinSchemas();

}  // namespace tarn::duck
