#include "duck/overwrite.h"

#include <utility>

#include "duck/file_rescan.h"
#include "duck/filter_predicate.h"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace tarn::duck {

void RemoveAll(TableWrite& write) {
  auto& delta = write.delta();
  delta.ReadWholeTable();
  if (delta.base()) {
    for (uint32_t i = 0; i < delta.base()->num_files(); ++i) {
      const delta::FileIndex index(i);
      if (!delta.IsRemoved(index)) write.DropFile(FileOrdinal::Base(index));
    }
  }
  for (size_t i = 0; i < delta.added_files().size(); ++i) write.DropFile(FileOrdinal::Added(i));
}

namespace {

delta::Predicate PredicateOf(const CheckConstraint& condition, const WriteTarget& target) {
  return ToPredicate(*condition.bound,
                     [&](const duckdb::Expression& leaf) -> std::optional<ColumnPath> {
                       if (leaf.GetExpressionClass() != duckdb::ExpressionClass::BOUND_REF)
                         return std::nullopt;
                       const auto column = leaf.Cast<duckdb::BoundReferenceExpression>().index;
                       const auto& field = target.schema.fields.at(column);
                       return ColumnPath{{field.name}, field.type.get()};
                     });
}

// One worker's share of looking for matching rows.
struct Finder {
  TableWrite::LocalPtr local;
  duckdb::unique_ptr<duckdb::ExpressionExecutor> executor;
};

void FindRows(duckdb::ClientContext& context, TableWrite& write, const CheckConstraint& condition,
              const std::vector<uint64_t>& ordinals, std::vector<delta::AddFile> files) {
  std::vector<Finder> finders(RescanWorkers(context, files.size()));
  const duckdb::idx_t columns = write.target().types.size();
  RescanVisitor visitor;
  visitor.begin = [&](duckdb::ExecutionContext& execution, size_t worker) {
    finders[worker].local = write.MakeLocal();
    finders[worker].executor =
        duckdb::make_uniq<duckdb::ExpressionExecutor>(execution.client, *condition.bound);
  };
  visitor.rows = [&](duckdb::ExecutionContext&, size_t worker, duckdb::DataChunk& rows) {
    duckdb::SelectionVector matching(STANDARD_VECTOR_SIZE);
    const duckdb::idx_t count = finders[worker].executor->SelectExpression(rows, matching);
    if (count == 0) return;
    rows.Slice(matching, count);
    // The rescan numbers its own files; say which they are in the table.
    rows.data[columns].Flatten(count);
    auto* ordinal = duckdb::FlatVector::GetData<uint64_t>(rows.data[columns]);
    duckdb::Vector real(duckdb::LogicalType::UBIGINT, count);
    auto* out = duckdb::FlatVector::GetData<uint64_t>(real);
    for (duckdb::idx_t i = 0; i < count; ++i) {
      out[i] = ordinals[FileOrdinal::AddedPosition(ordinal[i])];
    }
    write.Delete(*finders[worker].local, real, rows.data[columns + 1], count, RowChange::kDelete);
  };
  visitor.end = [&](duckdb::ExecutionContext& execution, size_t worker) {
    write.Combine(execution, *finders[worker].local);
  };
  RescanFiles(context, write.entry(), std::move(files), visitor);
}

}  // namespace

void RemoveMatching(duckdb::ClientContext& context, TableWrite& write,
                    const std::string& predicate_sql) {
  const CheckConstraint condition =
      ConstraintSet::Bind(context, write.target(), "the condition", predicate_sql, false);
  const delta::Predicate predicate = PredicateOf(condition, write.target());
  auto& delta = write.delta();
  const bool exact = IsExact(predicate);
  std::vector<uint64_t> ordinals;
  std::vector<delta::AddFile> files;
  if (delta.base()) {
    delta.ReadWhere(predicate);
    for (const auto& candidate : delta.base()->Prune(predicate)) {
      if (delta.IsRemoved(candidate.index)) continue;
      if (exact && candidate.verdict == delta::Verdict::kAll) {
        write.DropFile(FileOrdinal::Base(candidate.index));
        continue;
      }
      ordinals.push_back(FileOrdinal::Base(candidate.index));
      files.push_back(delta.base()->File(candidate.index));
      if (auto vector = delta.NewDeletionVector(candidate.index))
        files.back().deletion_vector = *vector;
    }
  }
  for (size_t i = 0; i < delta.added_files().size(); ++i) {
    ordinals.push_back(FileOrdinal::Added(i));
    files.push_back(delta.added_files()[i]);
  }
  FindRows(context, write, condition, ordinals, std::move(files));
}

}  // namespace tarn::duck
