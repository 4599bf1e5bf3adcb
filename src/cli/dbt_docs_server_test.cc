#include "cli/dbt_docs_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "net/http_client.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DocsServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("tarn-docs-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  fs::path folder_;
};

TEST_F(DocsServerTest, NeedsArtifactsAndSaysHowToMakeThem) {
  const auto server = DocsServer::Start(folder_.string(), 0);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.status().message(), HasSubstr("manifest.json"));
  EXPECT_THAT(server.status().message(), HasSubstr("tarn dbt docs generate"));
}

TEST_F(DocsServerTest, ServesThePageAndTheArtifactsAsTheyAreNow) {
  Write("manifest.json", R"({"metadata": {}})");
  Write("catalog.json", "{}");
  auto server = DocsServer::Start(folder_.string(), 0);
  ASSERT_TRUE(server.ok()) << server.status().message();
  const std::string root = "http://127.0.0.1:" + std::to_string((*server)->port());
  const auto client = net::MakeHttpClient();
  const auto get = [&](const std::string& path, const std::string& method = "GET") {
    net::HttpRequest request;
    request.method = method;
    request.url = root + path;
    return *client->Send(request);
  };
  const auto page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, kDocsPage);
  EXPECT_THAT(page.Header("content-security-policy"), HasSubstr("default-src 'none'"));
  EXPECT_EQ(get("/manifest.json").body, R"({"metadata": {}})");
  Write("manifest.json", R"({"metadata": {"now": 1}})");
  EXPECT_EQ(get("/manifest.json").body, R"({"metadata": {"now": 1}})");
  EXPECT_EQ(get("/run_results.json").status, 404);
  EXPECT_EQ(get("/../secret").status, 404);
  EXPECT_EQ(get("/%2e%2e/secret").status, 404);
  EXPECT_EQ(get("/", "POST").status, 405);
  net::HttpRequest foreign;
  foreign.url = root + "/manifest.json";
  foreign.headers = {{"Host", "evil.example"}};
  EXPECT_EQ(client->Send(foreign)->status, 403);
}

TEST(DocsPage, NamesNothingOutside) {
  const std::string page = kDocsPage;
  EXPECT_THAT(page, HasSubstr("</html>"));
  // The name space of SVG is the only address in it, and nothing loads it.
  size_t addresses = 0;
  for (size_t at = page.find("://"); at != std::string::npos; at = page.find("://", at + 1)) {
    ++addresses;
  }
  EXPECT_EQ(addresses, 1u);
  EXPECT_EQ(page.find("innerHTML"), std::string::npos);
}

}  // namespace
}  // namespace tarn::cli
