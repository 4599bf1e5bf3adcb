// `tarn push token`: a bearer token and the digest that goes into the project's files.
#include <memory>

#include "base/random.h"
#include "base/reference.h"
#include "cli/command.h"
#include "sources/push/push_auth.h"

namespace tarn::cli {
namespace {

struct TokenArguments {
  std::string key, id = "k1", token;
};

int RunToken(const TokenArguments& arguments, Streams& streams) {
  const auto key = ResolveReference(arguments.key, /*reference_only=*/true);
  if (!key.ok()) return ReportUsage(streams, key.status());
  std::string token;
  if (arguments.token.empty()) {
    token = "tarn_" + MakeUuid(Random::System()) + MakeUuid(Random::System());
    std::erase(token, '-');
  } else {
    const auto given = ResolveReference(arguments.token, /*reference_only=*/true);
    if (!given.ok()) return ReportUsage(streams, given.status());
    token = *given;
  }
  if (key->empty() || token.empty()) {
    return ReportUsage(streams, Status::InvalidArgument("key and token may not be empty"));
  }
  if (arguments.token.empty()) streams.out << "token:  " << token << "\n";
  streams.out << "tokens: [\"" << arguments.id << ":" << sources::push::TokenDigest(*key, token)
              << "\"]\n";
  return kExitOk;
}

}  // namespace

void RegisterPush(CLI::App& app, Invocation& invocation) {
  CLI::App* push = app.add_subcommand("push", "tokens for streams that are pushed to over HTTP");
  push->require_subcommand(1);
  CLI::App* command = push->add_subcommand("token", "make a bearer token and its digest");
  auto arguments = std::make_shared<TokenArguments>();
  command->add_option("--key", arguments->key, "key of the digest: env:NAME or file:PATH")
      ->required();
  command->add_option("--id", arguments->id, "id of that key")->capture_default_str();
  command->add_option("--token", arguments->token,
                      "digest of this token (env:NAME, file:PATH) instead of a new one");
  command->footer(kExitCodesHelp);
  command->callback([arguments, &invocation] {
    invocation.run = [arguments, &invocation] { return RunToken(*arguments, invocation.streams); };
  });
}

}  // namespace tarn::cli
