// tarn_describe(name VARCHAR): the rows of Spark's DESCRIBE TABLE.
//
// What it is: a table function that looks the table or view up when it is bound and stands for a
// query with the columns place (the order of the rows), col_name, data_type, comment: the columns
// in Spark's types, then for a partitioned Delta table its partition columns under Spark's
// headings. What it does not do: the facts of DESCRIBE EXTENDED, which the statement takes from
// delta_detail.
//
// Threads: registered once for an instance. Errors: DuckDB's exceptions; a name that is not there
// is a CatalogException.
#pragma once

namespace duckdb {
class ExtensionLoader;
}  // namespace duckdb

namespace tarn::dialect {

void RegisterDescribeFunctions(duckdb::ExtensionLoader& loader);

}  // namespace tarn::dialect
