// ConstraintSet: what every row written to a table must satisfy: NOT NULL columns (nested struct
// fields included), CHECK constraints (`delta.constraints.*`), column invariants and, for REPLACE
// WHERE, the predicate of the replaced rows. A CHECK that is NULL is a violation, as in Spark.
//
// Constraint texts are SQL of the writer that made them, usually Spark's. They are bound as DuckDB
// SQL after SetExpressionTranslator's translation; without one, back-quoted names are understood.
//
// Threads: ConstraintSet is immutable; one ConstraintChecker per thread. Errors:
// ConstraintException naming table, constraint and the row's values; NotImplementedException when a
// text cannot be bound.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "duck/write_target.h"
#include "duckdb.hpp"
#include "duckdb/execution/expression_executor.hpp"

namespace tarn::duck {

// Turns a constraint text stored in a table into DuckDB SQL. Process-wide; set before the first
// query. May throw duckdb exceptions. Null resets.
void SetExpressionTranslator(std::function<std::string(const std::string&)> translate);
std::string TranslateExpression(const std::string& sql);

struct CheckConstraint {
  std::string name;                              // shown in messages
  std::string sql;                               // as stored
  duckdb::unique_ptr<duckdb::Expression> bound;  // over chunks of all table columns
  std::vector<duckdb::idx_t> columns;            // it reads
};

class ConstraintSet {
 public:
  // Constraints of the table; `replaced` ("" for none) is added as one.
  ConstraintSet(duckdb::ClientContext& context, std::shared_ptr<const WriteTarget> target,
                const std::string& replaced);
  // One condition alone, for looking at rows that are there.
  ConstraintSet(std::shared_ptr<const WriteTarget> target, CheckConstraint check);
  // One expression over the table's columns, bound to chunks of all columns. `stored` texts come
  // from the table's metadata and are translated; others are DuckDB SQL.
  static CheckConstraint Bind(duckdb::ClientContext& context, const WriteTarget& target,
                              const std::string& name, const std::string& sql, bool stored,
                              const duckdb::LogicalType& type = duckdb::LogicalType::BOOLEAN);

  const WriteTarget& target() const { return *target_; }
  const std::vector<CheckConstraint>& checks() const { return checks_; }
  bool empty() const { return checks_.empty() && !has_not_null_; }
  bool has_not_null() const { return has_not_null_; }

 private:
  std::shared_ptr<const WriteTarget> target_;
  std::vector<CheckConstraint> checks_;
  bool has_not_null_ = false;
};

class ConstraintChecker {
 public:
  ConstraintChecker(duckdb::ClientContext& context, const ConstraintSet& set);
  // `rows`: all table columns (more may follow). Throws at the first violation.
  void Check(duckdb::DataChunk& rows);

 private:
  void Fail(const CheckConstraint& check, duckdb::DataChunk& rows, duckdb::idx_t row) const;
  const ConstraintSet& set_;
  std::vector<duckdb::unique_ptr<duckdb::ExpressionExecutor>> executors_;
};

// The table's columns as DuckDB's binder wants them.
duckdb::ColumnList ColumnsOf(const WriteTarget& target);

}  // namespace tarn::duck
