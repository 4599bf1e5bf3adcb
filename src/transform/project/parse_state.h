// ParseState: what the steps of parsing share. Room-internal.
//
// Threads: the steps that render in parallel touch only nodes of their own.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "transform/project/parse_scope.h"
#include "transform/project/parser.h"
#include "transform/project/project_files.h"

namespace tarn::transform {

// A schema file, parsed.
struct SchemaFile {
  const SourceFile* file = nullptr;
  Json tree;
};

// Something of a schema file that tests can stand on.
struct TestTarget {
  const SchemaFile* schema = nullptr;
  std::string yaml_key;  // "models", "sources", …
  std::string name;      // of the model, or of the source
  std::string table;     // sources
  std::optional<std::string> version;
  std::vector<std::string> tags;       // of source and table
  std::vector<std::string> yaml_path;  // for messages
  bool quote_columns = false;
};

class ParseState {
 public:
  ParseState(ParsedProject& project, const ParseOptions& options)
      : project(project), options(options), quote(QuoteCharacter(project.target.dialect)) {}

  // parse_nodes.cc: models, seeds, singular tests, snapshots, analyses.
  Status AddNodes();
  // parse_schema.cc: schema files onto nodes.
  Status AddSchemas();
  // parse_sources.cc, parse_carried.cc
  Status AddSources(const SchemaFile& schema, const Json& entry, size_t index);
  Status AddCarried(const SchemaFile& schema);
  // parse_tests.cc
  Status AddTests(const TestTarget& target, const Json& tests, const Json* column,
                  const std::string& where);
  Status RenderTests();
  // parse_names.cc: where a node's relation lives.
  Status NameNode(Node& node);
  // parse_resolve.cc
  Status ResolveAll();

  // What the code of a node calls. Status names the node's file and line.
  Status Capture(Node& node, CapturedCalls* calls, const std::string& text,
                 const jinja::Value* test_kwargs = nullptr);
  void Configure(Node& node, const Json* patch, const Json* call);
  Status CheckDuplicate(const Node& node) const;
  const Project& ProjectOf(const std::string& package) const;
  // Moves disabled nodes aside and puts the others into the manifest.
  Status AddPending();

  ParsedProject& project;
  const ParseOptions& options;
  char quote;
  std::vector<SourceFile> files;
  std::vector<SchemaFile> schemas;
  std::deque<Node> pending;                           // until their config is known
  std::map<const Node*, Json> calls;                  // config() of each, for patches
  std::map<std::string, std::vector<Node*>> by_name;  // pending ones, "models/name"
  std::vector<Node> tests;                            // generic, waiting for RenderTests
  std::vector<Json> test_configs;
};

// A tree of a schema file's scalar list or text as tags.
std::vector<std::string> TagsOf(const Json& entry);
// Columns of a schema entry, as dbt keeps them.
std::vector<ColumnInfo> ColumnsOf(const Json& entry);
// "data_tests" or "tests".
const Json& TestsOf(const Json& entry);
std::string FileStem(const std::string& path);
// Folders of a path, without the file.
std::vector<std::string> FoldersOf(const std::string& path);

}  // namespace tarn::transform
