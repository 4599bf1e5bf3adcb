// Engine: the one owner of DuckDB in the process, with one lake attached.
//
// What it is: opens an in-memory DuckDB with Tarn's storage extension and dialects, attaches the
// lake (a folder or a place in S3) as catalog `lake`, and hands out sessions that run SQL in either
// dialect. No DuckDB type appears here, so rooms above stay free of its headers and exceptions.
//
// What it does not do: no files outside the lake are special to it, no scheduling, no access
// control.
//
// Threads: Engine is safe for concurrent calls; a Session has one user at a time, except
// Interrupt() and Progress(), which any thread may call. Lifetime: an Engine outlives its sessions;
// a session its results.
//
// Errors: SQL that cannot be read or bound is kInvalidArgument, a broken constraint kConstraint, a
// lost race kConflict (an autocommit statement is retried before that is reported), Ctrl-C
// kCancelled.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "dialect/dialect.h"

namespace tarn::engine {

// How S3 is reached. What is empty here is decided by the AWS_* variables, then by the profile.
struct S3Access {
  std::string endpoint;            // "https://host[:port]"; empty at last: AWS's own
  std::string region;              // at last us-east-1
  std::string profile;             // of ~/.aws/config and ~/.aws/credentials
  std::optional<bool> path_style;  // <endpoint>/<bucket> or <bucket>.<endpoint>
  // "env:NAME" or "file:PATH"; both or neither.
  std::string access_key;
  std::string secret_key;
  std::string session_token;
};

struct EngineOptions {
  std::string lake;          // folder of the lake, or s3://bucket/prefix
  bool create_lake = false;  // make the folder when it is absent
  bool read_only = false;
  dialect::SqlDialect dialect = dialect::SqlDialect::kSpark;
  std::string default_schema = "silver";  // what an unqualified name means
  std::string time_zone = "UTC";          // session zone of both dialects
  uint64_t memory_limit_bytes = 0;        // 0: DuckDB's default, 80 % of the machine
  int threads = 0;                        // 0: all cores
  std::string temp_directory;             // where operators spill; empty: <system temp>/tarn-<pid>
  bool fsync = true;                      // off: commits may vanish in a power cut
  S3Access s3;                            // for the lake and every s3:// in a statement
};

struct Column {
  std::string name;
  std::string type;  // DuckDB's name of the type, e.g. "DECIMAL(10,2)"
  bool is_numeric = false;
};

// Rows of one statement, pulled batch by batch. Text is what `tarn sql` prints; JSON is one value.
class QueryResult {
 public:
  virtual ~QueryResult() = default;
  virtual const std::vector<Column>& columns() const = 0;
  // Moves to the next batch; false at the end. Errors of a running query surface here.
  virtual Result<bool> NextBatch() = 0;
  virtual size_t batch_rows() const = 0;
  virtual bool IsNull(size_t column, size_t row) const = 0;
  // Undefined for null.
  virtual std::string Text(size_t column, size_t row) const = 0;
  // "null", numbers bare (integers beyond 2^53 and decimals too), strings quoted, nested as JSON;
  // NaN and infinities as strings.
  virtual std::string Json(size_t column, size_t row) const = 0;
  // The kind of statement that ran ("SELECT", "MERGE", …) and whether its rows are of interest.
  virtual const std::string& statement_kind() const = 0;
  virtual bool is_query() const = 0;
  // For INSERT, UPDATE, DELETE, MERGE: rows touched. nullopt otherwise.
  virtual std::optional<int64_t> rows_changed() const = 0;
};

// All rows of a result as text, null as nullopt; for callers that know the result is small.
struct Rows {
  std::vector<Column> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
};
Result<Rows> ReadAll(QueryResult& result);

// What goes into the Delta commit besides rows; the commit fails or lands with all of it.
struct CommitAnnotations {
  struct AppTransaction {
    std::string app_id;
    int64_t version = 0;
  };
  std::optional<AppTransaction> txn;
  // Further ones of the same commit: all land, or (when any of them was there already) none.
  std::vector<AppTransaction> more_txns;
  std::map<std::string, std::string> domain_metadata;  // domain -> configuration
  std::optional<std::string> user_metadata;
  // The caller knows what every version up to this one did. A later commit that took rows away
  // (RESTORE, DELETE; not OPTIMIZE) makes the append fail with kConflict instead of landing on top.
  std::optional<int64_t> examined_version;
};

// What one commit of a table said of itself.
struct CommitSummary {
  int64_t version = -1;
  std::string operation;  // "WRITE", "RESTORE", …; empty when it said none
  std::map<std::string, std::string> parameters;  // values are JSON texts
  bool removed_rows = false;
};

// Metadata domains of one version of a table.
struct DomainTexts {
  int64_t version = -1;
  std::map<std::string, std::string> texts;  // of those asked for that are there
};

struct CommitOutcome {
  int64_t version = -1;  // the table's version after the call
  int64_t rows = 0;
  bool already_applied = false;  // the app transaction was there: nothing was written
};

// One column of a batch to append; `validity[i]` false means null. Only the vector of the kind is
// filled.
struct BatchColumn {
  enum class Kind {
    kText,
    kBinary,
    kInt32,
    kInt64,
    kTimestampMicros,
    kDateDays,
    kBoolean,
    kPairs,  // ARRAY<STRUCT<key STRING, value BINARY>>
  };
  using Pair = std::pair<std::string_view, std::optional<std::string_view>>;
  std::string name;
  Kind kind = Kind::kText;
  std::vector<std::string_view> bytes;  // kText (UTF-8), kBinary; must outlive the call
  std::vector<int64_t> numbers;         // integers, times, dates; kPairs: where row i's pairs end
  std::vector<Pair> pairs;              // kPairs: of all rows, in order; must outlive the call
  std::vector<bool> validity;           // empty: no nulls
};

class Session {
 public:
  virtual ~Session() = default;

  // Runs every statement of `script` in order, stopping at the first failure; `visit` gets each
  // statement's result and must consume it before returning (a failure it returns stops the
  // script). Messages begin with
  // "<source_name>:<line>:<column>: " when a source name is given.
  virtual Status Run(std::string_view script, const std::string& source_name,
                     const std::function<Status(QueryResult&)>& visit) = 0;
  // One script of which only the last statement's rows are wanted, materialized.
  virtual Result<Rows> Query(std::string_view script) = 0;
  // DuckDB SQL as it is, untranslated, whatever the session's dialect.
  virtual Result<Rows> QueryDuckdb(std::string_view sql) = 0;

  virtual dialect::SqlDialect dialect() const = 0;
  virtual void SetDialect(dialect::SqlDialect dialect) = 0;

  // What every commit of this table carries until the next call of this, retries included; nullopt
  // for nothing. `operation` of other writers stays as it is.
  virtual void AnnotateCommits(const std::string& table,
                               std::optional<CommitAnnotations> annotations) = 0;
  // True between BEGIN and the end of the transaction.
  virtual bool InTransaction() = 0;
  // Versions that the last statement of this session committed, by "schema.table".
  virtual std::map<std::string, int64_t> LastCommits() = 0;

  // Cancels the running statement, if any; it fails with kCancelled.
  virtual void Interrupt() = 0;
  // Per cent done of the running statement, or -1 when unknown.
  virtual double Progress() = 0;

  // --- for ingest: rows and position in one Delta commit ---
  // Appends by column name to "schema.table". Columns of the table that the batch lacks become
  // null.
  virtual Result<CommitOutcome> AppendBatch(const std::string& table,
                                            const std::vector<BatchColumn>& columns, size_t rows,
                                            const CommitAnnotations& annotations) = 0;
  virtual Result<std::optional<int64_t>> AppTransactionVersion(const std::string& table,
                                                               const std::string& app_id) = 0;
  virtual Result<std::optional<std::string>> DomainMetadata(const std::string& table,
                                                            const std::string& domain) = 0;
  // Several at once, all of one version: the newest, or `version`.
  virtual Result<DomainTexts> Domains(const std::string& table,
                                      const std::vector<std::string>& domains,
                                      std::optional<int64_t> version = std::nullopt) = 0;
  // The commits after `version` up to the newest, ascending. Those whose log entries were cleaned
  // up are left out.
  virtual Result<std::vector<CommitSummary>> CommitsAfter(const std::string& table,
                                                          int64_t version) = 0;
  virtual Result<bool> TableExists(const std::string& table) = 0;
  // "table" or "view" of the lake ("schema.table") or of this session's temporary ones ("table");
  // nullopt when there is neither.
  virtual Result<std::optional<std::string>> RelationKind(const std::string& name) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  // Errors: kNotFound for an absent lake folder; kInvalidArgument for a bad option.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options);
  virtual Result<std::unique_ptr<Session>> NewSession() = 0;
  virtual const EngineOptions& options() const = 0;
  // "1.5.6"
  virtual std::string DuckdbVersion() const = 0;
};

}  // namespace tarn::engine
