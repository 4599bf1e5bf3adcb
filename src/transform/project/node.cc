#include "transform/project/node.h"

#include <array>

namespace tarn::transform {
namespace {

constexpr std::array<std::pair<ResourceType, std::string_view>, 13> kNames = {{
    {ResourceType::kModel, "model"},
    {ResourceType::kTest, "test"},
    {ResourceType::kSeed, "seed"},
    {ResourceType::kSnapshot, "snapshot"},
    {ResourceType::kAnalysis, "analysis"},
    {ResourceType::kOperation, "operation"},
    {ResourceType::kSource, "source"},
    {ResourceType::kExposure, "exposure"},
    {ResourceType::kMetric, "metric"},
    {ResourceType::kSemanticModel, "semantic_model"},
    {ResourceType::kSavedQuery, "saved_query"},
    {ResourceType::kUnitTest, "unit_test"},
    {ResourceType::kGroup, "group"},
}};

}  // namespace

std::string_view ResourceTypeName(ResourceType type) {
  for (const auto& [known, name] : kNames) {
    if (known == type) return name;
  }
  return "";
}

std::optional<ResourceType> ParseResourceType(std::string_view name) {
  for (const auto& [type, known] : kNames) {
    if (known == name) return type;
  }
  return std::nullopt;
}

const ColumnInfo* Node::FindColumn(std::string_view column) const {
  for (const ColumnInfo& info : columns) {
    if (info.name == column) return &info;
  }
  return nullptr;
}

}  // namespace tarn::transform
