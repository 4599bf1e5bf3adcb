#include "transform/lineage/tracer.h"

#include <mutex>

#include "duckdb/common/string_util.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/planner/binder.hpp"
#include "engine/duck_access.h"
#include "transform/lineage/plan_walk.h"
#include "transform/lineage/statement_prepare.h"

namespace tarn::transform {
namespace {

class BoundPlanTracer final : public LineageTracer {
 public:
  explicit BoundPlanTracer(std::unique_ptr<engine::Session> session)
      : session_(std::move(session)) {}

  void SetSanctioned(const std::set<std::string>& functions) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    sanctioned_.clear();
    for (const std::string& name : functions) {
      sanctioned_.insert(duckdb::StringUtil::Lower(name));
    }
  }

  Status Define(const std::string& relation, const std::vector<engine::Column>& columns) override {
    const std::string key = duckdb::StringUtil::Lower(relation);
    if (columns.empty()) return Status::InvalidArgument("relation " + relation + " has no columns");
    std::string sql =
        "CREATE OR REPLACE TEMP TABLE " + duckdb::KeywordHelper::WriteQuoted(key, '"') + " (";
    for (size_t i = 0; i < columns.size(); ++i) {
      sql += (i > 0 ? ", " : "") + duckdb::KeywordHelper::WriteQuoted(columns[i].name, '"') + " " +
             columns[i].type;
    }
    const std::lock_guard<std::mutex> guard(mutex_);
    TARN_RETURN_IF_ERROR(session_->QueryDuckdb(sql + ")").status());
    relations_.insert(key);
    return Status::Ok();
  }

  bool IsDefined(const std::string& relation) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    return relations_.contains(duckdb::StringUtil::Lower(relation));
  }

  Result<govern::QueryLineage> Trace(const std::string& sql, dialect::SqlDialect dialect,
                                     const std::string& place) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    dialect::TranslateContext context;
    context.source_name = place;
    TARN_ASSIGN_OR_RETURN(const auto statements, dialect::Translate(sql, dialect, context));
    if (statements.size() != 1) {
      return Status::Unsupported(place + ": one query has columns to trace, not " +
                                 std::to_string(statements.size()) + " statements");
    }
    return engine::WithDuckdb(*session_, [&](duckdb::ClientContext& client) {
      return Bind(client, statements.front(), dialect, place);
    });
  }

 private:
  Result<govern::QueryLineage> Bind(duckdb::ClientContext& client,
                                    const dialect::TranslatedStatement& statement,
                                    dialect::SqlDialect dialect, const std::string& place) {
    duckdb::Parser parser(client.GetParserOptions());
    parser.ParseQuery(statement.sql);
    if (parser.statements.size() != 1 ||
        parser.statements[0]->type != duckdb::StatementType::SELECT_STATEMENT) {
      return Status::Unsupported(place + ": only a query has columns to trace");
    }
    auto& select = parser.statements[0]->Cast<duckdb::SelectStatement>();
    MarkSanctioned(*select.node, sanctioned_);
    if (dialect == dialect::SqlDialect::kSpark && statement.rewrite_expressions) {
      dialect::RewriteSparkExpressions(select);
    }
    RedirectRelations(*select.node, relations_);
    auto binder = duckdb::Binder::CreateBinder(client);
    duckdb::BoundStatement bound = binder->Bind(static_cast<duckdb::SQLStatement&>(select));
    return WalkPlan(bound);
  }

  std::unique_ptr<engine::Session> session_;
  std::mutex mutex_;
  std::set<std::string> sanctioned_;
  std::set<std::string> relations_;
};

}  // namespace

Result<std::unique_ptr<LineageTracer>> LineageTracer::Open(
    engine::Engine& engine, const std::function<Status(engine::Session&)>& setup) {
  TARN_ASSIGN_OR_RETURN(auto session, engine.NewSession());
  if (setup) TARN_RETURN_IF_ERROR(setup(*session));
  return std::unique_ptr<LineageTracer>(std::make_unique<BoundPlanTracer>(std::move(session)));
}

std::string LineageKey(const std::string& schema, const std::string& table) {
  return duckdb::StringUtil::Lower(schema) + "." + duckdb::StringUtil::Lower(table);
}

}  // namespace tarn::transform
