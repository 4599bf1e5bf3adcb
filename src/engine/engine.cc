#include "engine/engine.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "duck/constraints.h"
#include "duck/extension.h"
#include "duck/status_exception.h"
#include "duckdb.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "engine/error_status.h"
#include "engine/record_functions.h"
#include "engine/session.h"
#include "store/s3/s3_opener.h"

namespace tarn::engine {
namespace {

// Constraint texts in a table's metadata are Spark SQL, whoever reads them.
std::string TranslateStored(const std::string& sql) {
  return duck::ValueOrThrow(dialect::TranslateExpression(sql, dialect::SqlDialect::kSpark));
}

store::s3::S3Config ConfigOf(const S3Access& access) {
  store::s3::S3Config config;
  config.endpoint = access.endpoint;
  config.region = access.region;
  config.profile = access.profile;
  config.path_style = access.path_style;
  config.keys = {access.access_key, access.secret_key, access.session_token};
  return config;
}

class DuckEngine final : public Engine {
 public:
  explicit DuckEngine(const EngineOptions& options) : options_(options) {}
  ~DuckEngine() override {
    database_.reset();
    if (owns_temp_directory_) {
      std::error_code ignored;
      std::filesystem::remove_all(options_.temp_directory, ignored);
    }
  }

  Status Start() {
    TARN_ASSIGN_OR_RETURN(opener_, store::s3::MakeS3Opener(ConfigOf(options_.s3)));
    if (options_.temp_directory.empty()) {
      options_.temp_directory =
          (std::filesystem::temp_directory_path() / ("tarn-" + std::to_string(::getpid())))
              .string();
      owns_temp_directory_ = true;
    }
    try {
      duckdb::DBConfig config;
      if (options_.threads > 0)
        config.SetOptionByName("threads", duckdb::Value::BIGINT(options_.threads));
      if (options_.memory_limit_bytes > 0) {
        config.SetOptionByName("memory_limit", std::to_string(options_.memory_limit_bytes) + "B");
      }
      config.SetOptionByName("temp_directory", options_.temp_directory);
      // Whatever a statement needs is linked in; nothing is fetched behind the user's back.
      config.SetOptionByName("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
      config.SetOptionByName("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
      database_ = std::make_unique<duckdb::DuckDB>(nullptr, &config);
      duck::RegisterTarnExtension(*database_->instance, opener_);
      dialect::RegisterDialect(*database_->instance);
      RegisterRecordFunctions(*database_->instance);
      duck::SetExpressionTranslator(TranslateStored);
      return Attach();
    } catch (const std::exception& exception) {
      return StatusFromError(duckdb::ErrorData(exception));
    }
  }

  Result<std::unique_ptr<Session>> NewSession() override {
    try {
      auto session = std::make_unique<DuckSession>(*database_, options_);
      TARN_RETURN_IF_ERROR(session->Initialize());
      return std::unique_ptr<Session>(std::move(session));
    } catch (const std::exception& exception) {
      return StatusFromError(duckdb::ErrorData(exception));
    }
  }

  const EngineOptions& options() const override { return options_; }
  std::string DuckdbVersion() const override {
    const std::string version = duckdb::DuckDB::LibraryVersion();
    return version.rfind('v', 0) == 0 ? version.substr(1) : version;
  }

 private:
  Status Attach() {
    duckdb::Connection connection(*database_);
    const bool address = options_.lake.find("://") != std::string::npos;
    const std::string place = (address ? duck::kAddressPrefix : "") + options_.lake;
    std::string sql =
        "ATTACH " + duckdb::KeywordHelper::WriteQuoted(place, '\'') + " AS lake (TYPE tarn";
    if (options_.create_lake) sql += ", CREATE true";
    if (!options_.fsync) sql += ", FSYNC false";
    if (options_.read_only) sql += ", READ_ONLY";
    auto result = connection.Query(sql + ")");
    return result->HasError() ? StatusFromError(result->GetErrorObject()) : Status::Ok();
  }

  EngineOptions options_;
  bool owns_temp_directory_ = false;
  std::shared_ptr<store::StoreOpener> opener_;
  std::unique_ptr<duckdb::DuckDB> database_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  if (options.lake.empty()) {
    return Status::InvalidArgument("no lake is named; give --lake DIR or set TARN_LAKE");
  }
  auto engine = std::make_unique<DuckEngine>(options);
  TARN_RETURN_IF_ERROR(engine->Start());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace tarn::engine
