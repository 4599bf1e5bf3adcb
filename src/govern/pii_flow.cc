#include "govern/pii_flow.h"

#include <algorithm>
#include <cctype>

namespace tarn::govern {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string KeyOf(const SourceColumn& column) {
  return Lower(column.table) + "." + Lower(column.column);
}

// One lies inside the other: a part of a classified value shows it, and so does what holds it.
bool Touches(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const size_t both = std::min(a.size(), b.size());
  for (size_t i = 0; i < both; ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

bool CarriesValue(const LineageEdge& edge) {
  return edge.value && !edge.masked && (IsDirect(edge.kind) || edge.kind == EdgeKind::kConditional);
}

const LineageColumn* FindColumn(const QueryLineage& lineage, const std::string& name) {
  const std::string wanted = Lower(name);
  for (const LineageColumn& column : lineage.columns) {
    if (Lower(column.name) == wanted) return &column;
  }
  return nullptr;
}

}  // namespace

void PiiFlow::Declare(const SourceColumn& column, const std::string& pii_class) {
  classes_[KeyOf(column)].push_back({column.path, pii_class});
  reached_.clear();
}

void PiiFlow::Clear(const SourceColumn& column) {
  cleared_.insert(KeyOf(column));
  reached_.clear();
}

void PiiFlow::SetLineage(const std::string& table, QueryLineage lineage) {
  tables_[Lower(table)] = std::move(lineage);
  // What stands on it has been asked for only after it was known, or is asked for anew.
  reached_.clear();
}

const QueryLineage* PiiFlow::LineageOf(const std::string& table) const {
  const auto found = tables_.find(Lower(table));
  return found == tables_.end() ? nullptr : &found->second;
}

PiiFlow::Trails PiiFlow::Reach(const SourceColumn& column) const {
  const std::string key = KeyOf(column);
  std::string whole = key;
  for (const std::string& part : column.path) whole += "\x1f" + Lower(part);
  if (const auto known = reached_.find(whole); known != reached_.end()) return known->second;
  if (cleared_.contains(key)) return {};
  // An incremental model may read itself: what comes back this way is found by the first visit.
  if (!under_way_.insert(whole).second) {
    ++blocked_;
    return {};
  }
  const uint64_t blocked_before = blocked_;
  Trails trails;
  if (const auto declared = classes_.find(key); declared != classes_.end()) {
    for (const Declared& one : declared->second) {
      if (!Touches(one.path, column.path)) continue;
      SourceColumn at = column;
      if (one.path.size() > at.path.size()) at.path = one.path;
      trails.emplace(one.pii_class, PiiTrail{one.pii_class, {{at, {}}}});
    }
  }
  const QueryLineage* lineage = LineageOf(column.table);
  const LineageColumn* made = lineage == nullptr ? nullptr : FindColumn(*lineage, column.column);
  if (made != nullptr) {
    for (const LineageEdge& edge : EdgesAt(*made, column.path)) {
      if (!CarriesValue(edge)) continue;
      for (const auto& [name, before] : Reach(edge.from)) {
        if (trails.contains(name)) continue;
        PiiTrail trail = before;
        trail.steps.push_back({column, edge.steps});
        trails.emplace(name, std::move(trail));
      }
    }
  }
  under_way_.erase(whole);
  // Inside a circle an answer may lack what the circle's first column brings in.
  if (blocked_ == blocked_before || under_way_.empty()) reached_[whole] = trails;
  return trails;
}

std::vector<PiiTrail> PiiFlow::TrailsTo(const SourceColumn& column) const {
  std::vector<PiiTrail> list;
  for (const auto& [name, trail] : Reach(column)) list.push_back(trail);
  return list;
}

std::map<std::string, std::vector<PiiTrail>> PiiFlow::TrailsInto(const std::string& table) const {
  std::map<std::string, std::vector<PiiTrail>> columns;
  const QueryLineage* lineage = LineageOf(table);
  if (lineage == nullptr) return columns;
  for (const LineageColumn& column : lineage->columns) {
    auto trails = TrailsTo({table, column.name, {}});
    if (!trails.empty()) columns.emplace(column.name, std::move(trails));
  }
  return columns;
}

std::string UnkeyedHashIn(std::string_view text) {
  static constexpr std::string_view kHashes[] = {"md5",  "sha1",     "sha256", "sha2",
                                                 "hash", "xxhash64", "crc32",  "md5_number"};
  for (const std::string_view name : kHashes) {
    for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
      const bool begins = at == 0 || (std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0 &&
                                      text[at - 1] != '_');
      if (begins && text.substr(at + name.size()).starts_with("(")) return std::string(name);
    }
  }
  return "";
}

}  // namespace tarn::govern
