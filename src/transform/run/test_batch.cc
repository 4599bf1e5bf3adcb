#include "transform/run/test_batch.h"

#include <map>

#include "base/clock.h"
#include "transform/run/compiler.h"

namespace tarn::transform {
namespace {

int64_t Now() { return Clock::System().NowMicros(); }

bool UsesBuiltin(const RunContext& context, const Node& node) {
  const MacroLibrary& macros = *context.project.macros;
  const std::string name = "test_" + node.test_metadata->name;
  const Macro* macro = macros.Resolve(node.package_name, name);
  if (macro == nullptr || macro->info.package_name != kBuiltinPackage) return false;
  for (const char* other : {"get_where_subquery", "get_test_sql", "should_store_failures"}) {
    if (macros.IsOverridden(other) || macros.IsOverridden(std::string("default__") + other))
      return false;
  }
  for (const std::string& prefix : macros.prefixes()) {
    if (macros.IsOverridden(prefix + "__" + name)) return false;
  }
  return !macros.IsOverridden("materialization_test_default");
}

// Number of failing rows of one test over the shared rows `t`.
std::string Measure(const Node& node) {
  const TestMetadata& test = *node.test_metadata;
  const std::string column = "t." + node.column_name;
  if (test.name == "not_null") return "count(*) filter (where " + column + " is null)";
  return "(select count(*) from (select 1 from t where " + column + " is not null group by " +
         column + " having count(*) > 1))";
}

}  // namespace

bool IsPlainTest(const Node& node) {
  if (node.type != ResourceType::kTest || !node.test_metadata || node.attached_node.empty())
    return false;
  const TestMetadata& test = *node.test_metadata;
  if (!test.name_space.empty() || (test.name != "not_null" && test.name != "unique")) return false;
  const Json& config = node.config;
  if (node.column_name.empty() || test.kwargs.size() != 2) return false;
  // An expression as column_name would be read twice; plain names only.
  for (const char c : node.column_name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return Member(config, "limit").is_null() && Member(config, "where").is_null() &&
         Member(config, "store_failures").is_null() &&
         Member(config, "store_failures_as").is_null() &&
         TextMember(config, "fail_calc") == "count(*)" && TextMember(config, "warn_if") == "!= 0" &&
         TextMember(config, "error_if") == "!= 0";
}

std::vector<NodeResult> RunTestBatch(RunContext& context, Warehouse& warehouse,
                                     const std::vector<Node*>& tests) {
  NodeRunner runner(context, warehouse);
  std::vector<NodeResult> results;
  const auto one_by_one = [&] {
    results.clear();
    for (Node* test : tests) results.push_back(runner.Run(*test));
    return results;
  };
  const Node* model = context.project.manifest.Find(tests[0]->attached_node);
  if (model == nullptr || model->IsEphemeral() || context.options.store_failures ||
      context.options.empty || !context.deferred.empty()) {
    return one_by_one();
  }
  for (const Node* test : tests) {
    if (!UsesBuiltin(context, *test)) return one_by_one();
  }
  for (Node* test : tests) {
    NodeResult compiled = runner.Compile(*test);
    if (compiled.IsBad()) return one_by_one();
    results.push_back(std::move(compiled));
  }
  std::map<std::string, bool> columns;
  std::string list, measures;
  for (const Node* test : tests) {
    if (columns.emplace(test->column_name, true).second) {
      list += (list.empty() ? "" : ", ") + test->column_name;
    }
    measures += (measures.empty() ? "" : ", ") + Measure(*test);
  }
  const char quote = QuoteCharacter(context.project.target.dialect);
  const int64_t started = Now();
  auto rows = warehouse.session().QueryDuckdb("with t as materialized (select " + list + " from " +
                                              Relation(RelationOf(*model, '"')).Render() +
                                              ") select " + measures + " from t");
  (void)quote;
  if (!rows.ok() || rows->rows.size() != 1) return one_by_one();
  const int64_t ended = Now();
  for (size_t i = 0; i < tests.size(); ++i) {
    const int64_t failures = std::strtoll(rows->rows[0][i].value_or("0").c_str(), nullptr, 10);
    results[i].execute_start_micros = started;
    results[i].execute_end_micros = ended;
    results[i].response = {{"_message", "OK"}};
    JudgeTest(*tests[i], failures, failures != 0, failures != 0, results[i]);
  }
  return results;
}

}  // namespace tarn::transform
