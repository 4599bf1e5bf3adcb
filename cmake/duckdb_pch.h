// Precompiled once for the rooms that see DuckDB; nothing of Tarn's own belongs here.
#pragma once
#include "duckdb.hpp"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/execution/physical_operator.hpp"
#include "duckdb/main/client_context.hpp"
#include "duckdb/planner/expression.hpp"
#include "duckdb/planner/logical_operator.hpp"
