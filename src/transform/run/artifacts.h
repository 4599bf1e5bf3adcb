// dbt's artifacts: target/manifest.json (v12), run_results.json (v6), catalog.json (v1),
// sources.json (v3).
//
// What it does not do: partial_parse.msgpack and graph.gpickle, which only dbt itself reads.
//
// Threads: pure functions over what is no longer changing. Files are replaced whole: a reader never
// sees half of one.
#pragma once

#include <string>
#include <vector>

#include "transform/project/parser.h"
#include "transform/run/executor.h"

namespace tarn::transform {

// manifest.json's text; all but `metadata` depends on the manifest alone.
std::string ManifestText(const ParsedProject& project);
// `parsed_only`: nothing was compiled, so that a parse that found nothing changed may copy what the
// one before wrote (target/partial_parse.manifest).
Status WriteManifest(const ParsedProject& project, bool parsed_only = false);
Status WriteRunResults(const ParsedProject& project, const ExecutionReport& report,
                       const Json& arguments);
Status WriteSources(const ParsedProject& project, const ExecutionReport& report);
// Columns of every relation that exists.
Result<Json> CatalogJson(RunContext& context);
// `name` below target/; the folder is made.
Status WriteArtifact(const ParsedProject& project, const std::string& name, const Json& content);
Status WriteArtifactText(const ParsedProject& project, const std::string& name,
                         const std::vector<std::string_view>& pieces);

}  // namespace tarn::transform
