#include "cli/command.h"
#include "cli/render.h"
#include "cli/version.h"

namespace tarn::cli {

void RegisterVersion(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand("version", "print the version");
  command->footer(kExitCodesHelp);
  auto format = std::make_shared<std::string>("table");
  command->add_option("--format", *format, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([&invocation, format] {
    invocation.run = [&invocation, format] {
      std::ostream& out = invocation.streams.out;
      if (*format == "json") {
        out << "{\"name\": \"tarn\", \"version\": " << JsonString(kTarnVersion) << "}\n";
      } else {
        out << "tarn " << kTarnVersion << "\n";
      }
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace tarn::cli
