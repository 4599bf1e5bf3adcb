#include "cli/lake_options.h"

#include <cstdlib>

#include "base/reference.h"

namespace tarn::cli {

namespace {

// What the AWS_* variables and the profile say is the default of each.
void AddS3Options(CLI::App& command, LakeOptions& options) {
  const auto option = [&](const char* name, std::string& value, const char* text,
                          const char* type) {
    return command.add_option(name, value, text)->type_name(type)->group("S3");
  };
  option("--s3-endpoint", options.s3.endpoint, "server (default: $AWS_ENDPOINT_URL, else AWS)",
         "URL");
  option("--s3-region", options.s3.region, "(default: $AWS_REGION, else us-east-1)", "NAME");
  option("--s3-profile", options.s3.profile, "of ~/.aws/config (default: $AWS_PROFILE)", "NAME");
  option("--s3-style", options.s3_style, "how a bucket is addressed: path or host", "STYLE")
      ->check(CLI::IsMember({"path", "host"}));
  option("--s3-access-key", options.s3.access_key, "env:NAME or file:PATH", "REF");
  option("--s3-secret-key", options.s3.secret_key, "env:NAME or file:PATH", "REF");
  option("--s3-session-token", options.s3.session_token, "env:NAME or file:PATH", "REF");
}

}  // namespace

void AddLakeOptions(CLI::App& command, LakeOptions& options) {
  command
      .add_option("--lake", options.lake,
                  "folder of the lake, or s3://bucket/prefix (default: $TARN_LAKE, else ./lake)")
      ->type_name("DIR|URL");
  command.add_option("--memory", options.memory, "limit of the engine's memory, e.g. 2GB")
      ->type_name("SIZE");
  command.add_option("--threads", options.threads, "threads of the engine (default: all cores)")
      ->check(CLI::Range(0, 1024));
  command.add_flag("--no-fsync", options.no_fsync,
                   "do not wait for the disk: commits may vanish in a power cut");
  AddS3Options(command, options);
}

std::string LakeFolder(const LakeOptions& options) {
  if (!options.lake.empty()) return options.lake;
  const char* from_environment = std::getenv("TARN_LAKE");
  if (from_environment != nullptr && *from_environment != '\0') return from_environment;
  return "lake";
}

Result<uint64_t> ParseBytes(const std::string& text) { return ParseByteSize(text); }

Status ReadLakeOptions(const LakeOptions& options, engine::EngineOptions* engine_options) {
  engine_options->lake = LakeFolder(options);
  engine_options->threads = options.threads;
  engine_options->fsync = !options.no_fsync;
  engine_options->s3 = options.s3;
  if (!options.s3_style.empty()) engine_options->s3.path_style = options.s3_style == "path";
  if (!options.memory.empty()) {
    TARN_ASSIGN_OR_RETURN(engine_options->memory_limit_bytes, ParseBytes(options.memory));
  }
  return Status::Ok();
}

Result<std::string> ResolveReference(const std::string& text, bool reference_only) {
  return tarn::ResolveReference(text, reference_only);
}

}  // namespace tarn::cli
