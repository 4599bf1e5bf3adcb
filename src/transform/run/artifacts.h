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

Json ManifestJson(const ParsedProject& project);
Status WriteManifest(const ParsedProject& project);
Status WriteRunResults(const ParsedProject& project, const ExecutionReport& report,
                       const Json& arguments);
Status WriteSources(const ParsedProject& project, const ExecutionReport& report);
// Columns of every relation that exists.
Result<Json> CatalogJson(RunContext& context);
// `name` below target/; the folder is made.
Status WriteArtifact(const ParsedProject& project, const std::string& name, const Json& content);

}  // namespace tarn::transform
