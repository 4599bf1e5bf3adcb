// RunScope: a rendering that acts: ref() gives relations, the adapter asks and changes the lake.
//
// Threads: one per node that runs. Lifetime: context, node and warehouse outlive it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "transform/project/parse_scope.h"
#include "transform/run/result_table.h"
#include "transform/run/run_context.h"
#include "transform/run/warehouse.h"

namespace tarn::transform {

// An interval of a microbatch model, or of --sample.
struct EventWindow {
  std::string start, end;  // ISO timestamps; an empty one is open
};

class RunScope final : public RenderScope {
 public:
  RunScope(RunContext& context, Node& node, Warehouse& warehouse);

  Result<jinja::Value> Ref(jinja::CallArgs& args) override;
  Result<jinja::Value> Source(jinja::CallArgs& args) override;
  Result<jinja::Value> Metric(jinja::CallArgs& args) override;
  Result<jinja::Value> Doc(jinja::CallArgs& args) override;
  Result<jinja::Value> Config(jinja::CallArgs& args) override;
  Result<jinja::Value> ConfigMethod(std::string_view name, jinja::CallArgs& args) override;
  Result<jinja::Value> Adapter(std::string_view name, jinja::CallArgs& args) override;
  Result<jinja::Value> Function(std::string_view name, jinja::CallArgs& args) override;
  std::optional<jinja::Value> NodeName(std::string_view name) override;
  std::optional<jinja::Value> Override(std::string_view name) override;
  void Log(const std::string& text, bool info) override;
  void Warn(const std::string& text) override { context.log.Warn(text); }

  jinja::Ref<Relation> This() const;
  char quote() const;
  // Renders a text of this node. Errors carry file, line and macro stack.
  Result<std::string> Render(const std::string& text, const std::string& place,
                             jinja::Error* error = nullptr);
  // Calls a macro of the project by name.
  Result<jinja::Value> CallMacro(const std::string& name, jinja::ValueList positional);
  Result<ExecutionOutcome> Execute(const std::string& sql);
  // For adapter.commit() and for the end of a macro that acted. Nothing without a transaction.
  Status Commit();
  void RollBack();

  RunContext& context;
  Node& node;
  Warehouse& warehouse;
  std::vector<std::string> ephemerals;  // unique_ids of CTEs the code needs, in order of use
  std::map<std::string, jinja::Value> results;  // of statements, by name
  std::string main_sql;                         // what write() was given
  std::optional<EventWindow> window;
  jinja::Value test_kwargs;
  bool has_test_kwargs = false;
  // Unit tests: relations that stand for refs and sources, by unique_id; replaced macros and vars.
  std::map<std::string, std::string> fixtures;
  Json overrides = Json::object();
  bool parsing_free = false;  // operations may ref anything
  // Statements of macros begin a transaction, and what nobody commits is rolled back: dbt on a
  // database with transactions.
  bool transactional = false;

 private:
  Result<jinja::Value> RelationFor(const Node& target);
  void FilterInput(const Node& target, Relation::Parts& parts) const;
  jinja::Value ModelValue() const;
};

// adapter.<name>(…) at run. Errors name the method.
Result<jinja::Value> CallAdapter(RunScope& scope, std::string_view name, jinja::CallArgs& args);

}  // namespace tarn::transform
