// Warehouse: one thread's way to the lake, in the words of the run.
//
// What it is: an engine session with the dialect of the node that runs, commits that carry the
// run's id, and the questions materializations ask (does it exist, which columns).
//
// Threads: one at a time. Lifetime: the Engine outlives it.
//
// Errors: the engine's; SQL that fails keeps "<file>:<line>:<column>: " of the text given.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "transform/project/json.h"
#include "transform/project/relation.h"

namespace tarn::transform {

struct ExecutionOutcome {
  std::string kind;             // of the last statement: "CREATE TABLE"
  std::optional<int64_t> rows;  // touched
  engine::Rows result;          // of the last statement, when it gave rows
};

// What every session of a command is given before its first statement: functions, variables.
using SessionSetup = std::function<Status(engine::Session&)>;

class Warehouse {
 public:
  static Result<std::unique_ptr<Warehouse>> Open(engine::Engine& engine,
                                                 const SessionSetup& setup = {});

  void SetDialect(dialect::SqlDialect dialect) { session_->SetDialect(dialect); }
  dialect::SqlDialect dialect() const { return session_->dialect(); }

  // A script; `place` names it in errors.
  Result<ExecutionOutcome> Execute(const std::string& sql, const std::string& place);
  Result<engine::Rows> Query(const std::string& sql, const std::string& place);

  // "table", "view" or nothing.
  Result<std::optional<std::string>> KindOf(const Relation::Parts& parts);
  Result<std::vector<engine::Column>> ColumnsOf(const Relation& relation);
  // Columns that a query would give, without running it.
  Result<std::vector<engine::Column>> ColumnsOfQuery(const std::string& sql,
                                                     const std::string& place);
  Status CreateSchema(const std::string& schema);
  Status Drop(const Relation::Parts& parts);
  // Tables and views of a schema.
  Result<std::vector<std::pair<std::string, std::string>>> List(const std::string& schema);

  // Whether a commit of the table carries `text`.
  Result<bool> HasCommit(const std::string& table, const std::string& text);
  // Every commit of this table carries `text` until it is cleared.
  void Annotate(const std::string& table, const std::string& text);
  void ClearAnnotation(const std::string& table) { session_->AnnotateCommits(table, std::nullopt); }

  engine::Session& session() { return *session_; }
  bool InTransaction() { return session_->InTransaction(); }

 private:
  explicit Warehouse(std::unique_ptr<engine::Session> session) : session_(std::move(session)) {}
  std::unique_ptr<engine::Session> session_;
};

}  // namespace tarn::transform
