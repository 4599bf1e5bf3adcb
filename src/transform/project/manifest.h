// Manifest: every node of a parsed project and how they hang together.
//
// What it is: what parsing gives and everything after it works on: selection (selector.h), the
// run (transform/run), the artifacts (artifacts.h).
//
// What it does not do: it reads no files and runs nothing.
//
// Threads: immutable after parsing but for the fields node.h names. Lifetime: pointers to nodes
// stay valid as long as the manifest.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "transform/project/node.h"

namespace tarn::transform {

// A macro as the manifest lists it; the code itself lives in MacroLibrary (macros.h).
struct MacroInfo {
  std::string unique_id;  // "macro.package.name"
  std::string name;
  std::string package_name;
  std::string path;
  std::string original_file_path;
  std::string macro_sql;
  size_t line = 1;
  std::vector<std::string> supported_languages;
  std::vector<std::string> depends_on_macros;
  std::string description;
  Json meta = Json::object();
  Json arguments = Json::array();
  std::string patch_path;
};

struct DocBlock {
  std::string unique_id;  // "doc.package.name"
  std::string name;
  std::string package_name;
  std::string path;
  std::string original_file_path;
  std::string contents;
};

class Manifest {
 public:
  std::string project_name;
  std::string adapter_type;
  std::deque<Node> nodes;     // everything but disabled ones, in the order they were parsed
  std::deque<Node> disabled;  // by configuration
  std::vector<MacroInfo> macros;
  std::vector<DocBlock> docs;
  Json selectors = Json::object();
  std::vector<std::string> warnings;  // what parsing wants to tell, in dbt's words

  // Takes nodes as they are, in place of those that are there.
  void Adopt(std::deque<Node> all);
  // Adds and returns it. A unique_id that is there already is the caller's to report: see Find.
  Node* Add(Node node);
  Node* Find(std::string_view unique_id);
  // Takes nodes out again; pointers to other nodes change. Only while parsing.
  void Remove(const std::set<std::string>& unique_ids);
  const Node* Find(std::string_view unique_id) const;

  // ref('name'), ref('package', 'name', v=…): the package's own first when none is given, then the
  // root project's, then any. `disabled_match` tells that only a disabled node has the name.
  const Node* FindRef(const RefCall& call, const std::string& from_package,
                      bool* disabled_match = nullptr) const;
  const Node* FindSource(const SourceCall& call, const std::string& from_package,
                         bool* disabled_match = nullptr) const;
  const DocBlock* FindDoc(const std::string& package, const std::string& name,
                          const std::string& from_package) const;

  // Fills parents and children from depends_on_nodes. Errors: kInvalidArgument naming the nodes of
  // a cycle in order.
  Status BuildGraph();
  const std::vector<const Node*>& Parents(const Node& node) const;
  const std::vector<const Node*>& Children(const Node& node) const;

  // Names of packages by weight, for resolving: root project first.
  std::vector<std::string> packages;

 private:
  void IndexName(Node& node);
  std::unordered_map<std::string, Node*> by_id_;
  std::unordered_map<std::string, std::vector<Node*>> by_name_;  // refable ones
  std::unordered_map<const Node*, std::vector<const Node*>> parents_;
  std::unordered_map<const Node*, std::vector<const Node*>> children_;
};

}  // namespace tarn::transform
