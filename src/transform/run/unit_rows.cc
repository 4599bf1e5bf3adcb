// Unit tests: a model over rows a schema file gives, compared with the rows it says come out.
#include <algorithm>
#include <filesystem>

#include "dialect/lexer.h"
#include "jinja/error.h"
#include "transform/project/parse_scope.h"
#include "transform/project/value_json.h"
#include "transform/run/compiler.h"
#include "transform/run/node_runner.h"
#include "transform/run/seed.h"

namespace tarn::transform {
namespace {

std::string Literal(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return value.dump();
  return dialect::QuoteString(value.is_string() ? value.get<std::string>() : value.dump());
}

// Rows of a fixture: a list of dicts, CSV text, or a file below tests/fixtures.
Result<Json> RowsOf(const RunContext& context, const Node& node, const Json& given) {
  const Json& rows = Member(given, "rows");
  if (rows.is_array()) return rows;
  std::string path;
  const std::string fixture = TextMember(given, "fixture");
  std::string text = rows.is_string() ? rows.get<std::string>() : "";
  if (!fixture.empty()) {
    for (const std::string& folder : context.project.root.test_paths) {
      const std::string candidate =
          context.project.root.root + "/" + folder + "/fixtures/" + fixture + ".csv";
      if (std::filesystem::exists(candidate)) path = candidate;
    }
    if (path.empty()) {
      return Status::NotFound("fixture '" + fixture + "' of " + node.unique_id +
                              " is not in tests/fixtures");
    }
    TARN_ASSIGN_OR_RETURN(text, ReadFile(path));
  }
  Json list = Json::array();
  if (text.empty()) return list;
  TARN_ASSIGN_OR_RETURN(const CsvFile csv, ParseCsv(text, node.unique_id, ','));
  for (const auto& row : csv.rows) {
    Json object = Json::object();
    for (size_t i = 0; i < row.size(); ++i) {
      object[csv.header[i]] = row[i].empty() ? Json(nullptr) : Json(row[i]);
    }
    list.push_back(std::move(object));
  }
  return list;
}

std::string TypeOf(const std::vector<engine::Column>& columns, const std::string& name) {
  for (const engine::Column& column : columns) {
    if (std::equal(
            column.name.begin(), column.name.end(), name.begin(), name.end(),
            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); })) {
      return column.type;
    }
  }
  return "";
}

// SELECT … UNION ALL over rows; columns that a row does not give are null.
std::string RowsSql(const Json& rows, const std::vector<engine::Column>& columns,
                    const std::vector<std::string>& names, char quote) {
  const auto one = [&](const Json& row) {
    std::string select;
    for (const std::string& name : names) {
      const std::string type = TypeOf(columns, name);
      const std::string value = Literal(Member(row, name));
      select += (select.empty() ? "" : ", ") +
                (type.empty() ? value : "cast(" + value + " as " + type + ")") + " as " +
                QuoteName(name, quote);
    }
    return "select " + select;
  };
  if (rows.empty()) return one(Json::object()) + " where false";
  std::string sql;
  for (const Json& row : rows) sql += (sql.empty() ? "" : "\nunion all\n") + one(row);
  return sql;
}

// The node that "ref('x')" or "source('a', 'b')" names.
Result<const Node*> InputOf(RunContext& context, const Node& model, const std::string& input) {
  if (input == "this") return &model;
  ParseScope scope(model, context.project.macros.get(), '"');
  TARN_RETURN_IF_ERROR(context.project.names
                           ->Render("{{ " + input + " }}", model.original_file_path, scope,
                                    context.project.macros.get(), jinja::UndefinedMode::kLenient)
                           .status());
  const Manifest& manifest = context.project.manifest;
  const Node* found = nullptr;
  if (!scope.calls.refs.empty()) found = manifest.FindRef(scope.calls.refs[0], model.package_name);
  if (!scope.calls.sources.empty()) {
    found = manifest.FindSource(scope.calls.sources[0], model.package_name);
  }
  if (found == nullptr) return Status::NotFound("input " + input + " names nothing");
  return found;
}

// The rows of one input as a CTE.
Result<std::string> FixtureCte(RunContext& context, Warehouse& warehouse, const Node& test,
                               const Node& input, const Json& given, char quote) {
  const std::string name = "__dbt__cte__" + input.name;
  if (TextMember(given, "format") == "sql") {
    return " " + name + " as (\n" + TextMember(given, "rows") + "\n)";
  }
  TARN_ASSIGN_OR_RETURN(const Json rows, RowsOf(context, test, given));
  std::vector<engine::Column> columns;
  if (!input.IsEphemeral()) {
    const Relation relation(RelationOf(input, quote));
    TARN_ASSIGN_OR_RETURN(const auto kind, warehouse.KindOf(relation.parts()));
    if (!kind) {
      return Status::NotFound("Not able to get columns for unit test '" + input.name +
                              "' from relation " + relation.Render() +
                              " because the relation doesn't exist; build it first, "
                              "`tarn dbt run --empty` is enough");
    }
    TARN_ASSIGN_OR_RETURN(columns, warehouse.ColumnsOf(relation));
  }
  std::vector<std::string> names;
  for (const engine::Column& column : columns) names.push_back(column.name);
  for (const Json& row : rows) {
    for (const auto& [key, value] : row.items()) {
      if (TypeOf(columns, key).empty() && !columns.empty()) {
        return Status::InvalidArgument("Invalid column name: '" + key +
                                       "' in unit test fixture for '" + input.name + "'");
      }
      if (std::find(names.begin(), names.end(), key) == names.end() && columns.empty()) {
        names.push_back(key);
      }
    }
  }
  return " " + name + " as (\n" + RowsSql(rows, columns, names, quote) + "\n)";
}

std::string RowText(const engine::Rows& rows, size_t index) {
  std::string text;
  for (size_t i = 1; i < rows.columns.size(); ++i) {
    text +=
        (i > 1 ? " | " : "") + rows.columns[i].name + "=" + rows.rows[index][i].value_or("NULL");
  }
  return text;
}

}  // namespace

Status RunUnitTest(RunContext& context, Warehouse& warehouse, Node& node, NodeResult& result) {
  RefCall call;
  call.name = TextMember(node.extra, "model");
  const Node* found = context.project.manifest.FindRef(call, node.package_name);
  if (found == nullptr) return Status::NotFound("unit test of unknown model '" + call.name + "'");
  Node model = *found;
  warehouse.SetDialect(context.DialectOf(model));
  RunScope scope(context, model, warehouse);
  scope.overrides = Member(node.extra, "overrides");
  if (!scope.overrides.is_object()) scope.overrides = Json::object();
  std::vector<std::string> ctes;
  for (const Json& given : Member(node.extra, "given")) {
    TARN_ASSIGN_OR_RETURN(const Node* input, InputOf(context, model, TextMember(given, "input")));
    TARN_ASSIGN_OR_RETURN(std::string cte,
                          FixtureCte(context, warehouse, node, *input, given, scope.quote()));
    ctes.push_back(std::move(cte));
    scope.fixtures[input->unique_id] = "__dbt__cte__" + input->name;
  }
  TARN_ASSIGN_OR_RETURN(const std::string sql,
                        scope.Render(model.raw_code, model.original_file_path));
  node.compiled_code = InjectCtes(sql, ctes);
  node.compiled = true;
  const Json& expect = Member(node.extra, "expect");
  TARN_ASSIGN_OR_RETURN(const auto columns,
                        warehouse.ColumnsOfQuery(node.compiled_code, kCompiledPlace));
  std::vector<std::string> names;
  std::string expected;
  if (TextMember(expect, "format") == "sql") {
    expected = TextMember(expect, "rows");
    TARN_ASSIGN_OR_RETURN(const auto given, warehouse.ColumnsOfQuery(expected, ""));
    for (const engine::Column& column : given) names.push_back(column.name);
  } else {
    TARN_ASSIGN_OR_RETURN(const Json rows, RowsOf(context, node, expect));
    if (!rows.empty()) {
      for (const auto& [key, value] : rows[0].items()) names.push_back(key);
    } else {
      for (const engine::Column& column : columns) names.push_back(column.name);
    }
    for (const std::string& name : names) {
      if (TypeOf(columns, name).empty()) {
        return Status::InvalidArgument("Invalid column name: '" + name +
                                       "' in unit test fixture for expected output of " +
                                       model.name);
      }
    }
    expected = RowsSql(rows, columns, names, scope.quote());
  }
  std::string list;
  for (const std::string& name : names) {
    list += (list.empty() ? "" : ", ") + QuoteName(name, scope.quote());
  }
  const std::string actual =
      "select " + list + " from (\n" + node.compiled_code + "\n) as actual_rows";
  const std::string wanted = "select " + list + " from (\n" + expected + "\n) as expected_rows";
  TARN_ASSIGN_OR_RETURN(
      const engine::Rows diff,
      warehouse.Query("select '+' as side, * from (" + actual + " except all " + wanted +
                          ") as a union all select '-' as side, * from (" + wanted +
                          " except all " + actual + ") as b",
                      ""));
  result.failures = diff.rows.empty() ? 0 : 1;
  result.status = diff.rows.empty() ? NodeStatus::kPass : NodeStatus::kFail;
  if (diff.rows.empty()) return Status::Ok();
  std::string text = "\n\nactual differs from expected (- expected, + actual):\n";
  for (size_t i = 0; i < diff.rows.size() && i < 20; ++i) {
    text += "\n" + diff.rows[i][0].value_or("") + " " + RowText(diff, i);
  }
  result.message = text + "\n";
  return Status::Ok();
}

}  // namespace tarn::transform
