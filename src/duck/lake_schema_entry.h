// LakeSchemaEntry: one schema folder. Looks tables and views up by name (case-insensitive, exact
// case first) and turns CREATE/DROP/ALTER into staged changes of the LakeTransaction.
//
// Lifetime: owned by the LakeTransaction that asked for it. Threads: as LakeTransaction.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "delta/actions.h"
#include "duckdb.hpp"
#include "duckdb/catalog/catalog_entry/schema_catalog_entry.hpp"
#include "duckdb/planner/tableref/bound_at_clause.hpp"

namespace tarn::duck {

class LakeCatalog;
class LakeTransaction;
class DeltaTableEntry;

class LakeSchemaEntry : public duckdb::SchemaCatalogEntry {
 public:
  LakeSchemaEntry(LakeCatalog& catalog, LakeTransaction& transaction,
                  duckdb::CreateSchemaInfo& info, std::string folder);

  LakeCatalog& lake() const;
  const std::string& folder() const { return folder_; }
  // Names of the tables (folders with a log) and views as the transaction sees them, without
  // opening any.
  std::vector<std::string> TableNames() const;
  std::vector<std::string> ViewNames() const;
  // Stages the first commit of a table (or its replacement, or nothing when IF NOT EXISTS finds
  // one) and returns the entry to insert into; null when it existed and nothing is to be done. Used
  // by CREATE TABLE and by CREATE TABLE AS (insert.cc).
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTable(
      duckdb::CatalogTransaction transaction, duckdb::BoundCreateTableInfo& info) override;

  duckdb::optional_ptr<duckdb::CatalogEntry> LookupEntry(
      duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup_info) override;
  duckdb::SimilarCatalogEntry GetSimilarEntry(duckdb::CatalogTransaction transaction,
                                              const duckdb::EntryLookupInfo& lookup_info) override;
  void Scan(duckdb::ClientContext& context, duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override;
  void Scan(duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override;
  void DropEntry(duckdb::ClientContext& context, duckdb::DropInfo& info) override;
  void Alter(duckdb::CatalogTransaction transaction, duckdb::AlterInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction transaction,
                                                        duckdb::CreateViewInfo& info) override;

  // Things a Delta schema does not hold; each throws one line that says so.
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateFunction(
      duckdb::CatalogTransaction transaction, duckdb::CreateFunctionInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction transaction,
                                                         duckdb::CreateIndexInfo& info,
                                                         duckdb::TableCatalogEntry& table) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateSequence(
      duckdb::CatalogTransaction transaction, duckdb::CreateSequenceInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateTableFunction(
      duckdb::CatalogTransaction transaction, duckdb::CreateTableFunctionInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCopyFunction(
      duckdb::CatalogTransaction transaction, duckdb::CreateCopyFunctionInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreatePragmaFunction(
      duckdb::CatalogTransaction transaction, duckdb::CreatePragmaFunctionInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateCollation(
      duckdb::CatalogTransaction transaction, duckdb::CreateCollationInfo& info) override;
  duckdb::optional_ptr<duckdb::CatalogEntry> CreateType(duckdb::CatalogTransaction transaction,
                                                        duckdb::CreateTypeInfo& info) override;

 private:
  // The folder that carries the name, whatever its case; empty when there is none.
  std::string FindTable(const std::string& name) const;
  std::string FindView(const std::string& name) const;
  duckdb::optional_ptr<duckdb::CatalogEntry> TableEntry(
      duckdb::ClientContext& context, const std::string& table,
      duckdb::optional_ptr<duckdb::BoundAtClause> at);
  duckdb::optional_ptr<duckdb::CatalogEntry> ViewEntry(const std::string& view);
  void AlterView(const std::string& view, duckdb::AlterInfo& info);  // alter_table.cc
  // An entry that says in its comment why the table cannot be read.
  duckdb::CatalogEntry& BrokenTableEntry(const std::string& table, const std::string& reason);

  LakeTransaction& transaction_;
  std::string folder_;
};

}  // namespace tarn::duck
