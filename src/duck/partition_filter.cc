#include "duck/partition_filter.h"

#include <algorithm>
#include <map>

#include "delta/file_table.h"
#include "delta/value.h"
#include "duck/constraints.h"
#include "duck/delta_scan.h"
#include "duck/status_exception.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/execution/expression_executor.hpp"

namespace tarn::duck {

namespace {

// Evaluates the condition for one partition at a time.
class PartitionCondition {
 public:
  PartitionCondition(duckdb::ClientContext& context, const WriteTarget& target,
                     const std::string& sql)
      : context_(context),
        target_(target),
        condition_(ConstraintSet::Bind(context, target, "the condition", sql, false)),
        executor_(context, *condition_.bound) {
    for (const auto column : condition_.columns) {
      const auto& partitions = target.partition_columns;
      if (std::find(partitions.begin(), partitions.end(), column) != partitions.end()) continue;
      throw duckdb::InvalidInputException(
          "the condition may name partition columns only, and '%s' of table %s is none%s",
          target.schema.fields[column].name, target.name,
          partitions.empty() ? ": the table has no partitions, leave WHERE out" : "");
    }
  }

  bool Holds(const delta::FileTable& files, delta::FileIndex index) {
    duckdb::DataChunk row;
    row.InitializeEmpty(target_.types);
    for (size_t i = 0; i < target_.types.size(); ++i) {
      row.data[i].Reference(duckdb::Value(target_.types[i]));
    }
    for (const auto column : target_.partition_columns) {
      const auto text = files.PartitionValue(index, target_.PhysicalName(column));
      row.data[column].Reference(
          PartitionConstant(context_, text ? std::optional<std::string>(*text) : std::nullopt,
                            *target_.schema.fields[column].type));
    }
    row.SetCardinality(1);
    duckdb::SelectionVector matching(STANDARD_VECTOR_SIZE);
    return executor_.SelectExpression(row, matching) == 1;
  }

 private:
  duckdb::ClientContext& context_;
  const WriteTarget& target_;
  CheckConstraint condition_;
  duckdb::ExpressionExecutor executor_;
};

}  // namespace

std::vector<delta::FileIndex> SelectPartitions(duckdb::ClientContext& context,
                                               const delta::Snapshot& snapshot,
                                               const WriteTarget& target,
                                               const std::string& predicate_sql) {
  std::vector<delta::FileIndex> out;
  std::unique_ptr<PartitionCondition> condition;
  if (!predicate_sql.empty()) {
    condition = std::make_unique<PartitionCondition>(context, target, predicate_sql);
  }
  const auto& files = snapshot.files();
  std::map<std::vector<std::optional<std::string>>, bool> judged;
  for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
    const delta::FileIndex index(i);
    if (condition) {
      std::vector<std::optional<std::string>> key;
      for (const auto column : target.partition_columns) {
        const auto text = files.PartitionValue(index, target.PhysicalName(column));
        key.push_back(text ? std::optional<std::string>(*text) : std::nullopt);
      }
      auto found = judged.find(key);
      if (found == judged.end()) {
        found = judged.emplace(std::move(key), condition->Holds(files, index)).first;
      }
      if (!found->second) continue;
    }
    out.push_back(index);
  }
  return out;
}

}  // namespace tarn::duck
