#include "transform/project/parser.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "transform/project/builtin_macros.h"
#include "transform/project/manifest_cache.h"
#include "transform/project/parse_state.h"
#include "transform/project/yaml.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> PrefixesOf(const Target& target) {
  if (target.type == "duckdb") return {"duckdb", "default"};
  if (target.type == "databricks") return {"databricks", "spark", "default"};
  if (target.type == "spark") return {"spark", "default"};
  if (target.dialect == "duckdb") return {"tarn", "duckdb", "default"};
  return {"tarn", "databricks", "spark", "default"};
}

Status CompileMacros(ParseState& state) {
  MacroLibrary& library = *state.project.macros;
  const jinja::Environment& env = state.project.names->environment();
  for (const BuiltinMacroFile& file : BuiltinMacroFiles()) {
    TARN_ASSIGN_OR_RETURN(auto text, env.Compile(std::string(file.text), std::string(file.path)));
    TARN_RETURN_IF_ERROR(library.AddFile(kBuiltinPackage, std::string(file.path),
                                         std::string(file.path), std::move(text)));
  }
  std::vector<const SourceFile*> sources;
  for (const SourceFile& file : state.files) {
    if (file.kind == FileKind::kMacro || file.kind == FileKind::kGenericTest) {
      sources.push_back(&file);
    }
  }
  std::vector<std::shared_ptr<const jinja::Template>> compiled(sources.size());
  TARN_RETURN_IF_ERROR(InParallel(sources.size(), state.options.threads, [&](size_t i) -> Status {
    const SourceFile& file = *sources[i];
    const std::string shown = file.project == &state.project.root
                                  ? file.original_path
                                  : file.project->name + "://" + file.original_path;
    TARN_ASSIGN_OR_RETURN(compiled[i], env.Compile(file.text, shown));
    return Status::Ok();
  }));
  for (size_t i = 0; i < sources.size(); ++i) {
    TARN_RETURN_IF_ERROR(library.AddFile(sources[i]->project->name, sources[i]->original_path,
                                         sources[i]->original_path, compiled[i],
                                         sources[i]->kind == FileKind::kGenericTest));
  }
  std::vector<std::string> packages{state.project.root.name};
  for (const Project& package : state.project.packages) packages.push_back(package.name);
  library.SetDispatch(&state.project.root, packages);
  library.Freeze();
  state.project.manifest.packages = std::move(packages);
  return Status::Ok();
}

Status ParseFiles(ParseState& state) {
  TARN_RETURN_IF_ERROR(CompileMacros(state));
  for (const Macro* macro : state.project.macros->All()) {
    state.project.manifest.macros.push_back(macro->info);
  }
  TARN_RETURN_IF_ERROR(state.AddNodes());
  TARN_RETURN_IF_ERROR(state.AddSchemas());
  return state.ResolveAll();
}

Status ReadSelectors(ParsedProject& project) {
  const std::string file = project.root.root + "/selectors.yml";
  if (!fs::exists(file)) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  TARN_ASSIGN_OR_RETURN(Json tree, ParseYaml(text, file));
  TARN_RETURN_IF_ERROR(RenderTree(tree, project.names->YamlRenderer(project.root.name), file,
                                  [](const auto&) { return false; }));
  project.selectors = Member(tree, "selectors");
  return Status::Ok();
}

}  // namespace

Result<std::string> FindTargetFolder(const ParseOptions& options) {
  const fs::path root = fs::weakly_canonical(options.project_dir);
  std::string folder = options.target_path;
  if (folder.empty()) {
    const std::string file = (fs::path(options.project_dir) / "dbt_project.yml").string();
    const auto text = ReadFile(file);
    if (!text.ok()) {
      return Status::NotFound("No dbt_project.yml found at expected path " + file +
                              "; run in the project's folder or pass --project-dir");
    }
    TARN_ASSIGN_OR_RETURN(const Json tree, ParseYaml(*text, file));
    folder = TextMember(tree, "target-path", "target");
    if (HasJinja(folder)) {
      TARN_ASSIGN_OR_RETURN(const Json rendered,
                            BootstrapRenderer(options.invocation.vars, nullptr)(folder, file));
      folder = PythonText(rendered);
    }
  }
  return (root / folder).lexically_normal().string();
}

Result<std::unique_ptr<ParsedProject>> LoadProjects(const ParseOptions& options) {
  auto project = std::make_unique<ParsedProject>();
  const Json& vars = options.invocation.vars;
  // The target may say what the project's texts mean, and the project which profile it is of: the
  // name of the profile is read first, without a target.
  Project peek;
  peek.root = fs::weakly_canonical(options.project_dir).string();
  TARN_ASSIGN_OR_RETURN(peek.profile, PeekProfileName(options.project_dir));
  const TextRenderer plain = BootstrapRenderer(vars, nullptr);
  if (HasJinja(peek.profile)) {
    TARN_ASSIGN_OR_RETURN(const Json rendered, plain(peek.profile, "dbt_project.yml"));
    peek.profile = PythonText(rendered);
  }
  if (fs::exists(options.project_dir + "/dbt_project.yml")) {
    TARN_ASSIGN_OR_RETURN(project->target, LoadTarget(peek, options.target, plain));
  }
  const TextRenderer with_target = BootstrapRenderer(vars, &project->target);
  TARN_ASSIGN_OR_RETURN(project->root, LoadProject(options.project_dir, with_target));
  if (!project->root.dialect.empty()) {
    TARN_ASSIGN_OR_RETURN(project->target, LoadTarget(project->root, options.target, plain));
  }
  TARN_ASSIGN_OR_RETURN(project->packages, LoadPackages(project->root, with_target));
  project->names = std::make_unique<DbtNames>(&project->root, &project->packages, project->target,
                                              options.invocation);
  project->manifest.project_name = project->root.name;
  project->manifest.adapter_type = project->target.type;
  const std::string folder =
      options.target_path.empty() ? project->root.target_path : options.target_path;
  project->target_folder = (fs::path(project->root.root) / folder).lexically_normal().string();
  return project;
}

Result<std::unique_ptr<ParsedProject>> ParseProject(const ParseOptions& given) {
  ParseOptions options = given;
  if (options.threads <= 0) {
    options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  TARN_ASSIGN_OR_RETURN(auto project, LoadProjects(options));
  project->macros = std::make_unique<MacroLibrary>(project->root.name, PrefixesOf(project->target));
  ParseState state(*project, options);
  std::vector<const Project*> projects{&project->root};
  for (const Project& package : project->packages) projects.push_back(&package);
  TARN_ASSIGN_OR_RETURN(state.files, ReadProjectFiles(projects, options.threads));
  const ManifestCache cache(*project, state.files);
  project->from_cache = options.partial_parse && cache.Load(*project);
  if (!project->from_cache) {
    TARN_RETURN_IF_ERROR(ParseFiles(state));
    cache.Store(*project);
  } else if (options.compile_macros) {
    TARN_RETURN_IF_ERROR(CompileMacros(state));
  }
  TARN_RETURN_IF_ERROR(ReadSelectors(*project));
  return project;
}

}  // namespace tarn::transform
