#include "cli/generate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class GenerateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(::testing::TempDir()) / ("tarn-generate-" + std::string(test->name()));
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  GenerateOptions Options(const std::string& folder) const {
    GenerateOptions options;
    options.out = (root_ / folder).string();
    options.scale = 0.005;
    options.days = 5;
    return options;
  }

  static std::string Read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  // Digest of every file below the folder, by name.
  static std::map<std::string, std::string> Digests(const std::string& folder) {
    std::map<std::string, std::string> digests;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) {
        digests[fs::relative(entry.path(), folder).string()] = Sha256Hex(Read(entry.path()));
      }
    }
    return digests;
  }

  fs::path root_;
};

TEST_F(GenerateTest, SameOptionsGiveTheSameBytes) {
  ASSERT_TRUE(Generate(Options("a"), {}).ok());
  ASSERT_TRUE(Generate(Options("b"), {}).ok());
  ASSERT_TRUE(Generate(Options("b"), {}).ok()) << "again over its own files";
  EXPECT_EQ(Digests(Options("a").out), Digests(Options("b").out));
  EXPECT_EQ(Digests(Options("a").out).size(), 4u * 5 + 1);
  GenerateOptions other = Options("c");
  other.seed = 43;
  ASSERT_TRUE(Generate(other, {}).ok());
  EXPECT_NE(Digests(Options("a").out), Digests(other.out));
}

TEST_F(GenerateTest, OtherDataInTheFolderIsNotMixedIn) {
  ASSERT_TRUE(Generate(Options("a"), {}).ok());
  GenerateOptions other = Options("a");
  other.days = 3;
  EXPECT_EQ(Generate(other, {}).status().code(), StatusCode::kAlreadyExists);
  other.overwrite = true;
  ASSERT_TRUE(Generate(other, {}).ok());
  EXPECT_EQ(Digests(other.out).size(), 4u * 3 + 1);
}

TEST_F(GenerateTest, RefusesWhatMakesNoSense) {
  for (auto spoil : std::initializer_list<void (*)(GenerateOptions&)>{
           [](GenerateOptions& o) { o.scale = 0; }, [](GenerateOptions& o) { o.scale = -1; },
           [](GenerateOptions& o) { o.days = 0; }, [](GenerateOptions& o) { o.end_day = 0; }}) {
    GenerateOptions options = Options("bad");
    spoil(options);
    EXPECT_EQ(Generate(options, {}).status().code(), StatusCode::kInvalidArgument);
    EXPECT_FALSE(fs::exists(options.out));
  }
}

// The truth, found again by reading the files the slow way.
TEST_F(GenerateTest, TruthAboutEventsHoldsInTheFiles) {
  const GenerateOptions options = Options("a");
  ASSERT_TRUE(Generate(options, {}).ok());
  const json truth = json::parse(Read(fs::path(options.out) / "truth.json"));
  uint64_t read = 0, dead = 0, quarantined = 0, copies = 0;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> users;
  std::set<std::string> ids;
  for (const auto& entry : fs::directory_iterator(fs::path(options.out) / "events")) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line); ++read) {
      const json event = json::parse(line, nullptr, false);
      if (!event.is_object()) {
        ++dead;
        continue;
      }
      const std::string at = event.value("occurred_at", "");
      if (!event.contains("event_id") || event["event_id"].is_null() ||
          !event.contains("user_id") || event["event_type"] == "" || at == "yesterday" ||
          at.starts_with("2026-02-30")) {
        ++quarantined;
        continue;
      }
      if (!ids.insert(event["event_id"]).second) ++copies;
      const bool future = at > event["received_at"].get<std::string>();
      if (event["event_type"] != "scroll" && event["platform"] != "SMART_TV" && !future) {
        users[{at.substr(0, 10), event["platform"]}].insert(event["user_id"]);
      }
    }
  }
  const json& events = truth["events"];
  EXPECT_EQ(events["read"], read);
  EXPECT_EQ(events["dead_letters"], dead);
  EXPECT_EQ(events["quarantined"], quarantined);
  EXPECT_EQ(events["duplicates"], copies);
  EXPECT_EQ(events["silver"], ids.size());
  EXPECT_GT(dead * quarantined * copies, 0u) << "the data has every kind of mess";
  ASSERT_EQ(truth["dau_by_platform"].size(), users.size());
  for (const json& row : truth["dau_by_platform"]) {
    EXPECT_EQ(row["dau"], (users[{row["event_date"], row["platform"]}].size())) << row;
  }
}

TEST_F(GenerateTest, BooksCloseForEveryStreamAndForm) {
  GenerateOptions options = Options("csv");
  options.users_csv = true;
  options.gzip = true;
  const auto report = Generate(options, {});
  ASSERT_TRUE(report.ok());
  const json truth = json::parse(Read(fs::path(options.out) / "truth.json"));
  for (const char* name : {"events", "users", "transactions", "sessions"}) {
    const json& stream = truth[name];
    EXPECT_EQ(stream["read"],
              stream["bronze"].get<uint64_t>() + stream["dead_letters"].get<uint64_t>());
    EXPECT_EQ(stream["bronze"], stream["silver"].get<uint64_t>() +
                                    stream["duplicates"].get<uint64_t>() +
                                    stream["quarantined"].get<uint64_t>())
        << name;
  }
  EXPECT_TRUE(fs::exists(fs::path(options.out) / "users" / "users-2026-03-31.csv.gz"));
  EXPECT_FALSE(fs::exists(fs::path(options.out) / "users" / "users-2026-03-31.csv.gz.part"));
}

}  // namespace
}  // namespace tarn::cli
