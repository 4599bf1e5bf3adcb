// DELETE over Delta tables: files of which every row matches go by the log alone; of the others the
// matching rows' positions are collected.
#pragma once

#include <string>
#include <vector>

#include "duck/write_operator.h"

namespace tarn::duck {

class LakeDelete final : public WriteOperator {
 public:
  // `file_index`, `row_number`: positions in the child's chunks. `whole`: ordinals of files to drop
  // unseen; the child does not read them.
  LakeDelete(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
             DeltaTableEntry& table, duckdb::idx_t file_index, duckdb::idx_t row_number,
             std::vector<uint64_t> whole, duckdb::idx_t cardinality);
  duckdb::string GetName() const override { return "DELTA_DELETE"; }
  duckdb::InsertionOrderPreservingMap<duckdb::string> ParamsToString() const override;
  duckdb::unique_ptr<duckdb::GlobalSinkState> GetGlobalSinkState(
      duckdb::ClientContext& context) const override;
  duckdb::SinkResultType Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                              duckdb::OperatorSinkInput& input) const override;

 protected:
  std::string TableName() const override { return table_.QualifiedName(); }
  void BeforeFinish(duckdb::ClientContext& context, TableWrite& write) const override;
  int64_t Report(TableWrite& write, const WriteOutcome& outcome) const override;

 private:
  DeltaTableEntry& table_;
  duckdb::idx_t file_index_;
  duckdb::idx_t row_number_;
  std::vector<uint64_t> whole_;
};

}  // namespace tarn::duck
