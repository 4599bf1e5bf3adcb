// One criterion of a selection, parsed: `2+tag:nightly+`. Room-internal.
#pragma once

#include "transform/project/selector.h"

namespace tarn::transform {

struct NodeSelector::Criterion {
  std::string method;                  // "fqn", "tag", …
  std::vector<std::string> arguments;  // config.materialized -> {"materialized"}
  std::string value;
  bool childrens_parents = false;  // @
  bool parents = false, children = false;
  int parents_depth = -1, children_depth = -1;  // -1: all the way

  static Result<Criterion> Parse(const std::string& spec);
};

}  // namespace tarn::transform
