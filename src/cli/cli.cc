#include "cli/cli.h"

#include <algorithm>

#include "base/nearest.h"

namespace tarn::cli {
namespace {

// The subcommand that was reading when an error came: the deepest one named on the command line.
CLI::App* Deepest(CLI::App* app) {
  for (;;) {
    auto parsed = app->get_subcommands();
    if (parsed.empty()) return app;
    app = parsed.back();
  }
}

// Words a user may have meant at this place.
std::vector<std::string> KnownWords(CLI::App* app, bool options) {
  std::vector<std::string> words;
  if (options) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
    }
  } else {
    for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
      words.push_back(sub->get_name());
    }
  }
  return words;
}

std::string FullName(const CLI::App* app) {
  std::string name = app->get_name();
  for (const CLI::App* parent = app->get_parent(); parent != nullptr;
       parent = parent->get_parent()) {
    name = parent->get_name() + " " + name;
  }
  return name;
}

std::string ExplainUnknown(CLI::App* app, const std::string& word) {
  const bool is_option = word.size() > 1 && word[0] == '-';
  const std::string bare = word.substr(0, word.find('='));
  const auto known = KnownWords(app, is_option);
  std::string text = is_option       ? "unknown option '" + bare + "'"
                     : known.empty() ? "unexpected argument '" + word + "'"
                                     : "unknown command '" + word + "'";
  if (auto nearest = Nearest(bare, known)) text += "; did you mean '" + *nearest + "'?";
  if (text.back() != '?') text += '.';
  return text + " Try: " + FullName(app) + " --help";
}

int ReportParseError(CLI::App& app, const CLI::ParseError& error, Streams& streams) {
  CLI::App* place = Deepest(&app);
  std::string text = error.what();
  const auto remaining = app.remaining(true);
  // A mistyped option also is the likeliest reason why a required one is absent.
  const bool mistyped = !remaining.empty() && remaining.front().starts_with("-");
  if (!remaining.empty() &&
      (mistyped || dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)) {
    text = ExplainUnknown(place, remaining.front());
  } else {
    std::replace(text.begin(), text.end(), '\n', ' ');
    text += ". Try: " + FullName(place) + " --help";
  }
  streams.err << "tarn: error: " << text << "\n";
  return kExitUsage;
}

}  // namespace

int ReportError(Streams& streams, const Status& status) {
  std::string message = status.message();
  while (!message.empty() && message.back() == '\n') message.pop_back();
  std::replace(message.begin(), message.end(), '\n', ' ');
  streams.out.flush();
  streams.err << "tarn: error: " << message << "\n";
  streams.err.flush();
  return status.code() == StatusCode::kCancelled ? kExitCancelled : kExitFailed;
}

int ReportUsage(Streams& streams, const Status& status) {
  (void)ReportError(streams, status);
  return kExitUsage;
}

int RunCommandLine(std::vector<std::string> arguments, Streams& streams) {
  Invocation invocation{streams, {}};
  CLI::App app{"Tarn: a lakehouse in one binary. Files in, Delta tables out, SQL on top.", "tarn"};
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "this text");
  app.set_help_all_flag("--help-all", "the help of every command");
  app.set_version_flag("--version", [] { return std::string("use: tarn version"); });
  app.footer(kExitCodesHelp);
  RegisterSql(app, invocation);
  RegisterIngest(app, invocation);
  RegisterGenerate(app, invocation);
  RegisterUp(app, invocation);
  RegisterDeadLetters(app, invocation);
  RegisterPush(app, invocation);
  RegisterContract(app, invocation);
  RegisterFeatures(app, invocation);
  RegisterDbt(app, invocation);
  RegisterTable(app, invocation);
  RegisterVersion(app, invocation);

  // CLI11 takes them last to first.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    streams.out << app.help();
    return kExitOk;
  } catch (const CLI::CallForAllHelp&) {
    streams.out << app.help("", CLI::AppFormatMode::All);
    return kExitOk;
  } catch (const CLI::CallForVersion&) {
    return RunCommandLine({"version"}, streams);
  } catch (const CLI::ParseError& error) {
    return ReportParseError(app, error, streams);
  }
  if (!invocation.run) {
    streams.err << app.help();
    return kExitUsage;
  }
  const int code = invocation.run();
  streams.out.flush();
  if (!streams.out && code == kExitOk) {
    return ReportError(streams,
                       Status::Io("standard output could not be written; is the disk full?"));
  }
  return code;
}

}  // namespace tarn::cli
