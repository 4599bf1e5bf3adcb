// Stream slices: for a while, a connection reads some tables as the files that were appended to
// them between two points, wherever their names stand in a statement or in a view.
//
// What it does not do: it chooses no files (delta/appended_files.h). Time travel (AT) and writes
// are not touched.
//
// Threads: one connection's; set between statements.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "delta/appended_files.h"
#include "duckdb/main/client_context.hpp"
#include "duckdb/main/client_context_state.hpp"

namespace tarn::duck {

class StreamSlices : public duckdb::ClientContextState {
 public:
  static duckdb::shared_ptr<StreamSlices> Get(duckdb::ClientContext& context);
  // `table`: "bronze.events", in any case.
  void Set(const std::string& table, std::shared_ptr<const delta::AppendedFiles> slice);
  void Clear() { slices_.clear(); }
  // Null: the table is read as it is.
  std::shared_ptr<const delta::AppendedFiles> Find(const std::string& table) const;

 private:
  std::map<std::string, std::shared_ptr<const delta::AppendedFiles>> slices_;
};

}  // namespace tarn::duck
