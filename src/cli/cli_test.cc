#include "cli/cli.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/nearest.h"
#include "cli/lake_options.h"
#include "cli/query_monitor.h"

namespace tarn::cli {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome Tarn(std::vector<std::string> arguments) {
  std::istringstream in;
  std::ostringstream out, err;
  Streams streams{in, out, err};
  const int code = RunCommandLine(std::move(arguments), streams);
  return {code, out.str(), err.str()};
}

TEST(CommandLine, UnknownCommandNamesTheNearest) {
  const Outcome run = Tarn({"sqll"});
  EXPECT_EQ(run.code, kExitUsage);
  EXPECT_EQ(run.err, "tarn: error: unknown command 'sqll'; did you mean 'sql'? Try: tarn --help\n");
  EXPECT_EQ(run.out, "");
}

TEST(CommandLine, UnknownOptionNamesTheNearestOfItsCommand) {
  const Outcome run = Tarn({"sql", "--dialct", "spark"});
  EXPECT_EQ(run.code, kExitUsage);
  EXPECT_NE(run.err.find("unknown option '--dialct'; did you mean '--dialect'?"), std::string::npos)
      << run.err;
}

TEST(CommandLine, NoCommandIsWrongUsageHelpIsNot) {
  EXPECT_EQ(Tarn({}).code, kExitUsage);
  EXPECT_EQ(Tarn({"ingest"}).code, kExitUsage);
  EXPECT_EQ(Tarn({"--help"}).code, kExitOk);
  for (const char* command : {"sql", "generate", "version"}) {
    const Outcome run = Tarn({command, "--help"});
    EXPECT_EQ(run.code, kExitOk);
    EXPECT_NE(run.out.find("Exit codes: 0"), std::string::npos) << command;
  }
  EXPECT_NE(Tarn({"ingest", "files", "--help"}).out.find("Exit codes: 0"), std::string::npos);
}

TEST(CommandLine, MissingArgumentsAndBadValuesAreWrongUsage) {
  EXPECT_EQ(Tarn({"ingest", "files"}).code, kExitUsage);
  EXPECT_EQ(Tarn({"generate"}).code, kExitUsage);
  EXPECT_EQ(Tarn({"version", "--format", "xml"}).code, kExitUsage);
  EXPECT_EQ(Tarn({"generate", "--out", "/tmp", "--end-date", "soon"}).code, kExitUsage);
}

TEST(CommandLine, VersionInBothForms) {
  EXPECT_EQ(Tarn({"version"}).out.substr(0, 5), "tarn ");
  EXPECT_EQ(Tarn({"version", "--format", "json"}).out.substr(0, 26),
            "{\"name\": \"tarn\", \"version\"");
}

TEST(CommandLine, MissingLakeIsOneLineThatNamesIt) {
  const Outcome run = Tarn({"sql", "--lake", "/nonexistent/lake", "-c", "SELECT 1"});
  EXPECT_EQ(run.code, kExitFailed);
  EXPECT_NE(run.err.find("/nonexistent/lake"), std::string::npos) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
}

TEST(NearestWord, ByEditsWithSwapsAndNotTooFar) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("ab", "ba"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(Nearest("formta", {"file", "format"}), "format");
  EXPECT_EQ(Nearest("gen", {"sql", "generate"}), "generate");
  EXPECT_EQ(Nearest("zzz", {"sql", "generate"}), std::nullopt);
  EXPECT_EQ(Nearest("a", {}), std::nullopt);
}

TEST(Sizes, AreReadWithTheirUnits) {
  EXPECT_EQ(*ParseBytes("1000"), 1000u);
  EXPECT_EQ(*ParseBytes("2GB"), 2ull << 30);
  EXPECT_EQ(*ParseBytes("1.5 mib"), 3ull << 19);
  for (const char* bad : {"", "GB", "-1", "1XB", "nan", "1e300", "0"}) {
    EXPECT_FALSE(ParseBytes(bad).ok()) << bad;
  }
}

TEST(References, SecretsAreNeverPlain) {
  setenv("TARN_TEST_REFERENCE", "value", 1);
  EXPECT_EQ(*ResolveReference("env:TARN_TEST_REFERENCE", true), "value");
  EXPECT_EQ(*ResolveReference("plain", false), "plain");
  EXPECT_EQ(ResolveReference("plain", true).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ResolveReference("plain", true).status().message().find("plain"), std::string::npos);
  EXPECT_FALSE(ResolveReference("env:TARN_TEST_NOT_SET", true).ok());
  EXPECT_FALSE(ResolveReference("file:/nonexistent", true).ok());
}

TEST(Progress, BarFillsAndStaysInBounds) {
  EXPECT_EQ(ProgressBar(0.5, 1.25), "[############            ]  50 %  1.2 s");
  EXPECT_EQ(ProgressBar(7, 1).substr(0, 26), "[########################]");
  EXPECT_EQ(ProgressBar(-1, 2), "running  2.0 s");
}

}  // namespace
}  // namespace tarn::cli
