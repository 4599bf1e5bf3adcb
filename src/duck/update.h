// UPDATE over Delta tables: the old rows leave by position, the new rows go to new files.
#pragma once

#include <string>
#include <vector>

#include "duck/write_operator.h"
#include "duckdb/execution/expression_executor.hpp"

namespace tarn::duck {

// One expression per table column, in table order, from the SET list of a bound UPDATE (which
// DeltaTableEntry::BindUpdateConstraints made complete). DEFAULT becomes the column's default.
duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> NewRowExpressions(
    const DeltaTableEntry& table, const duckdb::vector<duckdb::PhysicalIndex>& columns,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& expressions,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& defaults);

// Computes new rows on one thread.
struct NewRows {
  NewRows(duckdb::ClientContext& context,
          const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& expressions);
  duckdb::DataChunk& Compute(duckdb::DataChunk& input);

  duckdb::ExpressionExecutor executor;
  duckdb::DataChunk rows;
};

class LakeUpdate final : public WriteOperator {
 public:
  LakeUpdate(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
             DeltaTableEntry& table,
             duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions,
             duckdb::idx_t cardinality);
  duckdb::string GetName() const override { return "DELTA_UPDATE"; }
  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(
      duckdb::ClientContext& context) const override;
  duckdb::unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(
      duckdb::ExecutionContext& context) const override;
  duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override;

 protected:
  std::string TableName() const override { return table_.QualifiedName(); }
  int64_t Report(TableWrite& write, const WriteOutcome& outcome) const override;

 private:
  DeltaTableEntry& table_;
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions_;
};

}  // namespace tarn::duck
