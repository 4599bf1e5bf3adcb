// ls, show, run-operation, deps, debug, clean.
#include <algorithm>
#include <filesystem>

#include "cli/dbt_run.h"
#include "cli/render.h"
#include "jinja/error.h"
#include "transform/project/node_json.h"
#include "transform/project/value_json.h"
#include "transform/project/yaml.h"
#include "transform/run/compiler.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using transform::Json;
using transform::Member;
using transform::Node;
using transform::ResourceType;

std::string Dotted(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ".") + part;
  return text;
}

// How `ls` names a node: by what --select takes.
std::string SelectorName(const Node& node) {
  switch (node.type) {
    case ResourceType::kSource:
      return "source:" + node.package_name + "." + node.source_name + "." + node.name;
    case ResourceType::kExposure: return "exposure:" + node.package_name + "." + node.name;
    case ResourceType::kMetric: return "metric:" + node.package_name + "." + node.name;
    case ResourceType::kSemanticModel:
      return "semantic_model:" + node.package_name + "." + node.name;
    case ResourceType::kSavedQuery: return "saved_query:" + node.package_name + "." + node.name;
    case ResourceType::kUnitTest: return "unit_test:" + node.package_name + "." + node.name;
    default: return Dotted(node.fqn);
  }
}

void PrintRows(const engine::Rows& rows, Streams& streams) {
  std::vector<ColumnHead> heads;
  for (const engine::Column& column : rows.columns) {
    heads.push_back({column.name, column.type, column.is_numeric});
  }
  RenderTextRows({}, heads, rows.rows, streams.out);
}

std::string JsonLine(const Node& node, const std::string& keys) {
  std::vector<std::string> wanted = {
      "alias",  "name",          "package_name", "depends_on",         "tags",
      "config", "resource_type", "source_name",  "original_file_path", "unique_id"};
  if (!keys.empty()) {
    wanted.clear();
    std::string word;
    for (const char c : keys + " ") {
      if (c != ' ' && c != ',') {
        word += c;
      } else if (!word.empty()) {
        wanted.push_back(std::move(word));
        word.clear();
      }
    }
  }
  const Json full = NodeJson(node);
  Json line = Json::object();
  for (const std::string& key : wanted) {
    if (full.contains(key)) line[key] = full[key];
  }
  return transform::PythonJson(line);
}

}  // namespace

int RunDbtList(const DbtOptions& given, Streams& streams) {
  DbtOptions options = given;
  options.command = "list";
  const auto list = [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(auto session, OpenDbtSession(options, streams, false));
    TARN_ASSIGN_OR_RETURN(const auto nodes, SelectNodes(*session, options));
    for (const Node* node : nodes) {
      if (node->type == ResourceType::kGroup) continue;
      const std::string& form = options.output;
      streams.out << (form == "json"   ? JsonLine(*node, options.output_keys)
                      : form == "path" ? node->original_file_path
                      : form == "name" ? node->name
                                       : SelectorName(*node))
                  << "\n";
    }
    if (nodes.empty()) streams.out << "No nodes selected!\n";
    KeepUntilExit(std::move(session));
    return Status::Ok();
  };
  const Status status = list();
  return status.ok() ? kExitOk : CannotRun(streams, status);
}

int RunDbtShow(const DbtOptions& options, Streams& streams) {
  const auto show = [&]() -> Result<int> {
    TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(options, streams, true));
    std::vector<Node*> nodes;
    if (!options.inline_sql.empty()) {
      Node node;
      node.type = ResourceType::kOperation;
      node.name = node.original_file_path = node.path = "inline_query";
      node.package_name = session->project->root.name;
      node.unique_id = "sql_operation." + node.package_name + ".inline_query";
      node.raw_code = options.inline_sql;
      node.schema = session->project->target.schema;
      node.database = session->project->target.database;
      nodes.push_back(session->project->manifest.Add(std::move(node)));
    } else {
      TARN_ASSIGN_OR_RETURN(nodes, SelectNodes(*session, options));
    }
    TARN_ASSIGN_OR_RETURN(
        const auto warehouse,
        transform::Warehouse::Open(*session->engine, session->context->session_setup));
    for (Node* node : nodes) {
      transform::RunScope scope(*session->context, *node, *warehouse);
      TARN_RETURN_IF_ERROR(transform::CompileNode(scope));
      std::string sql = "select * from (\n" + node->compiled_code + "\n) as show_subquery";
      if (options.limit >= 0) sql += " limit " + std::to_string(options.limit);
      TARN_ASSIGN_OR_RETURN(const engine::Rows rows, warehouse->Query(sql, ""));
      if (options.output == "json") {
        Json list = Json::array();
        for (const auto& row : rows.rows) {
          Json object = Json::object();
          for (size_t i = 0; i < row.size(); ++i) {
            object[rows.columns[i].name] =
                transform::ToJson(transform::TypedValue(rows.columns[i], row[i]));
          }
          list.push_back(std::move(object));
        }
        streams.out << Json{{"node", node->name}, {"show", list}}.dump(2) << "\n";
        continue;
      }
      streams.out << "Previewing node '" << node->name << "':\n";
      PrintRows(rows, streams);
    }
    return static_cast<int>(kExitOk);
  };
  const auto code = show();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtOperation(const DbtOptions& options, Streams& streams) {
  const auto run = [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(const auto session, OpenDbtSession(options, streams, true));
    TARN_ASSIGN_OR_RETURN(
        const auto warehouse,
        transform::Warehouse::Open(*session->engine, session->context->session_setup));
    Node node;
    node.type = ResourceType::kOperation;
    node.name = options.macro;
    node.package_name = session->project->root.name;
    node.unique_id = "operation." + node.package_name + "." + options.macro;
    node.original_file_path = node.path = options.macro;
    node.schema = session->project->target.schema;
    node.database = session->project->target.database;
    transform::RunScope scope(*session->context, node, *warehouse);
    const size_t dot = options.macro.find('.');
    const transform::MacroLibrary& macros = *session->project->macros;
    const transform::Macro* macro =
        dot == std::string::npos
            ? macros.Resolve(node.package_name, options.macro)
            : macros.Find(options.macro.substr(0, dot), options.macro.substr(dot + 1));
    if (macro == nullptr) {
      return Status::NotFound("dbt could not find a macro with the name '" + options.macro +
                              "' in any package");
    }
    Json arguments = Json::object();
    if (!options.args.empty()) {
      TARN_ASSIGN_OR_RETURN(arguments, transform::ParseYaml(options.args, "--args"));
    }
    const auto& names = *session->project->names;
    jinja::Session rendering(names.environment(), names.For(scope, &macros));
    rendering.host = &scope;
    jinja::CallArgs args(rendering);
    if (arguments.is_object()) {
      for (const auto& [key, value] : arguments.items()) {
        args.named.emplace_back(key, transform::ToValue(value));
      }
    }
    scope.transactional = session->project->target.type == "duckdb";
    const auto result = transform::MacroLibrary::Call(*macro, args);
    scope.RollBack();  // as dbt: what the macro did not commit
    if (!result.ok()) {
      return rendering.error().line > 0
                 ? Status(result.status().code(), rendering.error().Describe())
                 : result.status();
    }
    return Status::Ok();
  };
  const Status status = run();
  if (status.ok()) return kExitOk;
  streams.out.flush();
  streams.err << "tarn: error: " << status.message() << "\n";
  return kExitFailed;
}

int RunDbtDeps(const DbtOptions& options, Streams& streams) {
  const auto check = [&]() -> Result<int> {
    TARN_ASSIGN_OR_RETURN(const auto parse, ReadParseOptions(options));
    const auto renderer = transform::BootstrapRenderer(parse.invocation.vars, nullptr);
    TARN_ASSIGN_OR_RETURN(const auto root, transform::LoadProject(options.project_dir, renderer));
    TARN_ASSIGN_OR_RETURN(const auto specs, transform::LoadPackageSpecs(root, renderer));
    int missing = 0;
    for (const auto& spec : specs) {
      const std::string name = spec.name.substr(spec.name.rfind('/') + 1);
      const std::string folder = spec.kind == "local"
                                     ? root.root + "/" + spec.local
                                     : root.root + "/" + root.packages_path + "/" + name;
      if (fs::exists(folder + "/dbt_project.yml")) {
        streams.out << "Installed " << spec.name << " in " << folder << "\n";
        continue;
      }
      ++missing;
      streams.out << "Missing " << spec.kind << " " << spec.name
                  << (spec.version.empty() ? "" : " " + spec.version) << ": put its files into "
                  << folder << (spec.kind == "local" ? "" : ", or name a folder with `local:`")
                  << "\n";
    }
    if (specs.empty()) streams.out << "Warning: No packages were found in packages.yml\n";
    if (missing == 0) return static_cast<int>(kExitOk);
    return Status::Unsupported(
        std::to_string(missing) +
        " packages are missing; Tarn downloads none: copy them to the folders "
        "above (`dbt deps` does it where there is a network)");
  };
  const auto code = check();
  return code.ok() ? *code : CannotRun(streams, code.status());
}

int RunDbtDebug(const DbtOptions& options, Streams& streams) {
  const auto check = [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(const auto parse, ReadParseOptions(options));
    TARN_ASSIGN_OR_RETURN(const auto project, transform::LoadProjects(parse));
    streams.out << "dbt version: " << transform::kDbtVersion << " (tarn)\n";
    streams.out << "project: " << project->root.name << " in " << project->root.root << "\n";
    streams.out << "profile: " << project->target.profile_name << ", target "
                << project->target.name << " of type " << project->target.type << "\n";
    streams.out << "lake: " << project->target.lake << ", schema " << project->target.schema
                << ", dialect " << project->target.dialect << ", threads "
                << project->target.threads << "\n";
    for (const auto& package : project->packages) {
      streams.out << "package: " << package.name << " in " << package.root << "\n";
    }
    engine::EngineOptions engine;
    engine.lake = project->target.lake;
    engine.create_lake = true;
    TARN_ASSIGN_OR_RETURN(const auto opened, engine::Engine::Open(engine));
    streams.out << "Connection test: OK connection ok\n\nAll checks passed!\n";
    return Status::Ok();
  };
  const Status status = check();
  return status.ok() ? kExitOk : CannotRun(streams, status);
}

int RunDbtClean(const DbtOptions& options, Streams& streams) {
  const auto clean = [&]() -> Status {
    const auto renderer = transform::BootstrapRenderer(Json::object(), nullptr);
    TARN_ASSIGN_OR_RETURN(const auto root, transform::LoadProject(options.project_dir, renderer));
    for (const std::string& folder : root.clean_targets) {
      const fs::path path = (fs::path(root.root) / folder).lexically_normal();
      const std::string inside = path.lexically_relative(root.root).string();
      if (inside.empty() || inside == "." || inside.starts_with("..")) {
        return Status::InvalidArgument("clean-targets names " + folder +
                                       ", which lies outside the project; nothing was removed");
      }
      for (const auto* kept : {&root.model_paths, &root.seed_paths, &root.test_paths,
                               &root.macro_paths, &root.snapshot_paths, &root.analysis_paths}) {
        if (std::find(kept->begin(), kept->end(), folder) != kept->end()) {
          return Status::InvalidArgument("clean-targets names " + folder +
                                         ", a folder of sources; nothing was removed");
        }
      }
      std::error_code error;
      fs::remove_all(path, error);
      streams.out << "Cleaned " << path.string() << "\n";
    }
    streams.out << "Finished cleaning all paths.\n";
    return Status::Ok();
  };
  const Status status = clean();
  return status.ok() ? kExitOk : CannotRun(streams, status);
}

}  // namespace tarn::cli
