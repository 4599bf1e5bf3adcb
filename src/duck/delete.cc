#include "duck/delete.h"

#include <algorithm>
#include <set>
#include <utility>

#include "delta/file_table.h"
#include "duck/delta_scan.h"
#include "duck/filter_predicate.h"
#include "duck/lake_catalog.h"
#include "duck/overwrite.h"
#include "duckdb/execution/operator/filter/physical_filter.hpp"
#include "duckdb/execution/operator/scan/physical_table_scan.hpp"
#include "duckdb/execution/physical_plan_generator.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/planner/operator/logical_delete.hpp"

namespace tarn::duck {

using delta::Predicate;
using duckdb::PhysicalOperatorType;

LakeDelete::LakeDelete(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
                       DeltaTableEntry& table, duckdb::idx_t file_index, duckdb::idx_t row_number,
                       std::vector<uint64_t> whole, duckdb::idx_t cardinality)
    : WriteOperator(plan, std::move(types), cardinality),
      table_(table),
      file_index_(file_index),
      row_number_(row_number),
      whole_(std::move(whole)) {}

duckdb::InsertionOrderPreservingMap<duckdb::string> LakeDelete::ParamsToString() const {
  auto result = WriteOperator::ParamsToString();
  result["Files dropped unread"] = std::to_string(whole_.size());
  return result;
}

duckdb::unique_ptr<duckdb::GlobalSinkState> LakeDelete::GetGlobalSinkState(
    duckdb::ClientContext& context) const {
  auto state = duckdb::make_uniq<WriteSinkState>();
  state->write = std::make_unique<TableWrite>(context, table_, WriteOptions{});
  RecordReads(children[0].get(), *state->write, true);
  return state;
}

duckdb::SinkResultType LakeDelete::Sink(duckdb::ExecutionContext& context, duckdb::DataChunk& chunk,
                                        duckdb::OperatorSinkInput& input) const {
  auto& write = *input.global_state.Cast<WriteSinkState>().write;
  write.Delete(*input.local_state.Cast<WriteLocalState>().local, chunk.data[file_index_],
               chunk.data[row_number_], chunk.size(), RowChange::kDelete);
  return duckdb::SinkResultType::NEED_MORE_INPUT;
}

void LakeDelete::BeforeFinish(duckdb::ClientContext& context, TableWrite& write) const {
  for (const uint64_t ordinal : whole_) write.DropFile(ordinal);
}

int64_t LakeDelete::Report(TableWrite& write, const WriteOutcome& outcome) const {
  write.delta().SetMetric("numDeletedRows", outcome.rows_deleted);
  ReportRowChange(children[0].get(), write, outcome, "DELETE");
  return outcome.rows_deleted;
}

namespace {

// The column of the table that a position in a scan's output stands for.
std::optional<ColumnPath> ScanColumn(const duckdb::PhysicalTableScan& scan,
                                     const DeltaScanInfo& info, duckdb::idx_t output) {
  const duckdb::idx_t position =
      scan.projection_ids.empty() ? output : scan.projection_ids.at(output);
  if (position >= scan.column_ids.size()) return std::nullopt;
  const auto id = scan.column_ids[position].GetPrimaryIndex();
  if (duckdb::IsVirtualColumn(id) || id >= info.schema.fields.size()) return std::nullopt;
  const auto& field = info.schema.fields[id];
  return ColumnPath{{field.name}, field.type.get()};
}

struct ScanAndCondition {
  const duckdb::PhysicalTableScan* scan = nullptr;
  DeltaFileList* list = nullptr;
  Predicate condition;  // all that decides which rows the plan yields
};

// The scan of a plan that only filters, with its condition; scan null for other plans (joins,
// subqueries).
ScanAndCondition Decompose(const duckdb::PhysicalOperator& plan) {
  ScanAndCondition out;
  const duckdb::PhysicalOperator* at = &plan;
  const duckdb::PhysicalFilter* filter = nullptr;
  if (at->type == PhysicalOperatorType::FILTER) {
    filter = &at->Cast<duckdb::PhysicalFilter>();
    at = &at->children[0].get();
  }
  if (at->type != PhysicalOperatorType::TABLE_SCAN) return out;
  const auto& scan = at->Cast<duckdb::PhysicalTableScan>();
  if (scan.function.name != "delta_scan" || !scan.bind_data || scan.dynamic_filters) return out;
  auto& bind = scan.bind_data->Cast<duckdb::MultiFileBindData>();
  out.list = &bind.file_list->Cast<DeltaFileList>();
  const auto& info = out.list->info();
  std::vector<Predicate> parts;
  if (filter) {
    parts.push_back(ToPredicate(*filter->expression, [&](const duckdb::Expression& leaf) {
      if (leaf.GetExpressionClass() != duckdb::ExpressionClass::BOUND_REF) {
        return std::optional<ColumnPath>();
      }
      return ScanColumn(scan, info, leaf.Cast<duckdb::BoundReferenceExpression>().index);
    }));
  }
  if (scan.table_filters) {
    for (const auto& [position, table_filter] : scan.table_filters->filters) {
      const auto id = scan.column_ids.at(position).GetPrimaryIndex();
      if (duckdb::IsVirtualColumn(id)) {
        parts.push_back(Predicate::Unknown());
        continue;
      }
      const auto& field = info.schema.fields.at(id);
      parts.push_back(ToPredicate(*table_filter, ColumnPath{{field.name}, field.type.get()}));
    }
  }
  out.condition = parts.empty()       ? Predicate::True()
                  : parts.size() == 1 ? std::move(parts[0])
                                      : Predicate::And(std::move(parts));
  out.scan = &scan;
  return out;
}

// Files whose every row the plan would yield; they are taken out of its scan.
std::vector<uint64_t> TakeWholeFiles(const duckdb::PhysicalOperator& plan,
                                     const DeltaTableEntry& table) {
  std::vector<uint64_t> whole;
  const ScanAndCondition found = Decompose(plan);
  if (!found.scan || !IsExact(found.condition)) return whole;
  const auto& info = found.list->info();
  const auto snapshot = info.table == table.table() ? info.Snapshot() : nullptr;
  if (!snapshot) return whole;
  auto overlay = std::make_shared<ScanOverlay>();
  if (info.overlay) *overlay = *info.overlay;
  // Of the files that the scan would read: what they were chosen by need not be in the plan any
  // more.
  std::set<uint64_t> scanned;
  for (size_t i = 0; i < found.list->GetTotalFileCount(); ++i) {
    scanned.insert(found.list->OrdinalAt(i));
  }
  for (const auto& candidate : snapshot->Prune(found.condition)) {
    if (candidate.verdict != delta::Verdict::kAll || overlay->removed.count(candidate.index) ||
        !scanned.count(FileOrdinal::Base(candidate.index))) {
      continue;
    }
    // Without a count the statement could not say how many rows went.
    if (!snapshot->files().NumRecords(candidate.index)) continue;
    whole.push_back(FileOrdinal::Base(candidate.index));
    overlay->removed.insert(candidate.index);
  }
  if (whole.empty()) return whole;
  auto rest = std::make_shared<DeltaScanInfo>(info);
  rest->overlay = std::move(overlay);
  auto& bind = found.scan->bind_data->Cast<duckdb::MultiFileBindData>();
  bind.file_list = duckdb::make_shared_ptr<DeltaFileList>(std::move(rest), found.list->predicate());
  return whole;
}

}  // namespace

duckdb::PhysicalOperator& LakeCatalog::PlanDelete(duckdb::ClientContext& context,
                                                  duckdb::PhysicalPlanGenerator& planner,
                                                  duckdb::LogicalDelete& op,
                                                  duckdb::PhysicalOperator& plan) {
  auto& table = op.table.Cast<DeltaTableEntry>();
  if (op.return_chunk) {
    throw duckdb::NotImplementedException(
        "DELETE … RETURNING is not supported on Delta tables; SELECT the rows before the DELETE");
  }
  const auto file_index = op.expressions[0]->Cast<duckdb::BoundReferenceExpression>().index;
  const auto row_number = op.expressions[1]->Cast<duckdb::BoundReferenceExpression>().index;
  auto& result = planner.Make<LakeDelete>(op.types, table, file_index, row_number,
                                          TakeWholeFiles(plan, table), op.estimated_cardinality);
  result.children.push_back(plan);
  return result;
}

}  // namespace tarn::duck
