#include "cli/pii_key.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/hash.h"

namespace tarn::cli {
namespace {

class PiiKeyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    lake_ = std::filesystem::path(::testing::TempDir()) / "tarn-pii-lake";
    std::filesystem::remove_all(lake_);
    engine::EngineOptions options;
    options.lake = lake_.string();
    options.create_lake = true;
    auto engine = engine::Engine::Open(options);
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    engine_ = std::move(*engine);
    auto session = engine_->NewSession();
    ASSERT_TRUE(session.ok()) << session.status().message();
    session_ = std::move(*session);
  }
  void TearDown() override {
    session_.reset();
    engine_.reset();
    std::filesystem::remove_all(lake_);
  }

  std::string Token(const std::string& text) {
    auto rows = session_->Query("SELECT pii_token('" + text + "')");
    EXPECT_TRUE(rows.ok()) << rows.status().message();
    return rows.ok() && rows->rows[0][0] ? *rows->rows[0][0] : "";
  }

  std::filesystem::path lake_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Session> session_;
};

TEST_F(PiiKeyTest, TokenIsTheHmacOfTheText) {
  for (const std::string& key :
       {std::string("0123456789abcdef"), std::string(64, 'k'), std::string(200, 'z')}) {
    setenv("TARN_TEST_PII_KEY", key.c_str(), 1);
    ASSERT_TRUE(DefinePiiToken(*session_, "k1=env:TARN_TEST_PII_KEY").ok());
    EXPECT_EQ(Token("ada@example.com"), "k1." + HmacSha256Hex(key, "ada@example.com"));
    EXPECT_EQ(Token("田中 花子"), "k1." + HmacSha256Hex(key, "田中 花子"));
  }
}

TEST_F(PiiKeyTest, NullStaysNull) {
  setenv("TARN_TEST_PII_KEY", "0123456789abcdef", 1);
  ASSERT_TRUE(DefinePiiToken(*session_, "k1=env:TARN_TEST_PII_KEY").ok());
  auto rows = session_->Query("SELECT pii_token(CAST(NULL AS STRING))");
  ASSERT_TRUE(rows.ok()) << rows.status().message();
  EXPECT_FALSE(rows->rows[0][0].has_value());
}

TEST_F(PiiKeyTest, RefusesWithoutShowingTheKey) {
  setenv("TARN_TEST_PII_KEY", "tooshort", 1);
  for (const char* bad :
       {"", "k1", "k1=", "=env:TARN_TEST_PII_KEY", "k1=plainsecretplainsecret",
        "k'1=env:TARN_TEST_PII_KEY", "k1=env:TARN_TEST_PII_KEY", "k1=env:TARN_TEST_ABSENT"}) {
    const Status status = DefinePiiToken(*session_, bad);
    EXPECT_FALSE(status.ok()) << bad;
    EXPECT_EQ(status.message().find("plainsecret"), std::string::npos);
    EXPECT_EQ(status.message().find("tooshort"), std::string::npos);
  }
}

}  // namespace
}  // namespace tarn::cli
