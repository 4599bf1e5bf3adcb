// INSERT and CREATE TABLE AS over Delta tables.
//
// A statement's overwrite intent (LakeTransaction::TakeOverwriteIntent) is consumed here: the rows
// it names leave in the same commit.
#pragma once

#include <optional>
#include <string>

#include "duck/write_operator.h"

namespace tarn::duck {

class LakeInsert final : public WriteOperator {
 public:
  // INSERT INTO an existing table.
  LakeInsert(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
             DeltaTableEntry& table, duckdb::idx_t cardinality);
  // CREATE TABLE AS: the table is staged when execution starts.
  LakeInsert(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
             duckdb::SchemaCatalogEntry& schema,
             duckdb::unique_ptr<duckdb::BoundCreateTableInfo> info, duckdb::idx_t cardinality);

  duckdb::string GetName() const override;
  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(
      duckdb::ClientContext& context) const override;
  duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override;

 protected:
  std::string TableName() const override;
  void BeforeFinish(duckdb::ClientContext& context, TableWrite& write) const override;
  int64_t Report(TableWrite& write, const WriteOutcome& outcome) const override;

 private:
  DeltaTableEntry& StageTable(duckdb::ClientContext& context) const;

  duckdb::optional_ptr<DeltaTableEntry> table_;
  duckdb::optional_ptr<duckdb::SchemaCatalogEntry> schema_;
  duckdb::unique_ptr<duckdb::BoundCreateTableInfo> info_;
};

}  // namespace tarn::duck
