// Files that are nodes by themselves: models, seeds, snapshots, singular tests, analyses.
#include <algorithm>

#include "base/hash.h"
#include "transform/project/blocks.h"
#include "transform/project/config.h"
#include "transform/project/parse_state.h"
#include "transform/project/python_model.h"
#include "transform/project/value_json.h"

namespace tarn::transform {
namespace {

ResourceType TypeOf(FileKind kind) {
  switch (kind) {
    case FileKind::kSeed: return ResourceType::kSeed;
    case FileKind::kSnapshot: return ResourceType::kSnapshot;
    case FileKind::kAnalysis: return ResourceType::kAnalysis;
    case FileKind::kTest: return ResourceType::kTest;
    default: return ResourceType::kModel;
  }
}

Node NodeOf(const SourceFile& file, const std::string& name) {
  Node node;
  node.type = TypeOf(file.kind);
  node.name = name;
  node.package_name = file.project->name;
  node.root_path = file.project->root;
  node.original_file_path = file.original_path;
  node.path = file.path;
  node.checksum = file.checksum;
  node.raw_code = file.text;
  node.language = file.original_path.ends_with(".py") ? "python" : "sql";
  node.unique_id = std::string(ResourceTypeName(node.type)) + "." + node.package_name + "." + name;
  node.fqn = {node.package_name};
  if (file.kind == FileKind::kAnalysis) {
    // dbt puts the folder of analyses into path and fqn.
    node.path = "analysis/" + file.path;
    node.fqn.push_back("analysis");
  }
  for (std::string& folder : FoldersOf(file.path)) node.fqn.push_back(std::move(folder));
  if (file.kind == FileKind::kSnapshot) node.fqn.push_back(FileStem(file.path));
  node.fqn.push_back(name);
  return node;
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Status AddDocs(const SourceFile& file, Manifest& manifest) {
  TARN_ASSIGN_OR_RETURN(const auto blocks, FindTextBlocks(file.text, "docs", file.original_path));
  for (const TextBlock& block : blocks) {
    manifest.docs.push_back({"doc." + file.project->name + "." + block.name, block.name,
                             file.project->name, file.path, file.original_path,
                             Trimmed(block.body)});
  }
  return Status::Ok();
}

}  // namespace

std::string FileStem(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

std::vector<std::string> FoldersOf(const std::string& path) {
  std::vector<std::string> folders;
  size_t at = 0;
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', at)) {
    folders.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return folders;
}

const Project& ParseState::ProjectOf(const std::string& package) const {
  const Project* found = project.names->FindProject(package);
  return found == nullptr ? project.root : *found;
}

Status ParseState::AddNodes() {
  for (const SourceFile& file : files) {
    switch (file.kind) {
      case FileKind::kMacro:
      case FileKind::kGenericTest:
      case FileKind::kYaml: break;
      case FileKind::kDocs: TARN_RETURN_IF_ERROR(AddDocs(file, project.manifest)); break;
      case FileKind::kSnapshot: {
        TARN_ASSIGN_OR_RETURN(const auto blocks,
                              FindTextBlocks(file.text, "snapshot", file.original_path));
        for (const TextBlock& block : blocks) {
          Node node = NodeOf(file, block.name);
          node.raw_code = block.body;
          node.raw_code_line = block.body_line;
          pending.push_back(std::move(node));
        }
        break;
      }
      default: pending.push_back(NodeOf(file, FileStem(file.path)));
    }
  }
  std::vector<Node*> nodes;
  for (Node& node : pending) nodes.push_back(&node);
  std::vector<CapturedCalls> captured(nodes.size());
  TARN_RETURN_IF_ERROR(InParallel(nodes.size(), options.threads, [&](size_t i) -> Status {
    Node& node = *nodes[i];
    node.database = project.target.database;
    node.schema = project.target.schema;
    node.alias = node.name;
    if (node.type == ResourceType::kSeed) {
      node.raw_code.clear();
      return Status::Ok();
    }
    if (node.language == "python") return CapturePython(node, &captured[i]);
    return Capture(node, &captured[i], node.raw_code);
  }));
  for (size_t i = 0; i < nodes.size(); ++i) {
    Node& node = *nodes[i];
    node.refs = std::move(captured[i].refs);
    node.sources = std::move(captured[i].sources);
    node.metrics = std::move(captured[i].metrics);
    node.depends_on_macros = std::move(captured[i].macros);
    calls[&node] = std::move(captured[i].config);
    Configure(node, nullptr, &calls[&node]);
    const char* key = node.type == ResourceType::kSeed       ? "seeds/"
                      : node.type == ResourceType::kSnapshot ? "snapshots/"
                      : node.type == ResourceType::kAnalysis ? "analyses/"
                      : node.type == ResourceType::kTest     ? "data_tests/"
                                                             : "models/";
    by_name[key + node.name].push_back(&node);
  }
  return Status::Ok();
}

Status ParseState::Capture(Node& node, CapturedCalls* captured, const std::string& text,
                           const jinja::Value* test_kwargs) {
  ParseScope scope(node, project.macros.get(), quote);
  if (test_kwargs != nullptr) {
    scope.test_kwargs = *test_kwargs;
    scope.has_test_kwargs = true;
  }
  scope.known_config = &node.config;
  if (HasJinja(text)) {
    const std::string place = node.package_name == project.root.name
                                  ? node.original_file_path
                                  : node.package_name + "://" + node.original_file_path;
    jinja::Error error;
    auto rendered = project.names->Render(text, place, scope, project.macros.get(),
                                          jinja::UndefinedMode::kCallable, &error);
    if (!rendered.ok()) {
      if (error.line > 0 && error.file == place && node.raw_code_line > 1) {
        error.line += static_cast<int>(node.raw_code_line) - 1;
        return Status(rendered.status().code(), error.OneLine());
      }
      return rendered.status();
    }
  }
  *captured = std::move(scope.calls);
  return Status::Ok();
}

void ParseState::Configure(Node& node, const Json* patch, const Json* call) {
  ConfigSources sources;
  const Project& own = ProjectOf(node.package_name);
  sources.own_block = &own.ConfigBlock(node.type);
  if (&own != &project.root) sources.root_block = &project.root.ConfigBlock(node.type);
  Json python_patch;
  if (node.language == "python") {
    python_patch = patch == nullptr ? Json::object() : *patch;
    if (!HasMember(python_patch, "materialized")) python_patch["materialized"] = "table";
    patch = &python_patch;
  }
  sources.patch = patch;
  sources.call = call;
  ApplyConfig(node, sources);
}

}  // namespace tarn::transform
