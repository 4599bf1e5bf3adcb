// ResultTable: rows of a query as templates see them: agate's Table as far as dbt projects use it.
//
// Threads: immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "jinja/object.h"

namespace tarn::transform {

class ResultTable final : public jinja::Object {
 public:
  ResultTable(std::vector<std::string> names, std::vector<jinja::ValueList> rows)
      : names_(std::move(names)), rows_(std::move(rows)) {}

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<jinja::ValueList>& rows() const { return rows_; }

  std::string_view TypeName() const override { return "Table"; }
  Result<std::optional<jinja::Value>> GetAttr(jinja::Session& session,
                                              std::string_view name) override;
  std::optional<int64_t> Length() const override { return static_cast<int64_t>(rows_.size()); }
  bool Iterable() const override { return true; }
  Result<std::unique_ptr<jinja::Iterator>> Iterate(jinja::Session& session) override;

 private:
  std::vector<std::string> names_;
  std::vector<jinja::ValueList> rows_;
};

// Values of the types templates expect: numbers, booleans, dates; everything else as text.
jinja::Value TypedValue(const engine::Column& column, const std::optional<std::string>& text);
jinja::Ref<ResultTable> MakeResultTable(const engine::Rows& rows);

}  // namespace tarn::transform
