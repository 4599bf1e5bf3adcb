// PiiFlow: which personal data reach which columns.
//
// What it is: classes ("email", "phone") declared on columns or parts of columns, followed along
// column lineage. A class reaches a column when a value can be read off it: through any expression,
// aggregate, struct or condition over a boolean. It ends at a sanctioned function, at a count or a
// comparison, and where a project says of a column that it holds none.
//
// What it does not do: it traces no queries (transform/lineage) and stops no model
// (transform/run/lineage_book.h); what uses a column only to join, filter, group or sort is no
// flow.
//
// Threads: external locking. Errors: none.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "govern/column_lineage.h"

namespace tarn::govern {

struct PiiStep {
  SourceColumn column;
  std::vector<std::string> expressions;  // how the value came into it; empty: as it is
};

// One class on its way: the declared column first, the asked one last.
struct PiiTrail {
  std::string pii_class;
  std::vector<PiiStep> steps;
};

class PiiFlow {
 public:
  // Names of tables and columns are compared without case.
  void Declare(const SourceColumn& column, const std::string& pii_class);
  // The project answers for it that this column holds no personal data, whatever flows into it.
  void Clear(const SourceColumn& column);
  // What a table is made of; replaces what was known of it.
  void SetLineage(const std::string& table, QueryLineage lineage);
  bool HasClasses() const { return !classes_.empty(); }
  const QueryLineage* LineageOf(const std::string& table) const;

  // One trail per class that reaches `column` or any part of it.
  std::vector<PiiTrail> TrailsTo(const SourceColumn& column) const;
  // Of every column of a table, by column.
  std::map<std::string, std::vector<PiiTrail>> TrailsInto(const std::string& table) const;

 private:
  struct Declared {
    std::vector<std::string> path;
    std::string pii_class;  // empty: cleared
  };
  using Trails = std::map<std::string, PiiTrail>;  // by class
  Trails Reach(const SourceColumn& column) const;

  std::map<std::string, std::vector<Declared>> classes_;  // by "table.column", lower case
  std::set<std::string> cleared_;
  std::map<std::string, QueryLineage> tables_;
  mutable std::map<std::string, Trails> reached_;  // what was found; dropped by every change
  mutable std::set<std::string> under_way_;
  mutable uint64_t blocked_ = 0;  // visits that met what was under way
};

// Names of functions that hash without a key, as they stand in `text`; empty when there is none.
std::string UnkeyedHashIn(std::string_view text);

}  // namespace tarn::govern
