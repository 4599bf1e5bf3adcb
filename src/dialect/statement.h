// One statement's tokens to DuckDB statements: the recognizer behind Translate.
//
// What it is: pure C++, no DuckDB: safe to run under sanitizers and to feed with garbage. Translate
// (dialect.h) adds the one step that needs DuckDB's parser, finishing predicates that travel as
// text. README.md lists each statement and what it becomes.
//
// Threads: pure function. Errors: as Translate.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "dialect/dialect.h"
#include "dialect/statement_cursor.h"
#include "dialect/statement_writer.h"

namespace tarn::dialect {

// Gives an expression, already in DuckDB's words, Spark's meaning where the dialect asks for it.
// Needed for the predicate of REPLACE WHERE, which a procedure takes as text.
using ExpressionFinisher = std::function<Result<std::string>(const std::string& sql)>;

// Translate without DuckDB; a null finisher leaves expressions as the token rewrite made them.
Result<std::vector<TranslatedStatement>> TranslateText(std::string_view sql, SqlDialect dialect,
                                                       const TranslateContext& context,
                                                       const ExpressionFinisher& finish);

// An expression on its own in DuckDB's words.
Result<std::string> TranslateExpressionText(std::string_view sql, SqlDialect dialect,
                                            const TranslateContext& context);

class StatementTranslator {
 public:
  StatementTranslator(StatementCursor& cursor, const ExpressionFinisher& finish,
                      std::vector<TranslatedStatement>& out)
      : c_(cursor), finish_(finish), out_(out) {}

  // The whole statement under the cursor.
  Status Translate();

 private:
  struct ColumnOptions {
    std::string constraints;  // NOT NULL, DEFAULT … in DuckDB's words
    Properties extras;        // WITH options
  };
  struct TableClauses {
    std::vector<std::string> partitioned_by;
    std::string partition_columns;  // typed PARTITIONED BY (c type): more column definitions
    std::vector<std::string> cluster_by;
    Properties properties;
    Properties extras;
    bool has_query = false;
  };
  // Target of INSERT, UPDATE, DELETE or MERGE with the names its columns may be qualified by.
  struct Target {
    ObjectName name;
    std::string alias;
    std::string sql;  // DuckDB's table and alias
  };

  // statement.cc
  Status Dispatch();
  Status DispatchDuckdb();
  Status PassThrough(std::string_view kind, bool is_query);
  Status Verbatim();
  void WriteVerbatim(SqlWriter& writer);
  Status Query();
  Status WithStatement();
  Status Explain();
  Status Use();
  Status Set();
  Status Refuse(std::string_view what, std::string_view remedy);
  bool HasDeltaTableClause() const;
  bool NeedsRewrite() const;

  // statement_table.cc
  Status CreateTable();
  Status CreateTableLike(const std::string& head);
  Result<std::string> ReadTableElement(TableClauses& clauses);
  Result<std::string> ReadColumn(TableClauses& clauses, std::string_view after_name);
  Result<ColumnOptions> ReadColumnOptions(const std::string& column);
  Status ReadColumnOption(const std::string& column, ColumnOptions& options);
  Status ReadGenerated(const std::string& key, ColumnOptions& options);
  Result<std::string> ReadIdentityRange();
  Result<std::pair<std::string, std::string>> ReadCheck(const std::string& fallback_name);
  Status ReadTableClauses(TableClauses& clauses);
  Status ReadPartitionedBy(TableClauses& clauses);
  Status WriteTableOptions(const TableClauses& clauses, SqlWriter& writer);
  Status CreateSchema();
  Status CreateView(bool replace_only);
  Status Drop();

  // statement_alter.cc
  Status AlterTable();
  Status AlterAdd(const ObjectName& table);
  Status AlterDrop(const ObjectName& table);
  Status AlterRename(const ObjectName& table);
  Status AlterSet(const ObjectName& table);
  Status AlterColumn(const ObjectName& table);
  Status AddColumn(const ObjectName& table);
  Status SetComment(const ObjectName& table, const std::string& column,
                    const std::optional<std::string>& comment);
  Result<std::vector<std::string>> ReadColumnPath();
  Status CommentOn();

  // statement_change.cc
  Status Insert(const std::string& with_clause);
  Status EmitOverwrite(const ObjectName& table, const std::string& predicate_sql);
  Result<std::string> ReadReplaceWhere();
  Result<std::string> ReadPredicate(size_t first, size_t last);
  Status Delete();
  Status Update();
  Result<Target> ReadTarget(std::string_view what);
  Result<std::string> ReadTargetColumn(const Target& target);
  Status WriteAssignments(const Target& target, size_t end, SqlWriter& writer);

  // statement_maintain.cc
  Result<bool> Maintenance();
  struct MaintenanceWhere {
    std::string sql = "NULL";  // literals of the procedure's arguments
    std::string text = "NULL";
  };
  Result<MaintenanceWhere> ReadMaintenanceWhere(std::initializer_list<std::string_view> next);
  Status Optimize();
  Status Reorg();
  Status Vacuum();
  Status Restore();
  Status Clone(const ObjectName& name, bool replace, bool if_not_exists);
  Status Convert();
  Status Generate();
  Status Fsck();

  // statement_merge.cc
  Status Merge();
  Status WriteMergeClause(const Target& target, const std::string& source_alias, SqlWriter& writer);
  Status WriteMergeUpdate(const Target& target, const std::string& source_alias, bool by_source,
                          SqlWriter& writer);
  Status WriteMergeInsert(const Target& target, const std::string& source_alias, SqlWriter& writer);
  size_t FindMergeBoundary(size_t from) const;
  std::vector<std::string> TargetColumns(const Target& target) const;

  // statement_show.cc
  Status Describe();
  Status DescribeTable(bool extended);
  Status Show();
  Status ShowTables(bool views);
  Status ShowSchemas();
  Status ShowProperties();
  Status ShowColumns();
  Status ShowCreateTable();
  Status ShowPartitions();
  Result<std::string> ReadLikeFilter(std::string_view column);

  // The cursor stands at the end of the statement's last clause; rewrites the rest into the writer.
  Status RewriteRest(SqlWriter& writer);
  Status RewriteUntil(size_t end, SqlWriter& writer);
  void Add(SqlWriter& writer, std::string_view kind, bool is_query, bool rewrite);
  void AddText(std::string sql, std::string_view kind, bool is_query);

  StatementCursor& c_;
  const ExpressionFinisher& finish_;
  std::vector<TranslatedStatement>& out_;
};

// ['a', 'b'] as a DuckDB list of strings; an empty one keeps its type.
std::string StringList(const std::vector<std::string>& values);

}  // namespace tarn::dialect
