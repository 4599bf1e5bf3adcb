#include "transform/run/checked_materialize.h"

#include <algorithm>

#include "base/clock.h"
#include "dialect/lexer.h"
#include "transform/run/dq_rules.h"
#include "transform/run/node_runner.h"

namespace tarn::transform {
namespace {

constexpr const char* kDqTable = "system.dq_results";

std::string Quoted(const std::string& name) { return QuoteName(name, '"'); }

// Puts a node's alias and code back, whatever happens in between.
class NodeGuard {
 public:
  explicit NodeGuard(Node& node) : node_(node), alias_(node.alias), code_(node.compiled_code) {}
  NodeGuard(const NodeGuard&) = delete;
  NodeGuard& operator=(const NodeGuard&) = delete;
  ~NodeGuard() {
    node_.alias = alias_;
    node_.compiled_code = code_;
  }

 private:
  Node& node_;
  std::string alias_, code_;
};

class CheckedModel {
 public:
  CheckedModel(RunScope& scope, NodeResult& result, std::vector<DqRule> rules, bool audit)
      : scope_(scope),
        warehouse_(scope.warehouse),
        node_(scope.node),
        result_(result),
        rules_(std::move(rules)),
        audit_(audit),
        staged_("tarn_staged__" + node_.alias) {}

  Result<MaterializeOutcome> Run() {
    const NodeGuard guard(node_);
    auto outcome = RunStaged();
    (void)warehouse_.session().QueryDuckdb("DROP TABLE IF EXISTS temp." + Quoted(staged_));
    return outcome;
  }

 private:
  Result<MaterializeOutcome> RunStaged() {
    TARN_RETURN_IF_ERROR(Stage());
    if (!rules_.empty()) TARN_RETURN_IF_ERROR(Count());
    node_.compiled_code = StagedQuery();
    if (audit_) TARN_RETURN_IF_ERROR(Audit());
    if (!rules_.empty()) TARN_RETURN_IF_ERROR(Quarantine());
    // Tests and the quarantine speak their own; names are quoted by the session's.
    warehouse_.SetDialect(scope_.context.DialectOf(node_));
    TARN_ASSIGN_OR_RETURN(MaterializeOutcome outcome, Materialize(scope_));
    for (const auto& [key, value] : result_.response.items()) outcome.response[key] = value;
    const int64_t broken = flagged_ + quarantined_;
    if (broken > 0) {
      outcome.message += ", " + std::to_string(flagged_) + " flagged, " +
                         std::to_string(quarantined_) + " quarantined";
    }
    return outcome;
  }

  Status Stage() {
    const std::string query = rules_.empty()
                                  ? "select * from (\n" + node_.compiled_code + "\n) as staged_rows"
                                  : JudgedQuery(node_.compiled_code, rules_, true);
    warehouse_.SetDialect(scope_.context.DialectOf(node_));
    const char quote = scope_.quote();
    TARN_RETURN_IF_ERROR(warehouse_
                             .Execute("create or replace temporary table " +
                                          QuoteName(staged_, quote) + " as " + query,
                                      kCompiledPlace)
                             .status());
    TARN_ASSIGN_OR_RETURN(const auto rows, warehouse_.session().QueryDuckdb(
                                               "DESCRIBE SELECT * FROM temp." + Quoted(staged_)));
    for (const auto& row : rows.rows) {
      if (row[0] && *row[0] != kDqQuarantined) {
        columns_.push_back({*row[0], row[1].value_or("VARCHAR"), false});
      }
    }
    return Status::Ok();
  }

  std::string Columns(char quote) const {
    std::string list;
    for (const engine::Column& column : columns_) {
      list += (list.empty() ? "" : ", ") + QuoteName(column.name, quote);
    }
    return list;
  }

  std::string StagedQuery() const {
    const char quote = scope_.quote();
    std::string sql = "select " + Columns(quote) + " from " + QuoteName(staged_, quote);
    if (!rules_.empty()) sql += " where not " + std::string(kDqQuarantined);
    return sql;
  }

  // How many rows broke which rule; stops where a rule says so.
  Status Count() {
    std::string list =
        "count(*), count(*) FILTER (WHERE dq_quarantined), count(*) FILTER (WHERE "
        "NOT dq_passed AND NOT dq_quarantined)";
    for (const DqRule& rule : rules_) {
      list += ", count(*) FILTER (WHERE list_contains(string_split(dq_failure_reason, '; '), " +
              dialect::QuoteString(rule.name) + "))";
    }
    TARN_ASSIGN_OR_RETURN(const auto rows, warehouse_.session().QueryDuckdb(
                                               "SELECT " + list + " FROM temp." + Quoted(staged_)));
    const auto number = [&](size_t at) {
      return std::strtoll(rows.rows[0][at].value_or("0").c_str(), nullptr, 10);
    };
    quarantined_ = number(1);
    flagged_ = number(2);
    Json told = Json::array();
    std::string stopped;
    for (size_t i = 0; i < rules_.size(); ++i) {
      const int64_t broken = number(3 + i);
      told.push_back({{"name", rules_[i].name},
                      {"action", DqActionName(rules_[i].action)},
                      {"broken", broken}});
      if (rules_[i].action == DqAction::kFail && broken > 0) {
        stopped += (stopped.empty() ? "" : ", ") + rules_[i].name + " (" + std::to_string(broken) +
                   " of " + std::to_string(number(0)) + " rows)";
      }
    }
    result_.response["dq"] = {{"rows", number(0)},
                              {"flagged", flagged_},
                              {"quarantined", quarantined_},
                              {"rules", std::move(told)}};
    if (stopped.empty()) return Status::Ok();
    return Status::Constraint(node_.original_file_path +
                              ": rows break dq rules of action fail: " + stopped + "; " +
                              node_.schema + "." + node_.alias + " is what it was before");
  }

  bool AddsRows(const std::optional<std::string>& target_kind) const {
    return node_.Materialized() == "incremental" && target_kind == "table" &&
           !WantsFullRefresh(scope_);
  }

  // Rows to be quarantined into <model>__quarantine, one commit.
  Status Quarantine() {
    const bool wanted = std::any_of(rules_.begin(), rules_.end(), [](const DqRule& rule) {
      return rule.action == DqAction::kQuarantine;
    });
    if (!wanted) return Status::Ok();
    Relation::Parts parts = RelationOf(node_, '"');
    TARN_ASSIGN_OR_RETURN(const auto target, warehouse_.KindOf(parts));
    parts.identifier += "__quarantine";
    TARN_ASSIGN_OR_RETURN(const auto kind, warehouse_.KindOf(parts));
    const std::string name = "lake." + Quoted(parts.schema) + "." + Quoted(parts.identifier);
    const std::string rows =
        "SELECT " + Columns('"') + ", " +
        dialect::QuoteString(scope_.context.project.names->invocation().invocation_id) +
        " AS dq_run_id, now() AS dq_quarantined_at FROM temp." + Quoted(staged_) +
        " WHERE dq_quarantined";
    std::string sql;
    if (!kind || !AddsRows(target)) {
      if (!kind && quarantined_ == 0) return Status::Ok();
      sql = "CREATE OR REPLACE TABLE " + name + " AS " + rows;
    } else {
      TARN_ASSIGN_OR_RETURN(const std::string added, NewColumns(name));
      const std::string keys = KeysOf();
      sql = added + "BEGIN TRANSACTION; ";
      // What a row's key was judged before no longer counts.
      if (!keys.empty()) {
        sql += "DELETE FROM " + name + " WHERE (" + keys + ") IN (SELECT (" + keys +
               ") FROM temp." + Quoted(staged_) + "); ";
      }
      sql += "INSERT INTO " + name + " BY NAME " + rows + "; COMMIT";
    }
    const std::string table = parts.schema + "." + parts.identifier;
    warehouse_.SetDialect(dialect::SqlDialect::kDuckdb);
    warehouse_.Annotate(table, scope_.context.CommitText(node_));
    const Status done = warehouse_.Execute(sql, "").status();
    warehouse_.ClearAnnotation(table);
    if (!done.ok() && warehouse_.InTransaction()) {
      (void)warehouse_.session().QueryDuckdb("ROLLBACK");
    }
    return done.ok() ? done : done.WithContext("quarantine " + table);
  }

  std::string KeysOf() const {
    std::string list;
    for (const std::string& key : TextList(Member(node_.config, "unique_key"))) {
      list += (list.empty() ? "" : ", ") + Quoted(key);
    }
    return list;
  }

  // ALTER TABLE … for columns the model has gained since.
  Result<std::string> NewColumns(const std::string& name) {
    TARN_ASSIGN_OR_RETURN(const auto rows,
                          warehouse_.session().QueryDuckdb("DESCRIBE SELECT * FROM " + name));
    std::string sql;
    for (const engine::Column& column : columns_) {
      const bool there = std::any_of(rows.rows.begin(), rows.rows.end(), [&](const auto& row) {
        return row[0].value_or("") == column.name;
      });
      if (there) continue;
      sql +=
          "ALTER TABLE " + name + " ADD COLUMN " + Quoted(column.name) + " " + column.type + "; ";
    }
    return sql;
  }

  Result<std::string> VersionOf(const std::string& table) {
    TARN_ASSIGN_OR_RETURN(const auto rows, warehouse_.session().QueryDuckdb(
                                               "SELECT max(version) FROM delta_history(" +
                                               dialect::QuoteString(table) + ", max_rows => 1)"));
    return rows.rows[0][0].value_or("");
  }

  Status Audit() {
    const Relation::Parts target = RelationOf(node_, '"');
    const std::string table = Quoted(target.schema) + "." + Quoted(target.identifier);
    TARN_ASSIGN_OR_RETURN(const auto kind, warehouse_.KindOf(target));
    const std::string real_alias = node_.alias;
    node_.alias += "__audit";
    const Relation::Parts clone = RelationOf(node_, '"');
    const std::string clone_name = Quoted(clone.schema) + "." + Quoted(clone.identifier);
    std::string version;
    TARN_RETURN_IF_ERROR(warehouse_.Drop(clone));  // of a run that was killed
    if (kind == "table") {
      TARN_ASSIGN_OR_RETURN(version, VersionOf(table));
      TARN_RETURN_IF_ERROR(
          warehouse_.session()
              .QueryDuckdb("CALL tarn_clone(" + dialect::QuoteString(clone_name) + ", " +
                           dialect::QuoteString(table) + ", " + version +
                           ", NULL::VARCHAR, false, false, MAP([]::VARCHAR[], []::VARCHAR[]))")
              .status());
    }
    Status judged = Materialize(scope_).status();
    if (judged.ok()) judged = TestClone(real_alias);
    const Status dropped = warehouse_.Drop(clone);
    node_.alias = real_alias;
    TARN_RETURN_IF_ERROR(judged);
    TARN_RETURN_IF_ERROR(dropped);
    if (kind != "table") return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const std::string now, VersionOf(table));
    if (now == version) return Status::Ok();
    return Status::Conflict(target.schema + "." + target.identifier + " went from version " +
                            version + " to " + now +
                            " while it was audited; nothing was published, run it again");
  }

  // The model's tests, which see the clone under the model's name.
  Status TestClone(const std::string& real_alias) {
    int64_t count = 0;
    std::string failed;
    std::vector<Node> tests;
    for (const Node& node : scope_.context.project.manifest.nodes) {
      if (node.type != ResourceType::kTest) continue;
      const bool only_this =
          node.depends_on_nodes.size() == 1 && node.depends_on_nodes[0] == node_.unique_id;
      if (node.attached_node == node_.unique_id || only_this) tests.push_back(node);
    }
    for (Node& test : tests) {
      const NodeResult result = NodeRunner(scope_.context, warehouse_).Run(test);
      ++count;
      if (!result.IsBad()) continue;
      failed += "\n  " + test.name + ": " + (result.message.empty() ? "failed" : result.message);
    }
    result_.response["audit"] = {{"tests", count}, {"passed", failed.empty()}};
    if (failed.empty()) return Status::Ok();
    return Status::Constraint(node_.original_file_path + ": audit failed, " + node_.schema + "." +
                              real_alias + " is what it was before:" + failed);
  }

  RunScope& scope_;
  Warehouse& warehouse_;
  Node& node_;
  NodeResult& result_;
  std::vector<DqRule> rules_;
  bool audit_;
  std::string staged_;
  std::vector<engine::Column> columns_;
  int64_t flagged_ = 0, quarantined_ = 0;
};

}  // namespace

Result<MaterializeOutcome> MaterializeChecked(RunScope& scope, NodeResult& result) {
  Node& node = scope.node;
  const bool audit = BoolMember(node.config, "audit", false);
  if (node.type == ResourceType::kSeed || (!audit && !HasMember(node.config, "dq"))) {
    return Materialize(scope);
  }
  TARN_ASSIGN_OR_RETURN(std::vector<DqRule> rules, ReadDqRules(node));
  if (rules.empty() && !audit) return Materialize(scope);
  if (TextMember(node.config, "incremental_strategy") == "microbatch") {
    return Status::Unsupported(node.original_file_path +
                               ": dq and audit look at one batch, which microbatch has many of; "
                               "take another incremental_strategy");
  }
  if (node.Materialized() == "view") {
    const bool flags = std::all_of(rules.begin(), rules.end(), [](const DqRule& rule) {
      return rule.action == DqAction::kFlag;
    });
    if (audit || !flags) {
      return Status::Unsupported(node.original_file_path +
                                 ": a view has no rows of its own to audit, quarantine or stop; "
                                 "materialize it as table or incremental");
    }
    const NodeGuard guard(node);
    node.compiled_code = JudgedQuery(node.compiled_code, rules, false);
    return Materialize(scope);
  }
  return CheckedModel(scope, result, std::move(rules), audit).Run();
}

Status WriteDqResults(RunContext& context, const std::vector<NodeResult>& results) {
  const std::string& run_id = context.project.names->invocation().invocation_id;
  std::string values;
  for (const NodeResult& result : results) {
    const Json& dq = Member(result.response, "dq");
    if (!dq.is_object()) continue;
    for (const Json& rule : Member(dq, "rules")) {
      values += (values.empty() ? "(" : ", (") + dialect::QuoteString(run_id) + ", " +
                dialect::QuoteString(context.project.root.name) + ", " +
                dialect::QuoteString(result.node->unique_id) + ", " +
                dialect::QuoteString(result.node->schema + "." + result.node->alias) + ", " +
                dialect::QuoteString(TextMember(rule, "name")) + ", " +
                dialect::QuoteString(TextMember(rule, "action")) + ", " +
                Member(dq, "rows").dump() + ", " + Member(rule, "broken").dump() + ", " +
                dialect::QuoteString(std::string(NodeStatusName(result.status))) + ", now())";
    }
  }
  if (values.empty()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const auto warehouse,
                        Warehouse::Open(context.engine, context.session_setup));
  const std::string table = "lake." + std::string(kDqTable);
  TARN_RETURN_IF_ERROR(
      warehouse->session()
          .QueryDuckdb("CREATE TABLE IF NOT EXISTS " + table +
                       " (run_id VARCHAR, project VARCHAR, model VARCHAR, table_name VARCHAR, "
                       "rule VARCHAR, action VARCHAR, rows_judged BIGINT, rows_broken BIGINT, "
                       "status VARCHAR, judged_at TIMESTAMP WITH TIME ZONE)")
          .status());
  warehouse->SetDialect(dialect::SqlDialect::kDuckdb);
  return warehouse->Execute("INSERT INTO " + std::string(kDqTable) + " VALUES " + values, "")
      .status();
}

}  // namespace tarn::transform
