#include "transform/run/node_runner.h"

#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "transform/run/checked_materialize.h"
#include "transform/run/compiler.h"
#include "transform/run/lineage_book.h"

namespace tarn::transform {
namespace {

int64_t Now() { return Clock::System().NowMicros(); }

std::string Plural(int64_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

std::string TestQuery(const Node& node, const std::string& main_sql, bool limited) {
  const std::string calc = TextMember(node.config, "fail_calc", "count(*)");
  const Json& limit = Member(node.config, "limit");
  std::string sql = "select\n  " + calc + " as failures,\n  " + calc + " " +
                    TextMember(node.config, "warn_if", "!= 0") + " as should_warn,\n  " + calc +
                    " " + TextMember(node.config, "error_if", "!= 0") +
                    " as should_error\nfrom (\n" + main_sql + "\n";
  if (!limited && !limit.is_null()) sql += "limit " + PythonText(limit) + "\n";
  return sql + ") dbt_internal_test";
}

bool StoresFailures(const RunContext& context, const Node& node) {
  const std::string as = TextMember(node.config, "store_failures_as");
  if (as == "ephemeral") return false;
  if (as == "table" || as == "view") return true;
  return BoolMember(node.config, "store_failures", context.options.store_failures);
}

std::optional<bool> AsBool(const std::optional<std::string>& text) {
  if (!text) return false;
  if (*text == "true" || *text == "t" || *text == "1") return true;
  if (*text == "false" || *text == "f" || *text == "0") return false;
  return std::nullopt;
}

}  // namespace

std::string ExplainSqlError(const Node& node, const std::string& message) {
  const std::string prefix = std::string(kCompiledPlace) + ":";
  const size_t at = message.find(prefix);
  if (at == std::string::npos) return message;
  size_t line = 0, column = 0;
  int used = 0;
  if (std::sscanf(message.c_str() + at + prefix.size(), "%zu:%zu: %n", &line, &column, &used) !=
      2) {
    return message;
  }
  const std::string text = message.substr(0, at) + message.substr(at + prefix.size() + used);
  const size_t compiled_line = line >= kCodeLine ? line - kCodeLine + 1 : 0;
  const size_t source = SourceLineOf(node, compiled_line);
  std::string place = node.original_file_path;
  if (source > 0) place += ":" + std::to_string(source);
  return place + ": " + text;
}

void JudgeTest(const Node& node, int64_t failures, bool should_warn, bool should_error,
               NodeResult& result) {
  std::string severity = TextMember(node.config, "severity", "ERROR");
  std::transform(severity.begin(), severity.end(), severity.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  // As dbt counts: the rows of a test that passes (under a threshold of warn_if) are no failures.
  result.failures = 0;
  result.status = NodeStatus::kPass;
  const auto configured = [&](const char* key) {
    return ", configured to " + std::string(key == std::string("warn_if") ? "warn" : "fail") +
           " if " + TextMember(node.config, key, "!= 0");
  };
  if (severity == "ERROR" && should_error) {
    result.status = NodeStatus::kFail;
    result.failures = failures;
    result.message = "Got " + Plural(failures, "result") + configured("error_if");
  } else if (should_warn) {
    result.status = NodeStatus::kWarn;
    result.failures = failures;
    result.message = "Got " + Plural(failures, "result") + configured("warn_if");
  }
}

// A run that was cut off may have got as far as this node's commit; to insert its rows again would
// double them. Only where a second run would not give the same: the others are simply run.
Result<bool> NodeRunner::WasCommitted(RunScope& scope) {
  const Node& node = scope.node;
  const auto open = context_.open_runs.find(node.unique_id);
  if (open == context_.open_runs.end()) return false;
  const std::string kind = node.Materialized();
  const bool adds =
      kind == "snapshot" ||
      (kind == "incremental" && TextMember(node.config, "incremental_strategy") != "microbatch");
  if (!adds) return false;
  TARN_ASSIGN_OR_RETURN(const auto found, warehouse_.KindOf(scope.This()->parts()));
  if (!found || *found != "table") return false;
  for (const std::string& run : open->second) {
    TARN_ASSIGN_OR_RETURN(
        const bool there,
        warehouse_.HasCommit(node.schema + "." + node.alias, RunContext::CommitText(node, run)));
    if (there) return true;
  }
  return false;
}

void NodeRunner::Fail(NodeResult& result, const Status& status) {
  result.status = NodeStatus::kError;
  result.message = ExplainSqlError(*result.node, status.message());
  result.shown = "ERROR";
}

NodeResult NodeRunner::Compile(Node& node) {
  NodeResult result;
  result.node = &node;
  result.compile_start_micros = Now();
  RunScope scope(context_, node, warehouse_);
  Status status = CompileNode(scope);
  if (status.ok() && context_.lineage) status = context_.lineage->Enter(node, warehouse_);
  result.compile_end_micros = result.execute_start_micros = result.execute_end_micros = Now();
  if (!status.ok()) Fail(result, status);
  return result;
}

NodeResult NodeRunner::Run(Node& node) {
  NodeResult result;
  result.node = &node;
  result.compile_start_micros = Now();
  Status status;
  if (node.type == ResourceType::kUnitTest) {
    result.compile_end_micros = result.execute_start_micros = Now();
    status = RunUnitTest(context_, warehouse_, node, result);
  } else {
    RunScope scope(context_, node, warehouse_);
    const bool batches = TextMember(node.config, "incremental_strategy") == "microbatch";
    if (!batches || node.type != ResourceType::kModel) status = CompileNode(scope);
    if (status.ok() && context_.lineage) status = context_.lineage->Enter(node, warehouse_);
    result.compile_end_micros = result.execute_start_micros = Now();
    if (status.ok()) status = RunNode(scope, result);
    if (context_.options.write_files && !scope.main_sql.empty()) {
      (void)WriteTarget(context_, "run" + CompiledPath(node).substr(8), scope.main_sql);
    }
  }
  result.execute_end_micros = Now();
  if (!status.ok()) Fail(result, status);
  return result;
}

Status NodeRunner::RunNode(RunScope& scope, NodeResult& result) {
  switch (scope.node.type) {
    case ResourceType::kTest: return RunTest(scope, result);
    case ResourceType::kOperation: return RunOperation(scope, result);
    case ResourceType::kAnalysis: return Status::Ok();
    default: break;
  }
  if (scope.node.language == "python") {
    return Status::Unsupported(
        "model " + scope.node.unique_id + " (" + scope.node.original_file_path +
        ") is written in Python, which this version parses and does not run");
  }
  if (scope.node.IsEphemeral() || IsIdle(scope.node.type)) {
    if (IsIdle(scope.node.type)) result.failures = 0;
    result.status = NodeStatus::kNoOp;
    return Status::Ok();
  }
  const bool hooks = OwnMaterialization(scope) == nullptr;
  if (hooks) {
    TARN_RETURN_IF_ERROR(RunHooks(scope, "pre-hook", false));
    TARN_RETURN_IF_ERROR(RunHooks(scope, "pre-hook", true));
  }
  MaterializeOutcome outcome;
  TARN_ASSIGN_OR_RETURN(const bool committed, WasCommitted(scope));
  if (!committed) {
    TARN_ASSIGN_OR_RETURN(outcome, MaterializeChecked(scope, result));
  }
  if (hooks) {
    TARN_RETURN_IF_ERROR(RunHooks(scope, "post-hook", true));
    TARN_RETURN_IF_ERROR(RunHooks(scope, "post-hook", false));
  }
  result.status = NodeStatus::kSuccess;
  result.message = outcome.message;
  result.shown = outcome.message;
  result.response = outcome.response;
  return Status::Ok();
}

Status NodeRunner::RunHooks(RunScope& scope, const char* key, bool inside) {
  const Json& hooks = Member(scope.node.config, key);
  for (size_t i = 0; hooks.is_array() && i < hooks.size(); ++i) {
    if (BoolMember(hooks[i], "transaction", true) != inside) continue;
    TARN_ASSIGN_OR_RETURN(const std::string sql,
                          scope.Render(TextMember(hooks[i], "sql"), scope.node.original_file_path));
    if (sql.find_first_not_of(" \t\r\n;") == std::string::npos) continue;
    scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
    const auto ran = scope.warehouse.Execute(sql, "");
    if (!ran.ok()) {
      return ran.status().WithContext(std::string(key) + " of " + scope.node.unique_id);
    }
  }
  return Status::Ok();
}

Status NodeRunner::RunTest(RunScope& scope, NodeResult& result) {
  Node& node = scope.node;
  const Macro* custom = context_.project.macros->FindMaterialization("test", node.package_name);
  const bool stored = StoresFailures(context_, node);
  std::string main_sql = node.compiled_code;
  if (stored) {
    const Json& limit = Member(node.config, "limit");
    if (!limit.is_null()) {
      main_sql =
          "select * from (\n" + main_sql + "\n) as model_limit_subq limit " + PythonText(limit);
    }
    TARN_RETURN_IF_ERROR(warehouse_.CreateSchema(node.schema));
    const auto relation = scope.This();
    node.relation_name = relation->Render();
    TARN_RETURN_IF_ERROR(warehouse_.Drop(relation->parts()));
    const bool view = TextMember(node.config, "store_failures_as") == "view";
    const std::string create =
        view ? "create or replace view " + relation->Render() + " as\n" + main_sql
             : CreateTableSql(scope, *relation, main_sql);
    TARN_RETURN_IF_ERROR(RunAnnotated(scope, create).status());
    main_sql = "select * from " + relation->Render();
  }
  std::string sql = TestQuery(node, main_sql, stored);
  if (custom != nullptr && custom->info.package_name != kBuiltinPackage) {
    return MaterializeByMacro(scope, *custom).status();
  }
  if (IsChainOverridden(scope, "get_test_sql")) {
    TARN_ASSIGN_OR_RETURN(
        const jinja::Value made,
        scope.CallMacro("get_test_sql",
                        {jinja::Value(main_sql), jinja::Value(TextMember(node.config, "fail_calc")),
                         jinja::Value(TextMember(node.config, "warn_if")),
                         jinja::Value(TextMember(node.config, "error_if")), jinja::Value::None()}));
    sql = made.Str();
  }
  scope.main_sql = sql;
  warehouse_.SetDialect(context_.DialectOf(node));
  auto rows = warehouse_.Query(sql, "");
  if (!rows.ok()) {
    // Said again with places: the test's own text, as if it were the statement.
    auto again = warehouse_.Query("select * from (\n" + node.compiled_code + "\n) as t limit 0",
                                  kCompiledPlace);
    return again.ok() ? rows.status() : again.status();
  }
  if (rows->rows.size() != 1 || rows->rows[0].size() < 3) {
    return Status::Internal("dbt internally failed to execute " + node.unique_id + ": returned " +
                            std::to_string(rows->rows.size()) + " rows, but expected 1 row");
  }
  const auto warn = AsBool(rows->rows[0][1]), error = AsBool(rows->rows[0][2]);
  if (!warn || !error) {
    return Status::InvalidArgument("warn_if and error_if of " + node.unique_id +
                                   " must give true or false");
  }
  const std::string count = rows->rows[0][0].value_or("0");
  JudgeTest(node, std::strtoll(count.c_str(), nullptr, 10), *warn, *error, result);
  return Status::Ok();
}

Status NodeRunner::RunOperation(RunScope& scope, NodeResult& result) {
  result.status = NodeStatus::kSuccess;
  result.message = result.shown = "OK";
  result.failures = 0;
  const std::string& sql = scope.node.compiled_code;
  if (sql.find_first_not_of(" \t\r\n;") == std::string::npos) return Status::Ok();
  warehouse_.SetDialect(context_.DialectOf(scope.node));
  return warehouse_.Execute(sql, "").status();
}

}  // namespace tarn::transform
