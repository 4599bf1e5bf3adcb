// A contract held against what is in a Bronze table: every record judged, null rates and volumes
// per day, unique fields over the whole table.
//
// Threads: one call at a time. Errors: the engine's (no lake, no such table or column).
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "govern/contract_judge.h"

namespace tarn::cli {

struct ContractTableTest {
  std::string table;   // "bronze.events"
  std::string column;  // the bytes
  std::string since;   // ingestion_date at least; empty: all
};

struct ContractReport {
  struct Line {
    std::string rule;
    int64_t broken = 0;      // records; days for SLA rules
    std::string example;     // of the first one
    bool tolerated = false;  // the rule only flags
  };
  std::string contract, version, table;
  int64_t records = 0;
  std::vector<Line> lines;  // every rule of the contract, in its order, then the SLA's
  bool kept() const;        // nothing but tolerated rules broken
};

Result<ContractReport> TestContractOnTable(const govern::Contract& contract,
                                           const engine::EngineOptions& options,
                                           const ContractTableTest& test);

void PrintContractReport(const ContractReport& report, std::ostream& out);
void PrintContractReportJson(const ContractReport& report, std::ostream& out);

}  // namespace tarn::cli
