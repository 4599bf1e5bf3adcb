// What each method of a selection criterion means for one node.
#include <algorithm>
#include <filesystem>

#include "transform/project/project_file.h"
#include "transform/project/selector_criterion.h"

namespace tarn::transform {
namespace {

bool HasWildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

bool MatchesFqn(const std::vector<std::string>& fqn, const std::string& selector, bool versioned) {
  if (fqn.empty()) return false;
  if (fqn.back() == selector) return true;
  if (versioned && fqn.size() > 1) {
    const std::string& name = fqn[fqn.size() - 2];
    if (name == selector || name + "." + fqn.back() == selector ||
        name + "_" + fqn.back() == selector) {
      return true;
    }
  }
  std::vector<std::string> flat, parts;
  const auto split = [](const std::string& text, std::vector<std::string>& out) {
    size_t at = 0;
    while (at <= text.size()) {
      const size_t end = std::min(text.find('.', at), text.size());
      out.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  };
  for (const std::string& part : fqn) split(part, flat);
  split(selector, parts);
  if (flat.size() < parts.size()) return false;
  const auto joined = [](const std::vector<std::string>& list, size_t from) {
    std::string text;
    for (size_t i = from; i < list.size(); ++i) text += (i > from ? "." : "") + list[i];
    return text;
  };
  for (size_t i = 0; i < parts.size(); ++i) {
    if (HasWildcard(parts[i])) {
      if (GlobMatches(joined(parts, i), joined(flat, i))) return true;
      if (parts.size() == 1) {
        return GlobMatches(selector, versioned ? fqn[fqn.size() - 2] : fqn.back());
      }
      return false;
    }
    if (flat[i] != parts[i]) return false;
  }
  return true;
}

bool MatchesPath(const Node& node, std::string value) {
  while (value.starts_with("./")) value.erase(0, 2);
  while (value.size() > 1 && value.ends_with("/")) value.pop_back();
  std::vector<std::string> paths{node.original_file_path};
  if (!node.patch_path.empty())
    paths.push_back(node.patch_path.substr(node.patch_path.find("://") + 3));
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
    if (path == value || path.starts_with(value + "/")) return true;
    if (!HasWildcard(value)) return false;
    // A glob names files or folders; what lies in a folder that matches is meant too.
    if (GlobMatches(value, path)) return true;
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      if (GlobMatches(value, path.substr(0, slash))) return true;
    }
    return false;
  });
}

bool MatchesConfig(const Json& config, const std::vector<std::string>& arguments,
                   const std::string& value) {
  const Json* at = &config;
  for (const std::string& key : arguments) at = &Member(*at, key);
  const auto same = [&](const Json& item) {
    std::string text = PythonText(item);
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text == value || (item.is_boolean() && lower == value) || GlobMatches(value, text);
  };
  if (at->is_array()) return std::any_of(at->begin(), at->end(), same);
  if (at->is_object()) return HasMember(*at, value);
  return !at->is_null() && same(*at);
}

bool MatchesSource(const Node& node, const std::string& value) {
  if (node.type != ResourceType::kSource) return false;
  std::vector<std::string> parts;
  size_t at = 0;
  while (at <= value.size()) {
    const size_t end = std::min(value.find('.', at), value.size());
    parts.push_back(value.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() == 1) return GlobMatches(parts[0], node.source_name);
  if (parts.size() == 2) {
    return (GlobMatches(parts[0], node.source_name) && GlobMatches(parts[1], node.name)) ||
           (GlobMatches(parts[0], node.package_name) && GlobMatches(parts[1], node.source_name));
  }
  return parts.size() == 3 && GlobMatches(parts[0], node.package_name) &&
         GlobMatches(parts[1], node.source_name) && GlobMatches(parts[2], node.name);
}

// exposure:name, metric:package.name, …
bool MatchesNamed(const Node& node, ResourceType type, const std::string& value) {
  if (node.type != type) return false;
  const size_t dot = value.find('.');
  if (dot == std::string::npos) return GlobMatches(value, node.name);
  return GlobMatches(value.substr(0, dot), node.package_name) &&
         GlobMatches(value.substr(dot + 1), node.name);
}

bool MatchesTestType(const Node& node, const std::string& value) {
  if (value == "unit") return node.type == ResourceType::kUnitTest;
  if (node.type != ResourceType::kTest) return false;
  if (value == "generic" || value == "schema") return node.test_metadata.has_value();
  if (value == "singular" || value == "data") {
    return value == "data" || !node.test_metadata.has_value();
  }
  return false;
}

const Json& OldNode(const Json& manifest, const Node& node) {
  for (const char* section : {"nodes", "sources", "exposures", "metrics", "unit_tests",
                              "semantic_models", "saved_queries"}) {
    const Json& found = Member(Member(manifest, section), node.unique_id);
    if (!found.is_null()) return found;
  }
  return Member(manifest, "");
}

bool BodyChanged(const Node& node, const Json& old) {
  if (node.type == ResourceType::kSource || !HasMember(old, "checksum")) return false;
  if (node.checksum.empty()) return TextMember(old, "raw_code") != node.raw_code;
  return TextMember(Member(old, "checksum"), "checksum") != node.checksum;
}

bool RelationChanged(const Node& node, const Json& old) {
  if (!HasMember(old, "schema")) return false;
  const std::string name =
      HasMember(old, "alias") ? TextMember(old, "alias") : TextMember(old, "identifier");
  const std::string own = node.type == ResourceType::kSource ? node.identifier : node.alias;
  return TextMember(old, "schema") != node.schema || name != own;
}

bool ConfigChanged(const Node& node, const Json& old) {
  return Member(old, "unrendered_config") != node.unrendered_config;
}

bool DocsPersisted(const Node& node, const Json& old) {
  const Json& wanted = Member(node.config, "persist_docs");
  if (BoolMember(wanted, "relation", false) && TextMember(old, "description") != node.description) {
    return true;
  }
  if (!BoolMember(wanted, "columns", false)) return false;
  return std::any_of(node.columns.begin(), node.columns.end(), [&](const ColumnInfo& column) {
    return TextMember(Member(Member(old, "columns"), column.name), "description") !=
           column.description;
  });
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    bool matched = false;
    size_t next = p + 1;
    if (p < pattern.size() && pattern[p] == '[') {
      const size_t close = pattern.find(']', p + 2);
      if (close != std::string_view::npos) {
        const bool negated = pattern[p + 1] == '!';
        bool in = false;
        for (size_t i = p + (negated ? 2 : 1); i < close; ++i) {
          if (i + 2 < close && pattern[i + 1] == '-') {
            in = in || (pattern[i] <= text[t] && text[t] <= pattern[i + 2]);
            i += 2;
          } else {
            in = in || pattern[i] == text[t];
          }
        }
        matched = in != negated;
        next = close + 1;
      }
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || (pattern[p] == text[t] && pattern[p] != '*'))) {
      matched = true;
    }
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (matched) {
      p = next;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<PreviousState> LoadState(const std::string& folder) {
  PreviousState state;
  state.folder = folder;
  const auto load = [&](const char* name, Json* into) -> Status {
    const std::string path = folder + "/" + name;
    if (!std::filesystem::exists(path)) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    *into = Json::parse(text, nullptr, false);
    if (into->is_discarded()) {
      return Status::InvalidArgument("state file " + path + " is no JSON; write it again");
    }
    return Status::Ok();
  };
  TARN_RETURN_IF_ERROR(load("manifest.json", &state.manifest));
  TARN_RETURN_IF_ERROR(load("run_results.json", &state.run_results));
  TARN_RETURN_IF_ERROR(load("sources.json", &state.sources));
  if (state.manifest.is_null() && state.run_results.is_null()) {
    return Status::NotFound("state folder " + folder +
                            " holds no manifest.json and no run_results.json");
  }
  return state;
}

bool NodeSelector::MacrosChanged(const Node& node) const {
  std::vector<std::string> stack = node.depends_on_macros;
  std::set<std::string> seen(stack.begin(), stack.end());
  const Json& old = Member(state_->manifest, "macros");
  while (!stack.empty()) {
    const std::string id = stack.back();
    stack.pop_back();
    const auto macro = std::find_if(manifest_.macros.begin(), manifest_.macros.end(),
                                    [&](const MacroInfo& info) { return info.unique_id == id; });
    if (macro == manifest_.macros.end()) continue;
    const Json& before = Member(old, id);
    if (before.is_null() || TextMember(before, "macro_sql") != macro->macro_sql) return true;
    for (const std::string& next : macro->depends_on_macros) {
      if (seen.insert(next).second) stack.push_back(next);
    }
  }
  return false;
}

Result<bool> NodeSelector::MatchesState(const std::string& value, const Node& node) const {
  if (state_ == nullptr || state_->manifest.is_null()) {
    return Status::InvalidArgument(
        "state:" + value + " needs --state FOLDER with the manifest.json of an earlier run");
  }
  const Json& old = OldNode(state_->manifest, node);
  const bool fresh = old.is_null();
  if (value == "new") return fresh;
  if (value == "old") return !fresh;
  if (value == "modified.body") return fresh || BodyChanged(node, old);
  if (value == "modified.configs") return fresh || ConfigChanged(node, old);
  if (value == "modified.relation") return fresh || RelationChanged(node, old);
  if (value == "modified.persisted_descriptions") return fresh || DocsPersisted(node, old);
  if (value == "modified.macros") return fresh || MacrosChanged(node);
  if (value == "modified.contract") {
    return fresh || Member(Member(old, "config"), "contract") != Member(node.config, "contract");
  }
  const bool modified = fresh || BodyChanged(node, old) || ConfigChanged(node, old) ||
                        RelationChanged(node, old) || DocsPersisted(node, old) ||
                        MacrosChanged(node);
  if (value == "modified") return modified;
  if (value == "unmodified") return !modified;
  return Status::InvalidArgument(
      "state:" + value +
      " is not one of new, old, modified, unmodified, "
      "modified.body|configs|relation|persisted_descriptions|macros|contract");
}

bool NodeSelector::MatchesResult(const std::string& value, const Node& node) const {
  for (const Json& result : Member(state_->run_results, "results")) {
    if (TextMember(result, "unique_id") != node.unique_id) continue;
    return GlobMatches(value, TextMember(result, "status"));
  }
  return false;
}

Result<bool> NodeSelector::Matches(const Criterion& criterion, const Node& node) const {
  const std::string& method = criterion.method;
  const std::string& value = criterion.value;
  if (method == "fqn" || method == "wildcard") {
    // Sources and the like are named by their methods only; a bare name means what runs.
    if (node.type == ResourceType::kSource) return false;
    const std::vector<std::string> unscoped(node.fqn.begin() + (node.fqn.empty() ? 0 : 1),
                                            node.fqn.end());
    return MatchesFqn(node.fqn, value, node.version.has_value()) ||
           MatchesFqn(unscoped, value, node.version.has_value());
  }
  if (method == "tag") {
    return std::any_of(node.tags.begin(), node.tags.end(),
                       [&](const std::string& tag) { return GlobMatches(value, tag); });
  }
  if (method == "path") return MatchesPath(node, value);
  if (method == "file") {
    const std::string name = std::filesystem::path(node.original_file_path).filename().string();
    return GlobMatches(value, name) ||
           GlobMatches(value, std::filesystem::path(name).stem().string());
  }
  if (method == "package") {
    return GlobMatches(value == "this" ? manifest_.project_name : value, node.package_name);
  }
  if (method == "config") return MatchesConfig(node.config, criterion.arguments, value);
  if (method == "source") return MatchesSource(node, value);
  if (method == "exposure") return MatchesNamed(node, ResourceType::kExposure, value);
  if (method == "metric") return MatchesNamed(node, ResourceType::kMetric, value);
  if (method == "semantic_model") return MatchesNamed(node, ResourceType::kSemanticModel, value);
  if (method == "saved_query") return MatchesNamed(node, ResourceType::kSavedQuery, value);
  if (method == "unit_test") return MatchesNamed(node, ResourceType::kUnitTest, value);
  if (method == "test_name") {
    return node.test_metadata && GlobMatches(value, node.test_metadata->name);
  }
  if (method == "test_type") return MatchesTestType(node, value);
  if (method == "resource_type") return ResourceTypeName(node.type) == value;
  if (method == "group") return node.group == value;
  if (method == "access") return node.type == ResourceType::kModel && node.access == value;
  if (method == "version") {
    if (node.type != ResourceType::kModel) return false;
    if (value == "none") return !node.version;
    if (!node.version || !node.latest_version) return false;
    const double own = std::atof(node.version->c_str()),
                 latest = std::atof(node.latest_version->c_str());
    return value == "latest" ? own == latest : value == "old" ? own < latest : own > latest;
  }
  if (method == "state") return MatchesState(value, node);
  if (method == "result") {
    if (state_ == nullptr || state_->run_results.is_null()) {
      return Status::InvalidArgument("result:" + value +
                                     " needs --state FOLDER with a run_results.json");
    }
    return MatchesResult(value, node);
  }
  if (method == "source_status") {
    if (node.type != ResourceType::kSource || state_ == nullptr) return false;
    const auto newest = [&](const Json& artifact) {
      for (const Json& result : Member(artifact, "results")) {
        if (TextMember(result, "unique_id") == node.unique_id)
          return TextMember(result, "max_loaded_at");
      }
      return std::string();
    };
    return newest(state_->current_sources) > newest(state_->sources);
  }
  return Status::InvalidArgument("'" + method + "' is not a valid method name");
}

}  // namespace tarn::transform
