#include <algorithm>
#include <filesystem>

#include "cli/dbt_run.h"
#include "cli/pii_key.h"
#include "transform/run/lineage_book.h"

namespace tarn::cli {
namespace {

using transform::Node;
using transform::ResourceType;

bool Wanted(const std::string& command, const Node& node) {
  const ResourceType type = node.type;
  if (command == "run") return type == ResourceType::kModel;
  if (command == "seed") return type == ResourceType::kSeed;
  if (command == "snapshot") return type == ResourceType::kSnapshot;
  if (command == "test") return type == ResourceType::kTest || type == ResourceType::kUnitTest;
  if (command == "freshness") return type == ResourceType::kSource;
  if (command == "list") return true;
  const bool builds = type == ResourceType::kModel || type == ResourceType::kSeed ||
                      type == ResourceType::kSnapshot || type == ResourceType::kTest ||
                      type == ResourceType::kUnitTest;
  if (command == "build") return builds || transform::IsIdle(type);
  if (command == "plan") return builds;
  return type == ResourceType::kModel || type == ResourceType::kSnapshot ||
         type == ResourceType::kTest || type == ResourceType::kAnalysis;
}

bool KindListed(const std::vector<std::string>& kinds, const Node& node) {
  const std::string name(transform::ResourceTypeName(node.type));
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const std::string& kind) { return kind == name || kind == "all"; });
}

Status LoadDeferred(DbtSession& session, const DbtOptions& options) {
  const std::string folder = options.defer_state.empty() ? options.state : options.defer_state;
  if (folder.empty()) {
    return Status::InvalidArgument(
        "--defer needs --state FOLDER with the manifest.json to defer to");
  }
  TARN_ASSIGN_OR_RETURN(const transform::PreviousState state, transform::LoadState(folder));
  const auto& nodes = transform::Member(state.manifest, "nodes");
  if (!nodes.is_object())
    return Status::NotFound("state folder " + folder + " has no manifest.json");
  for (const auto& [id, node] : nodes.items()) {
    transform::Relation::Parts parts;
    parts.database = session.project->target.database;
    parts.schema = transform::TextMember(node, "schema");
    parts.identifier = transform::TextMember(node, "alias");
    session.context->deferred[id] = std::move(parts);
  }
  return Status::Ok();
}

bool CompilesModels(const std::string& command) {
  return command == "run" || command == "build" || command == "snapshot" || command == "compile" ||
         command == "generate" || command == "plan";
}

Status OpenLineage(DbtSession& session) {
  TARN_ASSIGN_OR_RETURN(session.context->lineage, transform::LineageBook::Open(*session.context));
  std::vector<Node*> nodes;
  for (Node& node : session.project->manifest.nodes) nodes.push_back(&node);
  return transform::CheckRequiredMeta(session.context->lineage->policy(), nodes);
}

}  // namespace

Result<std::unique_ptr<DbtSession>> OpenDbtSession(const DbtOptions& options, Streams& streams,
                                                   bool open_lake) {
  auto session = std::make_unique<DbtSession>();
  TARN_ASSIGN_OR_RETURN(transform::ParseOptions parse, ReadParseOptions(options));
  parse.compile_macros = open_lake;
  TARN_ASSIGN_OR_RETURN(const auto log,
                        ReadLogOptions(options, streams, parse.invocation.invocation_id));
  session->log = std::make_unique<transform::EventLog>(streams.out, log);
  TARN_ASSIGN_OR_RETURN(session->project, transform::ParseProject(parse));
  for (const std::string& warning : session->project->manifest.warnings) {
    session->log->Warn("[WARNING]: " + warning);
  }
  if (options.warn_error && !session->project->manifest.warnings.empty()) {
    return Status::InvalidArgument("--warn-error: " + session->project->manifest.warnings.front());
  }
  if (!options.state.empty()) {
    TARN_ASSIGN_OR_RETURN(transform::PreviousState state, transform::LoadState(options.state));
    session->state = std::make_unique<transform::PreviousState>(std::move(state));
  }
  if (!open_lake) return session;
  engine::EngineOptions engine;
  engine.lake = session->project->target.lake;
  engine.create_lake = true;
  engine.fsync = !options.no_fsync;
  engine.default_schema = session->project->target.schema;
  TARN_ASSIGN_OR_RETURN(engine.dialect, dialect::ParseSqlDialect(session->project->target.dialect));
  TARN_ASSIGN_OR_RETURN(session->engine, engine::Engine::Open(engine));
  session->context = std::make_unique<transform::RunContext>(
      *session->project, *session->engine, ReadRunOptions(options, session->project->target),
      *session->log);
  if (!options.pii_key.empty()) {
    session->context->session_setup = [key = options.pii_key](engine::Session& opened) {
      return DefinePiiToken(opened, key);
    };
  }
  if (options.defer) TARN_RETURN_IF_ERROR(LoadDeferred(*session, options));
  if (CompilesModels(options.command)) TARN_RETURN_IF_ERROR(OpenLineage(*session));
  return session;
}

void KeepUntilExit(std::unique_ptr<DbtSession> session) {
  static DbtSession* kept = nullptr;
  if (kept == nullptr) kept = session.release();
}

Result<std::vector<Node*>> SelectNodes(DbtSession& session, const DbtOptions& options) {
  transform::SelectionRequest request;
  request.select = options.select;
  request.exclude = options.exclude;
  request.selector = options.selector;
  TARN_ASSIGN_OR_RETURN(request.indirect,
                        transform::ParseIndirectSelection(options.indirect_selection));
  transform::Manifest& manifest = session.project->manifest;
  const transform::NodeSelector selector(manifest, &session.project->selectors,
                                         session.state.get());
  TARN_ASSIGN_OR_RETURN(const auto chosen, selector.Select(request));
  std::vector<Node*> nodes;
  for (Node& node : manifest.nodes) {
    if (!chosen.contains(&node) || !Wanted(options.command, node)) continue;
    if (!options.resource_types.empty() && !KindListed(options.resource_types, node)) continue;
    if (KindListed(options.exclude_resource_types, node)) continue;
    nodes.push_back(&node);
    if (session.context) session.context->selected.insert(node.unique_id);
  }
  return nodes;
}

}  // namespace tarn::cli
