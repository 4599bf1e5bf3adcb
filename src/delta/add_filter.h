// PredicateAddFilter: which adds of a checkpoint a predicate may want, decided from partition
// values and statistics before a row is made whole.
//
// As sound as Pruner: what it drops holds no matching row. It keeps what it cannot judge.
//
// Threads: one thread per filter; it caches what it has judged. Lifetime: the schema may go, what
// is needed of it is copied.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delta/checkpoint_format.h"
#include "delta/predicate.h"
#include "delta/schema.h"

namespace tarn::delta {

class PredicateAddFilter final : public AddFilter {
 public:
  PredicateAddFilter(const Schema& schema, const std::vector<std::string>& partition_columns,
                     bool column_mapping_on, const Predicate& predicate);
  ~PredicateAddFilter() override;
  // False when the predicate says nothing that a log can judge: all rows would be kept.
  bool IsSelective() const;
  bool NeedsStats() const override;
  const std::vector<std::string>& partition_columns() const override;
  bool Keep(const AddView& add) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::delta
