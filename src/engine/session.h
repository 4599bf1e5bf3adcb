// Session over one DuckDB connection. Engine-internal.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "duckdb.hpp"
#include "engine/engine.h"

namespace tarn::engine {

class DuckSession final : public Session {
 public:
  DuckSession(duckdb::DuckDB& database, const EngineOptions& options);
  // USE, time zone, progress settings.
  Status Initialize();

  Status Run(std::string_view script, const std::string& source_name,
             const std::function<Status(QueryResult&)>& visit) override;
  Result<Rows> Query(std::string_view script) override;
  Result<Rows> QueryDuckdb(std::string_view sql) override;
  dialect::SqlDialect dialect() const override { return dialect_; }
  void SetDialect(dialect::SqlDialect dialect) override { dialect_ = dialect; }
  void AnnotateCommits(const std::string& table,
                       std::optional<CommitAnnotations> annotations) override;
  bool InTransaction() override { return connection_.HasActiveTransaction(); }
  std::map<std::string, int64_t> LastCommits() override;
  void Interrupt() override { connection_.Interrupt(); }
  double Progress() override { return connection_.GetQueryProgress(); }

  duckdb::ClientContext& context() { return *connection_.context; }
  // What a statement means in the session's dialect, parsed; errors carry `source_name`.
  Result<duckdb::unique_ptr<duckdb::SQLStatement>> Parse(std::string_view sql,
                                                         const std::string& source_name);

  Result<CommitOutcome> AppendBatch(const std::string& table,
                                    const std::vector<BatchColumn>& columns, size_t rows,
                                    const CommitAnnotations& annotations) override;
  Result<std::optional<int64_t>> AppTransactionVersion(const std::string& table,
                                                       const std::string& app_id) override;
  Result<std::optional<std::string>> DomainMetadata(const std::string& table,
                                                    const std::string& domain) override;
  Result<DomainTexts> Domains(const std::string& table, const std::vector<std::string>& domains,
                              std::optional<int64_t> version) override;
  Result<std::vector<CommitSummary>> CommitsAfter(const std::string& table,
                                                  int64_t version) override;
  Result<bool> TableExists(const std::string& table) override;
  Result<std::optional<std::string>> RelationKind(const std::string& name) override;

  // Runs `body` in a DuckDB transaction of its own, turning exceptions into Status.
  Status RunInTransaction(const std::function<Status(duckdb::ClientContext&)>& body);

 private:
  using Translated = dialect::TranslatedStatement;
  // One source statement and what it became.
  struct Unit {
    const dialect::SourceStatement& source;
    std::vector<Translated> statements;
    const std::string& source_name;
  };

  Status RunUnit(const Unit& unit, const std::function<Status(QueryResult&)>& visit);
  // One attempt; `conflict` tells that running it again may succeed.
  Status TryUnit(const Unit& unit, const std::function<Status(QueryResult&)>& visit,
                 bool* conflict);
  Status RunOne(const Unit& unit, const Translated& statement, bool last,
                const std::function<Status(QueryResult&)>& visit, bool* conflict);
  // What an error of this connection means; asks the lake why a commit failed.
  Status StatusOf(const duckdb::ErrorData& error) const;
  Status Fail(const Unit& unit, const Translated& statement, const duckdb::ErrorData& error) const;
  Result<std::vector<std::string>> ColumnsOf(const std::vector<std::string>& table);
  // Lets CREATE VIEW record which dialect its text is in.
  Status AnnounceDialect();
  Status Control(const char* sql);

  const EngineOptions& options_;
  duckdb::Connection connection_;
  dialect::SqlDialect dialect_;
  // COMMIT forgets annotations, so each attempt of each statement is told again.
  void Reannotate();
  std::map<std::string, CommitAnnotations> annotations_;
  // What DuckDB was told last, for views to record.
  std::optional<dialect::SqlDialect> announced_dialect_;
};

}  // namespace tarn::engine
