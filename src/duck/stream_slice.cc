#include "duck/stream_slice.h"

#include "duckdb/common/string_util.hpp"

namespace tarn::duck {

duckdb::shared_ptr<StreamSlices> StreamSlices::Get(duckdb::ClientContext& context) {
  return context.registered_state->GetOrCreate<StreamSlices>("tarn_stream_slices");
}

void StreamSlices::Set(const std::string& table,
                       std::shared_ptr<const delta::AppendedFiles> slice) {
  slices_[duckdb::StringUtil::Lower(table)] = std::move(slice);
}

std::shared_ptr<const delta::AppendedFiles> StreamSlices::Find(const std::string& table) const {
  if (slices_.empty()) return nullptr;
  const auto it = slices_.find(duckdb::StringUtil::Lower(table));
  return it == slices_.end() ? nullptr : it->second;
}

}  // namespace tarn::duck
