// `tarn features`: the registry from which docs/COMPAT.md is made.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "delta/properties.h"

namespace tarn::cli {
namespace {

nlohmann::json ToJson() {
  nlohmann::json features = nlohmann::json::array();
  for (const auto& feature : delta::KnownFeatures()) {
    const bool both = feature.kind == delta::FeatureKind::kReaderWriter;
    features.push_back({{"name", feature.name},
                        {"kind", both ? "reader-writer" : "writer"},
                        {"reads", feature.tarn_reads},
                        {"writes", feature.tarn_writes},
                        {"general", feature.general},
                        {"note", feature.note}});
  }
  nlohmann::json abilities = nlohmann::json::array();
  for (const auto& ability : delta::KnownAbilities()) {
    abilities.push_back({{"name", ability.name},
                         {"reads", ability.tarn_reads},
                         {"writes", ability.tarn_writes},
                         {"note", ability.note}});
  }
  return {{"features", features}, {"abilities", abilities}};
}

void PrintTable(std::ostream& out) {
  size_t width = 0;
  for (const auto& feature : delta::KnownFeatures()) {
    width = std::max(width, std::string(feature.name).size());
  }
  const auto line = [&](const std::string& name, const std::string& read, const std::string& write,
                        const std::string& note) {
    std::string text = name + std::string(width + 2 - std::min(width, name.size()), ' ');
    text += read + std::string(9 - read.size(), ' ') + write + std::string(9 - write.size(), ' ');
    text += note;
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << "\n";
  };
  const auto word = [](bool can) { return std::string(can ? "yes" : "refused"); };
  line("feature", "read", "write", "");
  for (const auto& feature : delta::KnownFeatures()) {
    line(feature.name, word(feature.tarn_reads), word(feature.tarn_writes), feature.note);
  }
}

}  // namespace

void RegisterFeatures(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand("features", "list the Delta table features, read and written");
  command->footer(kExitCodesHelp);
  auto format = std::make_shared<std::string>("table");
  command->add_option("--format", *format, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([&invocation, format] {
    invocation.run = [&invocation, format] {
      std::ostream& out = invocation.streams.out;
      if (*format == "json") {
        out << ToJson().dump(1) << "\n";
      } else {
        PrintTable(out);
      }
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace tarn::cli
