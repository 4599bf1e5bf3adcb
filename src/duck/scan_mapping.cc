#include "duck/scan_mapping.h"

#include <utility>

#include "duck/delta_scan.h"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/planner/expression/bound_conjunction_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/expression/bound_operator_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/expression_filter.hpp"

namespace tarn::duck {

namespace {

bool IsRowTrackingColumn(duckdb::column_t id) {
  return id == kRowIdColumn || id == kRowVersionColumn;
}

// The filter as an expression over the table's value; null for filters that need not be applied.
duckdb::unique_ptr<duckdb::Expression> ExactExpression(const duckdb::TableFilter& filter,
                                                       const duckdb::Expression& column) {
  switch (filter.filter_type) {
    case duckdb::TableFilterType::OPTIONAL_FILTER:
    case duckdb::TableFilterType::DYNAMIC_FILTER:
    case duckdb::TableFilterType::BLOOM_FILTER: return nullptr;
    case duckdb::TableFilterType::CONJUNCTION_AND: {
      auto all = duckdb::make_uniq<duckdb::BoundConjunctionExpression>(
          duckdb::ExpressionType::CONJUNCTION_AND);
      for (const auto& child : filter.Cast<duckdb::ConjunctionAndFilter>().child_filters) {
        if (auto expression = ExactExpression(*child, column)) {
          all->children.push_back(std::move(expression));
        }
      }
      if (all->children.size() > 1) return all;
      return all->children.empty() ? nullptr : std::move(all->children[0]);
    }
    default: return filter.ToExpression(column);
  }
}

}  // namespace

duckdb::unique_ptr<duckdb::TableFilterSet> ExactFilters(
    const FileColumns& table, const FileColumns& file,
    const duckdb::vector<duckdb::ColumnIndex>& ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters) {
  if (!filters) return nullptr;
  auto out = duckdb::make_uniq<duckdb::TableFilterSet>();
  bool changed = false;
  for (const auto& entry : filters->filters) {
    const auto id = ids[entry.first].GetPrimaryIndex();
    if (duckdb::IsVirtualColumn(id) || KeepsComparisons(table[id], file)) {
      out->filters[entry.first] = entry.second->Copy();
      continue;
    }
    changed = true;
    const duckdb::BoundReferenceExpression column(table[id].type, duckdb::storage_t(0));
    if (auto expression = ExactExpression(*entry.second, column)) {
      out->filters[entry.first] =
          duckdb::make_uniq<duckdb::ExpressionFilter>(std::move(expression));
    }
  }
  return changed ? std::move(out) : nullptr;
}

duckdb::Value LongOrNull(const std::optional<int64_t>& number) {
  return number ? duckdb::Value::BIGINT(*number) : duckdb::Value(duckdb::LogicalType::BIGINT);
}

duckdb::unique_ptr<duckdb::TableFilterSet> WithoutRowTracking(
    const duckdb::vector<duckdb::ColumnIndex>& ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters) {
  if (!filters) return nullptr;
  auto rest = duckdb::make_uniq<duckdb::TableFilterSet>();
  for (const auto& entry : filters->filters) {
    if (IsRowTrackingColumn(ids[entry.first].GetPrimaryIndex())) continue;
    rest->filters[entry.first] = entry.second->Copy();
  }
  return rest->filters.size() == filters->filters.size() ? nullptr : std::move(rest);
}

duckdb::shared_ptr<duckdb::Expression> RowFilter(
    const duckdb::vector<duckdb::ColumnIndex>& ids,
    duckdb::optional_ptr<duckdb::TableFilterSet> filters,
    const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& columns) {
  if (!filters) return nullptr;
  auto all = duckdb::make_shared_ptr<duckdb::BoundConjunctionExpression>(
      duckdb::ExpressionType::CONJUNCTION_AND);
  for (const auto& entry : filters->filters) {
    if (!IsRowTrackingColumn(ids[entry.first].GetPrimaryIndex())) continue;
    if (auto expression = ExactExpression(*entry.second, *columns.at(entry.first))) {
      all->children.push_back(std::move(expression));
    }
  }
  if (all->children.empty()) return nullptr;
  return all;
}

namespace {

duckdb::unique_ptr<duckdb::Expression> Reference(duckdb::idx_t local) {
  return duckdb::make_uniq<duckdb::BoundReferenceExpression>(duckdb::LogicalType::BIGINT, local);
}

// coalesce(the hidden column, `fallback`); the hidden column joins those that are read.
duckdb::unique_ptr<duckdb::Expression> HiddenOr(const std::string& name,
                                                duckdb::unique_ptr<duckdb::Expression> fallback,
                                                duckdb::BaseFileReader* reader) {
  for (duckdb::idx_t i = 0; i < reader->columns.size(); ++i) {
    if (reader->columns[i].name != name) continue;
    auto hidden = Reference(reader->column_ids.size());
    reader->column_ids.push_back(duckdb::MultiFileLocalColumnId(i));
    reader->column_indexes.emplace_back(i);
    auto either = duckdb::make_uniq<duckdb::BoundOperatorExpression>(
        duckdb::ExpressionType::OPERATOR_COALESCE, duckdb::LogicalType::BIGINT);
    either->children.push_back(std::move(hidden));
    either->children.push_back(std::move(fallback));
    return either;
  }
  return fallback;
}

}  // namespace

void MapRowTracking(duckdb::ClientContext& context, const delta::HiddenRowColumns& hidden,
                    const delta::AddFile& file,
                    const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
                    duckdb::MultiFileReaderData* data) {
  for (size_t i = 0; i < global_column_ids.size() && i < data->expressions.size(); ++i) {
    const auto id = global_column_ids[i].GetPrimaryIndex();
    auto& expression = data->expressions[i];
    if (id == kRowVersionColumn) {
      expression = HiddenOr(hidden.row_commit_version, std::move(expression), data->reader.get());
    }
    if (id != kRowIdColumn) continue;
    duckdb::unique_ptr<duckdb::Expression> fresh;
    if (file.base_row_id) {
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> sum;
      sum.push_back(std::move(expression));
      sum.push_back(
          duckdb::make_uniq<duckdb::BoundConstantExpression>(LongOrNull(file.base_row_id)));
      duckdb::ErrorData error;
      duckdb::FunctionBinder binder(context);
      fresh = binder.BindScalarFunction(DEFAULT_SCHEMA, "+", std::move(sum), error, true);
      if (!fresh) error.Throw();
    } else {
      fresh = duckdb::make_uniq<duckdb::BoundConstantExpression>(LongOrNull(std::nullopt));
    }
    expression = HiddenOr(hidden.row_id, std::move(fresh), data->reader.get());
  }
}

}  // namespace tarn::duck
