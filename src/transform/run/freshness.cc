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

Result<std::string> AgeQuery(const Node& node, const Relation& relation) {
  const std::string field = TextMember(node.config, "loaded_at_field");
  const std::string query = TextMember(node.config, "loaded_at_query");
  const std::string filter = TextMember(Member(node.config, "freshness"), "filter");
  std::string newest;
  if (!query.empty()) {
    newest = "(" + query + ")";
  } else if (!field.empty()) {
    newest = "(select max(" + field + ") from " + relation.Render() +
             (filter.empty() ? "" : " where " + filter) + ")";
  } else {
    newest = "(select max(timestamp) from delta_history('" + relation.LakeName() + "'))";
  }
  return "select cast(cast(" + newest +
         " as timestamp with time zone) as varchar) as newest, "
         "cast(now() as varchar) as checked, date_diff('second', cast(" +
         newest + " as timestamp with time zone), now()) as age";
}

Status Check(RunContext& context, Warehouse& warehouse, const Node& node, NodeResult& result) {
  Relation::Parts parts = RelationOf(node, '"');
  parts.verbatim = TextMember(node.extra, "external_location");
  warehouse.SetDialect(dialect::SqlDialect::kDuckdb);
  TARN_ASSIGN_OR_RETURN(const std::string sql, AgeQuery(node, Relation(parts)));
  TARN_ASSIGN_OR_RETURN(const engine::Rows rows, warehouse.Query(sql, ""));
  const auto& row = rows.rows.at(0);
  if (!row[2]) {
    return Status::InvalidArgument("source " + node.unique_id + " holds no row to tell its age by");
  }
  const double age = std::strtod(row[2]->c_str(), nullptr);
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
