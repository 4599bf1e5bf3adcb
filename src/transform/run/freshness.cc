#include "transform/run/freshness.h"

#include "base/clock.h"

namespace tarn::transform {
namespace {

// Seconds of {"count": 12, "period": "hour"}; negative when there is none.
double Seconds(const Json& threshold) {
  const Json& count = Member(threshold, "count");
  if (!count.is_number()) return -1;
  const std::string period = TextMember(threshold, "period");
  const double unit = period == "minute" ? 60 : period == "hour" ? 3600 : 86400;
  return count.get<double>() * unit;
}

// How old the newest row is: newest, now, seconds between. The field is an expression of the
// project's dialect. Errors: SQL's.
Result<engine::Rows> AgeOf(RunContext& context, Warehouse& warehouse, const Node& node) {
  const std::string field = TextMember(node.config, "loaded_at_field");
  std::string query = TextMember(node.config, "loaded_at_query");
  const std::string filter = TextMember(Member(node.config, "freshness"), "filter");
  const bool spark = context.DialectOf(node) == dialect::SqlDialect::kSpark;
  Relation::Parts parts = RelationOf(node, spark ? '`' : '"');
  parts.verbatim = TextMember(node.extra, "external_location");
  const Relation relation(parts);
  warehouse.SetDialect(spark ? dialect::SqlDialect::kSpark : dialect::SqlDialect::kDuckdb);
  if (query.empty() && !field.empty()) {
    query = "select max(" + field + ") from " + relation.Render() +
            (filter.empty() ? "" : " where " + filter);
  } else if (query.empty()) {
    warehouse.SetDialect(dialect::SqlDialect::kDuckdb);
    query = "select max(timestamp) from delta_history('" + relation.LakeName() + "')";
  }
  TARN_ASSIGN_OR_RETURN(const engine::Rows newest,
                        warehouse.Query("select (" + query + ") as newest", ""));
  const std::optional<std::string>& text = newest.rows.at(0).at(0);
  if (!text) {
    return Status::InvalidArgument("source " + node.unique_id + " holds no row to tell its age by");
  }
  std::string moment = "cast('" + *text + "' as timestamp with time zone)";
  // A time without a zone is UTC's.
  if (newest.columns.at(0).type.find("WITH TIME ZONE") == std::string::npos) {
    moment = "(cast('" + *text + "' as timestamp) at time zone 'UTC')";
  }
  return warehouse.session().QueryDuckdb("select cast(" + moment +
                                         " as varchar), cast(now() as varchar), "
                                         "date_diff('second', " +
                                         moment + ", now())");
}

Status Check(RunContext& context, Warehouse& warehouse, const Node& node, NodeResult& result) {
  TARN_ASSIGN_OR_RETURN(const engine::Rows rows, AgeOf(context, warehouse, node));
  const auto& row = rows.rows.at(0);
  const double age = std::strtod(row[2].value_or("0").c_str(), nullptr);
  const Json& freshness = Member(node.config, "freshness");
  const double warn = Seconds(Member(freshness, "warn_after"));
  const double error = Seconds(Member(freshness, "error_after"));
  result.status = error >= 0 && age > error ? NodeStatus::kError
                  : warn >= 0 && age > warn ? NodeStatus::kWarn
                                            : NodeStatus::kPass;
  result.freshness = {{"unique_id", node.unique_id},
                      {"max_loaded_at", row[0].value_or("")},
                      {"snapshotted_at", row[1].value_or("")},
                      {"max_loaded_at_time_ago_in_s", age},
                      {"status", NodeStatusName(result.status)},
                      {"criteria", freshness},
                      {"adapter_response", Json::object()},
                      {"timing", Json::array()},
                      {"thread_id", result.thread},
                      {"execution_time", result.seconds()}};
  return Status::Ok();
}

}  // namespace

std::vector<NodeResult> CheckFreshness(RunContext& context, Warehouse& warehouse,
                                       const std::vector<Node*>& sources) {
  std::vector<NodeResult> results;
  for (Node* node : sources) {
    const Json& freshness = Member(node->config, "freshness");
    if (!freshness.is_object() || (Seconds(Member(freshness, "warn_after")) < 0 &&
                                   Seconds(Member(freshness, "error_after")) < 0)) {
      continue;
    }
    NodeResult result;
    result.node = node;
    result.execute_start_micros = Clock::System().NowMicros();
    const Status status = Check(context, warehouse, *node, result);
    result.execute_end_micros = Clock::System().NowMicros();
    if (!status.ok()) {
      result.status = NodeStatus::kRuntimeError;
      result.message = status.message();
      result.freshness = {
          {"unique_id", node->unique_id}, {"error", status.message()}, {"status", "runtime error"}};
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace tarn::transform
