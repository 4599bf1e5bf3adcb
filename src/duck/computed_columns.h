// Columns whose values the table makes itself: GENERATED ALWAYS AS (expression) and identity
// columns (PROTOCOL.md, "Generated Columns", "Identity Columns"). Values that a statement leaves
// out arrive as NULL: it is computed, or numbered, here. What a statement does give is checked: a
// generated column must hold the value of its expression, an identity GENERATED ALWAYS takes none.
//
// What it does not do: column defaults, which DuckDB's binder puts in place of omitted columns.
//
// Threads: ComputedColumns and IdentityNumbers are shared, one ColumnFiller per thread. Errors:
// ConstraintException naming table, column and values; OutOfRangeException when an identity column
// runs out of numbers; NotImplementedException for expressions that cannot be evaluated here.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "duck/constraints.h"
#include "duck/write_target.h"
#include "duckdb.hpp"
#include "duckdb/execution/expression_executor.hpp"

namespace tarn::duck {

struct GeneratedColumn {
  duckdb::idx_t column = 0;  // position in the table
  CheckConstraint expression;
};

struct IdentityColumn {
  duckdb::idx_t column = 0;
  int64_t start = 1;
  int64_t step = 1;
  std::optional<int64_t> high_water_mark;
  bool allow_explicit = false;
};

// The identity of a field, if it has one. Errors: Corruption of its metadata as an exception.
std::optional<IdentityColumn> IdentityOf(const delta::StructField& field, duckdb::idx_t position);
bool IsGenerated(const delta::StructField& field);
bool IsIdentity(const delta::StructField& field);

// Hands out the numbers of one identity column to the threads of one statement.
class IdentityNumbers {
 public:
  IdentityNumbers(std::string table, std::string name, const IdentityColumn& column);
  // The first of `count` numbers, `step` apart.
  int64_t Take(uint64_t count);
  // Set when any was taken.
  std::optional<int64_t> high_water_mark() const;

 private:
  const std::string table_, name_;
  const IdentityColumn column_;
  std::mutex mutex_;
  uint64_t next_ = 0;  // multiples of step beyond start
  bool taken_ = false;
};

class ComputedColumns {
 public:
  ComputedColumns(duckdb::ClientContext& context, std::shared_ptr<const WriteTarget> target);

  bool empty() const { return generated_.empty() && identities_.empty(); }
  const WriteTarget& target() const { return *target_; }
  const std::vector<GeneratedColumn>& generated() const { return generated_; }
  const std::vector<IdentityColumn>& identities() const { return identities_; }
  IdentityNumbers& numbers(size_t i) const { return *numbers_[i]; }
  // The schema with the marks of the numbers that were taken; nullopt when none were.
  std::optional<delta::Schema> WithNewMarks() const;

 private:
  std::shared_ptr<const WriteTarget> target_;
  std::vector<GeneratedColumn> generated_;
  std::vector<IdentityColumn> identities_;
  std::vector<std::unique_ptr<IdentityNumbers>> numbers_;
};

class ColumnFiller {
 public:
  ColumnFiller(duckdb::ClientContext& context, const ComputedColumns& columns);
  // `rows`: all table columns. The result shares their data and lives until the next call. Identity
  // numbers are given to inserted rows only.
  duckdb::DataChunk& Fill(duckdb::DataChunk& rows, bool inserted);

 private:
  void Number(size_t identity, duckdb::DataChunk& rows);
  void Generate(size_t generated, duckdb::DataChunk& rows);

  const ComputedColumns& columns_;
  std::vector<duckdb::unique_ptr<duckdb::ExpressionExecutor>> executors_;
  duckdb::DataChunk filled_;
};

// CREATE TABLE: expressions can be evaluated, refer to plain columns and fit their column; identity
// columns are BIGINT with a step; defaults are constants of their column's type.
void CheckColumnDefinitions(duckdb::ClientContext& context,
                            const std::shared_ptr<const WriteTarget>& target);
// INSERT and MERGE: throws when a default was written by another engine in words that DuckDB does
// not understand, since leaving the column out would then mean NULL.
void RefuseUnreadableDefaults(const duckdb::TableCatalogEntry& table, const delta::Schema& schema);

}  // namespace tarn::duck
