#include "transform/run/lineage_table.h"

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/hash.h"
#include "dialect/lexer.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

// The rows of one model but for when and by whom, one JSON object each.
std::vector<Json> RowsOf(const LineageBook::Entry& entry, const std::string& project) {
  std::vector<Json> rows;
  const auto add = [&](const Json& column, const govern::LineageEdge* edge, const Json& pii) {
    std::string steps;
    if (edge != nullptr) {
      for (const std::string& step : edge->steps) steps += (steps.empty() ? "" : ", then ") + step;
    }
    const auto text = [&](const std::string& value) {
      return edge == nullptr ? Json(nullptr) : Json(value);
    };
    rows.push_back({{"project", project},
                    {"model", entry.node->unique_id},
                    {"table_name", entry.table},
                    {"column_name", column},
                    {"source_table", text(edge == nullptr ? "" : edge->from.table)},
                    {"source_column", text(edge == nullptr ? "" : edge->from.ColumnText())},
                    {"kind", text(edge == nullptr ? "" : std::string(EdgeKindName(edge->kind)))},
                    {"is_direct", edge != nullptr ? Json(IsDirect(edge->kind)) : Json(nullptr)},
                    {"is_masked", edge != nullptr ? Json(edge->masked) : Json(nullptr)},
                    {"shows_value", edge != nullptr ? Json(edge->value) : Json(nullptr)},
                    {"expression", steps.empty() ? Json(nullptr) : Json(steps)},
                    {"pii", pii}});
  };
  for (const govern::LineageColumn& column : entry.lineage->columns) {
    const auto found = entry.pii.find(column.name);
    std::string classes;
    if (found != entry.pii.end()) {
      for (const std::string& name : found->second) classes += (classes.empty() ? "" : ",") + name;
    }
    const Json pii = classes.empty() ? Json(nullptr) : Json(classes);
    auto edges = AllEdges(column);
    // A table's own earlier rows are no source of it.
    std::erase_if(edges, [&](const auto& edge) { return edge.from.table == entry.table; });
    for (const govern::LineageEdge& edge : edges) add(column.name, &edge, pii);
    if (edges.empty()) add(column.name, nullptr, pii);
  }
  for (const govern::LineageEdge& edge : entry.lineage->rows) {
    if (edge.from.table != entry.table) add(nullptr, &edge, nullptr);
  }
  return rows;
}

// What makes rows worth writing again. An incremental model's first text differs from its later
// ones by what picks new rows; that alone is no change.
std::string Fingerprint(const LineageBook::Entry& entry, const std::vector<Json>& rows) {
  const bool incremental = entry.node->Materialized() == "incremental";
  std::string all = incremental ? entry.node->checksum : "";
  for (const Json& row : rows) {
    const Json& direct = Member(row, "is_direct");
    if (incremental && direct.is_boolean() && !direct.get<bool>()) continue;
    all += row.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return Md5Hex(all);
}

constexpr const char* kColumns =
    "project VARCHAR, model VARCHAR, table_name VARCHAR, column_name VARCHAR, source_table "
    "VARCHAR, "
    "source_column VARCHAR, kind VARCHAR, is_direct BOOLEAN, is_masked BOOLEAN, shows_value "
    "BOOLEAN, expression VARCHAR, pii VARCHAR, fingerprint VARCHAR, run_id VARCHAR, traced_at "
    "TIMESTAMP WITH TIME ZONE";
constexpr const char* kJsonColumns =
    "{project: 'VARCHAR', model: 'VARCHAR', table_name: 'VARCHAR', column_name: 'VARCHAR', "
    "source_table: 'VARCHAR', source_column: 'VARCHAR', kind: 'VARCHAR', is_direct: 'BOOLEAN', "
    "is_masked: 'BOOLEAN', shows_value: 'BOOLEAN', expression: 'VARCHAR', pii: 'VARCHAR', "
    "fingerprint: 'VARCHAR', run_id: 'VARCHAR', traced_at: 'TIMESTAMP WITH TIME ZONE'}";

Result<std::map<std::string, std::string>> KnownFingerprints(Warehouse& warehouse,
                                                             const std::string& project) {
  std::map<std::string, std::string> known;
  TARN_ASSIGN_OR_RETURN(const bool there, warehouse.session().TableExists(kLineageTable));
  if (!there) {
    TARN_RETURN_IF_ERROR(warehouse.session()
                             .QueryDuckdb("CREATE TABLE IF NOT EXISTS lake." +
                                          std::string(kLineageTable) + " (" + kColumns + ")")
                             .status());
    return known;
  }
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows rows,
      warehouse.session().QueryDuckdb("SELECT DISTINCT model, fingerprint FROM lake." +
                                      std::string(kLineageTable) +
                                      " WHERE project = " + dialect::QuoteString(project)));
  for (const auto& row : rows.rows) known[row[0].value_or("")] = row[1].value_or("");
  return known;
}

}  // namespace

Status WriteLineage(RunContext& context, LineageBook& book) {
  const auto entries = book.Entries();
  if (entries.empty()) return Status::Ok();
  const std::string& project = context.project.root.name;
  TARN_ASSIGN_OR_RETURN(const auto warehouse,
                        Warehouse::Open(context.engine, context.session_setup));
  TARN_ASSIGN_OR_RETURN(auto known, KnownFingerprints(*warehouse, project));
  const std::string& run_id = context.project.names->invocation().invocation_id;
  const std::string now = FormatTimestampUtc(Clock::System().NowMicros());
  std::string replaced, lines;
  for (const auto& entry : entries) {
    std::vector<Json> rows = RowsOf(entry, project);
    const std::string fingerprint = Fingerprint(entry, rows);
    const auto before = known.find(entry.node->unique_id);
    if (before != known.end() && before->second == fingerprint) continue;
    replaced += (replaced.empty() ? "" : ", ") + dialect::QuoteString(entry.node->unique_id);
    for (Json& row : rows) {
      row["fingerprint"] = fingerprint;
      row["run_id"] = run_id;
      row["traced_at"] = now;
      lines += row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
  }
  for (const auto& [model, fingerprint] : known) {
    if (context.project.manifest.Find(model) == nullptr) {
      replaced += (replaced.empty() ? "" : ", ") + dialect::QuoteString(model);
    }
  }
  if (replaced.empty()) return Status::Ok();
  const fs::path file = fs::path(context.project.target_folder) / "column_lineage.ndjson";
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << lines;
  out.close();
  if (!out) return Status::Io("file " + file.string() + " cannot be written; is the disk full?");
  warehouse->SetDialect(dialect::SqlDialect::kDuckdb);
  warehouse->Annotate(kLineageTable, Json{{"run_id", run_id}, {"project", project}}.dump());
  return warehouse
      ->Execute("INSERT INTO " + std::string(kLineageTable) + " REPLACE WHERE project = " +
                    dialect::QuoteString(project) + " AND model IN (" + replaced +
                    ") SELECT * FROM read_json(" + dialect::QuoteString(file.string()) +
                    ", format = 'newline_delimited', maximum_object_size = 134217728, columns = " +
                    kJsonColumns + ")",
                "")
      .status();
}

}  // namespace tarn::transform
